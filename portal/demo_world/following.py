"""What followed the awards of the demo world: summaries in every state, and papers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from applications import obligations, papers, summaries
from applications.models import Obligation
from applications.papers import Typed
from portal.models import User

SOCIETY = "openai-researcher-access"

TEXTS = (
    (
        "We asked how often a model says that it is not sure, and whether it is then wrong more often. Over 4,200 questions in "
        "three languages it was: where it hedged, one answer in three was wrong, against one in nine elsewhere. The gap is "
        "smaller in Finnish. Others can use the questions and our marks; the paper describes how two people marked each "
        "answer and where they disagreed."
    ),
    (
        "The comparison of two prompts was meant to take four weeks and took nine, because the first set of texts held "
        "headlines that both prompts had seen. We made a new set by hand. On it the careful prompt is better by seven points, "
        "and the difference stays when names are swapped. What we could not show is that readers notice."
    ),
    (
        "Forty teachers marked 600 short answers with and without a suggestion by the model. With it they were faster and "
        "closer to each other; they also followed it when it was wrong, in two cases of five. We describe a form of the "
        "suggestion that halves this, and give the marks without names to whoever asks."
    ),
)


@dataclass(frozen=True)
class Step:
    """How far one summary is."""

    ends: str
    text: str = ""


STEPS = (
    Step("accepted", TEXTS[0]),
    Step("returned", TEXTS[1]),
    Step("handed_in", TEXTS[2]),
    Step("waived"),
    Step("open"),
)


def tell(persons: dict[str, User], now: datetime) -> None:
    """Let grantees and the manager do what they did, in order; whatever would lie ahead is left undone."""
    obligations.follow(at=now)
    owed = Obligation.objects.select_related("application__applicant", "application__program")
    owed = owed.order_by("application_id")
    for obligation, step in zip(owed.filter(application__program__slug=SOCIETY), STEPS, strict=False):
        _take(obligation, step, persons["manager"], now - timedelta(days=3))
    for obligation in owed.filter(application__applicant=persons["grantee"])[:1]:
        summaries.save(
            obligation_id=obligation.pk,
            text="So far: the first two of three series are read. What we asked was",
            version=None,
            by=persons["grantee"],
            at=now - timedelta(hours=5),
        )
        _papers_of(obligation, now)
    for obligation in owed.filter(application__program__slug=SOCIETY)[:2]:
        _papers_of(obligation, now, sensitive=obligation.pk % 2 == 0)


def _take(obligation: Obligation, step: Step, manager: User, at: datetime) -> None:
    holder, key = obligation.application.applicant, obligation.pk
    if step.ends == "waived":
        reason = "The holder changed institutions in the second week; nothing was used after that."
        summaries.waive(obligation_id=key, reason=reason, by=manager, at=at)
    if not step.text:
        return
    summaries.hand_in(obligation_id=key, text=step.text, version=None, by=holder, at=at)
    read_at = at + timedelta(hours=3)
    if step.ends == "accepted":
        words = "Thank you. The part about Finnish is new to us."
        summaries.accept(obligation_id=key, number=1, words=words, by=manager, at=read_at)
    elif step.ends == "returned":
        words = "Clear so far. Please add how many texts the new set holds, and who chose them."
        summaries.give_back(obligation_id=key, number=1, words=words, by=manager, at=read_at)


def _papers_of(obligation: Obligation, now: datetime, *, sensitive: bool = False) -> None:
    application = obligation.application
    papers.add(
        typed=Typed(
            links=f"10.5555/demo.{application.pk}\nhttps://preprints.example.org/{application.pk}",
            title=f"{application.title}: first results",
            may_highlight=not sensitive,
            sensitive=sensitive,
            awards=[application.pk],
        ),
        program=application.program,
        by=application.applicant,
        at=now - timedelta(days=2),
    )
