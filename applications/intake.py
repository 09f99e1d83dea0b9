"""From the first click to the receipt: start a draft, save it, send it, take it back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications import (
    again,
    asked,
    awards,
    eligibility,
    emails,
    form_change,
    institutions,
    merging,
    notices,
    obligations,
    references,
    similarity,
    standing,
    ties,
)
from applications import answers as answering
from applications.models import (
    Application,
    ApplicationRevision,
    CheckOutcome,
    Decision,
    DecisionState,
    TextSketch,
)
from applications.standing import Phase
from applications.states import MAY_BECOME, State
from credits import organizations
from portal import audit, texts
from portal.models import User
from portal.refusals import Refused
from programs import cycles, fields, form_versions, translations
from programs.models import Cycle, CycleState, MessageKind, Program, ProgramState, RuleKind

Answers = dict[str, object]

FORM_CHANGED = gettext_lazy(
    "The form has changed since you began. Your answers were carried over: read it through and send it again."
)


class CannotStart(Refused):
    """The program takes no application from this person now. `findings` are the rules that block, if any."""

    def __init__(self, text: str, findings: list[eligibility.Finding] | None = None) -> None:
        self.findings = findings or []
        super().__init__(text)


class CannotEdit(Refused):
    """The application is not open to changes any more."""


class StaleTab(Refused):
    """Another tab or person saved in between. `current_version` is the one that stands, `clashes` the question keys."""

    def __init__(self, current_version: int, clashes: Sequence[str] = ()) -> None:
        self.current_version, self.clashes = current_version, list(clashes)
        super().__init__(
            _(
                "This application was changed in another window. Nothing you typed here is lost: "
                "copy what you need, then reload the page."
            )
        )


class CannotSubmit(Refused):
    """The application cannot be sent yet. `problems` maps question keys to what to do."""

    def __init__(self, text: str, problems: Mapping[str, str] | None = None) -> None:
        self.problems = dict(problems or {})
        super().__init__(text)


class CannotWithdraw(Refused):
    """There is nothing to take back."""


def start(
    *, program_id: int, answers: Answers, by: User, at: datetime, earlier_id: int | None = None
) -> Application:
    """Open a draft, or return the one this person has. `answers` are those of the short step before the form.

    earlier_id: the closed application from whose answers the draft starts; a draft that is there already is then left
    as it is. Raises CannotStart when the program is not open, when a rule blocks, or before the waiting time is over.
    """
    program = Program.objects.get(pk=program_id)
    refuse_closed(program, at, CannotStart)
    version = form_versions.current(program)
    if version is None:
        raise CannotStart(_("%(program)s has no form yet.") % {"program": program})
    answers = institutions.settled(version.sections, answers)
    if owes := obligations.overdue(holder_id=by.pk, program_id=program.pk, at=at):
        raise CannotStart(owes)
    past = again.before(program=program, person=by, at=at)
    judged = facts(answering.mapped(version.sections, answers), by, wait_until=past.wait_until)
    _refuse_blocked(program, judged, CannotStart)
    try:
        with transaction.atomic():
            draft, created = Application.objects.get_or_create(
                program=program,
                applicant=by,
                state=State.DRAFT,
                amends=None,
                defaults={
                    "form_version": version,
                    "answers": answers,
                    "created_at": at,
                    "saved_at": at,
                    "earlier": _earlier(earlier_id, program, by),
                },
            )
            if created:
                audit.record(action="application.start", subject=draft, by=by, at=at)
    except IntegrityError:  # two first clicks at once: the other one made it
        draft = Application.objects.get(program=program, applicant=by, state=State.DRAFT, amends=None)
        created = False
    if not created and answers and earlier_id is None:
        save_answers(application_id=draft.pk, changes=answers, version=None, by=by, at=at)
        draft.refresh_from_db()
    return draft


def _earlier(earlier_id: int | None, program: Program, by: User) -> Application | None:
    """The earlier application, if it is this person's, was sent to this program and not taken back."""
    if earlier_id is None:
        return None
    own = Application.objects.owned_by(by).filter(program=program, submitted_at__isnull=False)
    return own.exclude(state=State.WITHDRAWN).filter(pk=earlier_id).first()


