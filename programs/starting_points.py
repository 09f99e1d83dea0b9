"""What a new program begins with, so that its manager changes texts instead of facing empty pages."""

from datetime import datetime
from typing import Any

from django.db import transaction

from portal import audit
from portal.models import User
from portal.roles import Role
from programs import form_versions, memberships
from programs.models import Criterion, MessageKind, MessageTemplate, Program

LETTERS: dict[MessageKind, tuple[str, str]] = {
    MessageKind.RECEIPT: (
        "We have your application {reference}",
        (
            "Dear {name},\n\n“{title}” has arrived at {program}. Its reference is {reference}.\n\n"
            "It is evaluated on {evaluation_date}; until then you can change or withdraw it here:\n{link}\n\n"
            "You hear by {decided_by_date}.\n\n{program}"
        ),
    ),
    MessageKind.WITHDRAWN: (
        "Application {reference} is withdrawn",
        (
            "Dear {name},\n\nyou have taken “{title}” back. It is not evaluated. Your answers stay here:\n{link}\n\n"
            "{program}"
        ),
    ),
    MessageKind.ASSIGNMENT: (
        "{count} applications to read for {program}",
        (
            "Dear {name},\n\n{count} applications to {program} wait for you until {due_date}:\n{link}\n\n"
            "Step back from any whose people you know; somebody else then reads it."
        ),
    ),
    MessageKind.AWARD: (
        "Approved: {title}",
        (
            "Dear {name},\n\n“{title}” was approved, with {amount} in API credits. Please accept the terms and confirm your "
            "organization ID here:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.POSTED: (
        "Your credits are there: {amount}",
        (
            "Dear {name},\n\n{amount} in API credits for “{title}” are in your organization. The balance is here:\n{link}"
            "\n\nWhen you publish, cite award {award_number}.\n\n{program}"
        ),
    ),
    MessageKind.TOLD_DECLINE: (
        "About your application {reference}",
        (
            "Dear {name},\n\nthank you for applying to {program}. “{title}” was not selected in the evaluation of "
            "{evaluation_date}. You are welcome to apply again; your answers are kept here:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.INVITATION: (
        "An invitation to an application to {program}",
        (
            "Hello,\n\n{inviter} invites you to {right} an application to {program}. Sign in with this mail address to "
            "accept:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.REQUEST_RECEIPT: (
        "We have your request {reference}",
        (
            "Dear {name},\n\n“{title}” has arrived ({form}). Its reference is {reference}. We usually answer by "
            "{answer_by}; you can read it again, or withdraw it, here:\n{link}\n\n{program}"
        ),
    ),
    MessageKind.REQUEST_ANSWER: (
        "Your request {reference}: {outcome}",
        (
            "Dear {name},\n\nthis is our answer to “{title}”.\n\n{answer}\n\nIt also stands here:\n{link}\n\n"
            "{program}"
        ),
    ),
}

RUBRIC = (
    ("quality", "Quality of the work", "Is the question clear and can the plan answer it?", 40),
    ("impact", "Impact", "What changes if it works, and for whom?", 35),
    ("feasibility", "Feasibility", "Can these people do it with these credits in this time?", 25),
)


def first_sections(program: Program) -> list[dict[str, Any]]:
    """A short form: who asks, and for what. Every question can be changed or deleted."""
    cap = program.award_cap_cents or program.award_default_cents
    amount = {"key": "amount", "type": "money", "label": "Credits you need", "required": True, "min": 1_00}
    amount |= {"currency": program.currency, "maps_to": "amount_cents"} | ({"max": cap} if cap else {})
    identity = {"required": True, "blind": True, "personal": True}
    return [
        {
            "key": "you",
            "title": "You",
            "lead": "Who asks.",
            "questions": [
                {"key": "full_name", "type": "short_text", "label": "Your name", **identity},
                {
                    "key": "institution",
                    "type": "organization",
                    "label": "Institution",
                    "maps_to": "institution",
                    **identity,
                },
                {
                    "key": "country",
                    "type": "country",
                    "label": "Country you work in",
                    "required": True,
                    "maps_to": "country",
                },
            ],
        },
        {
            "key": "project",
            "title": "Your project",
            "lead": "Write for a colleague from another field.",
            "questions": [
                {
                    "key": "title",
                    "type": "short_text",
                    "label": "Title",
                    "required": True,
                    "max_chars": 200,
                    "maps_to": "title",
                },
                {
                    "key": "abstract",
                    "type": "long_text",
                    "label": "What you want to find out, and how",
                    "required": True,
                    "max_words": 300,
                    "maps_to": "abstract",
                },
                amount,
            ],
        },
    ]


@transaction.atomic
def set_up(*, program_id: int, by: User, at: datetime) -> None:
    """Make whoever added a program its manager, and fill in what it lacks: a draft form, a rubric, the letters.

    What is there already stays. A second call changes nothing.
    """
    program = Program.objects.select_for_update(of=("self",)).get(pk=program_id)
    memberships.give(program=program, user=by, role=Role.MANAGER, by=by, at=at)
    if not program.form_versions.exists():
        form_versions.draft(program=program, sections=first_sections(program), by=by, at=at)
    if not program.criteria.exists():
        Criterion.objects.bulk_create(
            Criterion(
                program=program,
                key=key,
                name=name,
                description=text,
                weight_percent=weight,
                anchors={"1": "Hardly", "3": "In part", "5": "Fully"},
                position=position,
            )
            for position, (key, name, text, weight) in enumerate(RUBRIC)
        )
    have = set(program.message_templates.values_list("kind", flat=True))
    MessageTemplate.objects.bulk_create(
        MessageTemplate(program=program, kind=kind, subject=subject, body=body)
        for kind, (subject, body) in LETTERS.items()
        if kind not in have
    )
    audit.record(action="program.set_up", subject=program, by=by, at=at)
