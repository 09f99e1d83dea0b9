"""The queues of requests: list, page to take and answer, export. What is seen is applications.request_queue.visible."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from applications import notices, presentation, request_queue, requests
from applications.admin import form_preview
from applications.admin.filters import CountedFilter
from applications.models import Request, RequestAnswer
from applications.request_states import DECIDED, OPEN, RequestState
from credits.providers.manual import safe_cell
from portal import clock, texts
from portal.admin_base import ReadOnlyAdmin
from portal.models import AuditEvent
from portal.refusals import Refused
from portal.roles import Role
from programs import staff
from programs.request_models import RequestForm, RequestOutcome

EXPORTED = 10_000  # rows of one file
BASE = (
    "reference",
    "program",
    "form",
    "state",
    "title",
    "sender",
    "award",
    "sent (UTC)",
    "answer by (UTC)",
    "answered (UTC)",
    "links",
    "may highlight",
    "sensitive",
)


class FormFilter(CountedFilter):
    """One queue for each form; beside each its open requests."""

    title = "form"
    parameter_name = "form"

    @cached_property
    def open_by_form(self) -> dict[str, int]:
        rows = request_queue.visible(self.desk).filter(state__in=OPEN)
        return dict(Counter(str(pk) for pk in rows.values_list("form_id", flat=True)))

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.desk = staff.desk(request)
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        seen = request_queue.visible(self.desk).values("form")
        several = len(self.desk.programs) > 1
        return [
            (str(form.pk), f"{form.title}, {form.program.short_code}" if several else form.title)
            for form in RequestForm.objects.filter(pk__in=seen)
            .select_related("program")
            .order_by("program__position", "position", "pk")
        ]

    def counts(self, changelist: Any) -> dict[str, int] | None:
        return self.open_by_form

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Every form stands here, those without open requests too."""
        counts = {**dict.fromkeys((pk for pk, _ in self.lookup_choices), 0), **self.open_by_form}
        first, *listed = admin.SimpleListFilter.choices(self, changelist)
        yield {**first, "count": None}
        for choice, (pk, _) in zip(listed, self.lookup_choices, strict=True):
            yield {**choice, "count": counts[pk]}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        ok = chosen.isdecimal() and len(chosen) < 10
        return queryset.filter(form_id=int(chosen)) if ok else queryset.none()


class StandingFilter(CountedFilter):
    """What waits comes first; everything else by choice."""

    title = "state"
    parameter_name = "is"
    WORDS = (
        ("late", "Late"),
        ("mine", "In my hands"),
        *((str(state), state.label) for state in RequestState),
        ("all", "All"),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.WORDS)

    def counts(self, changelist: Any) -> dict[str, int] | None:
        rows = changelist.root_queryset
        if form := changelist.params.get("form"):
            rows = rows.filter(form_id=int(form)) if form.isdecimal() and len(form) < 10 else rows.none()
        now, me = clock.now(), changelist.asks
        found: Counter[str] = Counter()
        for state, due_at, taken_by in rows.order_by().values_list("state", "due_at", "taken_by_id"):
            found[state] += 1
            found["all"] += 1
            found["open"] += state in OPEN
            found["late"] += state in OPEN and due_at < now
            found["mine"] += state == RequestState.IN_WORK and taken_by == me
        return found

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        counts = self.counts(changelist) or {}
        listed = super().choices(changelist)
        yield {**next(listed), "display": "Open", "count": counts.get("open", 0)}
        yield from listed

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == "all":
            return queryset
        if chosen == "late":
            return queryset.filter(state__in=OPEN, due_at__lt=clock.now())
        if chosen == "mine":
            return queryset.filter(state=RequestState.IN_WORK, taken_by=request.user)
        return queryset.filter(state=chosen) if chosen else queryset.filter(state__in=OPEN)


