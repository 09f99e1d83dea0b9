"""What happened to the demo's awards after their release: declined, asked about, shared, topped up, posted again."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from applications import award_members, awards, claims, declining, later_credit, requests, top_ups
from applications.models import Application, LaterCredit
from credits import cases, delivery
from portal.demo_world import outcomes, stories
from portal.demo_world.stories import Fate
from portal.models import User
from programs.request_models import RequestForm, RequestKind

if TYPE_CHECKING:
    from portal.demo_world.build import Telling

SAFETY, SCIENCE, SOCIETY = "external-researcher-access", "ai-for-science", "openai-researcher-access"


def follow(tellings: list["Telling"], persons: dict[str, User], at: datetime) -> None:
    """One award in each state that a page can show. Called once everything else of the world has been told."""
    by_slug = {telling.program.slug: telling for telling in tellings}
    _declined(_of(by_slug[SAFETY], Fate.NOT_ACCEPTED), at - timedelta(days=2))
    _asked_about(_of(by_slug[SCIENCE], Fate.ON_ITS_WAY), at - timedelta(days=1))
    _answered(_of(by_slug[SAFETY], Fate.ON_ITS_WAY), persons["operator"], at - timedelta(days=3))
    _again(_of(by_slug[SCIENCE], Fate.REFUSED), persons["manager"], at - timedelta(days=4))
    _shared(_of(by_slug[SCIENCE], Fate.USED), persons, at)
    _topped_up(by_slug[SOCIETY], persons, at)
    _urgent(by_slug[SAFETY], persons["finance"], at)


def _of(telling: "Telling", fate: Fate) -> Application:
    """The first application of a program with this fate."""
    place = next(story.place for story in stories.of(telling.program.slug) if story.fate == fate)
    application = telling.applications[place]
    application.refresh_from_db()
    return application


def _declined(application: Application, at: datetime) -> None:
    declining.decline(
        application_id=application.pk,
        words="Our own institute pays for it now; somebody else can make better use of these.",
        by=application.applicant,
        at=at,
    )


def _asked_about(application: Application, at: datetime) -> None:
    """The holder asks where the credit is, if it has been on its way long enough; staff have not answered yet."""
    decision = awards.current(application)
    if decision is not None and claims.of(decision, at=at).may_ask:
        claims.claim(
            application_id=application.pk,
            words="The students start on Monday.",
            by=application.applicant,
            at=at,
        )


def _answered(application: Application, operator: User, at: datetime) -> None:
    _asked_about(application, at - timedelta(days=1))
    decision = awards.current(application)
    found = claims.of(decision, at=at).open if decision is not None else None
    if found is not None:
        reason = (
            "The provider moved its billing last week and works through what waited. Yours is in that list."
        )
        cases.settle(case=found, by=operator, at=at, reason=reason)


def _again(application: Application, manager: User, at: datetime) -> None:
    """A grant that the provider refused is set aside again; its holder has to name the organization anew."""
    decision = awards.current(application)
    assert decision is not None
    later_credit.post_again(
        decision_id=decision.pk,
        reason="They wrote that one digit of the organization ID was wrong.",
        by=manager,
        at=at,
    )


def _shared(application: Application, persons: dict[str, User], at: datetime) -> None:
    """Two colleagues share the credits, one of them manages; a third has an invitation waiting."""
    for person, role, days in (("drafting", "manage", 20), ("applicant", "view", 12)):
        when = at - timedelta(days=days)
        place = _invite(application, persons[person], role, when)
        award_members.join(member_id=place, conduct=True, by=persons[person], at=when + timedelta(hours=2))
    _invite(application, persons["newcomer"], "view", at - timedelta(hours=3))


def _invite(application: Application, person: User, role: str, at: datetime) -> int:
    return award_members.invite(
        application_id=application.pk, email=person.email, role=role, by=application.applicant, at=at
    ).pk


def _topped_up(telling: "Telling", persons: dict[str, User], at: datetime) -> None:
    """A first wish was given and is posted, a second one declined, a third one waits."""
    application = _of(telling, Fate.USED)
    given = _wish(application, 500_00, "Two more languages for the same comparison.", at - timedelta(days=16))
    proposed = later_credit.propose(
        later_id=given.pk,
        amount_cents=400_00,
        reason="The first results are good, and the comparison is worth more languages.",
        by=persons["manager"],
        at=at - timedelta(days=14),
    )
    if proposed.is_live:  # above the limit of one person in twelve months
        later_credit.approve(later_id=given.pk, by=persons["finance"], at=at - timedelta(days=13))
    delivery.dispatch(at=at - timedelta(days=11) - outcomes.SENT_BEFORE)
    outcomes.confirm(persons, at - timedelta(days=11))
    declined = _wish(application, 900_00, "A second study on another question.", at - timedelta(days=9))
    later_credit.decline(
        later_id=declined.pk,
        answer="That is another study. Please send it as a new application; the answers are filled in.",
        by=persons["manager"],
        at=at - timedelta(days=8),
    )
    _wish(application, 300_00, "The last runs, for the review of the paper.", at - timedelta(days=2))


def _wish(application: Application, cents: int, use_case: str, at: datetime) -> LaterCredit:
    return top_ups.ask(
        application_id=application.pk,
        use_case=use_case,
        amount_cents=cents,
        months=2,
        by=application.applicant,
        at=at,
    )


def _urgent(telling: "Telling", finance: User, at: datetime) -> None:
    """Whoever was on call gave credit on an urgent request, within the authority of one person."""
    application = _of(telling, Fate.USED)
    form = RequestForm.objects.get(program=telling.program, kind=RequestKind.URGENT)
    if top_ups.lot(awards.of(application), at=at) is None:
        return
    asked = requests.send(
        request_form_id=form.pk,
        once=uuid.uuid4(),
        answers={
            "title": "A poster on Thursday, and the last figure is missing",
            "what_happened": "A colleague started the old script, and it used what was left within an hour.",
            "needed_by": (at + timedelta(days=2)).date().isoformat(),
            "deadline": "The poster session of a workshop",
        },
        application_id=application.pk,
        words="credits used up before a workshop",
        none_answers=True,
        by=application.applicant,
        at=at - timedelta(hours=20),
    )
    later_credit.urgent(
        request_id=asked.pk,
        amount_cents=250_00,
        reason="One figure, two days, and the script is gone.",
        by=finance,
        at=at - timedelta(hours=5),
    )
