"""Letters about an award after its release: their texts, and the values that go into them when they are sent."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from applications import awards, links
from applications.letter_texts import Lines
from applications.models import (
    Application,
    AwardLetter,
    AwardMember,
    Decision,
    LaterCredit,
    MemberRole,
    Notice,
    NoticeState,
)
from credits.models import Case
from credits.money import format_money
from portal import texts
from portal.models import User

BUILT_IN: dict[str, tuple[str, str]] = {
    AwardLetter.ACCEPT_REMINDER: (
        gettext_noop("Your award {reference} waits for you"),
        gettext_noop(
            "Dear {name},\n\n{program} awarded {amount} for “{title}”. The credits are set aside, and nobody has accepted "
            "them yet. Accept them by {accept_by}; after that day they go back to the program.\n\n{link}\n\n{program}"
        ),
    ),
    AwardLetter.AWARD_LAPSED: (
        gettext_noop("Your award {reference} was not accepted in time"),
        gettext_noop(
            "Dear {name},\n\nthe award of {amount} for “{title}” was not accepted by {accept_by}, so its credits went back "
            "to the program. If something kept you from it, answer by the page of the award; you can also apply "
            "again.\n\n{link}\n\n{program}"
        ),
    ),
    AwardLetter.AWARD_REFUSED: (
        gettext_noop("About your award {reference}"),
        gettext_noop(
            "Dear {name},\n\nwith the other awards of its organization your award of {amount} for “{title}” needed a second "
            "person’s yes, and it was not given:\n\n{answer}\n\nThe credits went back to the program. If this is a mistake, "
            "answer by the page of the award.\n\n{link}\n\n{program}"
        ),
    ),
    AwardLetter.AWARD_DECLINED: (
        gettext_noop("An award was declined by its holder: {reference}"),
        gettext_noop(
            "{holder} declined the award of {amount} for “{title}” ({program}). Its credits are back in the pool.\n\n"
            "{words}\n\n{link}\n"
        ),
    ),
    AwardLetter.POST_AGAIN: (
        gettext_noop("Your credits {reference} are set aside again"),
        gettext_noop(
            "Dear {name},\n\n{amount} for “{title}” could not be posted before. The credits are set aside for you again. "
            "{next_step}\n\n{link}\n\n{program}"
        ),
    ),
    AwardLetter.LATER_GIVEN: (
        gettext_noop("More credits for {reference}"),
        gettext_noop(
            "Dear {name},\n\nyou asked for more credits for “{title}”. {program} gives {amount} more, for the same "
            "organization. We post them now; a letter follows when they are there.\n\n{link}\n\n{program}"
        ),
    ),
    AwardLetter.LATER_DECLINED: (
        gettext_noop("Your request for more credits for {reference}"),
        gettext_noop(
            "Dear {name},\n\nyou asked for more credits for “{title}”. {program} gives none this time:\n\n{answer}\n\nWhat "
            "you hold stays as it is.\n\n{link}\n\n{program}"
        ),
    ),
    AwardLetter.MEMBER_INVITATION: (
        gettext_noop("An invitation to shared credits of {program}"),
        gettext_noop(
            "Hello,\n\n{inviter} shares the API credits of an award by {program} with you; you would {right}.\n\n"
            "To accept, open this link and sign in with this mail address:\n{link}\n\nThe link works for two weeks. If you "
            "did not expect this letter, you need not do anything.\n\n{program}\n"
        ),
    ),
    AwardLetter.CLAIM_ANSWER: (
        gettext_noop("Where your credits {reference} are"),
        gettext_noop(
            "Dear {name},\n\nyou asked where the credits for “{title}” are. This is our answer:\n\n{answer}\n\n{link}\n\n"
            "{program}"
        ),
    ),
}


def letter(
    *,
    kind: AwardLetter,
    application: Application,
    key: str,
    at: datetime,
    to: User | None = None,
    address: str = "",
    **stored: object,
) -> Notice:
    """A letter for the outbox, not stored yet. key: names the event; stored: ids and amounts, see values_of."""
    return Notice(
        key=f"{kind}:{key}",
        kind=kind,
        program_id=application.program_id,
        application=application,
        recipient=to,
        address=address,
        values=stored,
        next_attempt_at=at,
        created_at=at,
    )


def put(*notices: Notice) -> None:
    """Into the outbox, in the caller's transaction; one whose key is there already is left alone."""
    Notice.objects.bulk_create(notices, ignore_conflicts=True)


def drop(*, kind: AwardLetter, key: str) -> None:
    """Take a letter that was not sent yet out of the outbox."""
    Notice.objects.filter(key=f"{kind}:{key}", state=NoticeState.WAITING).delete()


def values_of(notice: Notice) -> dict[str, object] | None:
    """The placeholders of one letter beside name, program, title and reference; None for a reminder of what is done."""
    application, stored = notice.application, notice.values
    assert application is not None
    if "decision" in stored and not awards.waits(
        Decision.objects.select_related("grant").get(pk=stored["decision"])
    ):
        return None
    found: dict[str, object] = {"link": _page("applications:award", application.public_id), "answer": ""}
    if "amount_cents" in stored:
        found["amount"] = format_money(int(stored["amount_cents"]), str(stored["currency"]))
    if "accept_by" in stored:
        found["accept_by"] = texts.day_long(datetime.fromisoformat(str(stored["accept_by"])).date())
    if notice.kind == AwardLetter.AWARD_DECLINED:
        words = str(stored["words"])
        found |= {
            "holder": str(application.applicant),
            "words": Lines(_("They wrote:") + f"\n{words}") if words else "",
            "link": _page("admin:applications_application_change", application.pk),
        }
    if notice.kind == AwardLetter.AWARD_REFUSED:
        found["answer"] = Lines(str(stored["words"]))
    if notice.kind == AwardLetter.POST_AGAIN:
        found["next_step"] = (
            _("Nothing is left for you to do.")
            if stored["bound"]
            else _("Look at the page of the award and name the organization anew.")
        )
    if "later" in stored:
        found["answer"] = Lines(LaterCredit.objects.get(pk=stored["later"]).answer)
    if "case" in stored:
        found["answer"] = Lines(Case.objects.get(pk=stored["case"]).reason)
    if "member" in stored:
        found |= _invitation(int(stored["member"]))
    return found


def inviter(stored: Mapping[str, object]) -> User:
    """Who sends an invitation: its language is theirs, as the invited person may have no account."""
    return AwardMember.objects.select_related("invited_by").get(pk=int(str(stored["member"]))).invited_by


def _invitation(member_id: int) -> dict[str, object]:
    """It goes to somebody who does not know us, so nothing in it may look like a link but ours."""
    member = AwardMember.objects.select_related("invited_by").get(pk=member_id)
    name = links.without_links(member.invited_by.name)
    return {
        "inviter": f"{name} ({member.invited_by.email})" if name else member.invited_by.email,
        "title": "",
        "reference": "",
        "right": _("see the balance and manage members")
        if member.role == MemberRole.MANAGE
        else _("see the balance"),
        "link": _page("applications:member_invitation", links.member_token(member.public_id)),
    }


def _page(name: str, key: object) -> str:
    return settings.SITE_URL + reverse(name, args=[key])
