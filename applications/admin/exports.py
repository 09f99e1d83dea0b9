"""Exports: ask for one, watch it, leave and come back, fetch it. Each person sees their own."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from applications import export_rows, exports
from applications.export_shapes import Wanted
from applications.models import UNDER_WAY, Export, ExportFormat, ExportKind
from portal import clock
from programs import staff
from programs.models import Cycle, CycleState, Program

SHOWN = 30
TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def urls(site: AdminSite) -> list[URLPattern]:
    view = site.admin_view
    return [
        path("exports/", view(exports_list), name="exports"),
        path("exports/new/", view(export_new), name="export_new"),
        path("exports/progress/", view(progress), name="exports_progress"),
        path("exports/<uuid:public_id>/cancel/", view(cancel), name="export_cancel"),
        path("exports/<uuid:public_id>/file/", view(fetch), name="export_file"),
    ]


class ExportForm(forms.Form):
    """What goes into the file. Cycles, pools and columns depend on kind and program."""

    cycle = forms.ChoiceField(required=False)
    pool = forms.ChoiceField(required=False, widget=forms.Select)
    file_format = forms.ChoiceField(label="Format", choices=ExportFormat.choices, initial=ExportFormat.XLSX)
    columns = forms.MultipleChoiceField(required=False)

    def __init__(
        self, *args: Any, desk: staff.Desk, kind: ExportKind, program: Program, **kwargs: Any
    ) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        shape = export_rows.KINDS[kind]
        self.groups: dict[str, list[tuple[str, str]]] = {}
        for column in shape.columns(desk, Wanted(program)):
            self.groups.setdefault(column.group, []).append((column.key, column.label))
        self._field("columns").choices = [pair for pairs in self.groups.values() for pair in pairs]
        if not shape.by_cycle:
            del self.fields["cycle"]
        else:
            past = Cycle.objects.filter(program=program).exclude(state=CycleState.PLANNED)
            self._field("cycle").choices = [("", "All cycles")] + [
                (str(cycle.pk), str(cycle)) for cycle in past.order_by("-evaluation_on")[:60]
            ]
        if not shape.by_pool:
            del self.fields["pool"]
        else:
            self.fields["pool"].required = True
            self._field("pool").choices = [(row.code, row.code) for row in exports.pools_of(program)[:60]]

    def _field(self, name: str) -> Any:
        return self.fields[name]

    @property
    def grouped(self) -> list[tuple[str, list[tuple[str, str, bool]]]]:
        """The columns by group, each with whether it is ticked; all are when nothing was sent yet."""
        ticked = set(self.data.getlist("columns")) if self.is_bound else None  # type: ignore[attr-defined]
        return [
            (group, [(key, label, ticked is None or key in ticked) for key, label in pairs])
            for group, pairs in self.groups.items()
        ]


def _choices(desk: staff.Desk) -> list[tuple[Program, list[ExportKind]]]:
    found = [(program, export_rows.kinds_of(desk, program.pk)) for program in desk.programs.values()]
    return [(program, kinds) for program, kinds in found if kinds]


@require_GET
def exports_list(request: HttpRequest) -> HttpResponse:
    """My exports with their progress, and what I may ask for."""
    desk = staff.desk(request)
    choices = _choices(desk)
    if not choices:
        raise PermissionDenied
    rows = list(exports.mine(desk.user)[:SHOWN])
    context = {
        **admin.site.each_context(request),
        "title": "Exports",
        "rows": rows,
        "under_way": [row for row in rows if row.state in UNDER_WAY],
        "choices": [
            (program, [(kind, kind.label, export_rows.KINDS[kind].note) for kind in kinds])
            for program, kinds in choices
        ],
        "kept_days": exports.KEPT.days,
        "now": clock.now(),
    }
    return render(request, "admin/applications/exports/list.html", context)


@require_http_methods(["GET", "POST"])
def export_new(request: HttpRequest) -> HttpResponse:
    """Choose cycle, columns and format (`?kind=applications&program=3`); a POST asks for the file."""
    desk = staff.desk(request)
    program, kind = _asked(request, desk)
    form = ExportForm(request.POST or None, desk=desk, kind=kind, program=program)
    status = 200
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        elif not form.cleaned_data["columns"]:
            form.add_error("columns", "Tick at least one column.")
            status = 422
        elif _start(form, desk, kind, program):
            messages.success(request, "The export is on its way. You can leave this page and come back.")
            return redirect("admin:exports")
        else:
            status = 422
    context = {
        **admin.site.each_context(request),
        "title": f"Export: {kind.label.lower()}",
        "accent": program.accent,
        "program": program,
        "kind": kind,
        "note": export_rows.KINDS[kind].note,
        "form": form,
        "no_pool": "pool" in form.fields and not form._field("pool").choices,
    }
    return render(request, "admin/applications/exports/new.html", context, status=status)


def _asked(request: HttpRequest, desk: staff.Desk) -> tuple[Program, ExportKind]:
    wanted = request.GET.get("program", "")
    kind = request.GET.get("kind", "")
    for program, kinds in _choices(desk):
        if str(program.pk) == wanted and kind in kinds:
            return program, ExportKind(kind)
    raise Http404


def _start(form: ExportForm, desk: staff.Desk, kind: ExportKind, program: Program) -> Export | None:
    data = form.cleaned_data
    try:
        return exports.start(
            kind=kind,
            file_format=ExportFormat(data["file_format"]),
            program_id=program.pk,
            cycle_id=int(data["cycle"]) if data.get("cycle") else None,
            pool=data.get("pool", ""),
            columns=data["columns"],
            by=desk.user,
            at=clock.now(),
        )
    except (exports.CannotExport, exports.TooManyExports) as error:
        form.add_error(None, str(error))
        return None


@require_GET
def progress(request: HttpRequest) -> JsonResponse:
    """How far my exports are: {"exports": [{"id", "state", "share", "text"}]}."""
    rows = exports.mine(staff.desk(request).user)[:SHOWN]
    return JsonResponse(
        {
            "exports": [
                {
                    "id": str(row.public_id),
                    "state": row.state,
                    "share": row.share,
                    "text": f"{row.done:,} of {row.total:,} rows" if row.total else row.get_state_display(),
                }
                for row in rows
            ]
        }
    )


@require_POST
def cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    if exports.cancel(public_id=public_id, by=staff.desk(request).user, at=clock.now()):
        messages.success(request, "The export is cancelled and its rows are thrown away.")
    else:
        messages.warning(request, "This export had ended before.")
    return redirect("admin:exports")


@require_POST
def fetch(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The file, as an attachment. A POST, since it is written into the trail."""
    try:
        export, place = exports.fetch(public_id=public_id, by=staff.desk(request).user, at=clock.now())
    except exports.NotReady as error:
        messages.error(request, str(error))
        return redirect("admin:exports")
    return FileResponse(
        place.open("rb"),
        as_attachment=True,
        filename=exports.file_name(export),
        content_type=TYPES[ExportFormat(export.file_format)],
    )
