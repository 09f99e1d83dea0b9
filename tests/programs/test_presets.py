"""Programs as files: what ships, loading twice, exporting, and files that are wrong."""

import re
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from applications import notices
from portal.models import AuditEvent
from programs import fields, form_versions, preset_files, presets
from programs.models import (
    Criterion,
    Cycle,
    Door,
    EligibilityRule,
    FaqEntry,
    FormVersion,
    MessageKind,
    MessageTemplate,
    Program,
    ProgramState,
    ScheduleException,
)
from programs.request_models import RequestForm
from programs.translation_models import Translation

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SLUGS = ["ai-for-science", "external-researcher-access", "openai-researcher-access"]

SMALL = """\
preset: 1
slug: robotics-safety
name: Robotics Safety Fellows
short_code: RSF
state: draft
accent: ai-for-science
position: 40

summary: For people who keep robots safe.
purpose: One sentence.

award:
  mode: capped
  currency: USD
  cap_cents: 500000
  four_eyes_above_cents: 100000

provider:
  name: anthropic
  organization_id_format: any
  organization_id_when: apply

calendar:
  rule: FREQ=WEEKLY;INTERVAL=2;BYDAY=WE
  time_zone: Europe/Paris
  cut_off_time: '18:30'
  decided_by_days: 10
  exceptions:
    - regular_on: 2026-12-16
      moved_to_on: 2026-12-28
      reason: Holidays

criteria:
  - key: merit
    name: Merit
    description: Is it good?
    kind: score
    weight_percent: 100
    scale_max: 5
    anchors:
      '1': No
      '5': Yes

faq:
  - key: one
    question: One?
    answer: Yes.
  - key: two
    question: Two?
    answer: |-
      First line.

      Second line.

form:
  sections:
    - key: all
      title: All
      questions:
        - key: title
          type: short_text
          label: Title
          required: true
          maps_to: title
"""


def load(text=SMALL, **options):
    return presets.load(text=text, name="small.yaml", by=None, at=NOON, **options)


def small():
    return Program.objects.get(slug="robotics-safety")


def shipped_text(slug):
    return (presets.SHIPPED / f"{slug}.yaml").read_text()


# --- What ships -----------------------------------------------------------------------------------------------------------


def test_three_programs_ship():
    assert [path.stem for path in presets.shipped()] == SLUGS


@pytest.mark.parametrize("slug", SLUGS)
def test_a_shipped_file_is_canonical(slug):
    text = shipped_text(slug)
    document, _ = preset_files.read(text)
    assert preset_files.write(document) == text


@pytest.mark.django_db
def test_loading_exporting_and_loading_again_changes_nothing():
    for slug in SLUGS:
        first = presets.load(text=shipped_text(slug), name=slug, by=None, at=NOON)
        assert (first.created, first.changes) == (True, [])
    before = AuditEvent.objects.count(), Cycle.objects.count()

    for slug in SLUGS:
        program = Program.objects.get(slug=slug)
        exported = presets.export_text(program)
        assert exported == shipped_text(slug)
        assert presets.load(text=exported, name=slug, by=None, at=NOON) == presets.Loaded(slug)
        assert program.state == ProgramState.OPEN
        assert program.form_versions.count() == 1
        assert program.cycles.count() >= 12
    assert before == (AuditEvent.objects.count(), Cycle.objects.count())


@pytest.mark.parametrize("slug", SLUGS)
def test_a_shipped_form_fills_the_columns_that_rules_need(slug):
    document, _ = preset_files.read(shipped_text(slug))
    sections = document["form"]["sections"]

    assert fields.problems(sections) == []
    assert 4 <= len(sections) <= 6
    mapped = {question["maps_to"] for question in fields.questions(sections) if "maps_to" in question}
    wanted = {
        "title",
        "abstract",
        "amount_cents",
        "months",
        "country",
        "institution",
        "field",
        "career_stage",
        "red_team",
    }
    wanted |= {"models"} if slug.startswith("openai") else {"organization_id", "orcid", "institution_kind"}
    assert mapped == wanted
    assert all(question.get("help") or question["label"] for question in fields.questions(sections))


@pytest.mark.parametrize("slug", SLUGS)
def test_shipped_letters_are_complete_and_their_placeholders_known(slug):
    document, _ = preset_files.read(shipped_text(slug))
    assert {letter["kind"] for letter in document["messages"]} == set(MessageKind)
    for letter in document["messages"]:
        assert notices.problems(letter["subject"], letter["body"]) == [], letter["kind"]


