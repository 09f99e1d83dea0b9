"""Groups of linked applications: shown once, decided one by one. A person says "not the same"; nothing is rejected here."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from applications import differences
from applications.desk import decidable
from applications.models import Application, Link, LinkFinding, LinkKind, LinkVerdict
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs.models import Cycle
from programs.staff import Desk

MOST_LINKS = 50_000
MOST_MEMBERS = 24

_COMPONENT = """
    WITH RECURSIVE reached (id, depth) AS (
        SELECT %(start)s::bigint, 0
         UNION
        SELECT next.id, reached.depth + 1
          FROM reached CROSS JOIN LATERAL (
            SELECT CASE WHEN link.one_id = reached.id THEN link.other_id ELSE link.one_id END AS id
              FROM applications_link link
             WHERE (link.one_id = reached.id OR link.other_id = reached.id)
               AND NOT EXISTS (SELECT FROM applications_linkverdict said
                                WHERE said.one_id = link.one_id AND said.other_id = link.other_id)
          ) next
         WHERE reached.depth < 6
    )
    SELECT id FROM reached GROUP BY id ORDER BY min(depth), id LIMIT %(most)s
"""


class CannotSay(Refused):
    """The two are not linked, or no reason is given."""


@dataclass(frozen=True)
class Member:
    """One application of a group. facts are short; differs: names of facts in which members of the group differ."""

    application: Application
    facts: Mapping[str, str]
    links: Sequence[tuple[str, int | None]]
    of_cycle: bool = False


@dataclass(frozen=True)
class Group:
    """Applications that hang together. hidden: members that this person may not see. key: the lowest id of those seen."""

    members: list[Member]
    kinds: list[str]
    hidden: int = 0
    closest: int | None = None
    differing: list[str] = field(default_factory=list)

    @property
    def key(self) -> int:
        return min(member.application.pk for member in self.members)


def of_cycle(desk: Desk, cycle: Cycle) -> list[Group]:
    """The groups with at least one application of a cycle, the largest first. Four queries at any size.

    Only what this person manages is in a group, for it says who applied; a group in which less than two are left is not shown.
    """
    inside = Application.objects.filter(cycle=cycle, submitted_at__isnull=False).order_by().values("pk")
    links = _standing(Q(one__in=inside) | Q(other__in=inside))
    ids = {pk for link in links for pk in (link.one_id, link.other_id)}
    seen = _seen(desk, ids)
    found = []
    for component in components(link_pairs(links)):
        shown = [seen[pk] for pk in sorted(component) if pk in seen]
        if len(shown) >= 2 and any(row.cycle_id == cycle.pk for row in shown):
            found.append(
                _group(shown, links_among(links, {row.pk for row in shown}), cycle.pk, len(component))
            )
    return sorted(found, key=lambda group: (-len(group.members), group.key))


@dataclass(frozen=True)
class Counted:
    """How many groups a cycle has, how many of its applications are in one, and how many are in the largest."""

    groups: int
    applications: int
    largest: int


def counted(desk: Desk, cycle: Cycle) -> Counted:
    """The groups of a cycle as counts, of what this person may see. One query."""
    seen = decidable(desk).order_by().values("pk")
    judged = LinkVerdict.objects.filter(one=OuterRef("one"), other=OuterRef("other"))
    rows = (
        Link.objects.filter(Q(one__cycle=cycle) | Q(other__cycle=cycle), one__in=seen, other__in=seen)
        .exclude(Exists(judged))
        .order_by()
        .values_list("one_id", "other_id", "one__cycle_id", "other__cycle_id")
    )
    links = list(rows[:MOST_LINKS])
    found = components((one, other) for one, other, _, _ in links)
    inside = {pk for row in links for pk, of in (row[::2], row[1::2]) if of == cycle.pk}
    return Counted(len(found), len(inside), max(map(len, found), default=0))


def around(desk: Desk, application: Application) -> Group:
    """The group of one application, the nearest first where there are many; it may be alone in it. Four queries."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPONENT, {"start": application.pk, "most": MOST_MEMBERS})
        ids = {row[0] for row in cursor.fetchall()}
    links = _standing(Q(one__in=ids, other__in=ids))
    seen = _seen(desk, ids)
    shown = [seen[pk] for pk in sorted(seen)]
    return _group(shown, links, application.cycle_id, len(ids))


def compared(one: Application, other: Application, *, audiences: Collection[str]) -> list[differences.Change]:
    """What differs between the answers of two members, as far as these audiences read them."""
    return differences.between(
        differences.Side(one.form_version.sections, one.answers),
        differences.Side(other.form_version.sections, other.answers),
        audiences=audiences,
    )


