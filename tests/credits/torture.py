"""One poster of the torture test: random operations of the ledger, each acknowledged in a file once it is committed.

It lives in a process of its own that may be killed at any moment, on a database that may stop at any moment. Refusals are
expected; anything else that is not a lost connection is written down as a problem.
"""

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections, transaction

from credits import delivery, grants, ledger
from credits.models import Delivery, Grant, Stage, Transfer
from credits.models.grant import DeliveryState
from credits.movements import AccountKind, Kind
from portal.models import User
from portal.refusals import Refused
from tests.credits.races import forget_connections
from tests.factories.credits import PROGRAM, award

NOON = datetime(2026, 12, 7, 12, tzinfo=UTC)
PERIODS = ("2026", "2027")
LOST = (OperationalError, InterfaceError)


class Poster:
    """Draws operations until it is told to stop, or killed."""

    def __init__(self, seed: int, folder: Path, organizations: list[int], people: list[int]) -> None:
        self.random = random.Random(seed)
        self.organizations = organizations
        self.people = people
        self.acknowledged = os.open(folder / f"acknowledged-{seed}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.problems = os.open(folder / f"problems-{seed}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def run(self, *, until: float) -> None:
        """until: a moment of time.monotonic()."""
        works: list[tuple[Callable[[], list[str]], int]] = [
            (self.fund, 1),
            (self.reserve, 6),
            (self.cancel, 2),
            (self.dispatch, 4),
            (self.settle, 8),
            (self.settle_twice, 2),
            (self.spend, 6),
            (self.freeze, 2),
            (self.thaw, 2),
            (self.correct, 1),
        ]
        while time.monotonic() < until:
            work = self.random.choices([w for w, _ in works], [weight for _, weight in works])[0]
            try:
                keys = work()
            except Refused:
                continue
            except LOST:
                connections.close_all()
                time.sleep(0.05)
            except DatabaseError as error:
                connections.close_all()
                os.write(self.problems, f"{work.__name__}: {error!r}\n".encode())
            else:
                if keys:
                    os.write(self.acknowledged, "".join(f"{key}\n" for key in keys).encode())

    def person(self) -> User:
        return User.objects.get(pk=self.random.choice(self.people))

    def grant(self, *stages: str) -> Grant:
        """A grant near a random place. Raises Refused when there is none, as an edge would."""
        last = Grant.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        from_here = Grant.objects.filter(stage__in=stages, pk__gte=self.random.randint(0, last))
        found = from_here.order_by("pk").first()
        if found is None:
            raise Refused("There is no such grant.")
        return found

    def fund(self) -> list[str]:
        one, two = self.random.sample(self.people, 2)
        key = f"fund:{uuid4()}"
        with transaction.atomic():
            ledger.fund(
                program=PROGRAM,
                period=self.random.choice(PERIODS),
                amount_cents=self.random.randint(1, 50_000),
                made_by=User.objects.get(pk=one),
                approved_by=User.objects.get(pk=two),
                key=key,
                at=NOON,
            )
        return [key]

    def reserve(self) -> list[str]:
        holder = self.person()
        wanted = [
            award(
                holder=holder,
                amount_cents=self.random.randint(1, 4_000),
                organization_id=self.random.choice(self.organizations),
                reference=f"T-{uuid4()}",
            )
            for _ in range(self.random.choice([1, 1, 1, 2, 20]))
        ]
        pool = ledger.pool_code(PROGRAM, self.random.choice(PERIODS))
        made = grants.reserve_many(awards=wanted, pool_code=pool, by=holder, at=NOON)
        return [grants.key_of(grant, "hold") for grant in Grant.objects.filter(pk__in=made)]

    def cancel(self) -> list[str]:
        grant = self.grant(Stage.RESERVED)
        grants.cancel(grant_id=grant.pk, by=self.person(), at=NOON)
        return [grants.key_of(grant, "void")]

    def dispatch(self) -> list[str]:
        delivery.dispatch(at=NOON, limit=10)
        delivery.hand_over(by=self.person(), at=NOON)
        return []

    def settle(self) -> list[str]:
        grant = self.grant(Stage.SENT)
        row = Delivery.objects.get(grant=grant)
        if row.state == DeliveryState.PENDING:
            raise Refused("It waits to be handed over.")
        return self._settle(grant, row, self.random.random() < 0.8)

    def settle_twice(self) -> list[str]:
        """The other ending for what has one: always refused, or a repeat without effect."""
        grant = self.grant(Stage.CONFIRMED, Stage.FAILED)
        self._settle(grant, Delivery.objects.get(grant=grant), self.random.random() < 0.5)
        return []

    def _settle(self, grant: Grant, row: Delivery, is_good: bool) -> list[str]:
        if is_good:
            delivery.confirm(delivery_id=row.pk, at=NOON)
            return [grants.key_of(grant, "post")]
        delivery.refuse(delivery_id=row.pk, reason="no", at=NOON)
        return [grants.key_of(grant, "void")]

    def spend(self) -> list[str]:
        kind = self.random.choice([Kind.USE, Kind.USE, Kind.USE, Kind.EXPIRE])
        gone = AccountKind.CONSUMED if kind == Kind.USE else AccountKind.EXPIRED
        return self._move(kind, AccountKind.GRANTED, gone, f"{gone}:{PROGRAM}")

    def freeze(self) -> list[str]:
        return self._move(Kind.FREEZE, AccountKind.GRANTED, AccountKind.FROZEN, "")

    def thaw(self) -> list[str]:
        return self._move(Kind.THAW, AccountKind.FROZEN, AccountKind.GRANTED, "")

    def _move(self, kind: Kind, source: AccountKind, to: AccountKind, code: str) -> list[str]:
        grant = self.grant(Stage.CONFIRMED)
        key = f"{kind}:{uuid4()}"
        with transaction.atomic():
            ledger.post(
                kind=kind,
                source=ledger.account(ledger.code_of(source, grant.pk)),
                destination=ledger.open_account(
                    code=code or ledger.code_of(to, grant.pk),
                    kind=to,
                    program=PROGRAM,
                    grant_id=None if code else grant.pk,
                ),
                amount_cents=self.random.randint(1, 900),
                key=key,
                by=None,
                at=NOON,
            )
        return [key]

    def correct(self) -> list[str]:
        """Take back a late funding, while the pool still holds it."""
        one, two = self.random.sample(self.people, 2)
        found = Transfer.objects.filter(kind=Kind.FUND).order_by("-pk")[: self.random.randint(1, 20)]
        first = list(found)[-1]
        with transaction.atomic():
            ledger.reverse(
                transfer_id=first.pk,
                made_by=User.objects.get(pk=one),
                approved_by=User.objects.get(pk=two),
                at=NOON,
            )
        return [f"reverse:{first.key}"]


def point_at(url: dict[str, object]) -> None:
    """Let this process, just forked, use another database server from now on. url: HOST, PORT, NAME, USER, PASSWORD."""
    forget_connections()
    connection.settings_dict.update(url)
