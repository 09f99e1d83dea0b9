"""The house rules of docs/architecture.md, read from the code itself. A broken rule names file and line."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from applications.states import MAY_BECOME, State

PROJECT = Path(__file__).resolve().parents[1]
APPS = ("portal", "programs", "applications", "credits")
LONGEST_FILE = 500
LONGEST_FUNCTION = 60

# The only exceptions, each with its reason. Keep it short: an entry is a debt.
ALLOWED: dict[str, str] = {
    "trusted HTML: portal/texts.py": "the one place where Markdown becomes HTML, after nh3 has cleaned it",
}

WRITES = {"save", "create", "get_or_create", "update_or_create", "bulk_create", "bulk_update", "delete"}
DOORKEEPERS = {"programs/staff.py"}  # answers who is asking, from the request; called by edges only
EDGES = ("views", "admin", "api", "tasks", "templatetags")


@cache
def sources(*, tests: bool = False) -> dict[str, str]:
    """Path in the project -> text of every Python file of ours, migrations left out."""
    roots = [*APPS, "bench", "tests"] if tests else list(APPS)
    paths = [
        path for root in roots for path in (PROJECT / root).rglob("*.py") if "migrations" not in path.parts
    ]
    return {str(path.relative_to(PROJECT)): path.read_text() for path in sorted(paths)}


@cache
def tree(path: str) -> ast.Module:
    return ast.parse(sources(tests=True).get(path) or (PROJECT / path).read_text())


def templates() -> dict[str, str]:
    paths = [*(PROJECT / "templates").rglob("*.html"), *(PROJECT / "templates").rglob("*.txt")]
    return {str(path.relative_to(PROJECT)): path.read_text() for path in sorted(paths)}


def is_edge(path: str) -> bool:
    parts = Path(path).with_suffix("").parts
    return any(part in EDGES for part in parts[1:])


def is_operation(path: str) -> bool:
    """A module directly in an app that is neither an edge nor Django's furniture."""
    app, *rest = Path(path).parts
    furniture = {"api", "apps", "urls", "views", "admin", "tasks", "forms", "models", "widgets", "__init__"}
    if path in DOORKEEPERS:
        return False
    return (
        app in ("programs", "applications", "credits") and len(rest) == 1 and Path(path).stem not in furniture
    )


def calls(path: str) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the dotted text of what is called."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def test_imports_go_one_way():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        check=False,
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout


def test_only_operations_write():
    """Views, admin and tasks call an operation; `Model.objects.create()` and `thing.save()` stay out of them.

    QuerySet.update() is looked for on managers and querysets only: dictionaries and hashes have an update() as well.
    """
    found = [
        f"{path}:{node.lineno} {name}()"
        for path in sources()
        if is_edge(path)
        for node, name in calls(path)
        if (name.rpartition(".")[2] in WRITES and "." in name and not _harmless(name, path))
        or re.search(r"(objects|filter\(.*\)|exclude\(.*\)|all\(\)|queryset)\.update$", name)
    ]

    _hold(found)


def _harmless(name: str, path: str) -> bool:
    """Not the ORM: an operation may be called save(), a session, cache entry or file may be deleted."""
    if re.search(r"(session|cache|storage|super\(\))\.", name):
        return True
    operations = {
        alias.asname or alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module in APPS
        for alias in node.names
    }
    return name.partition(".")[0] in operations and name.count(".") == 1


def test_no_html_is_trusted_by_hand():
    python = [
        f"trusted HTML: {path}:{number}"
        for path, text in sources().items()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(r"\bmark_safe\b|\bSafe(String|Text)\(|is_safe\s*=\s*True", line)
    ]
    html = [
        f"trusted HTML: {path}:{number}"
        for path, text in templates().items()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(r"\|\s*safe\b|\{%\s*autoescape\s+off", line) and not path.endswith(".txt")
    ]

    _hold(python + html)


def test_templates_keep_the_content_security_policy():
    """No script, style or handler inside a page: scripts have a src, or are data."""
    patterns = {
        "inline script": r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/(?:ld\+)?json\")",
        "style element": r"<style\b",
        "style attribute": r"\sstyle\s*=\s*[\"']",
        "handler": r"\son[a-z]+\s*=\s*[\"']",
        "javascript address": r"(href|action)\s*=\s*[\"']javascript:",
    }
    found = [
        f"{path}:{text[: match.start()].count(chr(10)) + 1} {name}"
        for path, text in templates().items()
        if "/emails/" not in path
        for name, pattern in patterns.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]

    _hold(found)