@pytest.mark.parametrize("slug", SLUGS)
def test_shipped_rubrics_add_up_and_every_score_has_five_anchors(slug):
    document, _ = preset_files.read(shipped_text(slug))
    scores = [criterion for criterion in document["criteria"] if criterion["kind"] == "score"]
    assert sum(criterion["weight_percent"] for criterion in scores) == 100
    assert all(list(criterion["anchors"]) == list("12345") for criterion in scores)
    keys = {question["key"] for question in fields.questions(document["form"]["sections"])}
    gates = [criterion for criterion in document["criteria"] if criterion["kind"] == "gate"]
    assert gates
    assert all(gate.get("show_if", {}).get("question", "red_team") in keys for gate in gates)


def test_shipped_country_lists_have_the_published_lengths():
    lists = {}
    for slug in SLUGS:
        document, _ = preset_files.read(shipped_text(slug))
        lists[slug] = next(rule for rule in document["rules"] if rule["kind"] == "country")["parameters"][
            "allowed"
        ]
        selectable = [q for q in fields.questions(document["form"]["sections"]) if q["type"] == "country"]
        lists[slug + "-form"] = selectable[0].get("countries")
    assert len(lists["ai-for-science"]) == 175
    assert lists["ai-for-science"] == lists["external-researcher-access"]
    assert len(lists["openai-researcher-access"]) == 188
    assert len(lists["openai-researcher-access-form"]) == 196
    assert set(lists["openai-researcher-access-form"]) - set(lists["openai-researcher-access"]) == {
        "BY",
        "CN",
        "CU",
        "IR",
        "KP",
        "RU",
        "SY",
        "VE",
    }


@pytest.mark.django_db
def test_rules_of_the_three_programs():
    call_command("load_presets", stdout=StringIO())
    external, science, openai = (Program.objects.get(short_code=code) for code in ("ERA", "AIS", "ORA"))

    assert (external.award_mode, external.award_default_cents, external.term_mode) == (
        "fixed",
        100_000,
        "none",
    )
    assert (external.four_eyes_above_cents, external.reapply_after_on) == (100_000, date(2024, 7, 1))
    assert (science.award_mode, science.award_cap_cents, science.term_months) == ("capped", 2_000_000, 6)
    assert (openai.award_mode, openai.term_mode, openai.term_months) == ("undisclosed", "stated", 12)
    assert [model["slug"] for model in openai.models_offered if model["limited"]] == ["gpt-4-base", "codex"]
    assert {p.decline_mode for p in (external, science, openai)} == {"quiet"}
    assert {p.decided_by_days for p in (external, science, openai)} == {14}
    assert {p.schedule_rule for p in (external, science, openai)} == {"FREQ=MONTHLY;BYDAY=1MO"}
    assert (external.urgent_contact != "", science.urgent_contact, openai.organization_id_when) == (
        True,
        "",
        "acceptance",
    )
    assert list(science.criteria.filter(kind="gate").values_list("key", flat=True)) == ["biosecurity"]
    assert external.cycles.get(evaluation_on=date(2026, 12, 7)).decided_by_on == date(2026, 12, 21)


# --- The layout covers the models -------------------------------------------------------------------------------------------


def columns_of(model):
    return {column.name for column in model._meta.concrete_fields} - {"id", "program", "position", "left"}


def test_every_column_of_a_program_has_its_place_in_the_file():
    assert set(presets.COLUMNS.values()) | {"slug", "state"} == columns_of(Program) | {"position"}


@pytest.mark.parametrize("part", presets.PARTS, ids=lambda part: part.related_name)
def test_every_column_of_a_part_has_its_place_in_the_file(part):
    unpublished = {"draft"}  # questions that are being changed stay where they are
    assert set(part.columns) == columns_of(part.model) - unpublished


def test_every_model_that_belongs_to_a_program_is_written():
    assert {part.model for part in presets.PARTS} == {
        ScheduleException,
        Criterion,
        EligibilityRule,
        Door,
        RequestForm,
        FaqEntry,
        MessageTemplate,
        Translation,
    }


# --- Loading ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_small_file_round_trips():
    assert load() == presets.Loaded("robotics-safety", created=True)
    assert presets.export(small())["calendar"]["exceptions"] == [
        {"regular_on": "2026-12-16", "moved_to_on": "2026-12-28", "reason": "Holidays"}
    ]
    assert load(presets.export_text(small())) == presets.Loaded("robotics-safety")


