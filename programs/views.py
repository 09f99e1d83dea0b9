"""The public pages: directory, front door, program, calendar feed, questions. They only read."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET
from icalendar import Calendar, Event

from portal import clock, texts
from programs import queries, request_forms, router, translations
from programs.models import CriterionKind, Door, Program
from programs.request_models import RequestForm, RequestSenders

QUERY_LENGTH = 200


@dataclass(frozen=True)
class Answered:
    """An answer given on the way through the front door, and the address that takes it back."""

    question: str
    answer: str
    back: str


@require_GET
def directory(request: HttpRequest) -> HttpResponse:
    """All programs, the first question of the front door, the other doors."""
    now = clock.now()
    cards = queries.cards(at=now)
    upcoming = [card.clock.cycle for card in cards if card.clock.is_open and card.clock.cycle]
    first = min(upcoming, key=lambda cycle: cycle.cut_off_at, default=None)
    context = {
        "cards": cards,
        "next_cycle": first,
        "opens_on": min((card.clock.opens_on for card in cards if card.clock.opens_on), default=None),
        "any_open": any(card.clock.is_open for card in cards),
        "next_program": next((card.program for card in cards if first and card.clock.cycle is first), None),
        "today": cards[0].clock.today if cards else now.date(),
        "doors": (doors := queries.doors()[:6]),
        "forms": _forms_without_door(doors),
        "question": router.QUESTIONS["use"],
        "most_questions": len(router.QUESTIONS),
    }
    return render(request, "programs/directory.html", context)


@require_GET
def front_door(request: HttpRequest) -> HttpResponse:
    """One question after the other, answers in the address, nothing stored; then the door that fits."""
    answers = router.known({key: request.GET[key] for key in router.QUESTIONS if key in request.GET})
    question = router.next_question(answers)
    context: dict[str, object] = {
        "answers": answers,
        "answered": _answered(answers),
        "question": question,
        "number": len(answers) + 1,
        "most_questions": len(router.QUESTIONS),
        "asked_without_answer": question is not None and request.GET.get("go") == question.key,
    }
    if question is None:
        result = router.result(answers)
        slugs = [result.target, *result.also] if result.kind == "program" else list(result.also)
        by_slug = {card.program.slug: card for card in queries.cards(at=clock.now())}
        context["result"] = result
        context["card"] = by_slug.get(result.target)
        context["also"] = [
            by_slug[slug] for slug in slugs[1 if result.kind == "program" else 0 :] if slug in by_slug
        ]
        context["doors"] = queries.doors(keys=() if result.kind == "program" else (result.target,))
        context["cards"] = list(by_slug.values())
    return render(request, "programs/front_door.html", context)


@require_GET
def program(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one program."""
    found = _program_or_404(slug)
    now = clock.now()
    cycles = queries.evaluations(found, at=now)
    ahead = [cycle for cycle in cycles if cycle.cut_off_at > now]
    entries = queries.faq(program=found)
    q = request.GET.get("q", "")[:QUERY_LENGTH].strip()
    context = {
        "program": found,
        "card": queries.card(found, ahead[0] if ahead else None, at=now),
        "ahead": ahead[:4],
        "all_cycles": cycles,
        "moved": [cycle for cycle in ahead if cycle.shifted_from_on],
        "exceptions": {
            exception.moved_to_on: exception.reason for exception in found.schedule_exceptions.all()
        },
        "scores": [line for line in found.rubric if line.kind == CriterionKind.SCORE],
        "gates": [line for line in found.rubric if line.kind == CriterionKind.GATE],
        "faq": queries.faq(program=found, q=q) if q else entries,
        "faq_count": len(entries),
        "q": q,
        "next_cycle": ahead[0] if ahead else None,
        "forms": translations.shown_rows(request_forms.public().filter(program=found), "request_forms"),
    }
    return render(request, "programs/program.html", context)


@require_GET
@cache_control(public=True, max_age=3600)
def calendar(request: HttpRequest, slug: str) -> HttpResponse:
    """The evaluation dates as an iCalendar feed; the same for everybody."""
    found = _program_or_404(slug)
    feed = Calendar()
    feed.add("prodid", f"-//{settings.SITE_NAME}//{found.slug}//EN")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", _("%(name)s: evaluations") % {"name": found.name})
    page = settings.SITE_URL + reverse("programs:program", args=[found.slug])
    for cycle in queries.evaluations(found, at=clock.now()):
        name = f"{found.slug}-{cycle.evaluation_on.isoformat()}@{request.get_host().partition(':')[0]}"
        cut_off = Event()
        cut_off.add("uid", f"cut-off-{name}")
        cut_off.add("dtstamp", cycle.opens_at.astimezone(UTC))
        cut_off.add("dtstart", cycle.cut_off_at.astimezone(UTC))
        cut_off.add("summary", _("%(name)s: cut-off") % {"name": found.name})
        cut_off.add(
            "description",
            _("Applications sent before %(cut_off_at)s are in this evaluation. Decided by %(decided_by_on)s.")
            % {
                "cut_off_at": texts.moment(cycle.cut_off_at, found.time_zone),
                "decided_by_on": texts.day(cycle.decided_by_on),
            },
        )
        cut_off.add("url", page)
        feed.add_component(cut_off)
        decided = Event()
        decided.add("uid", f"decided-by-{name}")
        decided.add("dtstamp", cycle.opens_at.astimezone(UTC))
        decided.add("dtstart", cycle.decided_by_on)
        decided.add("dtend", cycle.decided_by_on + timedelta(days=1))
        decided.add("summary", _("%(name)s: decided by today") % {"name": found.name})
        decided.add(
            "description",
            _("For the evaluation of %(evaluation_on)s.") % {"evaluation_on": texts.day(cycle.evaluation_on)},
        )
        decided.add("url", page)
        feed.add_component(decided)
    response = HttpResponse(feed.to_ical(), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="{found.slug}.ics"'
    return response


@require_GET
def questions(request: HttpRequest) -> HttpResponse:
    """The questions of all programs, with search."""
    q = request.GET.get("q", "")[:QUERY_LENGTH].strip()
    return render(
        request,
        "programs/questions.html",
        {"entries": queries.faq(q=q), "q": q, "doors": queries.doors()},
    )


@require_GET
def data_use(request: HttpRequest) -> HttpResponse:
    """Who sees an applicant's data, per program."""
    return render(request, "programs/data_use.html", {"programs": queries.listed()})


@require_GET
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "programs/accessibility.html")


def _forms_without_door(doors: list[Door]) -> list[RequestForm]:
    """The forms for anybody that no door on the page leads to."""
    led_to = {(door.program_id, door.key) for door in doors}
    forms = request_forms.public().filter(senders=RequestSenders.ANYBODY)
    listed = translations.shown_rows(forms, "request_forms")
    return [form for form in listed if (form.program_id, form.key) not in led_to]


def _program_or_404(slug: str) -> Program:
    try:
        return queries.program_page(slug)
    except Program.DoesNotExist:
        raise Http404 from None


def _answered(answers: dict[str, str]) -> list[Answered]:
    done: list[Answered] = []
    before: dict[str, str] = {}
    here = reverse("programs:router")
    for key, value in answers.items():
        question = router.QUESTIONS[key]
        label = next(choice.label for choice in question.choices if choice.value == value)
        done.append(
            Answered(str(question.text), str(label), f"{here}?{urlencode(before)}" if before else here)
        )
        before[key] = value
    return done