@transaction.atomic
def save_answers(
    *,
    application_id: int,
    changes: Answers,
    version: int | None,
    by: User,
    at: datetime,
    base: Mapping[str, str] | None = None,
) -> int:
    """Keep some answers of an application; returns the version number that stands.

    base: the marks of the answers that the page was drawn with (applications.merging). Answers that were not touched
    are left alone, so two people work side by side; StaleTab is raised only for an answer that both changed. Without
    base, version, the number the page was loaded with, must still stand; None skips the check.
    A sent application may be changed until its cut-off, if it stays complete; each such change is a revision. Raises
    StaleTab, CannotEdit or CannotSubmit.
    """
    share_cycle(application_id)
    application = _locked(application_id)
    changes = institutions.settled(application.form_version.sections, changes)
    if base is not None:
        merged = merging.merge(current=application.answers, changes=changes, base=base)
        if merged.clashes:
            raise StaleTab(application.answers_version, merged.clashes)
        changes = merged.changes
        if not changes and application.state == State.DRAFT:
            return application.answers_version
    elif version is not None and version != application.answers_version:
        raise StaleTab(application.answers_version)
    if application.state == State.DRAFT:
        application.answers = {**application.answers, **changes}
        application.answers_version += 1
        application.saved_at = at
        application.save(update_fields=["answers", "answers_version", "saved_at"])
        return application.answers_version
    if application.state != State.SUBMITTED:
        raise CannotEdit(_("%(application)s can no longer be changed.") % {"application": application})
    lock_open_cycle(_cycle(application), at, CannotEdit)
    if base is not None and not changes:
        return application.answers_version
    application.answers = {**application.answers, **changes}
    _complete(application)
    application.answers_version += 1
    application.saved_at = at
    application.save()
    _keep_revision(application, by=by, at=at)
    audit.record(action="application.edit", subject=application, by=by, at=at)
    return application.answers_version


def submit(*, application_id: int, by: User, at: datetime) -> Application:
    """Send an application into the next evaluation; sending it again returns the same application.

    Raises CannotSubmit with every problem by question, or with one sentence when the program is closed, a rule blocks
    or another application of this person is in the same cycle. Nothing typed is lost in any case. A draft of an older
    form is carried over first and then refused once, so that nobody sends answers to questions they have not seen.
    """
    if form_change.carry_over(application_id=application_id, by=by, at=at):
        raise CannotSubmit(str(FORM_CHANGED))
    for _attempt in range(5):
        try:
            with transaction.atomic():
                return _submit(application_id, by=by, at=at)
        except IntegrityError as error:
            if "one_live_application_per_cycle" in str(error) or "_per_award_and_cycle" in str(error):
                raise CannotSubmit(_("You already have an application in this evaluation.")) from error
            if "reference" not in str(error):
                raise
    raise CannotSubmit(_("We could not number your application. Please send it again."))


@transaction.atomic
def withdraw(*, application_id: int, by: User, at: datetime) -> Application:
    """Take an application back. A decision that waits for release is undone with it.

    A quiet decline may be withdrawn too until its decided-by date: refusing would tell what silence hides. What its
    applicant has been told, or reads after that date, stands: taking it back would also end the waiting time.
    Raises CannotWithdraw.
    """
    application = _locked(application_id)
    if application.state == State.WITHDRAWN:
        return application
    closed = standing.phase_of(application, at=at) == Phase.CLOSED
    if closed or State.WITHDRAWN not in MAY_BECOME[State(application.state)]:
        raise CannotWithdraw(
            _("%(application)s is closed; there is nothing to withdraw.") % {"application": application}
        )
    Decision.objects.filter(application=application, state=DecisionState.PENDING).update(
        state=DecisionState.VOID
    )
    was_sent = application.state != State.DRAFT
    application.state = State.WITHDRAWN
    application.withdrawn_at = at
    application.save(update_fields=["state", "withdrawn_at"])
    audit.record(action="application.withdraw", subject=application, by=by, at=at)
    if was_sent:
        notices.queue(
            kind=MessageKind.WITHDRAWN, application=application, recipient=application.applicant, at=at
        )
    return application


def _submit(application_id: int, *, by: User, at: datetime) -> Application:
    application = _locked(application_id)
    if application.state == State.SUBMITTED:
        return application
    if application.state != State.DRAFT:
        raise CannotSubmit(_("%(application)s was sent before and is closed.") % {"application": application})
    program = application.program
    refuse_closed(program, at, CannotSubmit)
    wait_until = turn_of(application, at=at)
    try:
        cycle = cycles.accepting(program, at=at)
    except cycles.NoCycle as error:
        raise CannotSubmit(str(error)) from error
    lock_open_cycle(cycle, at, CannotSubmit)
    enter(application, cycle, by=by, at=at, wait_until=wait_until)
    return application


