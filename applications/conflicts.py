"""Who may not look at whose application, as far as data can tell.

Rules: nobody reviews their own application; nobody reviews one from their own institution (same mail domain, shared
mail services excepted); a declared conflict or a recusal stands for ever (docs/domain.md, "Conflicts").
"""

from applications.emails import institution_domain
from applications.models import Application, Conflict, Recusal
from portal.models import User


def reason_against(*, user: User, application: Application) -> str | None:
    """Why this person may not look at this application, or None."""
    if application.applicant_id == user.pk:
        return "This is your own application."
    if institution_domain(user.email_domain) and institution_domain(user.email_domain) == institution_domain(
        application.email_domain
    ):
        return "You and the applicant share a mail domain."
    if Recusal.objects.filter(application=application, reviewer=user).exists():
        return "You stepped back from this application."
    if Conflict.objects.filter(application=application, user=user).exists():
        return "A conflict of interest is recorded."
    return None
