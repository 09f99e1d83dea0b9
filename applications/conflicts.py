"""Who may not look at whose application, as far as data can tell.

Rules: nobody reviews their own application; nobody reviews one from their own institution (same mail domain, shared
mail services excepted); a declared conflict or a recusal stands for ever (docs/domain.md, "Conflicts").
"""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q, QuerySet

from applications.emails import institution_domain
from applications.models import Application, Collaborator, Conflict, Recusal
from portal.models import User


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
    if Recusal.objects.filter(application=application, reviewer=user).exists():
        return "You stepped back from this application."
    if Conflict.objects.filter(application=application, user=user).exists():
        return "A conflict of interest is recorded."
    return None


def barred_by_collaborators(
    *, applications: QuerySet[Application], people: Iterable[User]
) -> set[tuple[int, int]]:
    """Pairs of (application, person) that co-investigators rule out, by the rule of Collaborator.objects.close_to.

    One query; co-investigators are few beside applications, so they are compared here.
    """
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
    return barred