@pytest.mark.django_db
def test_a_change_is_reported_and_rows_keep_their_identity():
    load()
    kept = small().faq.get(key="two").pk

    loaded = load(
        SMALL.replace("cap_cents: 500000", "cap_cents: 600000")
        .replace("  - key: one\n    question: One?\n    answer: Yes.\n", "")
        .replace("Second line.", "Third line.")
    )

    assert loaded.changes == ["award.cap_cents: 500000 → 600000", "faq: removed one; changed two"]
    assert small().award_cap_cents == 600_000
    assert [(entry.pk, entry.answer) for entry in small().faq.all()] == [(kept, "First line.\n\nThird line.")]


def test_many_changed_entries_are_counted_and_few_are_named():
    texts = [{"place": f"faq.{place}", "language": "es", "text": "Hola"} for place in range(40)]

    assert presets.differences({"translations": []}, {"translations": texts[:2]}) == [
        "translations: added faq.0 (es), faq.1 (es)"
    ]
    assert presets.differences({"translations": []}, {"translations": texts}) == [
        "translations: added 40 (faq.0 (es), faq.1 (es), faq.2 (es), …)"
    ]


@pytest.mark.django_db
def test_changed_questions_make_a_new_version_and_leave_the_published_one():
    load()
    before = form_versions.current(small())

    loaded = load(SMALL.replace("label: Title", "label: Name of the project"))

    after = form_versions.current(small())
    assert loaded.changes == ["form: new version; questions changed title"]
    assert (before.number, after.number) == (1, 2)
    assert FormVersion.objects.get(pk=before.pk).sections[0]["questions"][0]["label"] == "Title"


@pytest.mark.django_db
def test_a_dry_run_writes_nothing():
    assert load(dry_run=True).created is True
    assert Program.objects.count() == 0
    load()
    assert load(SMALL.replace("cap_cents: 500000", "cap_cents: 1"), dry_run=True).changes != []
    assert small().award_cap_cents == 500_000


@pytest.mark.django_db
def test_a_program_that_was_paused_stays_paused():
    load()
    Program.objects.update(state=ProgramState.PAUSED)
    load(SMALL.replace("state: draft", "state: open").replace("position: 40", "position: 41"))
    assert small().state == ProgramState.PAUSED


@pytest.mark.django_db
def test_a_taken_short_code_is_refused():
    load()
    with pytest.raises(presets.CannotLoad, match="RSF belongs to Robotics Safety Fellows"):
        load(SMALL.replace("slug: robotics-safety", "slug: other"))
    assert Program.objects.count() == 1


# --- Wrong files: the line and the key ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cap_cents: 500000", "cap_cents: many", "line 15: award.cap_cents is a whole number"),
        ("cap_cents: 500000", "cap_cent: 500000", "line 15: award.cap_cent is not known here"),
        ("  cap_cents: 500000\n", "", "line 1: program: A capped award needs its cap"),
        ("mode: capped", "mode: lavish", "line 13: award.mode: Value 'lavish' is not a valid choice"),
        ("short_code: RSF", "short_code: rsf!", "line 4: short_code: Two to six capital letters"),
        ("slug: robotics-safety", "slug: Robotics Safety", "line 2: slug:"),
        ("slug: robotics-safety", "slug:", "line 2: slug is missing"),
        ("name: Robotics Safety Fellows", "title: Robots", "line 3: title is not known here"),
        ("name: Robotics Safety Fellows", "name: 12", "line 3: name is a text"),
        ("accent: ai-for-science", "accent: '#ff0000'", "line 6: accent:"),
        ("accent: ai-for-science", "accent: ai-for-science\naccent: x", "line 7: accent stands twice"),
        ("preset: 1", "preset: 2", "line 1: preset is 1"),
        ("rule: FREQ=WEEKLY", "rule: FREQ=SOMETIMES", "line 24: A rule starts with FREQ"),
        ("time_zone: Europe/Paris", "time_zone: Europe/Atlantis", "not a time zone"),
        ("'18:30'", "18:30", "line 26: calendar.cut_off_time is a time"),
        ("'18:30'", "'25:30'", "line 26: calendar.cut_off_time is a time"),
        ("regular_on: 2026-12-16", "regular_on: 2026-12-24", "2026-12-24 is not an evaluation day"),
        ("regular_on: 2026-12-16", "regular_on: 2026-13-23", "calendar.exceptions[1].regular_on is a date"),
        ("kind: score", "kind: guess", "line 37: criteria.1.kind: Value 'guess'"),
        ("kind: score", "kind: gate", "A gate passes or fails; it has no weight"),
        ("key: two", "key: one", "line 48: one stands twice in faq"),
        ("organization_id_format: any", "organization_id_format: moon", "organization_id_format is one of"),
        ("type: short_text", "type: telepathy", "unknown type “telepathy”"),
        ("label: Title", "label: Title\n          max_word: 3", "cannot have: max_word"),
        ("maps_to: title", "maps_to: fortune", "maps_to is one of"),
        ("purpose: One sentence.", "purpose: &a x\nnotices: [*a, *a]", "anchors (& and *) are not read"),
        ("purpose: One sentence.", "purpose: !!python/object:os.system x", "purpose cannot be read"),
        ("purpose: One sentence.", 'purpose: "\\0"', "purpose cannot be read"),
        ("purpose: One sentence.", "purpose: [", "this is not YAML"),
        ("purpose: One sentence.", "purpose: .nan", "purpose is a text"),
        ("purpose: One sentence.", "purpose: " + "[" * 50 + "]" * 50, "nested too deeply"),
    ],
)
@pytest.mark.django_db
def test_a_wrong_file_names_line_and_key(old, new, words):
    assert old in SMALL
    with pytest.raises(preset_files.BadPreset, match=re.escape(words)):
        load(SMALL.replace(old, new, 1))
    assert Program.objects.count() == 0


