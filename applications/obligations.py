"""What holders owe for their awards: when it begins, when it is due, and what follows when it is overdue.

Overdue obligations block more credit of the same program: a new application, a top-up, an update that asks for credit.
The award itself stays as it is, save for a second half that was never sent (Grant.waits_for).
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Concat
from django.utils.translation import ngettext

from applications import obligation_letters
from applications.models import (
    OWED,
    Application,
    Decision,
    DecisionState,
    Notice,
    Obligation,
    ObligationState,
)
from credits import grants
from credits.models import Grant, Stage
from portal import audit, texts
from portal.models import User
from programs.models import Cycle, MessageKind

REMIND_DAYS = (30, 7, 1)  # before the due day
WITHOUT_END_DAYS = 365  # credit that never ends: due so long after it was posted
AT_LEAST_DAYS = 14  # between the posting and the due day, while the credit lasts that long
KEPT_DAYS = 60  # a second half goes back to the pool so long after the due day
AT_ONCE = 1_000
FROM_HOUR = 6  # UTC; nobody is reminded in the night


@dataclass
class Followed:
    """What one look at the obligations did, in rows."""

    begun: int = 0
    moved: int = 0
    late: int = 0
    reminders: int = 0
    halves_returned: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def follow(*, at: datetime) -> Followed:
    """Begin, move, mark and remind: whatever is due at this moment. Twice or late does no harm."""
    done = Followed(begun=begin(at=at))
    done.moved = follow_ends(at=at)
    done.late = mark_late(at=at)
    done.reminders = remind(at=at)
    done.halves_returned = return_halves(at=at)
    return done


# --- Beginning and due day ------------------------------------------------------------------------------------------------


@transaction.atomic
def begin(*, at: datetime) -> int:
    """Make the obligation of each posted award that has none, where the rules of its cycle want a summary.

    Found by absence, because credits knows no application. Returns how many began.
    """
    wanted = Q(rules_version__content__summary_required=True)
    wanted |= Q(rules_version__isnull=True, program__summary_required=True)
    cycles = {
        cycle.pk: cycle for cycle in Cycle.objects.filter(wanted).select_related("rules_version", "program")
    }
    if not cycles:
        return 0
    found = (
        Application.objects.filter(
            Exists(
                Decision.objects.filter(
                    application=OuterRef("pk"),
                    state=DecisionState.RELEASED,
                    grant__stage=Stage.CONFIRMED,
                )
            ),
            ~Exists(Obligation.objects.filter(application=OuterRef("pk"))),
            cycle__in=cycles,
            amends__isnull=True,
        )
        .order_by("pk")
        .values_list("pk", "cycle_id")[:AT_ONCE]
    )
    made = [
        Obligation(application_id=pk, days_before=_days_before(cycles[cycle_id]), created_at=at)
        for pk, cycle_id in found
        if cycle_id is not None
    ]
    Obligation.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _days_before(cycle: Cycle) -> int:
    if cycle.rules_version is None:
        return int(cycle.program.summary_due_days)
    return int(cycle.rules_version.content.get("summary_due_days", cycle.program.summary_due_days))


def follow_ends(*, at: datetime, application_ids: Iterable[int] | None = None) -> int:
    """Put the due day of what is owed where the end of the credit is now; returns how many moved.

    The end is that of the last lot that is posted: a top-up and the first use move it. A lot that never ends counts
    as a year from its posting. While no end is known the day stays empty.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FOLLOW,
            {
                "forever": WITHOUT_END_DAYS,
                "least": AT_LEAST_DAYS,
                "owed": [str(state) for state in OWED],
                "only": None if application_ids is None else list(application_ids),
            },
        )
        return cursor.rowcount


_FOLLOW = """
    WITH lots AS (
        SELECT o.id AS obligation, o.days_before, (g.confirmed_at AT TIME ZONE 'UTC')::date AS posted_on,
               CASE WHEN g.term_months IS NULL AND g.expires_on IS NULL
                    THEN (g.confirmed_at AT TIME ZONE 'UTC')::date + %(forever)s + o.days_before
                    ELSE g.expires_on END AS ends_on
          FROM applications_obligation o
          JOIN LATERAL (
              SELECT o.application_id AS id
               UNION ALL SELECT u.id FROM applications_application u WHERE u.amends_id = o.application_id
          ) a ON true
          JOIN applications_decision d ON d.application_id = a.id AND d.state = 'released'
          JOIN LATERAL (
              SELECT * FROM credits_grant first WHERE first.id = d.grant_id
               UNION ALL SELECT * FROM credits_grant half WHERE half.half_of_id = d.grant_id
               -- a clock that waits for the first use starts on the lot that took the rest over
               UNION ALL SELECT * FROM credits_grant later WHERE later.first_id = d.grant_id
                   AND later.expires_on IS NOT NULL
          ) g ON true
         WHERE o.state = ANY (%(owed)s) AND g.stage = 'confirmed'
           AND (%(only)s::bigint[] IS NULL OR o.application_id = ANY (%(only)s::bigint[]))
    ), fresh AS (
        SELECT obligation, CASE WHEN max(ends_on) IS NOT NULL THEN  -- greatest and least pass over NULL
                   greatest(max(ends_on) - min(days_before), least(min(posted_on) + %(least)s, max(ends_on))) END AS due_on
          FROM lots GROUP BY obligation
    )
    UPDATE applications_obligation o SET due_on = fresh.due_on
      FROM fresh WHERE o.id = fresh.obligation AND o.due_on IS DISTINCT FROM fresh.due_on
"""


# --- Late -----------------------------------------------------------------------------------------------------------------


def today(at: datetime) -> date:
    """The day that counts: due days are days in UTC, like the last day of the credit."""
    return at.astimezone(UTC).date()


