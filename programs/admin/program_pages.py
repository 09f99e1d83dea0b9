"""Pages beside the program editor: a copy of a program, the program as a file, a program from a file."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import validate_slug
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from portal import clock
from portal.refusals import Refused
from portal.roles import Role
from programs import copies, preset_files, presets, staff
from programs.models import Program


class CloneForm(forms.Form):
    """What a copy cannot share with its original."""

    name = forms.CharField(max_length=120, label="Name")
    slug = forms.CharField(
        max_length=64,
        label="Address",
        validators=[validate_slug],
        help_text="Small letters, digits and dashes: /programs/this-part/",
    )
    short_code = forms.RegexField(
        r"\A[A-Z][A-Z0-9]{1,5}\Z", label="Short code", help_text="Two to six capital letters or digits."
    )


class FileForm(forms.Form):
    """A program as YAML: a file, or its text."""

    file = forms.FileField(label="File", required=False)
    text = forms.CharField(
        label="or its text",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "class": "code", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        given = data.get("file")
        if given is not None:
            if given.size > preset_files.LARGEST_FILE:
                raise forms.ValidationError("The file is too large to be a program.")
            try:
                data["text"], data["name"] = given.read().decode("utf-8-sig"), given.name[:100]
            except UnicodeDecodeError:
                raise forms.ValidationError("The file is not text in UTF-8.") from None
        elif not (data.get("text") or "").strip():
            raise forms.ValidationError("Choose a file or write its text.")
        data.setdefault("name", "the text")
        data["text"] = data["text"].replace("\r\n", "\n")  # browsers write line ends in their own way
        return data


@require_http_methods(["GET", "POST"])
def clone(request: HttpRequest, pk: int) -> HttpResponse:
    """A copy in draft of everything but cycles, people and applications."""
    program = seen_program(request, pk)
    desk = staff.desk(request)
    if not request.user.has_perm("programs.add_program") or not (
        desk.everything or desk.holds(Role.MANAGER, program_id=pk)
    ):
        raise PermissionDenied
    initial = {"name": f"{program.name} (copy)"[:120], "slug": f"{program.slug}-copy"[:64]}
    form = CloneForm(request.POST or None, initial=initial, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            made = copies.clone(program_id=pk, **form.cleaned_data, by=desk.user, at=clock.now())
        except Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, f"{made} is a draft with everything of {program} but cycles and people."
            )
            return redirect("admin:programs_program_change", made.pk)
    context = {"title": f"Copy {program}", "accent": program.accent, "program": program, "form": form}
    return _page(request, "clone", context, 422 if form.errors else 200)


@require_GET
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """The program as the YAML file that can be imported again."""
    program = seen_program(request, pk)
    answer = HttpResponse(presets.export_text(program), content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{program.slug}.yaml"'
    return answer


@require_http_methods(["GET", "POST"])
def import_(request: HttpRequest) -> HttpResponse:
    """Read a file, show what it would change, and change it when that was confirmed."""
    desk = staff.desk(request)
    if not (request.user.has_perm("programs.change_program") and desk.sees(Role.MANAGER)):
        raise PermissionDenied
    context: dict[str, Any] = {"title": "Import a program", "form": FileForm(label_suffix="")}
    if request.method == "GET":
        return _page(request, "import", context)
    form = context["form"] = FileForm(request.POST, request.FILES, label_suffix="")
    if not form.is_valid():
        return _page(request, "import", context, 422)
    text, name = form.cleaned_data["text"], form.cleaned_data["name"]
    try:
        proposal = copies.propose(text=text, name=name, at=clock.now())
        _refuse_foreign(request, proposal)
        if "apply" in request.POST:
            seen = request.POST.get("seen", "")
            done = copies.import_file(text=text, name=name, seen=seen, by=desk.user, at=clock.now())
            said = "The program is made." if done.created else f"{len(done.changes)} changes are made."
            messages.success(request, said)
            return redirect("admin:programs_program_change", Program.objects.get(slug=done.slug).pk)
    except Refused as error:
        form.add_error(None, str(error))
        return _page(request, "import", context, 422)
    return _page(request, "import", context | {"proposal": proposal, "text": text})


def _refuse_foreign(request: HttpRequest, proposal: copies.Proposal) -> None:
    desk = staff.desk(request)
    if desk.everything:
        return
    if proposal.program is not None and not desk.holds(Role.MANAGER, program_id=proposal.program.pk):
        raise copies.CannotCopy(f"The address “{proposal.slug}” belongs to a program that you do not manage.")
    if proposal.program is None and not request.user.has_perm("programs.add_program"):
        raise copies.CannotCopy("You may not add programs.")


def seen_program(request: HttpRequest, pk: int, *roles: Role) -> Program:
    """A program this person sees, or where roles are named holds one of them in; any other is a 404."""
    desk = staff.desk(request)
    if roles and not (desk.everything or desk.holds(*roles, program_id=pk)):
        raise Http404
    rows = Program.objects.all()
    if not desk.everything:
        rows = rows.filter(pk__in=desk.program_ids(*staff.SEES_PROGRAM))
    program = rows.filter(pk=pk).first()
    if program is None:
        raise Http404
    return program


def _page(request: HttpRequest, name: str, context: dict[str, Any], code: int = 200) -> HttpResponse:
    common = admin.site.each_context(request)
    return render(request, f"admin/programs/program/{name}.html", common | context, status=code)