def test_operations_know_no_request():
    found = [
        f"{path}:{node.lineno} {node.name}"
        for path in sources()
        if is_operation(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and "request"
        in {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]}
    ]

    _hold(found)


def test_operations_know_no_pages():
    """Nothing below the edges imports views, forms of the admin, messages or HTTP."""
    banned = re.compile(
        r"django\.(http|shortcuts|contrib\.(messages|admin))\b|^(portal|programs|applications|credits)\.(views|admin|tasks|urls)\b"
    )
    found = [
        f"{path}:{node.lineno}"
        for path in sources()
        if is_operation(path)
        for node in ast.walk(tree(path))
        for name in _imported(node)
        if banned.search(name)
    ]

    _hold(found)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def test_the_clock_is_read_in_one_place():
    """Calls only: timezone.now as the default of a model field is Django's business."""
    readers = {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "timezone.now",
        "timezone.localdate",
    }
    readers |= {f"datetime.{reader}" for reader in ("datetime.now", "date.today")} | {"timezone.localtime"}
    found = [
        f"{path}:{node.lineno} {name}()"
        for path in sources()
        if path != "portal/clock.py"
        for node, name in calls(path)
        if name in readers and not (name == "timezone.localtime" and node.args)
    ]

    _hold(found)


def test_files_stay_short():
    found = [
        f"{path} has {count} lines"
        for path, text in sources(tests=True).items()
        if (count := len(text.splitlines())) > LONGEST_FILE
    ]

    _hold(found)


def test_functions_stay_short():
    found = [
        f"{path}:{node.lineno} {node.name} has {length} lines"
        for path in sources(tests=True)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]

    _hold(found)


def test_no_business_rule_is_an_assert():
    """`python -O` drops asserts; they may only tell the type checker that something is not None."""
    found = [
        f"{path}:{node.lineno} {ast.unparse(node.test)}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assert)
        and not re.search(r"is not None$|^isinstance\(", ast.unparse(node.test))
        and not path.startswith("bench/")
    ]

    _hold(found)


def test_no_signals_between_our_apps():
    found = [
        f"{path}:{node.lineno}"
        for path in sources()
        for node in ast.walk(tree(path))
        for name in _imported(node)
        if name.startswith(("django.db.models.signals", "django.dispatch"))
    ]

    _hold(found)


def test_public_operations_are_described_and_typed():
    found = []
    for path in sources():
        if not is_operation(path):
            continue
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                if ast.get_docstring(node) is None:
                    found.append(f"{path}:{node.lineno} {node.name} has no docstring")
                if node.returns is None:
                    found.append(f"{path}:{node.lineno} {node.name} has no return type")

    _hold(found)


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_transition_row(state):
    assert state in MAY_BECOME
    assert MAY_BECOME[state] <= set(State)


def test_tracked_files_name_no_machine_and_no_registry():
    """Nothing that only works on the machine of whoever wrote it."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    hosts = "|".join(
        ["pypi" + r"\.org", "files\\.python" + "hosted", "registry" + r"\.npmjs", "artifact" + "ory"]
    )
    banned = re.compile(rf"(?<![\w/.])/(root|work|home/\w+|Users/\w+)/|{hosts}")
    found = []
    for name in tracked.stdout.decode().split("\0"):
        path = PROJECT / name
        if not name or not path.is_file() or path.suffix in {".png", ".woff2", ".ico", ".jpg", ".webp"}:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if banned.search(line):
                found.append(f"{name}:{number}")

    _hold(found)


def _hold(found: list[str]) -> None:
    """Fail with one line per finding that has no entry in ALLOWED."""
    broken = [line for line in found if not any(line.startswith(entry) for entry in ALLOWED)]
    if broken:
        pytest.fail("\n".join(["", *broken]), pytrace=False)


def test_every_exception_has_a_reason():
    assert all(len(reason) > 20 for reason in ALLOWED.values())
