"""The API's part for applicants: their own applications, and those that others share with them.

The queryset is the permission; a stranger gets 404, and so does somebody who may only read and wants to change.

Everything said here comes from applications.standing, so that a program learns no more than the pages tell.
"""

from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from applications import answers as answering
from applications import asked, form_change, intake, standing
from applications.models import Application, Collaborator, Right
from applications.standing import Phase
from applications.states import State
from portal import clock
from portal.api_shapes import READS, WRITES, ApiError, ErrorOut, In, missing
from portal.models import User
from portal.refusals import Refused
from programs import form_versions
from programs import queries as program_queries
from programs.api import CycleOut, cycle

router = Router(tags=["Your applications"])

MOST_ROWS = 100
MOST_ANSWERS = 300
LARGEST_VERSION = 2**31 - 1  # what the column holds
CLOSED = "This application can no longer be changed."
FORM_CHANGED = (
    "The form has changed since this draft began. Its answers were carried over: read it and the form again."
)

Answers = Annotated[
    dict[str, Any],
    Field(
        max_length=MOST_ANSWERS,
        description="Answers by the key of their question; null clears one.",
        examples=[{"title": "Reading frames of soil archaea"}],
    ),
]


class ApplicationOut(Schema):
    """What its applicant may know of an application."""

    id: UUID
    program: str = Field(description="The program's name in addresses.")
    reference: str | None = Field(description="Given when it is sent.")
    phase: Phase
    status: str = Field(description="The phase in the word of the pages.")
    version: int = Field(description="Goes up with every change of the answers.")
    created_at: datetime
    saved_at: datetime
    submitted_at: datetime | None
    withdrawn_at: datetime | None
    cycle: CycleOut | None = Field(description="The evaluation it is in; a draft has none.")
    can_edit: bool
    can_withdraw: bool
    apply_again_on: date | None
    page: str
    right: Literal["own", "edit", "view"] = Field(
        description="What you may do: everything, change its answers and files, or read it."
    )
    shared_by: str | None = Field(description="Who shared it with you; null for your own.")
    amends: str | None = Field(
        description="For an updated application: the reference of the awarded one. Its amount is asked on top."
    )


class ApplicationDetailOut(ApplicationOut):
    form_version: int
    answers: dict[str, Any]
    problems: dict[str, str] = Field(
        description="What still stops the sending, by the key of the question; empty when nothing does."
    )


class ApplicationsOut(Schema):
    count: int
    applications: list[ApplicationOut]


class DraftIn(In):
    program: str = Field(min_length=1, max_length=64, pattern="^[-a-zA-Z0-9_]+$", examples=["ai-for-science"])
    answers: Answers = Field(default_factory=dict)


class AnswersIn(In):
    version: int = Field(ge=0, le=LARGEST_VERSION, description="The version that your changes are based on.")
    answers: Answers


