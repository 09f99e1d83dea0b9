"""Late entries: a manager gives a code with a reason, and its holder sends into a batch that is formed already.

The manifest of the batch stays as it was drawn at the cut-off; a late application is one more entry behind it, marked as
late and with the code that let it in. It is screened and assigned by itself, at once.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications import assignment, conflicts, eligibility, form_change, intake, near, similarity
from applications.models import (
    Application,
    Batch,
    BatchEntry,
    CheckOutcome,
    LateEntry,
    ScreeningCheck,
    TextSketch,
)
from applications.states import State
from portal import audit
from portal.models import User
from portal.refusals import Refused
from programs import cycles, fields, rulebook
from programs.models import Cycle, CycleState, EligibilityRule, RuleKind

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without letters that are read as digits
LENGTH = 12
MOST_USES = 50
LONGEST = timedelta(days=60)


class CannotIssue(Refused):
    """No code can be given for this cycle, or not with these limits."""


class CannotEnterLate(Refused):
    """The code lets nobody in, or not this application. The sentence is the same for every code that does not work."""


NO_SUCH_CODE = gettext_lazy("This code does not work for this program now. Ask whoever gave it to you.")


@transaction.atomic
def issue(
    *, cycle_id: int, reason: str, expires_at: datetime, uses_allowed: int, by: User, at: datetime
) -> tuple[LateEntry, str]:
    """Make a code. Returns the row and the code itself, which is stored nowhere and shown once.

    Raises CannotIssue before the batch is formed, after the decided-by date, without a reason, and for limits that make
    no sense.
    """
    cycle = Cycle.objects.select_for_update(of=("self",)).select_related("program").get(pk=cycle_id)
    if cycle.state != CycleState.IN_REVIEW or not Batch.objects.filter(cycle=cycle).exists():
        raise CannotIssue(f"{cycle} has no batch in review. Late entries are for batches that are formed.")
    if cycles.decided_by_passed(cycle, at):
        raise CannotIssue("The decided-by date is over.")
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise CannotIssue("Give a reason. It is kept with the batch.")
    if not at < expires_at <= at + LONGEST:
        raise CannotIssue(f"A code ends at a moment ahead, within {LONGEST.days} days.")
    if not 1 <= uses_allowed <= MOST_USES:
        raise CannotIssue(f"A code is for one to {MOST_USES} applications.")
    code = "".join(secrets.choice(ALPHABET) for _n in range(LENGTH))
    entry = LateEntry.objects.create(
        cycle=cycle,
        code_hash=_hash(code),
        reason=reason,
        expires_at=min(expires_at, cycles.end_of_decided_by(cycle)),
        uses_allowed=uses_allowed,
        made_by=by,
        made_at=at,
    )
    audit.record(action="late_entry.issue", subject=entry, by=by, at=at, cycle=cycle.pk, uses=uses_allowed)
    return entry, "-".join(code[at_ : at_ + 4] for at_ in range(0, LENGTH, 4))


@transaction.atomic
def end(*, late_entry_id: int, by: User, at: datetime) -> None:
    """Let a code open nothing any more. What came in with it stays. A second call changes nothing."""
    entry = LateEntry.objects.select_for_update(of=("self",)).get(pk=late_entry_id)
    if entry.ended_at is None:
        entry.ended_at = at
        entry.save(update_fields=["ended_at"])
        audit.record(action="late_entry.end", subject=entry, by=by, at=at)


def send(*, application_id: int, code: str, by: User, at: datetime) -> Application:
    """Send a draft into the cycle of a code; sending it again returns the same application.

    Raises CannotEnterLate for a code that does not open, and intake.CannotSubmit as an application sent in time would.
    """
    if form_change.carry_over(application_id=application_id, by=by, at=at):
        raise intake.CannotSubmit(str(intake.FORM_CHANGED))
    for _attempt in range(5):
        try:
            with transaction.atomic():
                return _send(application_id, code, by=by, at=at)
        except IntegrityError as error:
            # An award or a told decline of the same evaluation stands in no other way than this.
            if "one_live_application_per_cycle" in str(error) or "_per_award_and_cycle" in str(error):
                raise intake.CannotSubmit(_("You already have an application in this evaluation.")) from error
            if "reference" not in str(error):  # two drew one number (applications.references); draw again
                raise
    raise intake.CannotSubmit(_("We could not number your application. Please send it again."))


def _send(application_id: int, code: str, *, by: User, at: datetime) -> Application:
    found = LateEntry.objects.filter(code_hash=_hash(code)).values_list("pk", "cycle_id").first()
    if found is None:
        raise CannotEnterLate(NO_SUCH_CODE)
    cycle = Cycle.objects.select_for_update(of=("self",)).select_related("program").get(pk=found[1])
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "applicant", "form_version")
        .get(pk=application_id)
    )
    entry = LateEntry.objects.select_for_update(of=("self",)).get(pk=found[0])
    if application.cycle_id == cycle.pk and BatchEntry.objects.filter(
        application=application, late_entry=entry
    ):
        return application
    _refuse_shut(entry, cycle, application, at)
    wait_until = intake.turn_of(application, at=at)
    application.program = cycle.program
    intake.enter(application, cycle, by=by, at=at, wait_until=wait_until)
    _join(application, entry, at)
    return application


def _refuse_shut(entry: LateEntry, cycle: Cycle, application: Application, at: datetime) -> None:
    open_ = entry.ended_at is None and entry.expires_at > at and entry.uses < entry.uses_allowed
    fits = cycle.program_id == application.program_id and cycle.state == CycleState.IN_REVIEW
    if not (open_ and fits) or cycles.decided_by_passed(cycle, at):
        raise CannotEnterLate(NO_SUCH_CODE)
    if application.state != State.DRAFT:
        raise intake.CannotSubmit(
            _("%(application)s was sent before and is closed.") % {"application": application}
        )


def _join(application: Application, entry: LateEntry, at: datetime) -> None:
    """One more entry behind the manifest; then what the whole batch went through, for this one."""
    batch = Batch.objects.select_for_update(of=("self",)).get(cycle_id=entry.cycle_id)
    last = batch.entries.aggregate(last=Max("position"))["last"] or 0
    BatchEntry.objects.create(
        batch=batch, application=application, position=last + 1, late=True, late_entry=entry
    )
    application.state = State.IN_REVIEW
    application.save(update_fields=["state"])
    entry.uses += 1
    entry.save(update_fields=["uses"])
    if batch.screened_at is not None:
        ScreeningCheck.objects.bulk_create(
            _checks(application, rulebook.for_cycle(entry.cycle).rules, at), ignore_conflicts=True
        )
    if batch.screened_at is not None:
        near.in_batch(batch, at=at, application_id=application.pk)
        near.link_shared(batch, at=at, application_id=application.pk)
    if batch.assigned_at is not None:
        conflicts.compute(cycle_id=entry.cycle_id, application_id=application.pk, at=at)
        assignment.fill_up(cycle_id=entry.cycle_id, application_ids=[application.pk], at=at)
    audit.record(
        action="late_entry.use", subject=application, by=application.applicant, at=at, late_entry=entry.pk
    )


def _checks(application: Application, rules: list[EligibilityRule], at: datetime) -> Iterator[ScreeningCheck]:
    """What applications.screening finds in a batch, for one application."""
    found = eligibility.findings(rules, intake.columns_of_sent(application))
    for finding in found:
        if finding.outcome != CheckOutcome.PASS:
            yield ScreeningCheck(
                application=application,
                kind=finding.kind,
                outcome=finding.outcome,
                sentence=finding.sentence,
                details=finding.details,
                checked_at=at,
            )
    for rule in rules:
        details = _details(rule, application)
        if details:
            outcome = CheckOutcome.BLOCK if rule.outcome == "block" else CheckOutcome.FLAG
            yield ScreeningCheck(
                application=application,
                kind=rule.kind,
                outcome=outcome,
                sentence=rule.sentence,
                details=details,
                checked_at=at,
            )
    if marked := _marked_options(application):
        yield ScreeningCheck(
            application=application,
            kind=RuleKind.OPTION,
            outcome=CheckOutcome.FLAG,
            sentence=" ".join(marked.values())[:300],
            details={"options": sorted(marked)},
            checked_at=at,
        )


def _details(rule: EligibilityRule, application: Application) -> dict[str, object]:
    others = (
        Application.objects.filter(program_id=application.program_id, submitted_at__isnull=False)
        .exclude(applicant_id=application.applicant_id)
        .exclude(state=State.WITHDRAWN)
    )
    if rule.kind == RuleKind.DUPLICATE_PERSON and application.email_key:
        same = others.filter(email_key=application.email_key)
    elif rule.kind == RuleKind.SHARED_ORGANIZATION and application.organization_id_text:
        same = others.filter(organization_id_text=application.organization_id_text)
    elif rule.kind == RuleKind.NEAR_DUPLICATE:
        alike = _alike(rule, application, others.values("pk"))
        return {"applications": alike} if alike else {}
    else:
        return {}
    listed = list(same.order_by("pk").values_list("pk", flat=True)[:20])
    return {"applications": listed} if listed else {}


def _alike(rule: EligibilityRule, application: Application, others: Any) -> list[dict[str, object]]:
    mine = TextSketch.objects.filter(application=application).first()
    if mine is None:
        return []
    at_least = float(rule.parameters.get("at_least", similarity.ALIKE))
    near = TextSketch.objects.filter(bands__overlap=mine.bands, application__in=others)
    shares = [(sketch.pk, similarity.alike(mine.signature, sketch.signature)) for sketch in near]
    found = sorted((pair for pair in shares if pair[1] >= at_least), key=lambda pair: -pair[1])
    return [{"application": pk, "share": round(share, 2)} for pk, share in found[:20]]


def _marked_options(application: Application) -> dict[str, str]:
    """Chosen options that the form marks for staff: value -> sentence."""
    found: dict[str, str] = {}
    for question in fields.questions(application.form_version.sections):
        answer = application.answers.get(question["key"])
        chosen = answer if isinstance(answer, list) else [answer]
        found |= {
            choice["value"]: choice["flag"]
            for choice in question.get("choices", ())
            if choice.get("flag") and choice["value"] in chosen
        }
    return found


def _hash(code: str) -> str:
    plain = "".join(letter for letter in code.upper()[:100] if letter in ALPHABET)
    return sha256(plain.encode()).hexdigest()
