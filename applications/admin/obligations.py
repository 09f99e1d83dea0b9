"""Summaries to read, and the list of papers. What is seen is applications.obligation_desk."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join

from applications import obligation_desk, obligation_words, obligations, papers, summaries
from applications.admin.filters import CountedFilter
from applications.models import Obligation, ObligationState, Paper, PaperLink
from credits.providers.manual import safe_cell
from portal import clock, texts
from portal.admin_base import ReadOnlyAdmin
from portal.models import AuditEvent
from portal.refusals import Refused
from portal.roles import Role
from programs import staff
from programs.models import Program

EXPORTED = 10_000  # rows of one file


class OfProgramFilter(admin.SimpleListFilter):
    """One program of those a person sees; nothing to choose with one alone."""

    title = "program"
    parameter_name = "program"
    template = "admin/components/filter.html"
    path = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        desk = staff.desk(request)
        programs: list[Program] = sorted(desk.programs.values(), key=lambda row: (row.position, row.name))
        return [(str(program.pk), str(program)) for program in programs] if len(programs) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        ok = chosen.isdecimal() and len(chosen) < 10
        return queryset.filter(**{self.path: int(chosen)}) if ok else queryset.none()


class ObligationProgramFilter(OfProgramFilter):
    path = "application__program_id"


class PaperProgramFilter(OfProgramFilter):
    path = "program_id"


class StandingFilter(CountedFilter):
    """What waits to be read comes first; everything else by choice."""

    title = "state"
    parameter_name = "is"
    WORDS = (
        ("late", "Overdue"),
        ("was_late", "Was late"),
        *((str(state), state.label) for state in ObligationState if state != ObligationState.HANDED_IN),
        ("all", "All"),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.WORDS)

    def counts(self, changelist: Any) -> dict[str, int] | None:
        rows = changelist.root_queryset.order_by()
        wanted = {str(state): Count("pk", filter=Q(state=state)) for state in ObligationState}
        late = obligations.late(clock.now())
        found = rows.aggregate(
            **wanted,
            all=Count("pk"),
            late=Count("pk", filter=late),
            was_late=Count("pk", filter=Q(late_at__isnull=False)),
        )
        return Counter(found)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        counts = self.counts(changelist) or {}
        listed = super().choices(changelist)
        yield {**next(listed), "display": "To read", "count": counts.get(ObligationState.HANDED_IN, 0)}
        yield from listed

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == "all":
            return queryset
        if chosen == "late":
            return queryset.filter(obligations.late(clock.now()))
        if chosen == "was_late":
            return queryset.filter(late_at__isnull=False)
        return queryset.filter(state=chosen or ObligationState.HANDED_IN)


class JudgeForm(forms.Form):
    """What a manager writes. The operation judges it."""

    number = forms.IntegerField(required=False, widget=forms.HiddenInput)
    words = forms.CharField(
        required=False,
        max_length=summaries.LONGEST_ANSWER + 1,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


@admin.register(Obligation)
class ObligationAdmin(ReadOnlyAdmin):
    change_list_template = "admin/applications/obligation/change_list.html"
    list_display = ("what", "holder", "standing", "due")
    list_display_links = None
    list_select_related = ("application__program", "application__applicant")
    list_filter = (StandingFilter, ObligationProgramFilter)
    search_fields = ("application__reference", "application__title")
    search_help_text = "Award number, words of the title, or the holder's address"
    ordering = ("due_on", "pk")
    sortable_by = ()
    actions = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        seen = obligation_desk.visible(staff.desk(request))
        return queryset.filter(pk__in=seen.values("pk"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        for word in search_term.replace("\x00", " ").split()[:8]:
            if "@" in word:
                queryset = queryset.filter(application__applicant__email=word.lower())
            else:
                found = Q(application__reference__startswith=word.upper())
                queryset = queryset.filter(found | Q(application__title__icontains=word))
        return queryset, False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "Summaries", "accent": "none"}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/judge/", view(self.judge), name="applications_obligation_judge"),
            *super().get_urls(),
        ]

    # --- one obligation

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._page(request, self._found(request, object_id))

    def judge(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST do=accept, return or waive, with words and the number of the version that was read."""
        found = self._found(request, str(pk))
        if request.method != "POST" or not self._may_judge(request, found):
            raise Http404
        form = JudgeForm(request.POST)
        by, at, what = staff.desk(request).user, clock.now(), request.POST.get("do")
        if not form.is_valid():
            return self._page(request, found, form=form, code=422)
        words, number = form.cleaned_data["words"], form.cleaned_data["number"] or 0
        try:
            if what == "accept":
                done = summaries.accept(obligation_id=pk, number=number, words=words, by=by, at=at)
                messages.success(request, f"Accepted; the holder is told.{_half(done)}")
            elif what == "return":
                summaries.give_back(obligation_id=pk, number=number, words=words, by=by, at=at)
                messages.success(request, "Returned with your words; the holder is told.")
            elif what == "waive":
                done = summaries.waive(obligation_id=pk, reason=words, by=by, at=at)
                messages.success(request, f"Waived. Nothing is owed for this award any more.{_half(done)}")
            else:
                raise Http404
        except Refused as error:
            form.add_error("words", str(error))
            return self._page(request, self._found(request, str(pk)), form=form, code=422)
        return redirect("admin:applications_obligation_change", pk)

    def _page(
        self, request: HttpRequest, found: Obligation, *, form: JudgeForm | None = None, code: int = 200
    ) -> HttpResponse:
        now, program = clock.now(), found.application.program
        versions = list(found.summaries.select_related("file", "answered_by").order_by("-number"))
        waits = found.state == ObligationState.HANDED_IN
        reason = summaries.reason_against(user=staff.desk(request).user, obligation=found)
        half = obligations.second_half(found.application_id)
        events = AuditEvent.objects.filter(
            subject_type=found._meta.label_lower, subject_id=str(found.pk)
        ).select_related("actor")
        context = {
            **self.admin_site.each_context(request),
            "title": str(found),
            "accent": program.accent,
            "program": program,
            "zone": program.time_zone,
            "found": found,
            "box": obligation_words.box(found, at=now),
            "versions": versions,
            "last": versions[0] if versions else None,
            "warning": summaries.warning(versions[0].file) if versions else "",
            "waits": waits,
            "is_settled": found.settled_at is not None,
            "may_judge": self._may_judge(request, found) and reason is None,
            "reason": reason,
            "form": form or JudgeForm(initial={"number": versions[0].number if versions else 0}),
            "half": half,
            "half_words": obligation_words.about_half(half) if half else "",
            "trail": events.order_by("-pk")[:20],
        }
        return render(request, "admin/applications/obligation/change_form.html", context, status=code)

    def _found(self, request: HttpRequest, object_id: str) -> Obligation:
        rows = self.get_queryset(request).select_related(
            "application__program", "application__applicant", "waived_by"
        )
        found = (
            rows.filter(pk=int(object_id)).first() if object_id.isdecimal() and len(object_id) < 19 else None
        )
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        return found  # type: ignore[no-any-return]

    def _may_judge(self, request: HttpRequest, found: Obligation) -> bool:
        return staff.desk(request).holds(Role.MANAGER, program_id=found.application.program_id)

    # --- columns

    @admin.display(description="Award")
    def what(self, row: Obligation) -> str:
        return format_html(
            '<span class="dot accent-{}"></span><a class="row-link" href="{}">{}</a>'
            '<span class="under"><span class="ref">{}</span></span>',
            row.application.program.accent,
            reverse("admin:applications_obligation_change", args=[row.pk]),
            row.application.title,
            row.application.reference,
        )

    @admin.display(description="Holder")
    def holder(self, row: Obligation) -> str:
        return row.application.applicant.name or row.application.applicant.email

    @admin.display(description="State")
    def standing(self, row: Obligation) -> str:
        tone = {"handed_in": "todo", "returned": "draft", "accepted": "done"}.get(row.state, "off")
        late = format_html(' <span class="label is-warning">{}</span>', "late") if row.late_at else ""
        return format_html('<span class="state is-{}">{}</span>{}', tone, row.get_state_display(), late)

    @admin.display(description="Due")
    def due(self, row: Obligation) -> str:
        if row.due_on is None:
            return "not known yet"
        if row.state in ("open", "returned") and row.due_on < obligations.today(clock.now()):
            return format_html('<span class="label is-danger">overdue</span> {}', texts.day(row.due_on))
        return texts.day(row.due_on)


