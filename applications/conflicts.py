"""Who may not look at whose application, as far as data can tell.

Rules: nobody reviews their own application; nobody reviews one from their own institution (same mail domain, shared
mail services excepted; same ROR id; same name); nobody reviews somebody who named them, published or applied with them,
or whom they said they cannot judge; a declared conflict or a recusal stands. Conflicts bind everybody who works on the
program, managers, screeners and operators too (docs/architecture.md, "Conflicts").
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from applications import gates, ties
from applications.emails import canonical, institution_domain
from applications.models import (
    Application,
    Assignment,
    AssignmentState,
    AwardMember,
    Batch,
    Collaborator,
    Conflict,
    ConflictKind,
    ConflictSweep,
    GateDuty,
    GateResult,
    Recusal,
    Review,
    ReviewState,
    Sponsorship,
    SponsorState,
    TieKind,
)
from applications.states import UNDECIDED
from portal import audit
from portal.database import allow_long_statements
from portal.models import User
from programs.models import CycleState, Membership

SENTENCES = {
    ConflictKind.OWN: "It is their own application.",
    ConflictKind.SPONSOR: "They sponsor the applicant.",
    ConflictKind.TEAM: "They, or somebody at their mail domain, are on the team.",
    ConflictKind.MAIL_DOMAIN: "The applicant has the same mail domain.",
    ConflictKind.INSTITUTION: "The applicant is at the same institution.",
    ConflictKind.NAMED: "The applicant named them.",
    ConflictKind.AVOIDED: "They said that they cannot judge this person or place.",
    ConflictKind.COAUTHOR: "They published together.",
    ConflictKind.WORKED_TOGETHER: "They were on an application together before.",
}
"""What a computed conflict says, for managers; the strongest kind comes first."""

_RANK = list(SENTENCES)

_COMPUTE = """
    WITH found (application_id, user_id, kind, text) AS (
        SELECT mine.id, mine.applicant_id, 'own', ''
          FROM applications_application mine WHERE {scope} AND mine.applicant_id = ANY(%(users)s)
        UNION ALL
        SELECT mine.id, sponsored.sponsor_id, 'sponsor', ''
          FROM applications_sponsorship sponsored
          JOIN applications_application mine ON mine.applicant_id = sponsored.applicant_id AND {scope}
         WHERE sponsored.state <> 'taken_back' AND sponsored.sponsor_id = ANY(%(users)s)
        UNION ALL
        SELECT mine.id, close.user_id, 'mail_domain', close.domain
          FROM unnest(%(domains)s::text[], %(domain_users)s::bigint[]) AS close (domain, user_id)
          JOIN applications_application mine ON mine.email_domain = close.domain AND {scope}
        UNION ALL
        SELECT pair.application_id, pair.user_id, 'team', ''
          FROM unnest(%(team)s::bigint[], %(team_users)s::bigint[]) AS pair (application_id, user_id)
        UNION ALL
        SELECT mine.id, known.user_id, known.kind, known.text
          FROM unnest(%(marks)s::bigint[], %(mark_ties)s::text[], %(mark_users)s::bigint[], %(mark_kinds)s::text[],
                      %(mark_texts)s::text[]) AS known (mark, tie, user_id, kind, text)
          JOIN applications_tie tie ON tie.mark = known.mark AND tie.kind = known.tie
          JOIN applications_application mine ON mine.id = tie.application_id AND {scope}
        UNION ALL
        SELECT mine.id, avoided.user_id, 'avoided', avoided.address
          FROM unnest(%(addresses)s::text[], %(address_users)s::bigint[]) AS avoided (address, user_id)
          JOIN applications_application mine ON mine.email_key = avoided.address AND {scope}
        UNION ALL
        SELECT mine.id, helper.user_id, 'worked_together', coalesce(past.reference, '')
          FROM applications_collaborator helper
          JOIN applications_application past ON past.id = helper.application_id
          JOIN applications_application mine
            ON mine.applicant_id = past.applicant_id AND mine.id <> past.id AND {scope}
         WHERE helper.user_id = ANY(%(users)s)
        UNION ALL
        SELECT mine.id, past.applicant_id, 'worked_together', coalesce(past.reference, '')
          FROM applications_application past
          JOIN applications_collaborator helper ON helper.application_id = past.id
          JOIN applications_application mine ON mine.applicant_id = helper.user_id AND {scope}
         WHERE past.applicant_id = ANY(%(users)s)
    ), standing AS (
        SELECT DISTINCT found.*, ranked.place, ranked.sentence
          FROM found JOIN unnest(%(kinds)s::text[], %(sentences)s::text[]) WITH ORDINALITY
            AS ranked (kind, sentence, place) USING (kind)
         WHERE NOT EXISTS (SELECT FROM applications_conflictwithdrawal back WHERE back.application_id
                = found.application_id AND back.user_id = found.user_id AND back.kind = found.kind)
    )
    INSERT INTO applications_conflict (application_id, user_id, kind, reason, evidence, declared_at)
    SELECT application_id, user_id, (array_agg(kind ORDER BY place))[1],
           left((array_agg(sentence ORDER BY place))[1], 200),
           jsonb_agg(jsonb_build_object('kind', kind, 'text', text) ORDER BY place, text), %(at)s
      FROM standing GROUP BY application_id, user_id
    ON CONFLICT (application_id, user_id) DO NOTHING