def turn_of(application: Application, *, at: datetime) -> date | None:
    """The first day on which its applicant may apply again, if that lies ahead. Raises CannotSubmit out of turn.

    One live application of a person and program at a time; an amendment waits for no other than those of its award. An
    overdue summary stands in the way of all that asks for credit.
    """
    owes = obligations.overdue(holder_id=application.applicant_id, program_id=application.program_id, at=at)
    if application.amends_id is not None:
        if reason := awards.why_not(awards.of(application), at=at, sending=application):
            raise CannotSubmit(reason)
        if owes and asked.for_credit(application):
            raise CannotSubmit(owes)
        return None
    if owes:
        raise CannotSubmit(owes)
    past = again.before(program=application.program, person=application.applicant, at=at)
    if past.live is not None:
        raise CannotSubmit(one_at_a_time(past.live))
    return past.wait_until


def enter(application: Application, cycle: Cycle, *, by: User, at: datetime, wait_until: date | None) -> None:
    """Make a locked draft a sent application of a cycle that the caller holds. Raises CannotSubmit."""
    application.cycle = cycle
    _complete(application, wait_until=wait_until)
    application.state = State.SUBMITTED
    application.submitted_at = application.saved_at = at
    application.answers_version += 1
    application.reference = references.draw(application.program.short_code, cycle.evaluation_on)
    application.save()
    _keep_revision(application, by=by, at=at)
    notices.queue(kind=MessageKind.RECEIPT, application=application, recipient=application.applicant, at=at)
    audit.record(action="application.submit", subject=application, by=by, at=at, cycle=cycle.pk)


def columns_of_sent(application: Application) -> dict[str, object]:
    """What the rules judge of an application that was sent: its columns."""
    columns = answering.mapped(application.form_version.sections, application.answers)
    return columns_of(columns, application.applicant)


def one_at_a_time(live: Application) -> str:
    """What to say to somebody whose other application of the program is not closed yet; the same in every silent state."""
    assert live.cycle is not None
    return _(
        "You have an application in the evaluation of %(evaluation)s. One person has one application of a program "
        "at a time; this one can be sent when that one is closed, after %(decided_by)s at the latest."
    ) % {
        "evaluation": texts.day(live.cycle.evaluation_on),
        "decided_by": texts.day(live.cycle.decided_by_on),
    }


def _complete(application: Application, *, wait_until: date | None = None) -> None:
    """Check all answers and copy the ones that rules need into columns. Raises CannotSubmit."""
    sections = asked.sections(application)
    problems = answering.check(sections, application.answers)
    if problems:
        raise CannotSubmit(
            _("One thing to fix before you send.")
            if len(problems) == 1
            else _("%(number)s things to fix.") % {"number": len(problems)},
            problems,
        )
    application.answers = answering.without_hidden(sections, application.answers)
    columns = answering.mapped(sections, application.answers)
    columns["organization_id"] = _organization_id(application, str(columns["organization_id"] or ""))
    applicant = application.applicant
    _refuse_blocked(application.program, facts(columns, applicant, wait_until=wait_until), CannotSubmit)
    for name, value in columns_of(columns, applicant).items():
        setattr(application, name, value)


def _organization_id(application: Application, entered: str) -> str:
    """The organization ID in the provider's spelling, "" without one. Raises CannotSubmit at its question."""
    if not entered:
        return ""
    try:
        return organizations.clean_external_id(application.program.organization_id_format, entered)
    except organizations.WrongOrganizationId as error:
        asked = fields.questions(application.form_version.sections)
        key = next(question["key"] for question in asked if question.get("maps_to") == "organization_id")
        raise CannotSubmit("One thing to fix before you send.", {key: str(error)}) from error


def columns_of(mapped: Mapping[str, object], applicant: User) -> dict[str, object]:
    """The columns of Application that are copied from mapped answers and the applicant's address."""

    def text(name: str, length: int) -> str:
        return str(mapped.get(name) or "")[:length]

    return {
        "title": text("title", 300),
        "field": text("field", 64),
        "institution": text("institution", 300),
        "institution_kind": text("institution_kind", 64),
        "country": text("country", 2),
        "career_stage": text("career_stage", 64),
        "organization_id_text": text("organization_id", 128),
        "requested_cents": mapped.get("amount_cents"),
        "requested_months": mapped.get("months"),
        "requested_models": mapped.get("models") or [],
        "email_domain": applicant.email_domain,
        "email_key": emails.canonical(applicant.email),
    }