def _half(done: summaries.Judged) -> str:
    if done.half_goes:
        return " The second half of the credit goes out with the next run."
    return f" {done.note}" if done.note else ""


class HighlightFilter(CountedFilter):
    """Papers that may be shown to others, of those this person reads."""

    title = "highlight"
    parameter_name = "highlight"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "May be highlighted"), ("no", "Not to be highlighted"), ("sensitive", "Sensitive")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "sensitive":
            return queryset.filter(sensitive=True)
        if self.value() not in ("yes", "no"):
            return queryset
        read = queryset.filter(obligation_desk.read_by(staff.desk(request)))
        return read.filter(may_highlight=self.value() == "yes")


@admin.register(Paper)
class PaperAdmin(ReadOnlyAdmin):
    """A list alone: a page of one paper would have nothing more to say."""

    change_list_template = "admin/applications/paper/change_list.html"
    list_display = ("what", "of_whom", "of_awards", "permission", "added")
    list_display_links = None
    list_select_related = ("program", "holder")
    list_filter = (HighlightFilter, PaperProgramFilter)
    search_fields = ("title",)
    search_help_text = "Words of the title, a DOI, or the holder's address"
    ordering = ("-added_at", "-pk")
    sortable_by = ()
    actions = None

    def scope(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        seen = obligation_desk.papers(staff.desk(request))
        return queryset.filter(pk__in=seen.values("pk"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        desk = staff.desk(request)
        rows = super().get_queryset(request).prefetch_related("links", "awards")
        return rows.annotate(is_read=obligation_desk.is_read(desk))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Only among papers that this person reads: a search that finds tells what it found."""
        words = search_term.replace("\x00", " ").split()[:8]
        if words:
            queryset = queryset.filter(obligation_desk.read_by(staff.desk(request)))
        for word in words:
            if "@" in word:
                queryset = queryset.filter(holder__email=word.lower())
            elif word.startswith("10."):
                found = PaperLink.objects.filter(link__startswith=word.lower())
                queryset = queryset.filter(pk__in=found.values("paper_id"))
            else:
                queryset = queryset.filter(title__icontains=word)
        return queryset, False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "Papers", "accent": "none", "asked": request.GET.urlencode()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        """The list and its file; the pages of single rows that a model admin brings would show what is sensitive."""
        view = self.admin_site.admin_view
        listed = [url for url in super().get_urls() if url.name == "applications_paper_changelist"]
        return [path("export/", view(self.export), name="applications_paper_export"), *listed]

    def export(self, request: HttpRequest) -> HttpResponse:
        """What the list shows, with its filters, as CSV that no spreadsheet reads as formulas."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise Http404
        rows = self.get_changelist_instance(request).get_queryset(request)
        rows = rows.select_related("program", "holder")[:EXPORTED]
        answer = HttpResponse(_csv(list(rows)), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="papers-{clock.now():%Y-%m-%d}.csv"'
        return answer

    # --- columns

    @admin.display(description="Paper")
    def what(self, row: Paper) -> str:
        if not row.is_read:  # type: ignore[attr-defined]
            return format_html(
                '<span class="dot accent-{}"></span>A sensitive paper'
                '<span class="under">Managers and screeners of the program read it.</span>',
                row.program.accent,
            )
        links = row.links.all()
        first = links[0].link if links else ""
        return format_html(
            '<span class="dot accent-{}"></span>{}<span class="under"><span class="ref">{}</span>{}</span>',
            row.program.accent,
            row.title or "Title to be looked up",
            first,
            format_html(' <span class="label is-warning">{}</span>', "sensitive") if row.sensitive else "",
        )

    @admin.display(description="Holder")
    def of_whom(self, row: Paper) -> str:
        return (row.holder.name or row.holder.email) if row.is_read else ""  # type: ignore[attr-defined]

    @admin.display(description="Awards")
    def of_awards(self, row: Paper) -> str:
        if not row.is_read:  # type: ignore[attr-defined]
            return ""
        references = ((award.reference or "",) for award in row.awards.all())
        return format_html_join("", '<span class="ref nowrap">{}</span> ', references)

    @admin.display(description="Highlight")
    def permission(self, row: Paper) -> str:
        if not row.is_read:  # type: ignore[attr-defined]
            return ""
        return "yes" if row.may_highlight else "no"

    @admin.display(description="Added")
    def added(self, row: Paper) -> str:
        return texts.day_short(row.added_at)


COLUMNS = ("program", "title", "links", "holder", "awards", "may highlight", "sensitive", "added (UTC)")


def _csv(rows: list[Paper]) -> str:
    """One line for each paper; of those this person does not read only that they are there."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in _cells(row)])
    return "\ufeff" + out.getvalue()


def _cells(row: Paper) -> list[str]:
    if not row.is_read:  # type: ignore[attr-defined]
        return [row.program.name, "", "", "", "", "", "yes", ""]
    return [
        row.program.name,
        row.title,
        " ".join(papers.address(link.link) for link in row.links.all()),
        row.holder.email,
        " ".join(award.reference or "" for award in row.awards.all()),
        "yes" if row.may_highlight else "no",
        "yes" if row.sensitive else "no",
        _moment(row.added_at),
    ]


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
