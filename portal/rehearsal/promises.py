"""What must hold after a rehearsal. Each promise is looked up in the database, the mail or at the provider, apart from
the operations that were meant to keep it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

from dateutil.relativedelta import relativedelta
from django.db.models import Count, F, Q, Sum

from applications.emails import institution_domain
from applications.models import (
    Application,
    ApplicationRevision,
    Assignment,
    BatchEntry,
    Conflict,
    Decision,
    DecisionKind,
    DecisionState,
    GateOutcome,
    GateResult,
    Notice,
    NoticeState,
    Recusal,
    Review,
    ReviewerProfile,
    ReviewState,
)
from applications.review import gates_for
from applications.states import State
from credits import checks
from credits.models import Grant, LedgerAccount, Transfer
from credits.models import Stage as GrantStage
from credits.movements import AccountKind, Kind
from portal.models import User
from portal.rehearsal.world import World
from programs.models import DeclineMode, MessageKind

MOST_QUERIES = 15


@dataclass(frozen=True)
class Promise:
    """One promise and whether it was kept. detail: figures when kept, what is wrong when broken."""

    name: str
    kept: bool
    detail: str


def check(world: World) -> list[Promise]:
    """Look at every promise; a check that fails with an error is a broken promise."""
    found = []
    for name, look in PROMISES.items():
        try:
            kept, detail = look(world)
        except Exception as error:  # noqa: BLE001 - whatever it is, the promise was not seen to hold
            kept, detail = False, f"{type(error).__name__}: {error}"
        found.append(Promise(name, bool(kept), detail))
    return found


def _refused_rows_leave_nothing(world: World) -> tuple[bool, str]:
    report, rows = world.imported, len(world.table.records)
    applications, people = Application.objects.count(), User.objects.count()
    staff = world.options.staff
    kept = report.taken + report.refused == rows and applications == report.taken == people - staff
    return kept, f"{rows} rows, {report.taken} taken, {report.refused} refused; {applications} applications"


def _sent_is_stored(world: World) -> tuple[bool, str]:
    same = ApplicationRevision.objects.filter(number=1, answers=F("application__answers")).count()
    total = Application.objects.count()
    return same == total, f"{same} of {total} as they were sent"


def _one_batch(world: World) -> tuple[bool, str]:
    entries = Count("batch_entries")
    sent = Application.objects.filter(program=world.program, submitted_at__isnull=False)
    wrong = list(sent.annotate(entries=entries).exclude(entries=1).values_list("reference", flat=True)[:5])
    strange = BatchEntry.objects.exclude(batch__cycle=F("application__cycle")).count()
    counted = BatchEntry.objects.count()
    return (
        not wrong and not strange,
        f"{counted} applications in one batch each; wrong: {wrong or strange or 'none'}",
    )


def _late_rows_next(world: World) -> tuple[bool, str]:
    late = Application.objects.filter(submitted_at__gte=world.cycle.cut_off_at)
    right = late.filter(cycle=world.next_cycle, batch_entries__batch__cycle=world.next_cycle).count()
    early = Application.objects.filter(cycle=world.cycle, submitted_at__gte=world.cycle.cut_off_at).count()
    return right == late.count() and not early, f"{right} of {late.count()} late ones in the next evaluation"


def _ticks_change_nothing(world: World) -> tuple[bool, str]:
    ticks = world.facts["ticks"]
    kept = ticks["batches"] == 1 and not ticks["early_batches"] and not ticks["failed"]
    return kept and not ticks["repeats_changed"], "1 batch from 4 ticks" if kept else str(ticks)


def _no_conflict(world: World) -> tuple[bool, str]:
    """Asked of the rows again: own application, same mail domain, same institution, a recusal, a declared conflict."""
    sent = Application.objects.filter(cycle=world.cycle).values_list(
        "pk", "applicant_id", "email_domain", "institution"
    )
    at_domain, at_place = defaultdict(set), defaultdict(set)
    barred = set(Conflict.objects.values_list("application_id", "user_id"))
    for pk, applicant, domain, institution in sent:
        at_domain[institution_domain(domain)].add(pk)
        at_place[institution.casefold()].add(pk)
        barred.add((pk, applicant))
    planted = set()
    profiles = ReviewerProfile.objects.values_list("user__email", "user_id", "institution")
    places = {user: institution.casefold() for _, user, institution in profiles}
    for pk, address in User.objects.filter(memberships__program=world.program).values_list("pk", "email"):
        domain = institution_domain(address.rpartition("@")[2])
        tied = (at_domain[domain] if domain else set()) | (at_place[places[pk]] if places.get(pk) else set())
        planted |= {(application, pk) for application in tied}
    assigned = set(Assignment.objects.values_list("application_id", "reviewer_id"))
    wrong = assigned & (planted | barred)
    recused = set(Recusal.objects.values_list("application_id", "reviewer_id"))
    reviewed = set(Review.objects.filter(state=ReviewState.IN).values_list("application_id", "reviewer_id"))
    wrong |= recused & reviewed
    return bool(planted) and not wrong, (
        f"{len(assigned)} assignments, {len(wrong)} against a conflict; {len(planted)} conflicts were planted"
    )


def _even_load(world: World) -> tuple[bool, str]:
    """As assigned: replacements after a recusal come on top of a queue that was even."""
    assigned = Assignment.objects.filter(application__cycle=world.cycle)
    first = assigned.filter(assigned_at=assigned.order_by("assigned_at").values("assigned_at")[:1])
    loads = sorted(first.values("reviewer").annotate(load=Count("pk")).values_list("load", flat=True))
    if not loads:
        return not BatchEntry.objects.filter(batch__cycle=world.cycle).exists(), "nothing to assign"
    spread = loads[-1] - loads[0]
    return spread <= 1 and len(
        loads
    ) == world.options.reviewers, f"{loads[0]} to {loads[-1]} each, {len(loads)} reviewers"


def _looked_at(world: World) -> tuple[bool, str]:
    looks = Count("reviews", filter=Q(reviews__state=ReviewState.IN))
    decided = Application.objects.filter(cycle=world.cycle).annotate(looks=looks)
    few = decided.filter(looks__lt=world.program.reviews_wanted).count()
    return (
        not few,
        f"{decided.count() - few} of {decided.count()} with {world.program.reviews_wanted} reviews",
    )


def _refused_unseen(world: World) -> tuple[bool, str]:
    """The release was tried while one application had no look."""
    seen = world.facts["coverage"]
    kept = seen["refused"] and seen["listed"] and seen["undecided"] > 0
    looks = Review.objects.filter(application_id=world.held, state=ReviewState.IN).count()
    return kept and looks > 0, f"refused with a list: {kept}; it has {looks} looks now"


def _few_queries(world: World) -> tuple[bool, str]:
    """Of every kind of page that anybody opened, where the rehearsal works at pages."""
    opened = {name: kind for name, kind in world.pages.kinds.items() if name.startswith("GET /")}
    if not opened:
        return True, "nobody opened a page"
    heavy = {name: kind.most_queries for name, kind in opened.items() if kind.most_queries > MOST_QUERIES}
    most = max(kind.most_queries for kind in opened.values())
    return not heavy, f"{len(opened)} kinds of pages, {most} queries at most" + (
        f": {heavy}" if heavy else ""
    )


def _gates_passed(world: World) -> tuple[bool, str]:
    passed = set(
        GateResult.objects.filter(outcome=GateOutcome.PASSED).values_list("application_id", "criterion_id")
    )
    awarded = Application.objects.filter(state=State.AWARDED).select_related("program")
    wrong = sum(
        (application.pk, gate.pk) not in passed for application in awarded for gate in gates_for(application)
    )
    return not wrong, f"{GateResult.objects.count()} answers, {wrong} awards past an open gate"


def _second_person(world: World) -> tuple[bool, str]:
    seen = world.facts["release_check"]
    awards = Decision.objects.filter(kind=DecisionKind.AWARD, state=DecisionState.RELEASED)
    above = awards.filter(amount_cents__gt=F("four_eyes_above_cents"))
    alone = above.filter(Q(approved_by=None) | Q(approved_by=F("proposed_by"))).count()
    # Fewer leave than were refused where nobody could approve, because the second manager had a conflict.
    every = seen["refused"] == seen["above_limit"] >= above.count()
    kept = not alone and every and not seen["other_refusals"]
    return kept, f"{above.count()} above the limit, refused before approval: {seen['refused']}" + (
        "" if kept else f" {seen}"
    )


def _released_once(world: World) -> tuple[bool, str]:
    left = (
        Application.objects.filter(cycle=world.cycle)
        .exclude(state__in=(State.AWARDED, State.DECLINED))
        .count()
    )
    return not left and not world.facts["released_again"], f"{left} undecided, second release did nothing"


def _delivered_once(world: World) -> tuple[bool, str]:
    awards = Decision.objects.filter(kind=DecisionKind.AWARD, state=DecisionState.RELEASED).count()
    confirmed = Grant.objects.filter(stage=GrantStage.CONFIRMED).count()
    provider = world.facts["provider"]
    kept = (
        awards == confirmed == provider["count"] and not provider["duplicates"] and not provider["reversed"]
    )
    return kept, (
        f"{awards} awards, {confirmed} confirmed, {provider['count']} at the provider, "
        f"{provider['duplicates']} duplicates, {provider['replays']} repeats told apart"
    )


def _totals_equal(world: World) -> tuple[bool, str]:
    awarded = _sum(
        Decision.objects.filter(kind=DecisionKind.AWARD, state=DecisionState.RELEASED), "amount_cents"
    )
    granted = _sum(LedgerAccount.objects.filter(kind=AccountKind.GRANTED), "balance_cents")
    posted = _sum(Transfer.objects.filter(kind=Kind.POST), "amount_cents")
    provider = world.facts["provider"]["sum_cents"]
    return (
        awarded == granted == posted == provider,
        f"awarded {awarded}, ledger {granted}, provider {provider} cents",
    )


def _pool_adds_up(world: World) -> tuple[bool, str]:
    awarded = _sum(
        Decision.objects.filter(kind=DecisionKind.AWARD, state=DecisionState.RELEASED), "amount_cents"
    )
    funded, left = world.facts["funded_cents"], world.facts["pool_left_cents"]
    return (
        left == funded - awarded and left >= 0,
        f"{funded} funded - {awarded} awarded = {left} left (cents)",
    )


def _quiet(world: World) -> tuple[bool, str]:
    """A declined person got the receipt and nothing else: neither a row of the outbox nor a letter in the mail."""
    extra = 0 if world.program.decline_mode == DeclineMode.QUIET else 1
    letters = Counter(_recipients(world))
    declined = Application.objects.filter(cycle=world.cycle, state=State.DECLINED).select_related("applicant")
    rows = declined.annotate(letters=Count("notices")).exclude(letters=1 + extra).count()
    mails = sum(letters[application.applicant.email] != 1 + extra for application in declined)
    return (
        not rows and not mails,
        f"{declined.count()} declined, {rows + mails} with another number of letters",
    )


def _award_letters(world: World) -> tuple[bool, str]:
    awarded = Application.objects.filter(state=State.AWARDED)
    letters = Count("notices", filter=Q(notices__kind=MessageKind.AWARD, notices__state=NoticeState.SENT))
    right = awarded.annotate(letters=letters).filter(letters=1).count()
    posted = Notice.objects.filter(kind=MessageKind.POSTED, state=NoticeState.SENT).count()
    kept = right == awarded.count() and posted in (0, awarded.count())
    return kept, f"{right} of {awarded.count()} award letters, {posted} letters about posting"


def _letters_once(world: World) -> tuple[bool, str]:
    """Every letter that was due is in the mail once; what the last ticks queued waits for the next sweep."""
    names = Counter(re.findall(r"(?mi)^message-id:\s*(\S+)", _mail(world)))
    sent = Notice.objects.filter(state=NoticeState.SENT).count()
    due = Notice.objects.exclude(state=NoticeState.SENT).filter(
        next_attempt_at__lt=world.next_cycle.cut_off_at, pk__lte=world.facts["last_letter"]
    )
    stuck = sorted(due.values_list("kind", "state"))
    twice = sum(count - 1 for count in names.values())
    kept = len(names) == sent and not stuck and not twice
    return kept, f"{sent} sent, {len(names)} in the mail, {twice} twice, {len(stuck)} stuck {stuck[:5] or ''}"


def _expiry(world: World) -> tuple[bool, str]:
    """Counted again by another library."""
    wrong = 0
    for grant in Grant.objects.filter(stage=GrantStage.CONFIRMED):
        starts_on = grant.confirmed_at.astimezone(UTC).date()  # type: ignore[union-attr]
        wanted = starts_on + relativedelta(months=grant.term_months) if grant.term_months else None
        wrong += grant.starts_on != starts_on or grant.expires_on != wanted
    return not wrong, f"{Grant.objects.exclude(expires_on=None).count()} with an expiry date, {wrong} wrong"


def _organizations(world: World) -> tuple[bool, str]:
    without = Grant.objects.filter(organization=None).count()
    stage = next(stage for stage in world.stages if stage.name == "acceptance")
    wrong, refused = stage.facts["wrong_ids"], stage.facts["refused"]
    return (
        not without and wrong == refused,
        f"{refused} of {wrong} mistyped IDs refused, {without} grants without one",
    )


def _ledger_clean(world: World) -> tuple[bool, str]:
    problems = checks.ledger_problems()
    return not problems, f"{len(checks.CHECKS)} checks over {Transfer.objects.count()} transfers" + (
        f": {problems[:5]}" if problems else ""
    )


def _in_time(world: World) -> tuple[bool, str]:
    kept = world.facts["delivered_in_time"] and world.facts["letters_in_time"]
    return kept, "nothing was left over" if kept else "the worker did not finish"


PROMISES: dict[str, Callable[[World], tuple[bool, str]]] = {
    "a refused row leaves nothing behind": _refused_rows_leave_nothing,
    "what is stored is what was sent": _sent_is_stored,
    "every application is in exactly one batch": _one_batch,
    "what comes after the cut-off is in the next evaluation": _late_rows_next,
    "a repeated tick changes nothing": _ticks_change_nothing,
    "nobody reviews with a conflict of interest": _no_conflict,
    "reviewers get the same load, give or take one": _even_load,
    "every application got all its looks": _looked_at,
    "nothing is released before everything was looked at": _refused_unseen,
    "no page asks for more than fifteen things": _few_queries,
    "no award passes an open gate": _gates_passed,
    "a large award has a second person": _second_person,
    "a repeated release changes nothing": _released_once,
    "every grant has an organization": _organizations,
    "every award is delivered once": _delivered_once,
    "the provider's total is the ledger's total": _totals_equal,
    "the pool holds what was funded less what was awarded": _pool_adds_up,
    "a quiet decline sends nothing": _quiet,
    "every award has one letter": _award_letters,
    "every letter is sent once": _letters_once,
    "expiry dates are right": _expiry,
    "the ledger verifies": _ledger_clean,
    "the worker finishes its queues": _in_time,
}


def _sum(rows, column: str) -> int:  # type: ignore[no-untyped-def]
    return rows.aggregate(sum=Sum(column))["sum"] or 0


def _mail(world: World) -> str:
    files = sorted((world.options.folder / "mail").glob("*.log"))
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


def _recipients(world: World) -> list[str]:
    return re.findall(r"(?mi)^to:\s*(\S+@\S+)\s*$", _mail(world))
