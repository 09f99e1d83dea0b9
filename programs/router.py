"""Pure: the "which door is mine?" questions and where each answer leads. At most six; nothing is stored.

The answers travel in the address. Questions and results speak in tags; the presets of programs and doors carry the same
words as keys, so a portal with other programs only edits the tables below. Source: docs/architecture.md, "Front door".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class Choice:
    value: str
    label: Any  # texts are translated when they are shown
    help: Any = ""


@dataclass(frozen=True)
class Question:
    key: str
    text: Any
    help: Any
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Result:
    """Where the answers lead: a program by slug, or a door by key, or buying credits, and why in one or two sentences."""

    kind: str  # "program", "door" or "buy"
    target: str
    title: str
    reason: str
    also: tuple[str, ...] = ()  # slugs of programs worth a look besides


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "use",
            gettext_lazy("What will the credits be used for?"),
            gettext_lazy("Take the closest; the next questions sort out the rest."),
            (
                Choice("safety", gettext_lazy("Making AI safer or better aligned")),
                Choice("science", gettext_lazy("Science in another field, such as biology")),
                Choice("society", gettext_lazy("How AI behaves and affects people")),
                Choice("red-team", gettext_lazy("Red-team or jailbreak testing")),
                Choice("retired", gettext_lazy("A model that has been retired")),
                Choice("product", gettext_lazy("A product, coursework or trying things out")),
            ),
        ),
        Question(
            "country",
            gettext_lazy("Is the API available where you work?"),
            gettext_lazy(
                "Credits can only be used there. If you are not sure, the check before the form tells you."
            ),
            (
                Choice("yes", gettext_lazy("Yes")),
                Choice("unsure", gettext_lazy("I am not sure")),
                Choice("no", gettext_lazy("No")),
            ),
        ),
        Question(
            "affiliation",
            gettext_lazy("Do you belong to a research institution?"),
            gettext_lazy("A university, a public or nonprofit institute, a hospital that does research."),
            (
                Choice("yes", gettext_lazy("Yes, I or somebody on the team")),
                Choice("nonprofit", gettext_lazy("To a nonprofit that does research")),
                Choice("no", gettext_lazy("No, I work on my own or in a company")),
            ),
        ),
        Question(
            "models",
            gettext_lazy("Which models does the work need?"),
            gettext_lazy("Awards cover what anyone can buy."),
            (
                Choice("standard", gettext_lazy("The standard models")),
                Choice("limited", gettext_lazy("A model with limited access")),
                Choice("fine-tuning", gettext_lazy("Fine-tuning, or a model not yet public")),
            ),
        ),
        Question(
            "attack",
            gettext_lazy("Would the work break the usage policy without an exemption?"),
            gettext_lazy("For example, making a model produce what it must refuse."),
            (
                Choice("no", gettext_lazy("No")),
                Choice("yes", gettext_lazy("Yes, that is part of the method")),
            ),
        ),
        Question(
            "when",
            gettext_lazy("When do you need to start?"),
            gettext_lazy("Evaluations are monthly; buying credits works at once."),
            (
                Choice("month", gettext_lazy("Next month is early enough")),
                Choice("now", gettext_lazy("This week")),
            ),
        ),
    )
}

SAFETY, SCIENCE, SOCIETY = "external-researcher-access", "ai-for-science", "openai-researcher-access"


def path(answers: Mapping[str, str]) -> list[str]:
    """The keys of the questions to ask, in order, as far as the answers so far decide."""
    use = answers.get("use")
    if use is None or use in ("red-team", "retired", "product"):
        return ["use"]
    keys = ["use", "country"]
    if answers.get("country") == "no":
        return keys
    if use == "science":
        keys.append("affiliation")
    keys.append("models")
    if answers.get("models") == "fine-tuning":
        return keys
    if use in ("safety", "society"):
        keys.append("attack")
        if answers.get("attack") == "yes":
            return keys
    return [*keys, "when"]


def known(answers: Mapping[str, str]) -> dict[str, str]:
    """Keep the answers that belong to the path and to a choice; a made-up address starts at the first question."""
    kept: dict[str, str] = {}
    while True:
        waiting = [key for key in path(kept) if key not in kept]
        if not waiting:
            return kept
        key = waiting[0]
        if answers.get(key) not in {choice.value for choice in QUESTIONS[key].choices}:
            return kept
        kept[key] = answers[key]


def next_question(answers: Mapping[str, str]) -> Question | None:
    """The first open question of known answers; None when they lead to a result."""
    return next((QUESTIONS[key] for key in path(answers) if key not in answers), None)


def result(answers: Mapping[str, str]) -> Result:
    """Where known answers lead. Only for answers without an open question."""
    use = answers["use"]
    if use == "red-team" or answers.get("attack") == "yes":
        return Result(
            "door",
            "red-team",
            _("Red-team or jailbreak work"),
            _("No program exempts anybody from the usage policy. These are the ways that exist."),
        )
    if use == "retired":
        return Result(
            "door",
            "retired-model",
            _("Ask for a retired model"),
            _("That is a short form of its own, at the standard price. It gives access, never credits."),
        )
    if use == "product":
        return _buy(
            _("The programs fund research questions. Everything else starts with bought credits, today.")
        )
    if answers["country"] == "no":
        return _buy(
            _(
                "Credits work only where the API is available, so no program can take an application from there yet."
            )
        )
    if answers["models"] == "fine-tuning":
        return _buy(_("Awards cover the public models as they are: no fine-tuning and nothing unreleased."))
    if answers["when"] == "now":
        slug = _program(answers)
        return Result(
            "buy",
            "buy-credits",
            _("Buy credits now, apply for next month"),
            _(
                "Evaluations are monthly, so nothing granted arrives this week. Buying first does not count against you."
            ),
            (slug,),
        )
    slug = _program(answers)
    return Result("program", slug, "", str(_REASONS[slug]), _also(answers, slug))


_REASONS = {
    SAFETY: gettext_lazy(
        "It is for safety and alignment research and asks for a question that matters, not for an institution."
    ),
    SCIENCE: gettext_lazy(
        "It is for science at research institutions, with the life sciences first and every field welcome."
    ),
    SOCIETY: gettext_lazy(
        "It is for work on the risks of AI, its fair use and how models behave, at any stage of a career."
    ),
}


def _program(answers: Mapping[str, str]) -> str:
    if answers.get("models") == "limited":
        return SOCIETY
    if answers["use"] == "science":
        return SOCIETY if answers.get("affiliation") == "no" else SCIENCE
    return SAFETY if answers["use"] == "safety" else SOCIETY


def _also(answers: Mapping[str, str], slug: str) -> tuple[str, ...]:
    if answers["use"] == "safety":
        return tuple(other for other in (SAFETY, SOCIETY) if other != slug)
    return ()


def _buy(reason: str) -> Result:
    return Result("buy", "buy-credits", _("Buy credits and start today"), reason)
