"""Pure: the "which door is mine?" questions and where each answer leads. At most six; nothing is stored.

The answers travel in the address. Questions and results speak in tags; the presets of programs and doors carry the same
words as keys, so a portal with other programs only edits the tables below. Source: docs/architecture.md, "Front door".
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    help: str = ""


@dataclass(frozen=True)
class Question:
    key: str
    text: str
    help: str
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
            "What will the credits be used for?",
            "Take the closest; the next questions sort out the rest.",
            (
                Choice("safety", "Making AI safer or better aligned"),
                Choice("science", "Science in another field, such as biology"),
                Choice("society", "How AI behaves and affects people"),
                Choice("red-team", "Red-team or jailbreak testing"),
                Choice("retired", "A model that has been retired"),
                Choice("product", "A product, coursework or trying things out"),
            ),
        ),
        Question(
            "country",
            "Is the API available where you work?",
            "Credits can only be used there. If you are not sure, the check before the form tells you.",
            (Choice("yes", "Yes"), Choice("unsure", "I am not sure"), Choice("no", "No")),
        ),
        Question(
            "affiliation",
            "Do you belong to a research institution?",
            "A university, a public or nonprofit institute, a hospital that does research.",
            (
                Choice("yes", "Yes, I or somebody on the team"),
                Choice("nonprofit", "To a nonprofit that does research"),
                Choice("no", "No, I work on my own or in a company"),
            ),
        ),
        Question(
            "models",
            "Which models does the work need?",
            "Awards cover what anyone can buy.",
            (
                Choice("standard", "The standard models"),
                Choice("limited", "A model with limited access"),
                Choice("fine-tuning", "Fine-tuning, or a model not yet public"),
            ),
        ),
        Question(
            "attack",
            "Would the work break the usage policy without an exemption?",
            "For example, making a model produce what it must refuse.",
            (Choice("no", "No"), Choice("yes", "Yes, that is part of the method")),
        ),
        Question(
            "when",
            "When do you need to start?",
            "Evaluations are monthly; buying credits works at once.",
            (Choice("month", "Next month is early enough"), Choice("now", "This week")),
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
            "Red-team or jailbreak work",
            "No program exempts anybody from the usage policy. These are the ways that exist.",
        )
    if use == "retired":
        return Result(
            "door",
            "retired-model",
            "Ask for a retired model",
            "That is a short form of its own, at the standard price. It gives access, never credits.",
        )
    if use == "product":
        return _buy(
            "The programs fund research questions. Everything else starts with bought credits, today."
        )
    if answers["country"] == "no":
        return _buy(
            "Credits work only where the API is available, so no program can take an application from there yet."
        )
    if answers["models"] == "fine-tuning":
        return _buy("Awards cover the public models as they are: no fine-tuning and nothing unreleased.")
    if answers["when"] == "now":
        slug = _program(answers)
        return Result(
            "buy",
            "buy-credits",
            "Buy credits now, apply for next month",
            "Evaluations are monthly, so nothing granted arrives this week. Buying first does not count against you.",
            (slug,),
        )
    slug = _program(answers)
    return Result("program", slug, "", _REASONS[slug], _also(answers, slug))


_REASONS = {
    SAFETY: "It is for safety and alignment research and asks for a question that matters, not for an institution.",
    SCIENCE: "It is for science at research institutions, with the life sciences first and every field welcome.",
    SOCIETY: "It is for work on the risks of AI, its fair use and how models behave, at any stage of a career.",
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
    return Result("buy", "buy-credits", "Buy credits and start today", reason)