def late(at: datetime) -> Q:
    """What is owed and was due before today."""
    return Q(state__in=OWED, due_on__lt=today(at))


def mark_late(*, at: datetime) -> int:
    """Keep that the due day has passed; the mark stays when the day moves or the summary comes."""
    return Obligation.objects.filter(late(at), late_at__isnull=True).update(late_at=at)


def overdue(*, holder_id: int, program_id: int, at: datetime) -> str:
    """Why this person gets no more credit from this program now, a sentence for them; "" when nothing is overdue.

    What was handed in is not overdue while it waits for us. One query.
    """
    found = list(
        Obligation.objects.filter(
            late(at), application__applicant_id=holder_id, application__program_id=program_id
        )
        .order_by("due_on", "pk")
        .values_list("application__reference", "due_on")[:2]
    )
    if not found:
        return ""
    reference, due_on = found[0]
    assert due_on is not None
    return ngettext(
        "The summary of your award %(number)s was due on %(day)s. Hand it in first; then you can go on here.",
        "Summaries of your awards are overdue, the first of %(number)s since %(day)s. Hand them in first; then you can "
        "go on here.",
        len(found),
    ) % {"number": reference, "day": texts.day_long(due_on)}


def overdue_applicants(application_ids: Iterable[int], *, at: datetime) -> set[int]:
    """The applications among these whose applicant owes an overdue summary to the same program. One query."""
    owes = Obligation.objects.filter(
        late(at),
        application__applicant=OuterRef("applicant"),
        application__program=OuterRef("program"),
    )
    these = RawSQL("SELECT unnest(%s::bigint[])", [list(application_ids)])
    return set(Application.objects.filter(Exists(owes), pk__in=these).values_list("pk", flat=True))


# --- Reminders ------------------------------------------------------------------------------------------------------------


def remind(*, at: datetime) -> int:
    """Queue the reminders of 30, 7 and 1 days before and the one after the due day, each once; returns how many.

    One whose time was missed gives way to the next. A due day that moves is reminded of anew.
    """
    if at.astimezone(UTC).hour < FROM_HOUR:
        return 0
    letters = [
        obligation_letters.letter(
            kind=MessageKind.SUMMARY_OVERDUE if row.stage == OVER else MessageKind.SUMMARY_REMINDER,
            obligation=row,
            at=at,
            key=row.letter_key,
            due_on=row.due_on,
        )
        for row in _to_remind(at)[:AT_ONCE]
    ]
    Notice.objects.bulk_create(letters, ignore_conflicts=True)
    return len(letters)


OVER = "over"


def _to_remind(at: datetime) -> QuerySet:  # annotated with stage and letter_key
    day = today(at)
    stages = [When(due_on__lt=day, then=Value(OVER))]
    stages += [
        When(due_on__lte=day + timedelta(days=days), then=Value(str(days))) for days in sorted(REMIND_DAYS)
    ]
    rows = Obligation.objects.filter(state__in=OWED, due_on__lte=day + timedelta(days=max(REMIND_DAYS)))
    rows = rows.annotate(stage=Case(*stages, output_field=CharField()))
    rows = rows.annotate(
        letter_key=Concat(
            Value("summary:"),
            Cast("pk", CharField()),
            Value(":"),
            Cast("due_on", CharField()),
            Value(":"),
            F("stage"),
            output_field=CharField(),
        )
    )
    told = Notice.objects.filter(key=OuterRef("letter_key"))
    return rows.filter(~Exists(told)).select_related("application").order_by("due_on", "pk")


# --- The second half ------------------------------------------------------------------------------------------------------


def second_half(application_id: int) -> Grant | None:
    """The second half of an award's credit, if its program gives it in halves. One query."""
    return Grant.objects.filter(half_of__decision__application_id=application_id).first()


def let_second_half_go(*, application_id: int, by: User, at: datetime) -> Grant | None:
    """Send the second half of an award with the next sweep; None where there is none that waits."""
    half = second_half(application_id)
    if half is None or half.stage != Stage.RESERVED:
        return None
    return grants.let_go(grant_id=half.pk, by=by, at=at)


def return_halves(*, at: datetime) -> int:
    """Return second halves to their pools: their first half came to nothing, or the summary never came; how many.

    The summary has until KEPT_DAYS after its due day.
    """
    gone = Q(half_of__stage__in=(Stage.VOID, Stage.FAILED))
    never = Exists(
        Obligation.objects.filter(
            application__decisions__grant=OuterRef("half_of"),
            state__in=OWED,
            due_on__lt=today(at) - timedelta(days=KEPT_DAYS),
        )
    )
    waiting = Grant.objects.filter(gone | Q(never), stage=Stage.RESERVED).exclude(waits_for="")
    returned = 0
    for grant_id, first_stage in waiting.order_by("pk").values_list("pk", "half_of__stage")[:AT_ONCE]:
        reason = (
            "The summary did not come."
            if first_stage == Stage.CONFIRMED
            else "The first half came to nothing."
        )
        grants.cancel(grant_id=grant_id, by=None, at=at, reason=reason)
        returned += 1
    return returned


# --- Staff ----------------------------------------------------------------------------------------------------------------


def owed_by(person: User) -> list[Obligation]:
    """What this person owes or has handed in, the most pressing first. One query."""
    rows = Obligation.objects.filter(application__applicant=person).exclude(
        state__in=(ObligationState.ACCEPTED, ObligationState.WAIVED)
    )
    return list(rows.select_related("application__program").order_by("due_on", "pk"))


def note(obligation: Obligation, action: str, *, by: User | None, at: datetime, **details: object) -> None:
    """Keep a step of an obligation in the trail."""
    audit.record(action=f"summary.{action}", subject=obligation, by=by, at=at, **details)
