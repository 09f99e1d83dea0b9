"""What the same person sent before, as one member of staff may read it, with what changed since."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef

from applications import again, differences
from applications import asked as asked_of
from applications.blinding import Identity, telling
from applications.desk import visible, without_conflict
from applications.models import Application
from applications.reading import Access
from applications.states import State
from programs import fields
from programs.staff import Desk

SHOWN = 5
MOST = 30
"""Earlier applications looked at; nobody sends more to one lab before the older ones are of no use."""


@dataclass(frozen=True)
class Earlier:
    """An application that the same person sent before. `outcome` and the link are for those who see it anyway."""

    application: Application
    outcome: str
    changes: list[differences.Change]
    linked: bool = True


def before(desk: Desk, application: Application, may: Access, identity: Identity | None) -> list[Earlier]:
    """What the same person sent before, newest first, with what changed since; in a blind look only what an amendment
    changes, without the answers that tell who applies.

    The application that this one started from is compared for everybody who reads this one: applicants are told so.
    Others, and the outcome of any, are shown to those who see them in their own right.
    """
    if may.blind:
        compared = again.earlier_of(application) if application.amends_id is not None else None
        if compared is None or _stepped_back(desk, compared):
            return []
        return [Earlier(compared, "", _masked(changes(compared, application, may), identity), linked=False)]
    sent = list(
        Application.objects.filter(
            applicant_id=application.applicant_id, submitted_at__lt=application.submitted_at
        )
        .annotate(is_seen=Exists(visible(desk).filter(pk=OuterRef("pk"))))
        .select_related("form_version", "cycle", "program")
        .order_by("-submitted_at")[:MOST]
    )
    rows = [row for row in sent if row.is_seen][:SHOWN]
    compared = _compared(application, sent)
    if (
        compared is not None
        and compared not in rows
        and (compared.is_seen or not _stepped_back(desk, compared))
    ):
        rows.insert(0, compared)
    return [
        Earlier(
            row,
            row.get_state_display() if row.is_seen else "",
            changes(row, application, may) if row == compared else [],
            row.is_seen,
        )
        for row in rows
    ]


def _compared(application: Application, sent: Iterable[Any]) -> Any:
    """The one that again.earlier_of gives, found among rows that are loaded already, newest first."""
    for row in sent:
        same = row.program_id == application.program_id and row.state not in (State.DRAFT, State.WITHDRAWN)
        if same and application.earlier_id in (None, row.pk):
            return row
    return None


def _stepped_back(desk: Desk, application: Application) -> bool:
    """Whether this person has a conflict with the application; it is then not even compared."""
    return not without_conflict(desk, Application.objects.filter(pk=application.pk)).exists()


def changes(before: Application, after: Application, may: Access) -> list[differences.Change]:
    """What differs between two applications of a person, as far as this person reads their answers.

    The amount of an amendment comes on top of what was granted, so it is not compared with what was asked before; an
    organization that was named with the award is no change either.
    """
    leave_out: set[str] = set()
    for form in (before.form_version.sections, after.form_version.sections):
        if after.amends_id is not None:
            leave_out |= asked_of.amount_keys(form) | _named_since(before, form)
        if may.blind:
            leave_out |= {question["key"] for question in fields.questions(form) if telling(question)}
    return differences.between(
        differences.Side(before.form_version.sections, before.answers),
        differences.Side(after.form_version.sections, after.answers),
        audiences=may.audiences,
        leave_out=leave_out,
    )


def _named_since(before: Application, form: fields.Sections) -> set[str]:
    """The question about the organization, where it was named with the award and not in the application."""
    asked_for = [
        question["key"] for question in fields.questions(form) if question["type"] == "organization_id"
    ]
    return {key for key in asked_for if not before.answers.get(key)}


def _masked(found: Iterable[differences.Change], identity: Identity | None) -> list[differences.Change]:
    """Changes without names. A name may stand across two runs, so it is looked for in each side as a whole first."""
    if identity is None:
        return list(found)
    masked = []
    for change in found:
        old = identity.hide(" ".join(text for kind, text in change.runs if kind != "ins"))
        new = identity.hide(" ".join(text for kind, text in change.runs if kind != "del"))
        masked.append(differences.Change(change.label, differences.runs(old, new)))
    return masked
