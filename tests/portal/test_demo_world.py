"""The demo world: what it holds on any day, who lives in it, and that it is made once and only in the demo."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from applications.models import (
    Application,
    AwardEnding,
    ConflictKind,
    Decision,
    DecisionState,
    Ending,
    LaterCredit,
    Link,
    LinkKind,
    Notice,
    NoticeState,
    Obligation,
    ObligationState,
    Review,
    ReviewState,
    ScreeningCheck,
    Sponsorship,
)
from applications.states import State
from credits import balances, checks, providers
from credits import queries as money
from credits.models import Case, Grant, Reconciliation, Stage
from portal.demo_world import PEOPLE, build, calendar, stories
from portal.demo_world.projects import BY_PROGRAM
from portal.demo_world.world_seed import ROLES, make_world
from portal.models import User
from programs import cycles, fields, form_versions, memberships, presets
from programs.models import CycleState, MessageKind, Program
from tests.credits.test_enforcement import Provider

pytestmark = pytest.mark.django_db

FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
AN_HOUR_AFTER_A_CUT_OFF = datetime(2027, 1, 4, 9, tzinfo=UTC)


@pytest.fixture
def demo(settings: Any) -> None:
    settings.DEMO = settings.DEBUG = True


@pytest.mark.slow
@pytest.mark.parametrize(("at", "is_automatic"), [(FRIDAY, True), (AN_HOUR_AFTER_A_CUT_OFF, False)])
def test_the_world_has_something_of_everything(
    demo: None, monkeypatch: pytest.MonkeyPatch, at: datetime, is_automatic: bool
) -> None:
    if is_automatic:  # as with the demo's own provider
        provider = Provider()
        monkeypatch.setattr(providers, "get", lambda: provider)

    made = build.build(at=at)

    assert made["programs"] == 3
    assert made["applications"] == 93
    for program in Program.objects.all():
        states = Counter(program.applications.values_list("state", flat=True))
        assert states == {
            State.AWARDED: 8,
            State.DECLINED: 8,
            State.WITHDRAWN: 1,
            State.IN_REVIEW: 10,
            State.SUBMITTED: 2,
            State.DRAFT: 2,
        }
        used = program.cycles.filter(applications__isnull=False).distinct().values_list("pk", "state")
        by_state = Counter(state for _, state in used)
        assert by_state == {CycleState.CLOSED: 2, CycleState.IN_REVIEW: 1, CycleState.OPEN: 1}
        stages = Counter(Grant.objects.filter(program=program.slug).values_list("stage", flat=True))
        assert stages[Stage.CONFIRMED] >= 5
        assert (stages[Stage.SENT], stages[Stage.FAILED]) == (1, 1)
        alike = ScreeningCheck.objects.filter(application__program=program, kind="near_duplicate")
        assert alike.filter(application__state=State.IN_REVIEW).count() >= 2
        _assert_under_review(program)
    assert {Stage.RESERVED, Stage.VOID} <= set(Grant.objects.values_list("stage", flat=True))
    # Texts read alike where a story retells another one, and nowhere else.
    links = Link.objects.filter(kind=LinkKind.TEXT)
    assert sorted(links.values_list("one__program__slug", flat=True)) == sorted(build.PROGRAMS)
    assert links.filter(one__program=F("other__program"), share_percent__gte=60).count() == 3
    assert checks.ledger_problems() == []
    assert Notice.objects.filter(kind=MessageKind.TOLD_DECLINE).count() == 0
    assert Notice.objects.filter(state=NoticeState.WAITING).exists()
    assert not Application.objects.filter(submitted_at__gt=at).exists()
    assert Grant.objects.filter(expires_on__lte=at.date() + timedelta(days=60)).exists()
    _assert_people()
    _assert_credit(at)
    _assert_life_after_the_award(at)


def _assert_under_review(program: Program) -> None:
    reviews = Review.objects.filter(application__program=program, application__state=State.IN_REVIEW)
    assert {ReviewState.IN, ReviewState.DRAFT} <= set(reviews.values_list("state", flat=True))
    pending = Decision.objects.filter(application__program=program, state=DecisionState.PENDING)
    assert set(pending.values_list("kind", flat=True)) == {"award", "decline"}
    if program.slug != "ai-for-science":  # its limit is its cap, so nothing there needs a second person
        assert any((decision.amount_cents or 0) > decision.four_eyes_above_cents for decision in pending)
    assert not pending.exclude(approved_by=None).exists()


def _assert_people() -> None:
    assert all(user.email.endswith("example.org") for user in User.objects.all())
    users = {person.key: User.objects.get(email=person.email) for person in PEOPLE}
    for person in PEOPLE:
        for role in person.roles:
            assert memberships.programs_of(users[person.key], role).count() == 3
        assert users[person.key].is_staff == (person.side == "staff")
        assert not users[person.key].is_superuser
    assert not users["newcomer"].applications.exists()
    assert users["applicant"].applications.get().state == State.IN_REVIEW
    assert users["drafting"].applications.get().state == State.DRAFT
    waiting = users["awarded"].grants.get()
    assert (waiting.stage, waiting.organization) == (Stage.RESERVED, None)
    used = users["grantee"].grants.get()
    assert used.stage == Stage.CONFIRMED
    assert 0 < money.grant_balance(used) < used.amount_cents
    assert users["reviewer"].assignments.filter(state="to_do").exists()


def _assert_credit(at: datetime) -> None:
    """Credit in use, nearly used up and ended, and a ledger that agrees."""
    held = balances.of(list(Grant.objects.filter(stage=Stage.CONFIRMED)))
    assert {"active", "converted"} <= {balances.state_of(one, at=at).key for one in held.values()}
    assert max(one.used_percent for one in held.values()) > 80
    assert any(one.expired_cents for one in held.values())
    assert money.ledger_problems() == []


def _assert_life_after_the_award(at: datetime) -> None:
    """Whatever can become of an award stands in the world of a person whom a visitor may become."""
    of = {person.key: User.objects.get(email=person.email) for person in PEOPLE}
    states = {
        key: [
            balances.state_of(held, at=at).key
            for held in balances.of(of[key].grants.filter(stage=Stage.CONFIRMED).order_by("pk")).values()
        ]
        for key in ("topped", "ending", "overdue", "held", "moved", "lapsed")
    }
    assert states == {
        "topped": ["active", "active"],
        "ending": ["active"],
        "overdue": ["converted"],
        "held": ["held"],
        "moved": ["moved", "active"],
        "lapsed": [],
    }
    wishes = LaterCredit.objects.filter(application__applicant=of["topped"]).order_by("asked_at")
    assert list(wishes.values_list("state", flat=True)) == ["given", "declined", "asked"]
    assert AwardEnding.objects.get(decision__application__applicant=of["lapsed"]).kind == Ending.LAPSED
    due = {
        key: Obligation.objects.get(application__applicant=of[key])
        for key in ("ending", "overdue", "grantee")
    }
    assert {row.state for row in due.values()} == {ObligationState.OPEN}
    assert due["overdue"].due_on < at.date() < due["ending"].due_on <= at.date() + timedelta(days=32)
    assert due["ending"].due_on < due["grantee"].due_on
    assert of["grantee"].papers.get().awards.get() == due["grantee"].application

    waiting = set(Case.objects.filter(settled_at=None).values_list("kind", flat=True))
    assert waiting == {"claim", "event", "hand-over", "reconcile", "usage"}
    assert Case.objects.get(kind="usage").organization == of["held"].grants.get().organization
    run = Reconciliation.objects.get()
    assert (run.state, run.differing, run.ours_only, run.theirs_only) == ("done", 1, 0, 0)
    sponsored = Sponsorship.objects.order_by("pk")
    assert [row.state for row in sponsored] == ["approved", "asked"]
    assert all(row.organization.grants.filter(stage=Stage.CONFIRMED).exists() for row in sponsored)


def test_the_command_makes_it_once(
    demo: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[datetime] = []

    def make(*, at: datetime) -> dict[str, int]:
        built.append(at)
        program = Program.objects.create(slug="p", short_code="PP", award_mode="undisclosed", provider="x")
        version = form_versions.draft(program=program, sections=[], by=None, at=at)
        user = User.objects.create_user(PEOPLE[0].email, None)
        Application.objects.create(
            program=program, form_version=version, applicant=user, created_at=at, saved_at=at
        )
        return {"programs": 1}

    monkeypatch.setattr(build, "build", make)

    call_command("seed_demo")
    call_command("seed_demo")

    assert len(built) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "The demo world is there."


@pytest.mark.parametrize("flags", [(True, False), (False, True), (False, False)])
def test_it_is_refused_outside_the_demo(settings: Any, flags: tuple[bool, bool]) -> None:
    settings.DEMO, settings.DEBUG = flags

    with pytest.raises(CommandError, match="for the demo only"):
        call_command("seed_demo")
    assert not Program.objects.exists()


def test_on_every_day_one_evaluation_is_under_review_and_one_open() -> None:
    path = presets.SHIPPED / "ai-for-science.yaml"
    presets.load(text=path.read_text(), name=path.name, by=None, at=FRIDAY)
    program = Program.objects.get()
    for hours in range(0, 24 * 75, 17):
        at = datetime(2026, 8, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        program.cycles.all().delete()
        program.schedule_exceptions.filter(reason=calendar.REASON).delete()
        laid = calendar.lay(program, at)

        moments = [laid.older.cut_off_at, laid.newer.cut_off_at, laid.under_way.cut_off_at, at]
        assert moments == sorted(moments), at
        assert laid.open.cut_off_at > at
        assert at - laid.under_way.cut_off_at <= timedelta(days=11), at
        assert not cycles.decided_by_passed(laid.under_way, at)
        assert laid.older.opens_at < laid.older.cut_off_at - timedelta(days=20)
        assert cycles.end_of_decided_by(laid.newer) <= laid.under_way.cut_off_at


def test_the_texts_are_written_for_the_demo_and_fit_their_forms() -> None:
    for slug, projects in BY_PROGRAM.items():
        path = presets.SHIPPED / f"{slug}.yaml"
        presets.load(text=path.read_text(), name=path.name, by=None, at=FRIDAY)
        version = form_versions.current(Program.objects.get(slug=slug))
        assert version is not None
        asked = next(q for q in fields.questions(version.sections) if q.get("maps_to") == "field")
        assert {project.field for project in projects} <= {choice["value"] for choice in asked["choices"]}
        told = [
            story.project.title for story in stories.of(slug) if story.like is None and story.again is None
        ]
        assert len(told) == len(set(told))
    titles = [project.title for projects in BY_PROGRAM.values() for project in projects]
    assert len(titles) == len(set(titles)) >= 80


@pytest.mark.slow
def test_world_seed_is_the_same_for_the_same_seed_and_marks_every_object(settings: Any) -> None:
    settings.TESTING = True

    made = make_world(seed=7, size=4, at=FRIDAY)

    assert set(made["roles"]) == set(ROLES) | {"anonymous"}
    canaries = [entry["canary"] for entry in made["objects"]]
    assert len(canaries) == len(set(canaries)) >= 12
    assert all(canary.startswith("CANARY-7-") for canary in canaries)
    assert {user["email"] for user in made["users"]} <= set(User.objects.values_list("email", flat=True))
    owner = User.objects.get(email=made["roles"]["owner"])
    mine = owner.applications.get(reference=made["application"])
    assert mine.answers["title"] in canaries
    reviewers = mine.assignments.values_list("reviewer__email", flat=True)
    assert made["roles"]["reviewer_assigned"] in reviewers
    assert made["roles"]["reviewer_unassigned"] not in reviewers
    declared = mine.conflicts.exclude(kind=ConflictKind.TEAM)
    assert declared.get().user.email == made["roles"]["reviewer_conflicted"]
    assert not User.objects.get(email=made["roles"]["disabled_staff"]).is_active


def test_world_seed_is_refused_in_production(settings: Any) -> None:
    settings.TESTING = settings.DEBUG = False

    with pytest.raises(CommandError, match="tests and the demo only"):
        call_command("world_seed", "--seed", "1", "--size", "2")