@pytest.mark.parametrize(
    "text", ["", "a", "- 1", "\t", "{", "x" * 1_000_001, "\ud800", "\x00", "? [a]\n: b", "--- 1\n--- 2"]
)
def test_what_is_no_file_at_all_is_refused(text):
    with pytest.raises(preset_files.BadPreset, match=r"^small\.yaml"):
        preset_files.read(text, name="small.yaml")


# --- Commands -----------------------------------------------------------------------------------------------------------------


def run(*arguments, **options):
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_load_presets_says_what_it_did():
    assert run("load_presets", "ai-for-science", dry_run=True) == "ai-for-science: would be added\n"
    assert run("load_presets", "ai-for-science") == "ai-for-science: added\n"
    assert run("load_presets", "ai-for-science") == "ai-for-science: nothing to change\n"
    assert run("export_program", "ai-for-science") == shipped_text("ai-for-science")


@pytest.mark.django_db
def test_load_presets_reads_files(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL)
    assert run("load_presets", str(path)) == "robotics-safety: added\n"
    path.write_text(SMALL.replace("position: 40", "position: 50"))
    assert run("load_presets", str(path)) == "robotics-safety: changed\n  position: 40 → 50\n"
    assert "written to" in run("export_program", "robotics-safety", output=tmp_path / "out.yaml")
    assert run("load_presets", str(tmp_path / "out.yaml")) == "robotics-safety: nothing to change\n"


@pytest.mark.django_db
def test_commands_refuse_with_words(tmp_path):
    with pytest.raises(CommandError, match="no shipped program “nonsense”"):
        run("load_presets", "nonsense")
    with pytest.raises(CommandError, match="There is no program “nonsense”"):
        run("export_program", "nonsense")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(CommandError, match="not UTF-8"):
        run("load_presets", str(tmp_path / "latin.yaml"))


def test_preview_schedule_prints_instants_and_shifts():
    asked = ["preview_schedule", "--rule", "FREQ=MONTHLY;BYDAY=1MO", "--zone", "America/Los_Angeles"]
    out = run(*asked, "--from", "2026-09", "--to", "2026-10", "--exception", "2026-09-07=2026-09-08")
    assert out.splitlines() == [
        "Tue 2026-09-08  cut-off 2026-09-08T07:00:00Z  decided by 2026-09-22  moved from 2026-09-07",
        "Mon 2026-10-05  cut-off 2026-10-05T07:00:00Z  decided by 2026-10-19",
    ]
    assert '"cut_off_at": "2026-11-02T08:00:00Z"' in run(
        *asked, "--from", "2026-11", "--to", "2026-11", "--json"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"--rule": "x"},
        {"--zone": "x"},
        {"--from": "2026-13"},
        {"--to": "0000-01"},
        {"--time": "25:00"},
        {"--exception": "x"},
        {"--decided-by-days": "99999999999"},
    ],
)
def test_preview_schedule_refuses_with_words(changed):
    asked = {"--rule": "FREQ=DAILY", "--zone": "UTC", "--from": "2026-01", "--to": "2026-01"} | changed
    with pytest.raises(CommandError):
        run("preview_schedule", *[part for pair in asked.items() for part in pair])
