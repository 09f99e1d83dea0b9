import pytest

from applications.emails import canonical, institution_domain


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("Ada@Example.org", "ada@example.org"),
        (" ada+credits@example.org ", "ada@example.org"),
        ("a.d.a+x@gmail.com", "ada@gmail.com"),
        ("a.da@googlemail.com", "ada@gmail.com"),
        ("a.da@example.org", "a.da@example.org"),
    ],
)
def test_one_mailbox_has_one_spelling(address: str, mailbox: str) -> None:
    assert canonical(address) == mailbox


@pytest.mark.parametrize(
    ("domain", "institution"),
    [
        ("cs.lake.ac.uk", "lake.ac.uk"),
        ("mail.lab.example.org", "lab.example.org"),
        ("mail.lake.edu", "lake.edu"),
        ("example.org", ""),
        ("lake.edu", "lake.edu"),
        ("gmail.com", ""),
        ("", ""),
    ],
)
def test_a_domain_stands_for_an_institution(domain: str, institution: str) -> None:
    assert institution_domain(domain) == institution
