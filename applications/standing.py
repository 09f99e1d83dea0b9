"""What an applicant may know about an application: honest silence.

Everything here follows from the calendar, the applicant's own acts, and a released award. An undecided, a declined, a
deferred and an unreleased application give the same Standing at the same moment, so their pages are the same bytes.
Source: docs/architecture.md, "Honest silence".
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applications.models import Application
from applications.states import State
from portal import day_strip, texts
from programs import cycles, rulebook
from programs.models import Cycle, Program


class Phase(StrEnum):
    """The only words that the applicant's pages know."""

    DRAFT = "draft"
    OPEN = "open"  # sent, before the cut-off
    FROZEN = "frozen"  # from the cut-off until the end of the decided-by date
    CLOSED = "closed"  # after it, without an award
    AWARDED = "awarded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Step:
    """One line of the timeline. It moves with the date and with nothing else."""

    title: str
    when: str
    iso: str
    text: str
    mark: str  # "done", "now", "end" and combinations: CSS classes


@dataclass(frozen=True)
class Standing:
    """An application as its applicant may see it."""

    phase: Phase
    word: str  # for the list
    tone: str  # "good", "soon" or "" for the dot beside the word
    steps: list[Step] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    days_to_cut_off: int = 0  # labels under the strip: the share of days before the cut-off
    days_after: int = 0
    can_edit: bool = False
    can_withdraw: bool = False
    apply_again_on: date | None = None
    may_apply_again: bool = False
    quiet: bool = False  # by the rules of its cycle


def of(application: Application, *, at: datetime) -> Standing:
    """The standing at one moment; no query when program, cycle and its rules_version are loaded. Never looks past what may be told."""
    phase = phase_of(application, at=at)
    if application.cycle is None or application.submitted_at is None:
        word = _("Withdrawn") if phase == Phase.WITHDRAWN else _("Draft")
        return Standing(phase, word, "soon" if phase == Phase.DRAFT else "")
    cycle, zone = application.cycle, ZoneInfo(application.program.time_zone)
    today = at.astimezone(zone).date()
    sent_on = application.submitted_at.astimezone(zone).date()
    cut_off_on = cycle.cut_off_at.astimezone(zone).date()
    if (
        application.came_from_id is not None
    ):  # the strip shows this evaluation, not the months since it was sent
        sent_on = max(sent_on, cut_off_on - timedelta(days=31))
    strip = day_strip.marks(
        first=min(sent_on, cut_off_on),
        last=cycle.decided_by_on,
        today=today,
        tall=(sent_on, cut_off_on, cycle.decided_by_on),
        wait_after=cut_off_on,
    )
    after = (cycle.decided_by_on - cut_off_on).days
    again = apply_again_on(application, today=today)
    is_update = application.amends_id is not None  # another one begins at the award (applications.amendments)
    word, tone = {
        Phase.OPEN: (_("Sent"), "good"),
        Phase.FROZEN: (_("With us"), ""),
        Phase.CLOSED: (_("Not selected"), ""),
        Phase.AWARDED: (_("Approved") if is_update else _("Awarded"), "good"),
        Phase.WITHDRAWN: (_("Withdrawn"), ""),
    }[phase]
    return Standing(
        phase=phase,
        word=word,
        tone=tone,
        steps=_steps(application, phase, at=at),
        marks=strip,
        days_to_cut_off=max(1, len(strip) - 1 - after),
        days_after=max(1, after),
        can_edit=phase == Phase.OPEN,
        can_withdraw=phase in (Phase.OPEN, Phase.FROZEN),
        apply_again_on=again if phase == Phase.CLOSED and not is_update else None,
        quiet=rulebook.for_application(application).is_quiet,
        may_apply_again=not is_update
        and (phase == Phase.WITHDRAWN or (phase == Phase.CLOSED and again <= today)),
    )


