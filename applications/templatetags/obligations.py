"""What follows an award, for the box on its page and on that of its credits."""

from django import template

from applications import citing, obligation_words
from applications import obligations as owed
from applications.models import Application, Obligation
from credits.models import Grant
from portal import clock

register = template.Library()


@register.simple_tag
def award_obligations(application: Application) -> dict[str, object]:
    """The summary of an award in words, its second half of credit, and the number to cite. Two queries, or three."""
    root = application.amends if application.amends is not None else application
    obligation = Obligation.objects.filter(application=root).first()
    half = owed.second_half(root.pk)
    return {
        "root": root,
        "box": obligation_words.box(obligation, at=clock.now()),
        "half": half,
        "half_words": obligation_words.about_half(half) if half else "",
        "number": citing.number_of(root),
    }


@register.simple_tag
def award_of_grant(grant: Grant) -> Application | None:
    """The award that a grant belongs to, a second half or a moved lot to that of its first; None for one without any."""
    return Application.objects.select_related("amends").filter(decisions__grant=grant.decided_id).first()
