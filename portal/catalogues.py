"""Pure: the catalogues of texts. Finds what templates and code have to say, reads and writes .po, compiles .mo.

Nobody needs the gettext programs for it. `make messages` runs it; a test proves that nothing is missing.
"""

import ast
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation.template import templatize

SOURCES = ("portal", "programs", "applications", "credits")
NOT_PUBLIC = ("admin", "management", "migrations", "demo", "demo_world", "rehearsal", "samples")
"""Folders whose texts stay English: the staff side, commands, the demo."""

_CALLS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}
_IN_TEMPLATE = re.compile(
    r"""\b(n?gettext|_)\(\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))(?:\s*,\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")))?"""
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*$')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


@dataclass
class Entry:
    """One text: `one` and, where it counts something, `many`; its translations, one for each plural form."""

    one: str
    many: str = ""
    said: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    fuzzy: bool = False


@dataclass
class Catalogue:
    """A .po file: what stands above its first entry, its header, its entries by their text."""

    comment: str = ""
    header: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)


# --- Finding ------------------------------------------------------------------------------------------------------------


def found(root: Path) -> dict[str, Entry]:
    """Every text of the public site that is marked for translation, in the order of files."""
    entries: dict[str, Entry] = {}
    for path in _files(root):
        place = path.relative_to(root).as_posix()
        texts = _of_code if path.suffix == ".py" else _of_template
        for one, many in texts(path.read_text()):
            entry = entries.setdefault(one, Entry(one))
            entry.many = entry.many or many
            if place not in entry.places:
                entry.places.append(place)
    return entries


def _files(root: Path) -> Iterator[Path]:
    yield from sorted(
        path
        for suffix in ("html", "txt")
        for path in (root / "templates").rglob(f"*.{suffix}")
        if not set(path.relative_to(root).parts) & set(NOT_PUBLIC)
    )
    for app in SOURCES:
        yield from sorted(
            path
            for path in (root / app).rglob("*.py")
            if not set(path.relative_to(root).parts) & set(NOT_PUBLIC)
        )


def _of_code(source: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            texts = [
                argument.value
                for argument in node.args[: _CALLS[node.func.id]]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            ]
            if len(texts) == _CALLS[node.func.id]:
                yield texts[0], texts[1] if len(texts) > 1 else ""


def _of_template(source: str) -> Iterator[tuple[str, str]]:
    for match in _IN_TEMPLATE.finditer(templatize(source)):
        one, many = ast.literal_eval(match[2]), ast.literal_eval(match[3]) if match[3] else ""
        yield one, many if match[1] == "ngettext" else ""


# --- .po ----------------------------------------------------------------------------------------------------------------


def read(text: str) -> Catalogue:
    """Read a .po file."""
    catalogue = Catalogue()
    for number, block in enumerate(re.split(r"\n\s*\n", text.strip())):
        values, entry = _block(block)
        one, said = values.get("msgid", ""), _said(values)
        if not one:
            if number == 0:
                lines = [line for line in block.splitlines() if line.startswith("#")]
                catalogue.comment, catalogue.header = "\n".join(lines), said[0] if said else ""
            continue
        entry.one, entry.many, entry.said = one, values.get("msgid_plural", ""), said
        catalogue.entries[one] = entry
    return catalogue


def _block(block: str) -> tuple[dict[str, str], Entry]:
    values: dict[str, str] = {}
    entry, name = Entry(""), ""
    for line in block.splitlines():
        if line.startswith("#:"):
            entry.places += line[2:].split()
        elif line.startswith("#,"):
            entry.fuzzy = "fuzzy" in line
        elif not line.startswith("#") and (quoted := _QUOTED.search(line)):
            name = line.partition(" ")[0] if not line.startswith('"') else name
            values[name] = values.get(name, "") + _unescaped(quoted[1])
    return values, entry


def _said(values: dict[str, str]) -> list[str]:
    if "msgstr" in values:
        return [values["msgstr"]]
    return [values[name] for name in sorted(values) if name.startswith("msgstr[")]


def write(catalogue: Catalogue) -> str:
    """Write a .po file: one form, so that reading and writing it again gives the same bytes."""
    blocks = [f'{catalogue.comment}\nmsgid ""\nmsgstr {_quoted(catalogue.header)}'.lstrip("\n")]
    for entry in catalogue.entries.values():
        lines = [f"#: {' '.join(entry.places[:3])}"]
        if entry.fuzzy:
            lines.append("#, fuzzy")
        lines.append(f"msgid {_quoted(entry.one)}")
        if entry.many:
            lines.append(f"msgid_plural {_quoted(entry.many)}")
            lines += [
                f"msgstr[{number}] {_quoted(text)}" for number, text in enumerate(entry.said or ["", ""])
            ]
        else:
            lines.append(f"msgstr {_quoted(entry.said[0] if entry.said else '')}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def merged(known: Catalogue, entries: dict[str, Entry]) -> Catalogue:
    """The texts that are there now with the translations that were known; what nobody says any more is dropped."""
    result = Catalogue(known.comment, known.header)
    for one, entry in entries.items():
        before = known.entries.get(one)
        kept = before.said if before and bool(before.many) == bool(entry.many) else []
        result.entries[one] = Entry(one, entry.many, kept, entry.places, bool(before and before.fuzzy))
    return result


def _quoted(text: str) -> str:
    escaped = "".join(_ESCAPES.get(sign, sign) for sign in text)
    lines = re.findall(r".*?\\n|.+$", escaped)
    if len(lines) < 2:
        return f'"{escaped}"'
    return '""\n' + "\n".join(f'"{line}"' for line in lines)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text)


# --- .mo ----------------------------------------------------------------------------------------------------------------


def compiled(catalogue: Catalogue) -> bytes:
    """The .mo file of a catalogue; texts without a translation are left out."""
    pairs = [("", catalogue.header)] + [
        ("\0".join(filter(None, (entry.one, entry.many))), "\0".join(entry.said))
        for entry in catalogue.entries.values()
        if entry.said and all(entry.said) and not entry.fuzzy
    ]
    encoded = sorted((one.encode(), said.encode()) for one, said in pairs)
    count = len(encoded)
    start = 7 * 4 + 16 * count
    tables, data = [b"", b""], b""
    for column in (0, 1):
        for pair in encoded:
            tables[column] += struct.pack("<II", len(pair[column]), start + len(data))
            data += pair[column] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, start)
    return head + tables[0] + tables[1] + data