def phase_of(application: Application, *, at: datetime) -> Phase:
    """Which of the applicant's words fits. Between sending and a released award only the calendar speaks."""
    if application.state == State.DRAFT:
        return Phase.DRAFT
    if application.state == State.WITHDRAWN:
        return Phase.WITHDRAWN
    if application.state == State.AWARDED:
        return Phase.AWARDED
    cycle = application.cycle
    if cycle is None or (at < cycle.cut_off_at and application.came_from_id is None):
        return Phase.OPEN
    # Asked for every state, so that a quiet decline costs the same reads as no decision.
    told = not rulebook.for_application(application).is_quiet and application.state == State.DECLINED
    if (
        application.state == State.DEFERRED
    ):  # not decided yet: after the date it goes into the next evaluation
        return Phase.FROZEN
    return Phase.CLOSED if told or at >= cycles.end_of_decided_by(cycle) else Phase.FROZEN


def apply_again_on(application: Application, *, today: date) -> date:
    """The first day on which this person may apply to the program again, by the program's own rules."""
    program: Program = application.program
    days = [today]
    if application.cycle is not None and program.reapply_wait_days:
        days.append(application.cycle.evaluation_on + timedelta(days=program.reapply_wait_days))
    if program.reapply_after_on:
        days.append(program.reapply_after_on)
    return max(days)


def _steps(application: Application, phase: Phase, *, at: datetime) -> list[Step]:
    program, cycle = application.program, application.cycle
    assert cycle is not None
    assert application.submitted_at is not None
    zone = program.time_zone
    today = at.astimezone(ZoneInfo(zone)).date()
    left = (cycle.cut_off_at.astimezone(ZoneInfo(zone)).date() - today).days
    is_cut, is_over = at >= cycle.cut_off_at, at >= cycles.end_of_decided_by(cycle)
    edited = application.saved_at > application.submitted_at
    receipt = _("The receipt went to %(email)s.") % {"email": application.applicant.email}
    if edited:
        receipt += " " + _("Last edited %(moment)s.") % {"moment": texts.moment(application.saved_at)}
    sent = Step(
        _("Sent"),
        texts.moment(application.submitted_at),
        _iso(application.submitted_at),
        receipt,
        "done",
    )
    if phase == Phase.WITHDRAWN and application.withdrawn_at:
        back = Step(
            _("Withdrawn"),
            texts.moment(application.withdrawn_at),
            _iso(application.withdrawn_at),
            _("It was taken back, and is not evaluated any further."),
            "done end",
        )
        return [sent, back]
    return [
        sent,
        _carried(cycle, zone, is_cut)
        if application.came_from_id is not None
        else _cut_off(cycle, zone, is_cut, left),
        Step(
            _("Evaluation day"),
            texts.day(cycle.evaluation_on),
            cycle.evaluation_on.isoformat(),
            _("Every application is looked at by a person, against the published criteria."),
            "done" if today >= cycle.evaluation_on and is_cut else "",
        ),
        Step(
            _("Decided by"),
            _("%(day)s, end of day %(zone)s")
            % {"day": texts.day(cycle.decided_by_on), "zone": texts.zone_name(zone)},
            cycle.decided_by_on.isoformat(),
            _ending(rulebook.for_application(application).is_quiet, phase),
            "end done"
            if is_over or phase in (Phase.AWARDED, Phase.CLOSED)
            else "end now"
            if is_cut
            else "end",
        ),
    ]


def _cut_off(cycle: Cycle, zone: str, is_cut: bool, left: int) -> Step:
    return Step(
        _("Cut-off"),
        texts.moment(cycle.cut_off_at, zone),
        _iso(cycle.cut_off_at),
        _("The application was frozen as it was last saved.")
        if is_cut
        else ngettext(
            "In %(days)s day. Until then, edits count.",
            "In %(days)s days. Until then, edits count.",
            left,
        )
        % {"days": left},
        "done" if is_cut else "now",
    )


def _carried(cycle: Cycle, zone: str, is_cut: bool) -> Step:
    """In place of the cut-off, where an earlier evaluation deferred the application (applications.deferrals)."""
    return Step(
        _("Goes into the next evaluation"),
        texts.moment(cycle.cut_off_at, zone),
        _iso(cycle.cut_off_at),
        _(
            "The earlier evaluation did not decide it. It is looked at again as it stands; there is nothing for you to do."
        ),
        "done" if is_cut else "now",
    )


def _ending(quiet: bool, phase: Phase) -> str:
    if phase == Phase.AWARDED:
        return _("Approved; you were told.")
    if phase == Phase.CLOSED:
        return _("No message was sent, as announced.") if quiet else _("You were told.")
    return _("If you have not heard by then, this application was not approved.")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
