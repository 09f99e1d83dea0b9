"""The people of the demo world. All are invented; their addresses end in example.org."""

from dataclasses import dataclass, field
from datetime import datetime

from allauth.account.models import EmailAddress

from portal.models import User
from portal.roles import Role
from programs import memberships
from programs.models import Program


@dataclass(frozen=True)
class Person:
    """Somebody of the demo world. side: "public" or "staff"; roles: held in every program."""

    key: str
    email: str
    name: str
    does: str
    side: str
    roles: tuple[Role, ...] = field(default=())


PEOPLE: tuple[Person, ...] = (
    Person(
        "newcomer", "newcomer@example.org", "Teo Brandmarsh", "Has an account and nothing else yet", "public"
    ),
    Person(
        "applicant", "applicant@example.org", "Ansa Merrow", "Waits for this month’s evaluation", "public"
    ),
    Person("drafting", "drafting@example.org", "Ilo Sandgren", "Has a draft half written", "public"),
    Person("awarded", "awarded@example.org", "Noor Vantongeren", "Was approved and has to accept", "public"),
    Person("grantee", "grantee@example.org", "Edda Solvang", "Uses posted credits", "public"),
    Person(
        "topped",
        "topped@example.org",
        "Mika Torvendal",
        "Has two lots of credit and asked for a third",
        "public",
    ),
    Person(
        "ending",
        "ending@example.org",
        "Sena Brackwater",
        "Has used nearly everything; the summary is due soon",
        "public",
    ),
    Person(
        "overdue",
        "overdue@example.org",
        "Jory Vandermoss",
        "The credits have ended; the summary is overdue",
        "public",
    ),
    Person("held", "held@example.org", "Inka Dravensgard", "The organization is on hold", "public"),
    Person(
        "moved",
        "moved@example.org",
        "Tove Marlinspike",
        "What was left went to another organization",
        "public",
    ),
    Person(
        "lapsed", "lapsed@example.org", "Bram Ulvestone", "Did not accept in time; the award lapsed", "public"
    ),
    Person(
        "reviewer", "reviewer@example.org", "Rowan Achterberg", "Reads and scores", "staff", (Role.REVIEWER,)
    ),
    Person(
        "reviewer2",
        "reviewer2@example.org",
        "Sunniva Okpara",
        "Reads and scores, the second pair of eyes",
        "staff",
        (Role.REVIEWER,),
    ),
    Person(
        "screener",
        "screener@example.org",
        "Piet Lindqvarn",
        "Answers the safety gate",
        "staff",
        (Role.SCREENER,),
    ),
    Person(
        "manager",
        "manager@example.org",
        "Maren Castellane",
        "Sets up programs, decides, releases",
        "staff",
        (Role.MANAGER,),
    ),
    Person(
        "finance",
        "finance@example.org",
        "Fenna Drostberg",
        "Approves large awards and funding",
        "staff",
        (Role.FINANCE,),
    ),
    Person(
        "auditor",
        "auditor@example.org",
        "Abel Quarmby",
        "Reads everything, changes nothing",
        "staff",
        (Role.AUDITOR,),
    ),
    Person(
        "operator",
        "operator@example.org",
        "Oda Winterhalt",
        "Watches deliveries and the machine",
        "staff",
        (Role.OPERATOR,),
    ),
)
"""Whom a visitor of the demo may become with one click."""

COLLEAGUES: dict[str, tuple[tuple[str, str], ...]] = {
    "external-researcher-access": (
        ("lotte.harkness@example.org", "Lotte Harkness"),
        ("emre.tolvanen@example.org", "Emre Tolvanen"),
        ("pia.rosewarne@greywater.example.org", "Pia Rosewarne"),
    ),
    "ai-for-science": (
        ("anders.quillon@example.org", "Anders Quillon"),
        ("beatrix.oyelund@example.org", "Beatrix Oyelund"),
        ("milo.fernandel@pinewater.example.org", "Milo Fernandel"),
    ),
    "openai-researcher-access": (
        ("carys.bellweather@example.org", "Carys Bellweather"),
        ("tariq.somerwell@example.org", "Tariq Somerwell"),
        ("junia.ashgrove@larkfield.example.org", "Junia Ashgrove"),
    ),
}
"""More reviewers of one program each; the last works where applicants work, so conflicts of interest show."""

SECOND_MANAGER = ("deputy@example.org", "Corin Vasterling")


def make(programs: list[Program], at: datetime) -> dict[str, User]:
    """Create everybody who is not there yet and give them their roles; returns the people of PEOPLE by key."""
    made = {}
    for person in PEOPLE:
        made[person.key] = account(person.email, person.name)
        for program in programs:
            for role in person.roles:
                memberships.give(program=program, user=made[person.key], role=role, by=None, at=at)
    for program in programs:
        deputy = account(*SECOND_MANAGER)
        memberships.give(program=program, user=deputy, role=Role.MANAGER, by=None, at=at)
        for email, name in COLLEAGUES.get(program.slug, ()):
            memberships.give(program=program, user=account(email, name), role=Role.REVIEWER, by=None, at=at)
    return made


def account(email: str, name: str) -> User:
    """The account with this address, made if there is none, its address verified as after a sign-up.

    It has no password: the demo signs in with one click.
    """
    user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(
        email, None, name=name
    )
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
    return user
