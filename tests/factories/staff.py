"""Worlds for tests of the staff side: a program in review with its people, and a browser that is signed in."""

from typing import Any

from django.db import transaction
from django.test import Client
from django.urls import reverse

from applications import review
from applications.models import Application, Assignment
from credits import ledger
from portal.roles import Role
from tests.factories import applications as make

QUEUE = "/admin/applications/application/"
FULL = {
    "score-merit": "4",
    "score-impact": "5",
    "score-feasibility": "3",
    "confidence": "fair",
    "note": "Sound.",
}


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page_of(application: Application, name: str = "review") -> str:
    return reverse(f"admin:applications_application_{name}", args=[application.pk])


def cast(*, applications: int = 2, reviewers: int = 2, **program: Any) -> dict[str, Any]:
    """A program in review with its people."""
    made = make.make_program(**program)
    people = [make.make_member(made) for _ in range(reviewers)]
    manager = make.make_member(made, Role.MANAGER)
    batch = make.make_batch(made, applications=applications)
    rows = list(Application.objects.filter(cycle=batch.cycle).order_by("pk"))
    return {"program": made, "reviewers": people, "manager": manager, "cycle": batch.cycle, "rows": rows}


def fund(program: Any, cents: int = 100_000_00) -> None:
    with transaction.atomic():
        ledger.fund(
            program=program.slug,
            period="2026",
            amount_cents=cents,
            made_by=make.make_user(),
            approved_by=make.make_user(),
            key=f"fund:{program.slug}",
            at=make.AFTER,
        )


def review_all(world: dict[str, Any]) -> None:
    for row in Assignment.objects.filter(application__cycle=world["cycle"]).select_related("reviewer"):
        look = review.Look(scores={"merit": 4, "impact": 4, "feasibility": 4}, confidence="high")
        review.send_in(application_id=row.application_id, look=look, by=row.reviewer, at=make.AFTER)
