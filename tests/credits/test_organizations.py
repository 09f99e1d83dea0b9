import pytest

from credits import organizations
from credits.models import Organization
from credits.organizations import WrongOrganizationId, clean_external_id
from tests.factories.credits import NOON

UUID_TEXT = "0b0c9a64-7a56-4a39-9f5e-1d2c3b4a5968"


@pytest.mark.parametrize(
    "provider_format, text, cleaned",
    [
        ("anthropic-console", UUID_TEXT, UUID_TEXT),
        ("anthropic-console", f"  {UUID_TEXT.upper()} ", UUID_TEXT),
        ("openai", "org-AbCdEfGh12345678", "org-AbCdEfGh12345678"),
        ("any", "acct_1.2:3", "acct_1.2:3"),
    ],
)
def test_an_id_has_one_written_form(provider_format, text, cleaned):
    assert clean_external_id(provider_format, text) == cleaned


@pytest.mark.parametrize(
    "provider_format, text",
    [
        ("anthropic-console", ""),
        ("anthropic-console", UUID_TEXT[:-1]),
        ("anthropic-console", UUID_TEXT.replace("-", "")),
        ("anthropic-console", f"{{{UUID_TEXT}}}"),
        ("anthropic-console", "00000000-0000-0000-0000-000000000000"),
        ("anthropic-console", f"{UUID_TEXT}\nx"),
        ("openai", "org-short"),
        ("openai", "ORG-AbCdEfGh12345678"),
        ("openai", "org-AbCdEfGh1234567é"),
        ("any", "x"),
        ("any", "=cmd|x"),
        ("any", "a b"),
        ("any", "a" * 81),
    ],
)
def test_another_form_is_refused_with_a_sentence(provider_format, text):
    with pytest.raises(WrongOrganizationId, match="Enter"):
        clean_external_id(provider_format, text)


def test_an_unknown_format_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="nonesuch"):
        clean_external_id("nonesuch", "x")


@pytest.mark.django_db
def test_one_row_for_one_id():
    first = organizations.get_or_register(
        provider="anthropic", external_id=UUID_TEXT, format="anthropic-console", at=NOON
    )
    again = organizations.get_or_register(
        provider="anthropic", external_id=UUID_TEXT.upper(), format="anthropic-console", at=NOON
    )
    elsewhere = organizations.get_or_register(provider="other", external_id=UUID_TEXT, format="any", at=NOON)

    assert first == again != elsewhere
    assert Organization.objects.count() == 2


@pytest.mark.django_db
def test_registering_many_returns_the_row_of_each():
    known = organizations.register_many(
        provider="openai", external_ids={"org-aaaaaaaa", "org-bbbbbbbb"}, at=NOON
    )
    again = organizations.register_many(
        provider="openai", external_ids={"org-bbbbbbbb", "org-cccccccc"}, at=NOON
    )

    assert again["org-bbbbbbbb"] == known["org-bbbbbbbb"]
    assert Organization.objects.count() == 3
