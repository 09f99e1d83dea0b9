"""Every action that the code records has words, and the words name details that are recorded with it.

The actions are read from the source: constants, choices between constants, f-strings and arguments that callers pass on.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from applications.models import DecisionKind, LaterKind, SponsorState
from credits.models import ChangeState, FundingState
from portal import audit_words
from portal.models import AuditEvent
from portal.roles import Role
from programs.models import ProgramState

ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "programs", "credits", "applications")
RECORDS = ("record", "record_many", "event")
OWN = {"action", "subject", "subjects", "by", "at", "details"}

# What stands behind a value that the source takes from a record, by what stands before it.
VALUES: dict[str, set[str]] = {
    "decision.propose_": set(DecisionKind.values) - {DecisionKind.LATER},
    "funding.": set(FundingState.values) - {FundingState.ASKED},
    "organization_change.": {ChangeState.DONE, ChangeState.REFUSED, ChangeState.TAKEN_BACK},
    "program.": set(ProgramState.values) - {ProgramState.DRAFT},
    "sponsor.": {SponsorState.APPROVED, SponsorState.REFUSED, SponsorState.TAKEN_BACK},
}


@dataclass
class Source:
    """The functions and calls of the apps, as written."""

    calls: dict[str, list[tuple[ast.Call, "Function"]]] = field(default_factory=dict)
    functions: dict[str, list["Function"]] = field(default_factory=dict)


@dataclass(frozen=True)
class Function:
    path: str
    node: ast.FunctionDef | None

    def argument(self, name: str) -> int | None:
        """The place of an argument, -1 for one by keyword only, None where it is none."""
        if self.node is None:
            return None
        names = [one.arg for one in self.node.args.posonlyargs + self.node.args.args]
        if name in names:
            return names.index(name)
        return -1 if name in [one.arg for one in self.node.args.kwonlyargs] else None


@cache
def source() -> Source:
    found = Source()
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                _walk(ast.parse(path.read_text()), Function(str(path.relative_to(ROOT)), None), found)
    return found


def _walk(node: ast.AST, inside: Function, found: Source) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            function = Function(inside.path, child)
            found.functions.setdefault(child.name, []).append(function)
            _walk(child, function, found)
            continue
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name | ast.Attribute):
            name = child.func.id if isinstance(child.func, ast.Name) else child.func.attr
            found.calls.setdefault(name, []).append((child, inside))
        _walk(child, inside, found)


def recorded() -> Iterator[tuple[str, ast.Call, Function]]:
    """Every action that is recorded, with the call that does it."""
    for name in RECORDS:
        for call, inside in source().calls.get(name, ()):
            if not (isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "audit"):
                continue
            action = next(keyword.value for keyword in call.keywords if keyword.arg == "action")
            for text in texts(action, inside):
                yield text, call, inside


def texts(node: ast.expr, inside: Function, before: str = "") -> set[str]:
    """Every text that an expression can be. before: what stands before it in an f-string."""
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if isinstance(node, ast.IfExp):
        return texts(node.body, inside, before) | texts(node.orelse, inside, before)
    if isinstance(node, ast.JoinedStr):
        start = str(getattr(node.values[0], "value", ""))
        parts = [texts(part, inside, start) for part in node.values]
        return {"".join(choice) for choice in product(*parts)}
    if isinstance(node, ast.FormattedValue):
        return texts(node.value, inside, before)
    if isinstance(node, ast.Name) and inside.node is not None:
        place = inside.argument(node.id)
        set_here = [
            one.value
            for one in ast.walk(inside.node)
            if isinstance(one, ast.Assign) and getattr(one.targets[0], "id", "") == node.id
        ]
        if set_here:
            return set().union(*(texts(value, inside, before) for value in set_here))
        if place is not None and before not in VALUES:
            return passed(inside, node.id, place)
    assert before in VALUES, f"{inside.path}:{node.lineno}: which texts can stand after {before!r}?"
    return set(map(str, VALUES[before]))


def passed(function: Function, name: str, place: int) -> set[str]:
    """What callers of a function pass as one of its arguments: those of its own module, or of others where none is."""
    assert function.node is not None
    calls = source().calls.get(function.node.name, [])
    own = [one for one in calls if one[1].path == function.path]
    found: set[str] = set()
    for call, inside in own or calls:
        given = [keyword.value for keyword in call.keywords if keyword.arg == name]
        given += call.args[place : place + 1] if place >= 0 else []
        for value in given:
            found |= texts(value, inside)
    return found


def test_every_recorded_action_has_words_and_no_words_wait_for_an_action() -> None:
    actions = {action for action, _, _ in recorded()}

    assert len(actions) > 100
    assert sorted(actions - set(audit_words.known())) == []
    assert sorted(set(audit_words.known()) - actions) == []


def test_words_name_details_that_are_recorded() -> None:
    there: dict[str, set[str]] = {}
    passed_on: set[str] = set()
    for action, call, _ in recorded():
        there.setdefault(action, set()).update(keyword.arg for keyword in call.keywords if keyword.arg)
        if any(keyword.arg in (None, "details") for keyword in call.keywords):
            passed_on.add(action)  # more come in a mapping

    missing = {
        action: said.details - there[action]
        for action, said in audit_words.known().items()
        if not said.details <= there[action] and action not in passed_on
    }

    assert missing == {}
    assert [action for action, said in audit_words.known().items() if said.details & OWN] == []


@pytest.mark.parametrize(
    ("action", "details", "words"),
    [
        ("decision.approve", {}, "approved the award as second person"),
        ("decision.propose_award", {"amount_cents": 1450000}, "proposed an award of 14,500"),
        (
            "decision.propose_award",
            {"amount_cents": 1450050, "overrides": "below_line,flagged"},
            "proposed an award of 14,500.50, an override: below the line and despite a flag",
        ),
        ("decision.propose_award", {}, "proposed an award"),
        (
            "decision.release",
            {"kind": "decline", "amount_cents": None, "application": 1},
            "released the decline",
        ),
        (
            "gate.answer",
            {"gate": "bio_security", "outcome": "passed"},
            "answered the gate “bio security”: no concern",
        ),
        ("membership.give", {"role": Role.MANAGER}, "gave a role: program manager"),
        ("token.make", {"scope": "read", "days": 1}, "made an API token that may read, for 1 day"),
        ("figures.switch", {"on": False}, "switched the public figures off"),
        ("limit.set", {"most": None}, "set how many applications a reviewer takes: no limit"),
        (
            "program.shift",
            {"regular_on": "2026-12-07", "moved_to_on": None},
            "changed the day of an evaluation from 7 December 2026",
        ),
        ("later.give", {"kind": LaterKind.AGAIN, "amount_cents": 5}, "gave the credit once more: 0.05"),
        (
            "link.not_the_same",
            {"others": [1]},
            "said that applications which look alike are not the same: 1 other",
        ),
        (
            "reconcile.done",
            {"listed": 2, "differences": 0},
            "compared 2 lines of the provider with ours: 0 differences",
        ),
        # Of another version of the program: no words, a detail that is not there, a code that is not known.
        ("award.think_over", {"amount_cents": 5}, "award: think over"),
        ("decision.release", {}, "decision: release"),
        ("request.answer", {"outcome": "maybe"}, "answered the request: maybe"),
    ],
)
def test_an_action_reads_as_a_sentence(action: str, details: dict[str, object], words: str) -> None:
    assert audit_words.words_of(action, details) == words


def test_no_words_break_on_details_of_another_shape() -> None:
    for action, said in audit_words.known().items():
        bare = audit_words.words_of(action)
        assert not set("{}[]") & set(bare), action
        if not said.shown:
            assert "{" not in audit_words.words_of(action, dict.fromkeys(said.details, "odd")), action
        assert bare[0].islower(), action
        assert bare[-1] != ".", action


def test_one_action_has_one_sentence() -> None:
    with pytest.raises(ValueError, match="has words already"):
        audit_words.know({"thread.write": "said something else"})
    assert str(AuditEvent(action="thread.write")) == "Wrote in the reviewers' thread"