"""
_CLOSE = """
    UPDATE applications_assignment asked SET state = 'recused'
      FROM applications_conflict tied, applications_application mine
     WHERE (asked.state = 'to_do' OR asked.state = 'done' AND mine.state = ANY (%(undecided)s))
       AND mine.id = asked.application_id AND {scope}
       AND tied.application_id = asked.application_id AND tied.user_id = asked.reviewer_id
"""
_SET_ASIDE = """
    UPDATE applications_review seen SET state = 'aside'
      FROM applications_conflict tied, applications_application mine
     WHERE seen.state = 'in' AND mine.state = ANY (%(undecided)s) AND mine.id = seen.application_id AND {scope}
       AND tied.application_id = seen.application_id AND tied.user_id = seen.reviewer_id
"""
_OPEN_GATES = """
    UPDATE applications_gateresult answered SET expired_at = %(at)s
      FROM applications_conflict tied, applications_application mine
     WHERE answered.expired_at IS NULL AND mine.state = ANY (%(undecided)s) AND mine.id = answered.application_id AND {scope}
       AND tied.application_id = answered.application_id AND tied.user_id = answered.decided_by_id
"""


@dataclass
class _Known:
    """What is known of the people of a program, as columns for one statement."""

    marks: list[tuple[int, str, int, str, str]] = field(default_factory=list)
    addresses: list[tuple[str, int]] = field(default_factory=list)
    by_domain: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


@transaction.atomic
def compute(*, cycle_id: int, at: datetime, application_id: int | None = None) -> int:
    """Find and keep the conflicts of everybody who works on a cycle's program; returns how many are new.

    One statement for all applications of the cycle, or for one of them. What was taken back is not found again. Open
    assignments that meet a new conflict are closed; of what is undecided, reviews are set aside and gates answered by that
    person are open again. Somebody else has to be found for them. Safe to repeat.
    """
    allow_long_statements()
    applications = Application.objects.filter(cycle_id=cycle_id, submitted_at__isnull=False)
    if application_id is not None:
        applications = applications.filter(pk=application_id)
    people = people_of(cycle_id)
    if not people:
        return 0
    known = _known(people)
    domains = _close_domains(applications, known)
    team = sorted(barred_by_collaborators(applications=applications, people=people))
    scope = "mine.cycle_id = %(cycle)s AND mine.submitted_at IS NOT NULL"
    if application_id is not None:
        scope += " AND mine.id = %(application)s"
    marks = list(zip(*known.marks, strict=True)) or [()] * 5
    values = {
        "cycle": cycle_id,
        "application": application_id,
        "at": at,
        "users": [person.pk for person in people],
        "domains": [domain for domain, _ in domains],
        "domain_users": [pk for _, pk in domains],
        "team": [pk for pk, _ in team],
        "team_users": [pk for _, pk in team],
        "marks": list(marks[0]),
        "mark_ties": list(marks[1]),
        "mark_users": list(marks[2]),
        "mark_kinds": list(marks[3]),
        "mark_texts": list(marks[4]),
        "addresses": [address for address, _ in known.addresses],
        "address_users": [pk for _, pk in known.addresses],
        "kinds": [kind.value for kind in _RANK],
        "sentences": list(SENTENCES.values()),
        "undecided": [state.value for state in UNDECIDED],
    }
    with connection.cursor() as cursor:
        cursor.execute(_COMPUTE.format(scope=scope), values)
        found = cursor.rowcount
        if found:
            cursor.execute(_CLOSE.format(scope=scope), values)
            cursor.execute(_SET_ASIDE.format(scope=scope), values)
            cursor.execute(_OPEN_GATES.format(scope=scope), values)
            tied = Conflict.objects.filter(application=OuterRef("application"), user=OuterRef("screener"))
            GateDuty.objects.filter(Exists(tied), application__in=applications.values("pk")).delete()
    return found


def end_work(*, application: Application, user: User, at: datetime) -> bool:
    """Close what one person is asked for on an application, in the caller's transaction; says whether a look is missing.

    A gate that this person answered is open again while the application is undecided: somebody else answers it. A review that is in is set aside while the application is undecided: it stays readable in the history of the row, and
    no total, ranking or coverage counts it. What was decided keeps the reviews it was decided on.
    """
    GateDuty.objects.filter(application=application, screener=user).delete()
    undecided = application.state in UNDECIDED
    open_ = [AssignmentState.TO_DO, AssignmentState.DONE] if undecided else [AssignmentState.TO_DO]
    asked = Assignment.objects.filter(application=application, reviewer=user, state__in=open_)
    closed = asked.update(state=AssignmentState.RECUSED)
    if undecided:
        seen = Review.objects.filter(application=application, reviewer=user, state=ReviewState.IN)
        closed += seen.update(state=ReviewState.ASIDE)
        answered = GateResult.objects.filter(application=application, decided_by=user, expired_at=None)
        answered.update(expired_at=at)
    return bool(closed)


def resume_work(*, application: Application, user: User) -> bool:
    """Let a review that was set aside count again once nothing stands against its writer; says whether there was one.

    A gate that this person had answered for the answers as they are now holds again, too.
    """
    if application.state not in UNDECIDED or reason_against(user=user, application=application) is not None:
        return False
    now = gates.digest_of(application.pk)
    answered = GateResult.objects.filter(application=application, decided_by=user, judged_sha256=now)
    answered.update(expired_at=None)
    seen = Review.objects.filter(application=application, reviewer=user, state=ReviewState.ASIDE)
    if not seen.update(state=ReviewState.IN):
        return False
    asked = Assignment.objects.filter(application=application, reviewer=user)
    asked.filter(state=AssignmentState.RECUSED).update(state=AssignmentState.TO_DO)  # the way back leads here
    asked.filter(state=AssignmentState.TO_DO).update(state=AssignmentState.DONE)
    return True


def sweep(*, batch: Batch, at: datetime) -> int:
    """Compute the conflicts of a batch and note when; returns how many are new."""
    found = compute(cycle_id=batch.cycle_id, at=at)
    ConflictSweep.objects.update_or_create(batch=batch, defaults={"at": at})
    if found:
        audit.record(action="conflict.compute", subject=batch, by=None, at=at, found=found)
    return found


def due_again() -> QuerySet[Batch]:
    """Batches in review whose people changed since their conflicts were computed: a new role, or another profile."""
    member = Membership.objects.filter(program=OuterRef("cycle__program"), ended_at=None)
    since = OuterRef("conflict_sweep__at")
    return (
        Batch.objects.filter(cycle__state=CycleState.IN_REVIEW, conflict_sweep__isnull=False)
        .filter(
            Exists(member.filter(since_at__gt=since))
            | Exists(member.filter(user__reviewer_profile__saved_at__gt=since))
        )
        .select_related("cycle__program")
        .order_by("pk")
    )


def people_of(cycle_id: int) -> list[User]:
    """Everybody who holds a role in the program of a cycle now, with their profiles."""
    member = Membership.objects.filter(user=OuterRef("pk"), program__cycles=cycle_id, ended_at=None)
    return list(User.objects.filter(Exists(member)).select_related("reviewer_profile").order_by("pk"))


def _known(people: Iterable[User]) -> _Known:
    known = _Known()
    for person in people:
        if domain := institution_domain(person.email_domain):
            known.by_domain[domain].append(person.pk)

        def add(
            tie: TieKind, kind: ConflictKind, texts: Iterable[str], said: str, pk: int = person.pk
        ) -> None:
            known.marks.extend(
                (ties.mark(tie, text), tie.value, pk, kind.value, said[:200]) for text in texts if text
            )

        mail = canonical(person.email)
        add(TieKind.NAMED, ConflictKind.NAMED, [*ties.person_names(person.name), mail], person.name or mail)
        profile = getattr(person, "reviewer_profile", None)
        if profile is None:
            continue
        names = ties.institution_names(profile.institution, profile.ror_id or None)
        add(TieKind.INSTITUTION, ConflictKind.INSTITUTION, names, profile.institution or profile.ror_id)
        add(TieKind.ORCID, ConflictKind.OWN, [profile.orcid], profile.orcid)
        for orcid in profile.coauthor_orcids:
            add(TieKind.ORCID, ConflictKind.COAUTHOR, [orcid], orcid)
        for work in profile.works:
            add(TieKind.WORK, ConflictKind.COAUTHOR, [work], work)
        for place in profile.avoided_institutions:
            add(TieKind.INSTITUTION, ConflictKind.AVOIDED, ties.institution_names(place, None), place)
        known.addresses += [(canonical(address), person.pk) for address in profile.avoided_emails]
    return known


def _close_domains(applications: QuerySet[Application], known: _Known) -> list[tuple[str, int]]:
    """Mail domains of applicants that stand for the institution of a member, with that member. Each domain is asked once."""
    if not known.by_domain:
        return []
    used = applications.order_by().values_list("email_domain", flat=True).distinct()
    return [(domain, pk) for domain in used for pk in known.by_domain.get(institution_domain(domain), ())]


def reason_against(*, user: User, application: Application) -> str | None:
    """Why this person may not look at this application, or None."""
    if application.applicant_id == user.pk:
        return "This is your own application."
    if institution_domain(user.email_domain) and institution_domain(user.email_domain) == institution_domain(
        application.email_domain
    ):
        return "You and the applicant share a mail domain."
    if Collaborator.objects.close_to(user).filter(application=application).exists():
        return "You, or somebody at your mail domain, are a co-investigator."
    root = application.amends_id or application.pk
    if AwardMember.objects.filter(application=root, user=user).exists():
        return "You share the credits of this award, or did."
    if (
        Sponsorship.objects.filter(sponsor=user, applicant=application.applicant_id)
        .exclude(state=SponsorState.TAKEN_BACK)
        .exists()
    ):
        return "You sponsor the applicant."
    if Recusal.objects.filter(application=application, reviewer=user).exists():
        return "You stepped back from this application."
    if Conflict.objects.filter(application=application, user=user).exists():
        return "A conflict of interest is recorded."
    return None


def barred_by_collaborators(
    *, applications: QuerySet[Application], people: Iterable[User]
) -> set[tuple[int, int]]:
    """Pairs of (application, person) that co-investigators rule out, by the rule of Collaborator.objects.close_to, and
    updates of an award with people who share its credits.

    Two queries; co-investigators are few beside applications, so they are compared here.
    """
    people = list(people)
    rows = Collaborator.objects.filter(application__in=applications.order_by().values("pk")).filter(
        Q(user__isnull=False) | Q(ended_at__isnull=True)
    )
    by_domain: dict[str, list[int]] = defaultdict(list)
    by_email: dict[str, int] = {}
    for person in people:
        by_email[person.email.lower()] = person.pk
        if domain := institution_domain(person.email_domain):
            by_domain[domain].append(person.pk)
    barred: set[tuple[int, int]] = set()
    for application, user, email, domains, ended in rows.values_list(
        "application_id", "user_id", "email", "domains", "ended_at"
    ):
        close = {user} if user else set()
        if ended is None and email in by_email:
            close.add(by_email[email])
        close.update(pk for domain in domains for pk in by_domain.get(domain, ()))
        barred.update((application, pk) for pk in close)
    updates = applications.order_by().filter(amends__members__user__in=people)
    barred.update(updates.values_list("pk", "amends__members__user_id"))
    return barred