@router.get(
    "/applications",
    response={200: ApplicationsOut, READS: ErrorOut},
    url_name="applications",
    operation_id="listApplications",
    summary="All your applications, and those shared with you",
)
def list_applications(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> dict[str, Any]:
    """Newest first, without their answers. `count` is the number of all."""
    now = clock.now()
    own = Application.objects.readable_by(request.user)
    rows = (
        own.select_related("program", "cycle__program", "cycle__rules_version", "applicant", "amends")
        .prefetch_related(_places(request))
        .defer("answers")
        .order_by("-created_at", "-pk")[offset : offset + limit]
    )
    return {"count": own.count(), "applications": [_told(row, request, at=now) for row in rows]}


@router.post(
    "/applications",
    response={201: ApplicationDetailOut, 200: ApplicationDetailOut, WRITES: ErrorOut},
    url_name="applications",
    operation_id="startApplication",
    summary="Start a draft",
)
def start_application(request: HttpRequest, given: DraftIn) -> Status:
    """201 with the new draft. A person has one draft per program: the one that is there comes back with 200, as it is."""
    now = clock.now()
    program = program_queries.public().filter(slug=given.program).first()
    if program is None:
        raise missing()
    own = Application.objects.owned_by(request.user).filter(program=program, amends=None)
    draft = own.filter(state=State.DRAFT).first()
    if draft is not None:
        return Status(200, _detail(find(request, draft.public_id), request, at=now))
    version = form_versions.current(program)
    answers = _accepted(version.sections, given.answers) if version else {}
    draft = _do(intake.start, program_id=program.pk, answers=answers, by=request.user, at=now)
    return Status(201, _detail(find(request, draft.public_id), request, at=now))


@router.get(
    "/applications/{uuid:id}",
    response={200: ApplicationDetailOut, READS: ErrorOut},
    url_name="application",
    operation_id="readApplication",
    summary="One application",
)
def read_application(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """With its answers as they stand: one of your own, or one that is shared with you."""
    return _detail(find(request, id, Need.READ), request, at=clock.now())


@router.patch(
    "/applications/{uuid:id}/answers",
    response={200: ApplicationDetailOut, WRITES: ErrorOut},
    url_name="answers",
    operation_id="changeAnswers",
    summary="Change answers",
)
def change_answers(request: HttpRequest, id: UUID, given: AnswersIn) -> dict[str, Any]:
    """Keep the answers that are named; the others stay. All are kept, or none. Also for one shared with you for editing.

    409 `stale` when the answers changed since your version; 409 `wrong_answers` with the reason for each wrong one; 409
    `form_changed`, once, when the program has a newer form: the draft was moved to it and lost nothing. A sent
    application can be changed until its cut-off as long as it stays complete (409 `incomplete`).
    """
    application = find(request, id, Need.EDIT)
    now = clock.now()
    status = standing.of(application, at=now)
    if status.phase != Phase.DRAFT and not status.can_edit:
        raise ApiError(409, "closed", CLOSED)
    if form_change.carry_over(application_id=application.pk, by=cast("User", request.user), at=now):
        raise ApiError(409, "form_changed", FORM_CHANGED)
    changes = _accepted(application.form_version.sections, given.answers)
    _do(
        intake.save_answers,
        application_id=application.pk,
        changes=changes,
        version=given.version,
        by=request.user,
        at=now,
    )
    return _detail(find(request, id, Need.EDIT), request, at=now)


@router.post(
    "/applications/{uuid:id}/submit",
    response={200: ApplicationDetailOut, WRITES: ErrorOut},
    url_name="submit",
    operation_id="submitApplication",
    summary="Send an application",
)
def submit_application(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """Sending again changes nothing and answers the same. 409 `incomplete` names every answer that is missing or wrong."""
    application = find(request, id)
    now = clock.now()
    if standing.phase_of(application, at=now) in (Phase.DRAFT, Phase.WITHDRAWN):
        _do(intake.submit, application_id=application.pk, by=request.user, at=now)
    return _detail(find(request, id), request, at=now)


@router.post(
    "/applications/{uuid:id}/withdraw",
    response={200: ApplicationDetailOut, WRITES: ErrorOut},
    url_name="withdraw",
    operation_id="withdrawApplication",
    summary="Take an application back",
)
def withdraw_application(request: HttpRequest, id: UUID) -> dict[str, Any]:
    """There is no way back: apply again instead. Withdrawing again changes nothing and answers the same."""
    application = find(request, id)
    now = clock.now()
    _do(intake.withdraw, application_id=application.pk, by=request.user, at=now)
    return _detail(find(request, id), request, at=now)


# --- Helpers ------------------------------------------------------------------------------------------------------------


class Need(Enum):
    """What somebody wants to do with an application, as the queryset that allows it."""

    OWN = "owned_by"
    EDIT = "editable_by"
    READ = "readable_by"


def find(request: HttpRequest, public_id: UUID, need: Need = Need.OWN) -> Application:
    """The application, if this person may do that with it; 404 as for one that is not there."""
    allowed = getattr(Application.objects, need.value)(request.user)
    rows = allowed.select_related(
        "program", "form_version", "cycle__program", "cycle__rules_version", "applicant", "amends"
    ).prefetch_related(_places(request))
    application: Application | None = rows.filter(public_id=public_id).first()
    if application is None:
        raise missing()
    return application


def _places(request: HttpRequest) -> "Prefetch[Any]":
    """This person's own place in each application."""
    mine = Collaborator.objects.filter(user=cast("User", request.user), ended_at=None)
    return Prefetch("collaborators", queryset=mine, to_attr="place")


def _right(application: Application, request: HttpRequest) -> str:
    if application.applicant_id == request.user.pk:
        return "own"
    places: list[Collaborator] = application.place  # type: ignore[attr-defined]
    return "edit" if any(place.right == Right.EDIT for place in places) else "view"


def _accepted(sections: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The clean answers. 409, not 422: what an answer may be is the form's business, and no schema can say it."""
    taken, refused = answering.accept(sections, given)
    if refused:
        text = "One answer cannot be taken." if len(refused) == 1 else "Some answers cannot be taken."
        raise ApiError(409, "wrong_answers", f"{text} Nothing was changed.", refused)
    return taken


def _do(operation: Callable[..., Any], **arguments: Any) -> Any:
    """Call one operation; its refusal becomes a 409."""
    try:
        return operation(**arguments)
    except intake.StaleTab as error:
        raise ApiError(
            409,
            "stale",
            f"The answers were changed meanwhile; their version is {error.current_version}. Nothing was changed: "
            "read the application again and send your changes with that version.",
        ) from error
    except intake.CannotSubmit as error:
        raise ApiError(
            409, "incomplete" if error.problems else "refused", str(error), error.problems
        ) from error
    except Refused as error:
        raise ApiError(409, "refused", str(error)) from error


def _told(application: Application, request: HttpRequest, *, at: datetime) -> dict[str, Any]:
    now = standing.of(application, at=at)
    is_draft = now.phase == Phase.DRAFT
    right = _right(application, request)
    return {
        "id": application.public_id,
        "program": application.program.slug,
        "reference": application.reference,
        "phase": now.phase,
        "status": now.word,
        "version": application.answers_version,
        "created_at": application.created_at,
        "saved_at": application.saved_at,
        "submitted_at": application.submitted_at,
        "withdrawn_at": application.withdrawn_at,
        "cycle": cycle(application.cycle) if application.cycle else None,
        "can_edit": right != "view" and (is_draft or now.can_edit),
        "can_withdraw": right == "own" and (is_draft or now.can_withdraw),
        "apply_again_on": now.apply_again_on,
        "page": settings.SITE_URL + reverse("applications:status", args=[application.public_id]),
        "right": right,
        "shared_by": None if right == "own" else str(application.applicant),
        "amends": application.amends.reference if application.amends else None,
    }


def _detail(application: Application, request: HttpRequest, *, at: datetime) -> dict[str, Any]:
    told = _told(application, request, at=at)
    version = application.form_version
    return told | {
        "form_version": version.number,
        "answers": {key: value for key, value in application.answers.items() if value is not None},
        "problems": answering.check(asked.sections(application), application.answers)
        if told["can_edit"]
        else {},
    }
