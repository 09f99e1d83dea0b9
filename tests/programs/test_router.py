from itertools import product

from programs import router


def walk(answers: dict[str, str]) -> list[dict[str, str]]:
    """Every complete way through the questions."""
    question = router.next_question(answers)
    if question is None:
        return [answers]
    return [found for choice in question.choices for found in walk({**answers, question.key: choice.value})]


def test_every_way_ends_within_six_questions() -> None:
    ways = walk({})

    assert len(ways) > 50
    assert max(len(way) for way in ways) <= 6
    assert {router.result(way).kind for way in ways} == {"program", "door", "buy"}


def test_each_program_is_reached() -> None:
    reached = {router.result(way).target for way in walk({}) if router.result(way).kind == "program"}

    assert reached == {router.SAFETY, router.SCIENCE, router.SOCIETY}


def test_red_team_work_never_ends_at_a_program() -> None:
    for way in walk({}):
        if way.get("attack") == "yes" or way["use"] == "red-team":
            assert router.result(way).kind == "door"


def test_a_country_without_the_api_leads_to_no_program() -> None:
    for way in walk({}):
        if way.get("country") == "no":
            assert router.result(way).kind == "buy"


def test_science_without_an_institution_goes_to_the_program_that_needs_none() -> None:
    way = {"use": "science", "country": "yes", "affiliation": "no", "models": "standard", "when": "month"}

    assert router.result(way).target == router.SOCIETY


def test_a_made_up_address_starts_again_where_it_stops_making_sense() -> None:
    assert router.known({"use": "nonsense", "country": "yes"}) == {}
    assert router.known({"country": "yes"}) == {}
    assert router.known({"use": "safety", "country": "yes", "models": "x\x00"}) == {
        "use": "safety",
        "country": "yes",
    }


def test_answers_outside_the_path_are_dropped() -> None:
    for use, attack in product(("retired", "red-team"), ("yes", "no")):
        assert router.known({"use": use, "attack": attack}) == {"use": use}
