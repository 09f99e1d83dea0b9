"""Request forms, requests and people with awards for tests."""

import uuid
from copy import deepcopy
from datetime import datetime
from itertools import count
from typing import Any

from applications import requests
from applications.models import Application, Request
from applications.states import State
from portal.models import User
from programs.models import Cycle, Program
from programs.request_models import RequestForm, RequestKind
from tests.factories.applications import BEFORE, make_many, make_user

_numbers = count(1)

SECTIONS: list[dict[str, Any]] = [
    {
        "key": "matter",
        "title": "Matter",
        "questions": [
            {
                "key": "title",
                "type": "short_text",
                "label": "In one line",
                "required": True,
                "max_chars": 150,
                "maps_to": "title",
            },
            {"key": "links", "type": "doi_list", "label": "Links", "max": 5, "maps_to": "links"},
            {"key": "highlight", "type": "yes_no", "label": "Highlight?", "maps_to": "may_highlight"},
            {"key": "sensitive", "type": "yes_no", "label": "Sensitive?", "maps_to": "sensitive"},
        ],
    },
    {
        "key": "more",
        "title": "More",
        "lead": "As much as you like.",
        "questions": [
            {
                "key": "care",
                "type": "long_text",
                "label": "Careful with what?",
                "required": True,
                "max_words": 50,
                "show_if": {"question": "sensitive", "any_of": ["yes"]},
                "audience": "screener",
            },
            {"key": "text", "type": "long_text", "label": "Text", "max_words": 200},
        ],
    },
]


def make_request_form(program: Program, **fields: Any) -> RequestForm:
    """A form that is on, for anybody, with three outcomes; keyword arguments replace columns."""
    number = next(_numbers)
    return RequestForm.objects.create(
        **{
            "program": program,
            "key": f"form-{number}",
            "kind": RequestKind.ACCESS,
            "is_on": True,
            "title": f"Retired models {number}",
            "lead": "For what a model of today cannot do.",
            "answer_days": 5,
            "policy": "Standard prices.",
            "outcomes": ["answered", "approved", "declined"],
            "sections": deepcopy(SECTIONS),
            **fields,
        }
    )


def make_award(program: Program, *, applicant: User | None = None, cycle: Cycle | None = None) -> Application:
    """An awarded application, by the shortest way: no decision, no grant."""
    application = make_many(program, 1, cycle=cycle)[0]
    for step in (State.IN_REVIEW, State.AWARDED):
        Application.objects.filter(pk=application.pk).update(state=step)
    if applicant is not None:
        Application.objects.filter(pk=application.pk).update(applicant=applicant)
    application.refresh_from_db()
    return application


def make_request(
    form: RequestForm,
    *,
    by: User | None = None,
    at: datetime = BEFORE,
    application: Application | None = None,
    **answers: Any,
) -> Request:
    """A request that was sent; keyword arguments are answers."""
    return requests.send(
        request_form_id=form.pk,
        once=uuid.uuid4(),
        answers={"title": f"Model number {next(_numbers)}", **answers},
        application_id=application.pk if application else None,
        words="a retired model" if form.faq_first else "",
        none_answers=True,
        by=by or make_user(),
        at=at,
    )
