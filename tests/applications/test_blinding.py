import pytest

from applications import blinding
from applications.blinding import Identity

SOMEBODY = Identity(
    names=("Jana Mühlberg", "Wei Li", "José de la Vega"),
    phrases=("University of Lake Town (ULT), Institute for Frogs", "0000-0002-1825-0097", "plan by Jana.pdf"),
    addresses=("jmuehlberg@cs.laketown.example.org", "somebody@gmail.com"),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("As Jana Mühlberg wrote.", "As [withheld] wrote."),
        ("JANA   MUHLBERG and jana-mühlberg", "[withheld] and [withheld]"),
        ("(Mühlberg 2020, p. 4)", "([withheld] 2020, p. 4)"),
        ("Mühlberg's frogs", "[withheld]'s frogs"),
        ("J\u00adana Mu\u0308hlberg", "[withheld]"),
        ("we at the university of\nLAKE town", "we at the [withheld]"),
        ("the ULT pond", "the [withheld] pond"),
        ("Institute for Frogs", "[withheld]"),
        ("write to a.b@c.example", "write to [withheld]"),
        ("see https://code.example/jmuehlberg/x.", "see [withheld]"),
        ("iD 0000-0002-1825-0097", "iD [withheld]"),
        ("another iD 0000 0001 5109 3700", "another iD [withheld]"),
        ("host cs.laketown.example.org", "host [withheld]"),
        ("plan by Jana.pdf", "[withheld]"),
        ("de la Vega", "de la [withheld]"),
    ],
)
def test_what_names_somebody_is_replaced(text: str, shown: str) -> None:
    assert SOMEBODY.hide(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "We study lakes, towns and frogs at a university.",
        "the result ultimately wins; ultra; default",
        "gmail.com is a service",
        "vega is a star, and de la means of the",
        "https://doi.org/10.1000/frogs",
        "4 frogs per 0.5 m",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert SOMEBODY.hide(text) == text


def test_scripts_without_blanks_or_case_are_searched_too() -> None:
    identity = Identity(names=("李伟明",), phrases=("湖城大学",))

    assert identity.hide("我是李伟明，在湖城大学工作") == "我是[withheld]，在[withheld]工作"


def test_nothing_known_hides_addresses_alone() -> None:
    assert Identity().hide("Anna wrote to a@b.example") == "Anna wrote to [withheld]"


def test_the_form_says_which_answers_name_somebody() -> None:
    sections = [
        {
            "key": "all",
            "title": "All",
            "questions": [
                {"key": "name", "type": "short_text", "label": "Name", "blind": True, "autocomplete": "name"},
                {"key": "team", "type": "people", "label": "Team"},
                {"key": "place", "type": "organization", "label": "Where"},
                {"key": "story", "type": "long_text", "label": "Story", "blind": True},
                {"key": "open", "type": "short_text", "label": "Open"},
            ],
        }
    ]
    answers = {
        "name": "Ana Sol",
        "team": [{"name": "Bo Ek", "role": "PI"}],
        "place": {"name": "Hill College", "ror_id": "05abc"},
        "story": "A long one",
        "open": "Open words",
    }

    assert blinding.of_answers(sections, answers) == (["Ana Sol", "Bo Ek"], ["Hill College", "05abc"])
