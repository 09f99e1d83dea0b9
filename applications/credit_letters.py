"""Letters about credit that runs to its end: what they say is true when they are sent, not when they were queued."""

from collections.abc import Mapping
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from applications.models import Decision, Notice
from credits import balances, warnings
from credits.models import Grant, WarningKind
from credits.money import format_money
from portal import clock, texts
from programs.models import MessageKind, Program

PLACEHOLDERS = frozenset({"left", "percent", "last_day", "days", "forecast"})

KINDS = {
    WarningKind.DAYS: MessageKind.CREDIT_ENDS,
    WarningKind.USED: MessageKind.CREDIT_USED,
    WarningKind.ENDED: MessageKind.CREDIT_ENDED,
}

BUILT_IN: dict[str, tuple[str, str]] = {
    MessageKind.CREDIT_ENDS: (
        gettext_noop("Credits {reference}: {days} days left"),
        gettext_noop(
            "Dear {name},\n\nyour credits {reference} from {program} can be used until the end of {last_day} (UTC). "
            "{left} of {amount} is left.\n\n{forecast}\n\nWhat is not used by then expires; the organization then goes on "
            "as a standard account. The page of your credits has every movement:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.CREDIT_USED: (
        gettext_noop("Credits {reference}: {percent} used"),
        gettext_noop(
            "Dear {name},\n\n{percent} of your credits {reference} from {program} is used: {left} of {amount} is left.\n\n"
            "{forecast}\n\nWhen the credits are used up, the organization goes on as a standard account and pays for what "
            "it uses. Day by day:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.CREDIT_ENDED: (
        gettext_noop("Credits {reference}: the term is over"),
        gettext_noop(
            "Dear {name},\n\nthe term of your credits {reference} from {program} ended on {last_day}. You used {percent} of "
            "{amount}. What was left has expired, and the organization goes on as a standard account: it pays for what "
            "it uses.\n\nThe statement stays here:\n{link}\n\n{program}"
        ),
    ),
}


@transaction.atomic
def queue_due(*, at: datetime) -> int:
    """Queue a letter for each grant that passed a mark, to its holder; returns how many. Each mark is told once."""
    passed = warnings.passed_now(at=at)
    if not passed:
        return 0
    programs = {
        row.slug: row.pk for row in Program.objects.filter(slug__in={one.grant.program for one in passed})
    }
    applications = dict(
        Decision.objects.filter(grant__in=[one.grant for one in passed]).values_list(
            "grant_id", "application_id"
        )
    )
    letters = [
        Notice(
            key=f"credit:{one.grant.pk}:{one.kind}:{one.mark}",
            kind=KINDS[WarningKind(one.kind)],
            program_id=programs[one.grant.program],
            application_id=applications.get(one.grant.pk),
            recipient_id=one.grant.holder_id,
            values={"credit": one.grant.pk, "mark": one.mark},
            next_attempt_at=at,
            created_at=at,
        )
        for one in passed
        if one.grant.program in programs
    ]
    Notice.objects.bulk_create(letters, ignore_conflicts=True, batch_size=5_000)
    return len(letters)


def values_of(stored: Mapping[str, object]) -> dict[str, object] | None:
    """What the placeholders stand for now; None for a warning of credit of which nothing is left to warn of."""
    grant = Grant.objects.get(pk=int(str(stored["credit"])))
    now, held = clock.now(), balances.of([grant])[grant.pk]
    state = balances.state_of(held, at=now).key
    if stored["mark"] and state not in ("active", "held", "used_up"):
        return None
    left_days = (grant.expires_on - now.astimezone(UTC).date()).days if grant.expires_on else 0
    return {
        "reference": grant.reference,
        "amount": format_money(held.granted_cents, grant.currency),
        "left": format_money(held.left_cents + held.frozen_cents, grant.currency),
        "percent": f"{held.used_percent}%",
        "last_day": texts.day_long(grant.expires_on) if grant.expires_on else "",
        "days": max(left_days, 0),
        "forecast": forecast_words(held, at=now),
        "link": settings.SITE_URL + reverse("credits:grant", args=[grant.uuid]),
    }


def forecast_words(held: balances.Balance, *, at: datetime) -> str:
    """When a grant runs out at its pace, as a sentence."""
    outlook = balances.outlook([held], at=at).of(held.grant.pk)
    if outlook is None:
        return _("There was not enough use lately to tell when they run out.")
    if outlook.runs_out_on is not None:
        return _("At the pace of the last four weeks they run out about %(day)s.") % {
            "day": texts.day_long(outlook.runs_out_on)
        }
    return _("At the pace of the last four weeks about %(amount)s will be left at the end.") % {
        "amount": format_money(outlook.unused_cents, held.grant.currency)
    }
