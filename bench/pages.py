"""S7, S8, S9, S10, S13, S14: pages over HTTP, from two gunicorns beside each other: one portal small, one large."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from bench import counters, load, measure, pages_world, servers, world
from bench.eighteen import TYPED
from bench.load import Client, Meter
from bench.measure import CONTROL, REFERENCE, SERVICE, SQL, Figure, Variant

QUEUE = "/admin/applications/application/"


@dataclass(frozen=True)
class Effort:
    """asked: requests of each kind in one round."""

    rounds: int
    asked: int


def against(
    service: Callable[[], object],
    reference: Callable[[], object],
    *,
    row: str,
    name: str,
    size: int,
    target: float,
    effort: Effort,
    beside: Callable[[], object] | None = None,
) -> Figure:
    """Time requests of one kind against those of another, with the other a second time as control. beside: the S."""
    meter, other = Meter(), Meter()
    variants = [
        Variant(SERVICE, lambda: meter.median_of(service, effort.asked)),
        Variant(REFERENCE, lambda: other.median_of(reference, effort.asked)),
        Variant(CONTROL, lambda: other.median_of(reference, effort.asked)),
    ]
    if beside is not None:
        variants.append(Variant(SQL, lambda: Meter().median_of(beside, effort.asked)))
    times = measure.interleave(variants, rounds=effort.rounds, warm=2)
    figure = measure.compare(times, row=row, name=name, size=size, target=target)
    figure.note = meter.note()
    return figure


def applicant_pages(port: int, people: list[pages_world.Applicant], effort: Effort) -> Iterator[Figure]:
    """S7, S8: the page of eighteen questions, its autosave, and sending."""
    first, *rest = people
    client = Client(port, first.session)
    page = f"/applications/{first.public_id}/form/all/"
    save = {"version": version_on(client.get(page)), "data": dict(TYPED)}

    def autosave() -> None:
        save["version"] = str(json.loads(client.post_json(f"{page}autosave/", save))["version"])

    senders = iter(rest)

    def send() -> None:
        person = next(senders)
        Client(port, person.session).post(f"/applications/{person.public_id}/send/", {}, expect=302)

    def plain_post() -> None:
        client.post("/bench/form/", TYPED)

    def plain_page() -> None:
        client.get("/bench/form/")

    form = against(
        lambda: client.get(page),
        plain_page,
        row="S7",
        name="page: form of 18 questions / plain crispy",
        size=18,
        target=0.5,
        effort=effort,
        beside=lambda: client.get("/bench/form/?countries=all"),
    )
    nothing = load.rate(lambda: Client(port), "/bench/nothing/")
    forms = load.rate(lambda: Client(port, first.session), page)
    form.note += (
        f"; S: the plain form with all countries; 4 connections {forms:.0f}/s, trivial view {nothing:.0f}/s"
    )
    yield form
    for work, name, target in ((autosave, "autosave", 2), (send, "send", 5)):
        yield against(
            work,
            plain_post,
            row="S8",
            name=f"page: {name} / valid POST, one INSERT",
            size=18,
            target=target,
            effort=effort,
        )


def version_on(page: bytes) -> str:
    return page.decode().split('name="version" value="')[1].split('"')[0]


def staff_pages(
    ports: tuple[int, int],
    staff: tuple[pages_world.Staff, pages_world.Staff],
    sizes: tuple[int, int],
    effort: Effort,
) -> Iterator[Figure]:
    """S9, S13: the same pages of the same person in the small portal and in the large one."""
    small, large = (Client(port, one.reviewer) for port, one in zip(ports, staff, strict=True))
    small_manager, large_manager = (Client(port, one.manager) for port, one in zip(ports, staff, strict=True))
    grown = f"{sizes[1]:,} / {sizes[0]:,}"
    for row, name, path, target in (
        ("S9", "queue of a reviewer", QUEUE, 1.1),
        ("S9", "desk of a reviewer", "/admin/", 1.1),
    ):
        yield against(
            lambda path=path: large.get(path),
            lambda path=path: small.get(path),
            row=row,
            name=f"page: {name}, {grown}",
            size=sizes[1],
            target=target,
            effort=effort,
        )
    yield against(
        lambda: large_manager.get(QUEUE),
        lambda: small_manager.get(QUEUE),
        row="S11",
        name=f"page: list of a manager, {grown}",
        size=sizes[1],
        target=1.5,
        effort=effort,
    )
    meter = Meter()
    path = f"{QUEUE}{staff[1].to_review}/review/"
    for _ in range(effort.rounds):
        meter.median_of(lambda: large.get(path), effort.asked)
    yield measure.limit(
        row="S13",
        name="page: review, p50",
        unit="ms",
        size=sizes[1],
        value=sorted(meter.seconds)[len(meter.seconds) // 2] * 1000,
        most=25,
        note=meter.note(),
    )


def silent_pages(port: int, silent: list[pages_world.Silent], effort: Effort) -> list[Figure]:
    """S14: how far the medians of the status page lie apart over the states that silence covers."""
    visits = [(Client(port, one.session), f"/applications/{one.public_id}/") for one in silent]
    meters = [Meter() for _ in silent]
    lengths = {len(client.get(path)) for client, path in visits}
    for turn in range(effort.rounds + 1):
        for (client, path), meter in zip(visits, meters, strict=True):
            meter.median_of(lambda client=client, path=path: client.get(path), effort.asked)
            if turn == 0:
                meter.seconds.clear()
    medians = [sorted(meter.seconds)[len(meter.seconds) // 2] * 1000 for meter in meters]
    note = ", ".join(f"{one.state} {median:.1f} ms" for one, median in zip(silent, medians, strict=True))
    return [
        measure.limit(
            row="S14",
            name="page: status, distance of medians over silent states",
            unit="ms",
            size=len(silent),
            value=max(medians) - min(medians),
            most=5,
            note=note,
        ),
        measure.limit(
            row="S14",
            name="page: status, different lengths over silent states",
            unit="lengths beside the first",
            size=len(silent),
            value=len(lengths) - 1,
            most=0,
        ),
    ]


def main() -> None:
    options = world.options(quick=(2_000, 20_000), full=(10_000, 1_000_000))
    world.setup()
    sizes = (options.sizes[0], options.sizes[-1])
    effort = Effort(options.rounds or (5 if options.quick else 7), options.asked)
    url = os.environ["DATABASE_URL"]
    here = connection.settings_dict["NAME"]
    connection.close()
    large_url = servers.create("bench_pages_large", url, template=here)
    world.sql(Path(__file__).with_name("reference.sql").read_text())
    staff_small = world.timed(f"{sizes[0]:,} applications", lambda: pages_world.fill(sizes[0]))
    people = pages_world.drafts(1 + (effort.rounds + 2) * effort.asked)
    silent = pages_world.silent_states()
    world.sql("VACUUM (ANALYZE)")
    with pages_world.on("bench_pages_large"):
        staff_large = world.timed(f"{sizes[1]:,} applications", lambda: pages_world.fill(sizes[1]))
    with load.website(url) as small, load.website(large_url) as large:
        for work in (
            lambda: applicant_pages(small, people, effort),
            lambda: staff_pages((small, large), (staff_small, staff_large), sizes, effort),
            lambda: silent_pages(small, silent, effort),
        ):
            for figure in work():
                print(figure.as_json(), flush=True)
    for figure in counters.figures(here, "bench_pages_large", staff_small, staff_large, sizes):
        print(figure.as_json(), flush=True)
    for figure in counters.search("bench_pages_large", staff_large, sizes[1]):
        print(figure.as_json(), flush=True)
    connection.close()
    servers.drop("bench_pages_large", url)


if __name__ == "__main__":
    main()