def sketch_of(application: Application) -> TextSketch | None:
    """The MinHash of an application's long texts; None when they are too short to compare."""
    questions = fields.questions(application.form_version.sections)
    long_texts = [
        application.answers.get(question["key"]) for question in questions if question["type"] == "long_text"
    ]
    bins = similarity.signature(text for text in long_texts if isinstance(text, str))
    if not bins:
        return None
    return TextSketch(application=application, signature=bins, bands=similarity.bands(bins))


def _keep_revision(application: Application, *, by: User, at: datetime) -> None:
    last = application.revisions.aggregate(last=Max("number"))["last"] or 0
    ApplicationRevision.objects.create(
        application=application,
        number=last + 1,
        form_version=application.form_version,
        answers=application.answers,
        made_by=by,
        made_at=at,
    )
    sketch = sketch_of(application)
    if sketch is not None:
        TextSketch.objects.bulk_create(
            [sketch],
            update_conflicts=True,
            unique_fields=["application"],
            update_fields=["signature", "bands"],
        )
    ties.keep(application, fresh=last == 0)


def facts(
    mapped: Mapping[str, object], applicant: User, *, wait_until: date | None = None
) -> dict[str, object]:
    """What the rules of a program judge: the columns, and the first day on which the person may apply again."""
    return {
        **columns_of(mapped, applicant),
        "wait_until": wait_until.isoformat() if wait_until else None,
    }


def blocking(program: Program, facts: eligibility.Facts) -> list[eligibility.Finding]:
    """What stops an application with these facts. The waiting time blocks unless a rule of the program says otherwise."""
    rules = list(program.rules.all())
    found = eligibility.blocks(eligibility.findings(rules, facts))
    if facts.get("wait_until") and all(rule.kind != RuleKind.WAITING_TIME for rule in rules):
        found.append(
            eligibility.Finding(
                RuleKind.WAITING_TIME,
                CheckOutcome.BLOCK,
                _("There is a waiting time between two applications to this program."),
                {"wait_until": facts["wait_until"]},
            )
        )
    translate = translations.say(program) if found else str
    return [_with_day(replace(finding, sentence=translate(finding.sentence))) for finding in found]


def _with_day(finding: eligibility.Finding) -> eligibility.Finding:
    """The sentence about the waiting time also names the day on which it is over."""
    day = finding.details.get("wait_until")
    if not isinstance(day, str):
        return finding
    until = texts.day_long(date.fromisoformat(day))
    return replace(
        finding, sentence=f"{finding.sentence} " + _("You may apply again from %(day)s.") % {"day": until}
    )


def _refuse_blocked(
    program: Program, facts: eligibility.Facts, refusal: type[CannotStart] | type[CannotSubmit]
) -> None:
    blocks = blocking(program, facts)
    if not blocks:
        return
    text = " ".join(finding.sentence for finding in blocks)
    raise CannotStart(text, blocks) if refusal is CannotStart else CannotSubmit(text)


def refuse_closed(program: Program, at: datetime, refusal: type[Refused]) -> None:
    """Raise `refusal` when the program takes no applications at this moment."""
    if program.opens_on and cycles.opening(program) > at:
        raise refusal(
            _("%(program)s opens on %(day)s. What you wrote is kept.")
            % {"program": program, "day": texts.day_plain(program.opens_on)}
        )
    if program.state != ProgramState.OPEN:
        raise refusal(
            _("%(program)s does not take applications now. What you wrote is kept.") % {"program": program}
        )


def share_cycle(application_id: int) -> None:
    """Share the cycle of a sent application before its own row is locked, as a batch locks the two; none for a draft.

    The other way round an edit at the cut-off and the batch would wait for each other, and one of them would fail.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM programs_cycle WHERE id = (SELECT cycle_id FROM applications_application"
            " WHERE id = %s AND state = %s) FOR SHARE",
            [application_id, State.SUBMITTED],
        )


def lock_open_cycle(cycle: Cycle, at: datetime, refusal: type[Refused]) -> None:
    """Share the cycle's row until commit. Forming the batch takes it alone, so no sent application slips past it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, cut_off_at FROM programs_cycle WHERE id = %s FOR SHARE", [cycle.pk])
        state, cut_off_at = cursor.fetchone()
    if state not in (CycleState.PLANNED, CycleState.OPEN) or cut_off_at <= at:
        raise refusal(_("The cut-off has passed. Send it again to be in the next evaluation."))


def _cycle(application: Application) -> Cycle:
    """The cycle of an application that was sent; the database holds that it has one."""
    assert application.cycle is not None
    return application.cycle


def _locked(application_id: int) -> Application:
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("program", "applicant", "cycle__program", "form_version")
        .get(pk=application_id)
    )
