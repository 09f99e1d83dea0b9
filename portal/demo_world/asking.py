"""Requests through separate forms in the demo: something in every queue and in every state, one of them late."""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from applications import requests
from applications.models import Application, Request
from applications.states import State
from portal.models import User
from portal.samples import answers as samples
from programs.request_models import RequestForm, RequestSenders

SAFETY, SOCIETY = "external-researcher-access", "openai-researcher-access"


@dataclass(frozen=True)
class Asked:
    """One request. who: a person of the demo, or "" for somebody with an award; ends: what became of it."""

    program: str
    form: str
    who: str
    days_ago: float
    known: dict[str, object]
    ends: str = "new"
    text: str = ""
    conditions: str = ""
    until_days: int = 0
    words: str = ""


ASKED = (
    Asked(
        SAFETY,
        "retired-model",
        "newcomer",
        3,
        {
            "model": "Heron 2, March edition",
            "reason": "Our replication of last year’s refusal study has to call the model that it was run on.",
            "calls": "About 40,000",
        },
    ),
    Asked(
        SAFETY,
        "retired-model",
        "applicant",
        12,
        {
            "model": "Heron 1",
            "reason": "We follow how answers to the same 600 questions drift over the years and lack the first one.",
            "calls": "9,000, once",
        },
        ends="in_work",
    ),
    Asked(
        SAFETY,
        "retired-model",
        "drafting",
        40,
        {
            "model": "Heron 2, March edition",
            "reason": "Three papers of ours rest on it, and reviewers ask for two more conditions.",
            "calls": "12,000",
        },
        ends="approved",
        text="Yes. The model can be called from your organization as of today, at its standard price.",
        conditions="For the replication that you describe. Please say in the paper that the model is retired.",
        until_days=120,
    ),
    Asked(
        SAFETY,
        "retired-model",
        "newcomer",
        60,
        {
            "model": "Heron 1",
            "reason": "I liked its style more than that of the models after it.",
            "calls": "A few a day",
        },
        ends="declined",
        text="We keep retired models for work that nothing else can do. For style, a current model and a good prompt "
        "come close; the cookbook shows how.",
    ),
    Asked(
        SAFETY,
        "retired-model",
        "applicant",
        30,
        {"model": "Heron 2", "reason": "A comparison that we then dropped.", "calls": "5,000"},
        ends="withdrawn",
    ),
    Asked(
        SAFETY,
        "urgent",
        "",
        1.5,
        {
            "title": "Credits used up four days before a camera-ready deadline",
            "what_happened": "A loop ran over night and used what was left. Two figures still have to be drawn again.",
            "deadline": "Camera-ready version of an accepted paper",
            "tried": "We stopped the loop and moved what we could to a smaller model.",
        },
        words="credits ran out before a deadline",
    ),
    Asked(
        SOCIETY,
        "published-papers",
        "",
        20,
        {
            "title": "Who gets the longer answer? Politeness and effort across nine dialects",
            "links": "10.1000/182",
            "stage": "published",
            "finding": "Answers to questions in three dialects were a fifth shorter, and shorter answers were worse.",
            "highlight": "yes",
            "sensitive": "no",
        },
        ends="answered",
        text="Thank you, and congratulations. It stands on our list now.",
    ),
    Asked(
        SOCIETY,
        "published-papers",
        "",
        4,
        {
            "title": "A way around two filters, and how it was closed",
            "links": "https://example.org/preprints/closing-two-filters",
            "stage": "preprint",
            "finding": "Two filters could be led past each other; a check of their order closes the gap.",
            "highlight": "no",
            "sensitive": "yes",
            "sensitive_what": "The second way is not closed everywhere yet.",
        },
    ),
    Asked(
        SOCIETY,
        "dataset-publication",
        "",
        9,
        {
            "title": "Ten thousand explanations with their ratings",
            "content": "Explanations that models gave for their own answers, with ratings by three people each.",
            "models": "The two standard language models",
            "harm": "Names were taken out; 38 explanations with personal data were removed by hand.",
            "where": "A public repository, CC BY 4.0",
            "sensitive": "no",
        },
        ends="in_work",
    ),
    Asked(
        SOCIETY,
        "mailbox",
        "grantee",
        13,
        {
            "title": "May a visiting student join for six weeks?",
            "text": "She would have an account of her own in our organization and leave it again in the summer.",
        },
        words="visiting student",
    ),
)


def ask(persons: dict[str, User], at: datetime) -> None:
    """Send every request at its time and let the manager work on those that were worked on."""
    for number, asked in enumerate(ASKED):
        form = (
            RequestForm.objects.select_related("program")
            .filter(program__slug=asked.program, key=asked.form, is_on=True)
            .first()
        )
        if form is not None:
            _one(asked, form, persons, at, number)


def _one(asked: Asked, form: RequestForm, persons: dict[str, User], at: datetime, number: int) -> None:
    awards = Application.objects.filter(program=form.program, state=State.AWARDED).order_by("pk")
    if asked.who:
        person = persons[asked.who]
        award = awards.filter(applicant=person).first()
    else:
        award = awards[number % awards.count()]
        person = award.applicant
    if form.senders == RequestSenders.HOLDERS and award is None:
        return
    dice = random.Random(f"request:{number}")
    typed = samples.fill(form.sections, known=asked.known, dice=dice, refused={})
    sent_at = at - timedelta(days=asked.days_ago)
    sent = requests.send(
        request_form_id=form.pk,
        once=uuid.uuid5(uuid.NAMESPACE_URL, f"demo-request-{number}"),
        answers=samples.cleaned(form.sections, typed),
        application_id=award.pk if award else None,
        words=asked.words,
        none_answers=True,
        by=person,
        at=sent_at,
    )
    _work_on(asked, sent, persons["manager"], sent_at)


def _work_on(asked: Asked, sent: Request, manager: User, sent_at: datetime) -> None:
    if asked.ends == "withdrawn":
        requests.withdraw(request_id=sent.pk, by=sent.applicant, at=sent_at + timedelta(days=1))
    elif asked.ends != "new":
        taken_at = sent_at + timedelta(days=1)
        requests.take(request_id=sent.pk, by=manager, at=taken_at)
        if asked.ends != "in_work":
            until = taken_at + timedelta(days=asked.until_days) if asked.until_days else None
            requests.answer(
                request_id=sent.pk,
                outcome=asked.ends,
                text=asked.text,
                conditions=asked.conditions,
                until_on=until.date() if until else None,
                by=manager,
                at=taken_at + timedelta(hours=3),
            )