def components(pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Pure: what hangs together by pairs, each once."""
    parent: dict[int, int] = {}

    def root(pk: int) -> int:
        parent.setdefault(pk, pk)
        while parent[pk] != pk:
            parent[pk] = parent[parent[pk]]
            pk = parent[pk]
        return pk

    for one, other in pairs:
        parent[root(one)] = root(other)
    found: dict[int, set[int]] = defaultdict(set)
    for pk in parent:
        found[root(pk)].add(pk)
    return sorted(found.values(), key=min)


def link_pairs(links: Iterable[Link]) -> list[tuple[int, int]]:
    """The two ids of each link."""
    return [(link.one_id, link.other_id) for link in links]


def links_among(links: Iterable[Link], ids: Collection[int]) -> list[Link]:
    """The links of which both ends are among some ids."""
    return [link for link in links if link.one_id in ids and link.other_id in ids]


def findings(cycle: Cycle) -> list[LinkFinding]:
    """Passages that too many texts of a batch share to be compared by them."""
    return list(LinkFinding.objects.filter(batch__cycle=cycle).select_related("example").order_by("-number"))


@transaction.atomic
def not_the_same(*, application_id: int, others: Collection[int], reason: str, by: User, at: datetime) -> int:
    """Say that an application is not the same as others of its group; returns how many verdicts are new.

    The verdict stays, whatever is found later, and takes the application out of the group. Raises CannotSay.
    """
    said = " ".join(reason.split())[:300]
    if not said:
        raise CannotSay("Say in a few words what makes them different. It is kept.")
    pairs = {
        (min(application_id, other), max(application_id, other))
        for other in others
        if other != application_id
    }
    if not pairs:
        raise CannotSay("There is no other application in this group any more.")
    known = set(
        LinkVerdict.objects.filter(Q(one=application_id) | Q(other=application_id)).values_list(
            "one_id", "other_id"
        )
    )
    fresh = sorted(pairs - known)
    LinkVerdict.objects.bulk_create(
        [
            LinkVerdict(one_id=one, other_id=other, reason=said, given_by=by, given_at=at)
            for one, other in fresh
        ],
        ignore_conflicts=True,
    )
    if fresh:
        audit.record(
            action="link.not_the_same",
            subject=Application(pk=application_id),
            by=by,
            at=at,
            others=[one if other == application_id else other for one, other in fresh],
        )
    return len(fresh)


def verdicts(desk: Desk, application: Application) -> list[LinkVerdict]:
    """What was said about an application before, newest first, where this person sees the other one too."""
    seen = decidable(desk).order_by().values("pk")
    rows = LinkVerdict.objects.filter(Q(one=application, other__in=seen) | Q(other=application, one__in=seen))
    return list(rows.select_related("given_by", "one", "other").order_by("-given_at")[:20])


def _standing(condition: Q) -> list[Link]:
    """Links about which nobody said that the two are not the same."""
    judged = LinkVerdict.objects.filter(one=OuterRef("one"), other=OuterRef("other"))
    rows = Link.objects.filter(condition).exclude(Exists(judged))
    return list(rows.order_by("one_id", "other_id", "kind")[:MOST_LINKS])


def _seen(desk: Desk, ids: Collection[int]) -> dict[int, Application]:
    rows = decidable(desk).filter(pk__in=ids).select_related("program", "cycle", "applicant").defer("answers")
    return {row.pk: row for row in rows}


def _group(shown: Sequence[Application], links: Sequence[Link], cycle_id: int | None, whole: int) -> Group:
    by_member: dict[int, list[tuple[str, int | None]]] = defaultdict(list)
    for link in links:
        for pk in (link.one_id, link.other_id):
            entry = (LinkKind(link.kind).label, link.share_percent)
            if entry not in by_member[pk]:
                by_member[pk].append(entry)
    members = [Member(row, _facts(row), by_member[row.pk], row.cycle_id == cycle_id) for row in shown]
    shares = [link.share_percent for link in links if link.share_percent is not None]
    return Group(
        members=members,
        kinds=sorted({LinkKind(link.kind).label for link in links}),
        hidden=whole - len(shown),
        closest=max(shares, default=None),
        differing=[
            name
            for name in (members[0].facts if members else ())
            if len({member.facts[name] for member in members}) > 1
        ],
    )


def _facts(row: Application) -> dict[str, str]:
    facts: dict[str, Any] = {
        "Program": row.program.short_code,
        "Evaluation": str(row.cycle) if row.cycle else "",
        "State": row.get_state_display(),
        "Applicant": row.applicant.email,
        "Institution": row.institution,
        "Country": row.country,
        "Field": row.field.replace("-", " "),
        "Asked": f"{row.requested_cents / 100:,.0f} {row.program.currency}" if row.requested_cents else "",
        "Months": row.requested_months or "",
        "Organization ID": row.organization_id_text,
        "Sent": f"{row.submitted_at:%-d %B %Y}" if row.submitted_at else "",
    }
    return {name: str(value) for name, value in facts.items()}
