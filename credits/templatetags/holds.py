"""{% holds_of grant as held %}: what keeps the credit of a grant back or took it elsewhere, for its page."""

from dataclasses import dataclass

from django import template

from credits import enforcement
from credits.models import Grant

register = template.Library()


@dataclass(frozen=True)
class Held:
    on_hold: bool
    moved_to: Grant | None
    moved_from: Grant | None


@register.simple_tag
def holds_of(grant: Grant) -> Held:
    """Two queries; a third for a grant that took over the rest of another."""
    return Held(
        on_hold=enforcement.is_held(grant.organization_id),
        moved_to=grant.moved_to.select_related("organization").first(),
        moved_from=grant.moved_from,
    )