class AnswerForm(forms.Form):
    """What a manager writes. The operation judges it; here only the shapes are read."""

    outcome = forms.ChoiceField(widget=forms.RadioSelect, error_messages={"required": "Choose how it ends."})
    text = forms.CharField(
        max_length=requests.LONGEST,
        widget=forms.Textarea(attrs={"rows": 8}),
        error_messages={"required": "Write the answer."},
    )
    conditions = forms.CharField(
        max_length=requests.LONGEST, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    until_on = forms.DateField(
        required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, outcomes: list[str], **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        known = dict(RequestOutcome.choices)
        self.fields["outcome"].choices = [  # type: ignore[attr-defined]
            (outcome, known[outcome]) for outcome in outcomes if outcome in known
        ]
        if len(outcomes) == 1:
            self.fields["outcome"].initial = outcomes[0]
        if RequestOutcome.APPROVED not in outcomes:
            del self.fields["conditions"], self.fields["until_on"]

    @property
    def given(self) -> dict[str, Any]:
        """The answer as the operation takes it."""
        data = self.cleaned_data
        return {
            "outcome": data["outcome"],
            "text": data["text"],
            "conditions": data.get("conditions", ""),
            "until_on": data.get("until_on"),
        }


@admin.register(Request)
class RequestAdmin(ReadOnlyAdmin):
    change_list_template = "admin/applications/request/change_list.html"
    list_display = ("what", "form_name", "sender", "standing", "age", "due", "taken_by")
    list_display_links = None
    list_select_related = ("form__program", "applicant", "application", "taken_by")
    list_filter = (FormFilter, StandingFilter)
    search_fields = ("reference", "title")
    search_help_text = "Reference, words of the title, or the sender's address"
    ordering = ("due_at", "pk")
    sortable_by = ()
    actions = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        seen = request_queue.visible(staff.desk(request))
        return queryset.filter(pk__in=seen.values("pk"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.replace("\x00", " ").split()
        for word in words[:8]:
            if "@" in word:
                queryset = queryset.filter(applicant__email=word.lower())
            else:
                queryset = queryset.filter(Q(reference__startswith=word.upper()) | Q(title__icontains=word))
        return queryset, False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        found.asks = request.user.pk  # type: ignore[attr-defined]
        return found

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "Requests", "accent": "none", "asked": request.GET.urlencode()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("form-preview/<int:pk>/", view(form_preview.request_form), name="request_form_preview"),
            path("export/", view(self.export), name="applications_request_export"),
            path("<int:pk>/act/", view(self.act), name="applications_request_act"),
            *super().get_urls(),
        ]

    # --- one request

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._page(request, self._found(request, object_id))

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST do=take, put_back, reopen, preview or answer."""
        found = self._found(request, str(pk))
        if request.method != "POST" or not self._may_answer(request, found):
            raise Http404
        by, at, what = staff.desk(request).user, clock.now(), request.POST.get("do")
        try:
            if what in ("preview", "answer"):
                return self._answer(request, found, send=what == "answer")
            if what == "take":
                requests.take(request_id=pk, by=by, at=at)
                messages.success(request, "It is in your hands.")
            elif what == "put_back":
                requests.put_back(request_id=pk, by=by, at=at)
                messages.success(request, "It is back in the queue.")
            elif what == "reopen":
                requests.reopen(request_id=pk, by=by, at=at)
                messages.success(request, "It is open again. The sender reads that somebody works on it.")
            else:
                raise Http404
        except Refused as error:
            messages.error(request, str(error))
        return redirect("admin:applications_request_change", pk)

    def _answer(self, request: HttpRequest, found: Request, *, send: bool) -> HttpResponse:
        form = AnswerForm(request.POST, outcomes=found.form.outcomes)
        if not form.is_valid():
            return self._page(request, found, form=form, code=422)
        if not send:
            return self._page(request, found, form=form, letter=_letter(found, form.given))
        by, at = staff.desk(request).user, clock.now()
        try:
            requests.answer(request_id=found.pk, by=by, at=at, **form.given)
        except requests.CannotAnswer as error:
            form.add_error(None, str(error))
            return self._page(request, found, form=form, code=422)
        messages.success(request, f"{found} is answered; the letter is on its way.")
        return redirect("admin:applications_request_change", found.pk)

    def _page(
        self,
        request: HttpRequest,
        found: Request,
        *,
        form: AnswerForm | None = None,
        letter: dict[str, str] | None = None,
        code: int = 200,
    ) -> HttpResponse:
        desk, program, now = staff.desk(request), found.form.program, clock.now()
        seen = request_queue.audiences(desk, program.pk)
        reason = requests.reason_against(user=desk.user, asked=found)
        others = request_queue.visible(desk).filter(applicant=found.applicant).exclude(pk=found.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": found.title,
            "accent": program.accent,
            "program": program,
            "zone": program.time_zone,
            "found": found,
            "form": form or AnswerForm(outcomes=found.form.outcomes),
            "letter": letter,
            "is_open": found.state in OPEN,
            "is_decided": found.state in DECIDED,
            "is_late": found.state in OPEN and found.due_at < now,
            "is_mine": found.state == RequestState.IN_WORK and found.taken_by_id == desk.user.pk,
            "may_answer": self._may_answer(request, found) and reason is None,
            "reason": reason,
            "replies": list(found.replies.select_related("answered_by").order_by("-number")),
            "shown": presentation.shown(
                request_queue.readable(found.sections, seen), found.answers, with_empty=False
            ),
            "others": list(others.select_related("form").order_by("-sent_at")[:5]),
            "trail": AuditEvent.objects.filter(subject_type=found._meta.label_lower, subject_id=str(found.pk))
            .select_related("actor")
            .order_by("-pk")[:20],
        }
        return render(request, "admin/applications/request/change_form.html", context, status=code)

    def _found(self, request: HttpRequest, object_id: str) -> Request:
        rows = self.get_queryset(request).select_related(
            "form__program", "applicant", "application", "taken_by"
        )
        found = (
            rows.filter(pk=int(object_id)).first() if object_id.isdecimal() and len(object_id) < 19 else None
        )
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        return found  # type: ignore[no-any-return]

    def _may_answer(self, request: HttpRequest, found: Request) -> bool:
        return staff.desk(request).holds(Role.MANAGER, program_id=found.form.program_id)

    # --- the list as a file

    def export(self, request: HttpRequest) -> HttpResponse:
        """What the list shows, with its filters, as CSV that no spreadsheet reads as formulas."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise Http404
        rows = self.get_changelist_instance(request).get_queryset(request)
        rows = rows.select_related("form__program", "applicant", "application")[:EXPORTED]
        answer = HttpResponse(_csv(list(rows), staff.desk(request)), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="requests-{clock.now():%Y-%m-%d}.csv"'
        return answer

    # --- columns

    @admin.display(description="Request")
    def what(self, row: Request) -> str:
        return format_html(
            '<span class="dot accent-{}"></span><a class="row-link" href="{}">{}</a>'
            '<span class="under"><span class="ref">{}</span>{}</span>',
            row.form.program.accent,
            reverse("admin:applications_request_change", args=[row.pk]),
            row.title,
            row.reference,
            format_html(' <span class="label is-warning">sensitive</span>') if row.sensitive else "",
        )

    @admin.display(description="Form")
    def form_name(self, row: Request) -> str:
        return row.form.title

    @admin.display(description="From")
    def sender(self, row: Request) -> str:
        return row.applicant.name or row.applicant.email

    @admin.display(description="State")
    def standing(self, row: Request) -> str:
        tone = {"in_work": "draft", "new": "todo", "approved": "done", "answered": "done"}.get(
            row.state, "off"
        )
        return format_html('<span class="state is-{}">{}</span>', tone, row.get_state_display())

    @admin.display(description="Age")
    def age(self, row: Request) -> str:
        days = (_until(row) - row.sent_at).days
        return "today" if days == 0 else f"{days} day{'' if days == 1 else 's'}"

    @admin.display(description="Answer by")
    def due(self, row: Request) -> str:
        day = texts.day_short(row.due_at.astimezone(ZoneInfo(row.form.program.time_zone)))
        if row.state in OPEN and row.due_at < clock.now():
            return format_html('<span class="label is-danger">late</span> {}', day)
        return day


def _until(row: Request) -> datetime:
    return row.decided_at or row.withdrawn_at or clock.now()


def _letter(found: Request, given: dict[str, Any]) -> dict[str, str]:
    """The letter that this answer would send, or why there is none."""
    try:
        subject, body = notices.preview_answer(found, RequestAnswer(**given))
    except (KeyError, ValueError) as error:
        return {"problem": f"The text of the letter has a placeholder that cannot be filled: {error}"}
    return {"subject": subject, "body": body}


def _csv(rows: list[Request], desk: staff.Desk) -> str:
    """One line for each request; with requests of one form only, each of its answers has a column."""
    out = io.StringIO()
    writer = csv.writer(out)
    one_form = len({row.form_id for row in rows}) == 1
    shown = [_answers(row, desk) if one_form else {} for row in rows]
    labels = list(dict.fromkeys(label for answers in shown for label in answers))
    writer.writerow([*BASE, *(safe_cell(label) for label in labels)])
    for row, answers in zip(rows, shown, strict=True):
        cells = [*_base(row), *(answers.get(label, "") for label in labels)]
        writer.writerow([safe_cell(cell) for cell in cells])
    return "\ufeff" + out.getvalue()


def _base(row: Request) -> list[str]:
    return [
        row.reference,
        row.form.program.name,
        row.form_title,
        row.get_state_display(),
        row.title,
        row.applicant.email,
        (row.application.reference or "") if row.application else "",
        _moment(row.sent_at),
        _moment(row.due_at),
        _moment(row.decided_at),
        " ".join(row.links),
        {True: "yes", False: "no", None: ""}[row.may_highlight],
        "yes" if row.sensitive else "no",
    ]


def _answers(row: Request, desk: staff.Desk) -> dict[str, str]:
    seen = request_queue.audiences(desk, row.form.program_id)
    parts = presentation.shown(request_queue.readable(row.sections, seen), row.answers, with_empty=False)
    return {item.label: "\n".join(item.lines) for part in parts for item in part.items}


def _moment(moment: datetime | date | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""
