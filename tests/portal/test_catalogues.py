"""The catalogues: whole, compiled as they are written, in agreement with what templates and code say."""

import gettext
import io
import re
from pathlib import Path

import pytest
from django.conf import settings

from portal import catalogues

ROOT = Path(settings.BASE_DIR)
FILES = sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po"))
HOLES = re.compile(r"%\(\w+\)s|\{\w+\}")


def catalogue(file: Path) -> catalogues.Catalogue:
    return catalogues.read(file.read_text())


@pytest.fixture(scope="module")
def texts() -> dict[str, catalogues.Entry]:
    return catalogues.found(ROOT)


def test_every_offered_language_has_a_catalogue() -> None:
    offered = {code for code, _name in settings.LANGUAGES[1:]}
    assert {file.parent.parent.name for file in FILES} == offered == {"es"}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_make_messages_would_find_nothing_new(file: Path, texts: dict[str, catalogues.Entry]) -> None:
    known = catalogue(file)
    assert sorted(set(texts) - set(known.entries)) == []
    assert catalogues.write(catalogues.merged(known, texts)) == file.read_text()


@pytest.mark.parametrize("file", FILES, ids=str)
def test_nothing_is_untranslated_or_uncertain(file: Path) -> None:
    entries = catalogue(file).entries.values()
    assert [entry.one for entry in entries if not entry.said or not all(entry.said)] == []
    assert [entry.one for entry in entries if entry.fuzzy] == []
    assert [entry.one for entry in entries if len(entry.said) != (2 if entry.many else 1)] == []


@pytest.mark.parametrize("file", FILES, ids=str)
def test_translations_leave_the_same_holes_and_the_same_tags(file: Path) -> None:
    for entry in catalogue(file).entries.values():
        for text in entry.said:
            holes, wanted = set(HOLES.findall(text)), set(HOLES.findall(entry.many or entry.one))
            assert holes == wanted or (entry.many and text == entry.said[0] and holes < wanted), entry.one
            assert sorted(re.findall(r"</?\w+", text)) == sorted(re.findall(r"</?\w+", entry.one)), entry.one
            assert text.replace("%%", "").count("%") == len(re.findall(r"%\(", text)), entry.one
            assert (text[:1].isspace(), text[-1:].isspace()) == (
                entry.one[:1].isspace(),
                entry.one[-1:].isspace(),
            ), entry.one


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_compiled_file_is_that_of_the_written_one(file: Path) -> None:
    compiled = file.with_suffix(".mo").read_bytes()
    assert compiled == catalogues.compiled(catalogue(file))
    spoken = gettext.GNUTranslations(io.BytesIO(compiled))
    for entry in catalogue(file).entries.values():
        if entry.many:
            assert [spoken.ngettext(entry.one, entry.many, number) for number in (1, 5)] == entry.said
        else:
            assert spoken.gettext(entry.one) == entry.said[0]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_catalogue_begins_with_its_glossary(file: Path) -> None:
    assert "Glosario" in catalogue(file).comment
    assert all(line.startswith("#") for line in catalogue(file).comment.splitlines())


def test_templates_and_code_are_read(tmp_path: Path) -> None:
    (tmp_path / "templates" / "admin").mkdir(parents=True)
    (tmp_path / "portal" / "admin").mkdir(parents=True)
    (tmp_path / "templates" / "page.html").write_text(
        "{% load i18n %}{% translate 'One' %}{% include 'x' with title=_(\"Two\") %}"
        "{% blocktranslate trimmed count n=n %}\n {{ n }} “day”\n{% plural %}{{ n }} days{% endblocktranslate %}"
    )
    (tmp_path / "templates" / "admin" / "page.html").write_text("{% load i18n %}{% translate 'Staff' %}")
    (tmp_path / "portal" / "some.py").write_text(
        'A = gettext_lazy("Three " "four")\ndef f(n): return ngettext("%(n)s a", "%(n)s as", n) + other("No")\n'
    )
    (tmp_path / "portal" / "admin" / "some.py").write_text('_("Staff too")\n')

    found = catalogues.found(tmp_path)

    assert {one: entry.many for one, entry in found.items()} == {
        "One": "",
        "Two": "",
        "%(n)s “day”": "%(n)s days",
        "Three four": "",
        "%(n)s a": "%(n)s as",
    }


def test_a_catalogue_reads_as_it_was_written_and_keeps_what_it_knew() -> None:
    known = catalogues.Catalogue("# a\n# b", "Language: xx\n")
    known.entries = {
        "Say “it”\n": catalogues.Entry("Say “it”\n", "", ['Di "eso"\n'], ["a.py"]),
        "%(n)s a": catalogues.Entry("%(n)s a", "%(n)s as", ["x", "xs"], ["b.py"]),
    }

    again = catalogues.read(catalogues.write(known))
    later = catalogues.merged(
        again, {"%(n)s a": catalogues.Entry("%(n)s a", "%(n)s as"), "New": catalogues.Entry("New")}
    )

    assert again == known
    assert (later.entries["%(n)s a"].said, later.entries["New"].said, list(later.entries)) == (
        ["x", "xs"],
        [],
        ["%(n)s a", "New"],
    )
