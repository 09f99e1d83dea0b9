"""The boards: batch, decide, release, grants. Views of the staff site that belong to no single record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from applications import acceptance, boards, case_desk, notices, posting
from applications import batch_board as batch_boards
from applications import desk as desk_queries
from applications.admin import (
    agreement,
    board_pages,
    charts,
    deciding,
    evaluation,
    form_preview,
    late,
    letters,
    reconciling,
    releasing,
    statements,
)
from applications.models import HeldAcceptance, NoticeState
from credits import balances, burn, cases, delivery, ledger
from credits import pools as pool_lines
from credits.models import Grant, Stage
from credits.providers import manual
from portal import clock
from portal.roles import Role
from programs import staff

PER_PAGE = 50
MOST_PROBLEMS = 500
MOST_POOLS = 12


def urls(site: AdminSite) -> list[URLPattern]:
    view = site.admin_view
    return [
        path("boards/batch/", view(any_cycle("admin:batch_board_of")), name="batch_board"),
        path("boards/batch/<int:pk>/", view(batch_board), name="batch_board_of"),
        path("boards/batch/<int:pk>/late/", view(late.issue), name="late_issue"),
        path("boards/batch/<int:pk>/late/<int:entry>/end/", view(late.end), name="late_end"),
        path("boards/agreement/<int:pk>/", view(agreement.agreement_board), name="agreement_of"),
        path("boards/decide/", view(any_cycle("admin:decide_of")), name="decide"),
        path("boards/decide/<int:pk>/", view(deciding.decide_board), name="decide_of"),
        path("boards/decide/<int:pk>/bulk/", view(deciding.decide_bulk), name="decide_bulk"),
        path("boards/decide/<int:pk>/line/", view(deciding.cut_line), name="cut_line"),
        path("boards/decide/<int:pk>/waiting/", view(deciding.waiting), name="waiting_list"),
        path("boards/money/", view(any_cycle("admin:money_board_of")), name="money_board"),
        path("boards/money/<int:pk>/", view(deciding.money_board), name="money_board_of"),
        path("boards/release/<int:pk>/", view(releasing.release_page), name="release"),
        path("boards/grants/", view(grants_board), name="grants_board"),
        path("boards/grants/<int:pk>/try-now/", view(try_now), name="grant_try_now"),
        path("boards/grants/accepted/<int:pk>/approve/", view(acceptance_approve), name="acceptance_approve"),
        path("boards/grants/accepted/<int:pk>/refuse/", view(acceptance_refuse), name="acceptance_refuse"),
        path("boards/grants/hand-over/", view(hand_over), name="hand_over"),
        path("boards/grants/confirmations/", view(confirmations), name="confirmations"),
        path("boards/grants/compare/", view(reconciling.page), name="reconcile"),
        path("boards/statements/", view(statements.index), name="statements"),
        path(
            "boards/statements/organization/<int:pk>/",
            view(statements.of_organization),
            name="organization_statement",
        ),
        path("boards/statements/pool/<int:pk>/", view(statements.of_pool), name="pool_statement"),
        path("boards/trial-balance/", view(statements.trial), name="trial_balance"),
        path("boards/form-preview/<int:pk>/", view(form_preview.preview), name="form_preview"),
        path("boards/letters/<int:pk>/test/", view(letters.test_letter), name="letter_test"),
        path("boards/letters/texts/<int:pk>/test/", view(letters.test_text), name="letter_text_test"),
        path("boards/letters/retry/", view(letters_retry), name="letters_retry"),
        path("boards/letters/parked/", view(letters_parked), name="letters_parked"),
    ]


def any_cycle(name: str) -> Any:
    """A view that leads to the board of the cycle that matters most now."""

    @require_GET
    def lead(request: HttpRequest) -> HttpResponse:
        cycle = boards.default_cycle(_manager(request))
        if cycle is None:
            return render(
                request,
                "admin/applications/no_cycle.html",
                {**admin.site.each_context(request), "title": "No cycle yet"},
            )
        return redirect(name, cycle.pk)

    return lead


def _manager(request: HttpRequest) -> staff.Desk:
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER):
        raise PermissionDenied
    return desk


# --- Batch ------------------------------------------------------------------------------------------------------------


@require_GET
def batch_board(request: HttpRequest, pk: int) -> HttpResponse:
    cycle = board_pages.cycle_of(request, pk)
    board = batch_boards.board(staff.desk(request), cycle, at=clock.now())
    context = (
        board_pages.context(request, cycle, "admin:batch_board_of")
        | late.context(request, cycle)
        | evaluation.card(request, cycle)
        | {
            "title": str(cycle),
            "board": board,
            "health": board.health,
            "pace": charts.paced(
                [(f"{day.on:%-d %b}", day.number) for day in board.pace.days], board.pace.needed
            ),
            "reminders_sent": sum(number for _, number in board.reminders),
            "intake": charts.columns(
                [day.number for day in board.intake], [f"{day.on:%-d %b}" for day in board.intake]
            ),
            "intake_total": sum(day.number for day in board.intake),
            "split": charts.split(board.looks),
            "spread": charts.columns(
                [number for _, number in board.spread],
                [name for name, _ in board.spread],
                width=300,
                height=90,
            ),
            "pairs": sum(number for _, number in board.spread),
        }
    )
    return render(request, "admin/applications/batch_board.html", context)


# --- Grants and letters -----------------------------------------------------------------------------------------------


def _with_balances(
    rows: Sequence[Grant], at: datetime
) -> list[tuple[Grant, balances.Balance | None, balances.State | None]]:
    """Grants of a column; those that are posted with what is left and where they are in their life."""
    found = balances.of([grant for grant in rows if grant.stage == Stage.CONFIRMED])
    states = {pk: balances.state_of(balance, at=at) for pk, balance in found.items()}
    return [(grant, found.get(grant.pk), states.get(grant.pk)) for grant in rows]


@require_GET
def grants_board(request: HttpRequest) -> HttpResponse:
    desk = staff.desk(request)
    if not desk.sees(*staff.SEES_MONEY):
        raise PermissionDenied
    at = clock.now()
    rows = posting.grants(desk)
    stages = posting.stages(rows, at=at)
    slugs = posting.money_slugs(desk)
    lines = pool_lines.lines(programs=slugs, today=at.date(), burned_since=burn.since(at.date()))
    chosen = request.GET.get("stage", "")
    accents = {program.slug: program.accent for program in desk.programs.values()}
    listed = posting.in_stage(rows, chosen) if chosen else None
    context = {
        **admin.site.each_context(request),
        "title": "Grants",
        "now": at,
        "stages": stages,
        "chosen": next((stage for stage in stages if stage.key == chosen), None),
        "listed": _with_balances(posting.page(listed, start=0, size=100), at) if listed is not None else [],
        "hands": [
            (
                grant,
                accents.get(grant.program, "none"),
                posting.why(grant),
                posting.since(grant),
                posting.urgency(grant, at=at),
            )
            for grant in posting.needs_a_hand(rows, at=at)
        ],
        "expiring": posting.expiring(rows, at=at),
        "retries": posting.retries(rows, at=at),
        "holds": posting.holds(rows),
        "burn": burn.of(lines, today=at.date()),
        "pools": lines[:MOST_POOLS],
        "cases": [(case, cases.words_of(case.kind)) for case in case_desk.waiting(desk)[:20]],
        "held": [(row, _may_approve(desk, row)) for row in posting.held(desk)],
        "tries": desk.sees(Role.MANAGER, Role.OPERATOR),
        "compares": desk.sees(*reconciling.LOOKS),
        "carries": desk.sees(Role.OPERATOR) and settings.PROVIDER_ADAPTER == "manual",
    }
    return render(request, "admin/applications/grants_board.html", context)


def _may_approve(desk: staff.Desk, held: HeldAcceptance) -> bool:
    program_id = held.decision.application.program_id
    mine = desk.holds(Role.MANAGER, Role.FINANCE, program_id=program_id)
    return mine and held.decision.proposed_by_id != desk.user.pk


def _accepted(desk: staff.Desk, pk: int) -> HeldAcceptance:
    if not desk.sees(Role.MANAGER, Role.FINANCE):
        raise PermissionDenied
    return get_object_or_404(HeldAcceptance, pk=pk, decision__grant__in=posting.grants(desk))


@require_POST
def acceptance_refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person's no to it; the holder reads why."""
    desk = staff.desk(request)
    held = _accepted(desk, pk)
    try:
        acceptance.refuse(held_id=held.pk, words=request.POST.get("words", ""), by=desk.user, at=clock.now())
    except acceptance.CannotAccept as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, "You refused the award. Its credits are back in the pool, and its holder is told."
        )
    return redirect("admin:grants_board")


@require_POST
def acceptance_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person's yes to an accepted award whose organization was named late."""
    desk = staff.desk(request)
    held = _accepted(desk, pk)
    try:
        acceptance.approve(held_id=held.pk, by=desk.user, at=clock.now())
    except acceptance.CannotAccept as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "You approved the award. The next sweep sends it to the provider.")
    return redirect("admin:grants_board")


@require_POST
def try_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Let one waiting delivery go with the next sweep. Managers and operators; only grants they see."""
    desk = staff.desk(request)
    if not desk.sees(Role.MANAGER, Role.OPERATOR):
        raise PermissionDenied
    grant = get_object_or_404(posting.grants(desk), pk=pk)
    try:
        delivery.try_now(grant_id=grant.pk, by=desk.user, at=clock.now())
    except delivery.CannotSettle as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{grant.reference} goes to the provider with the next sweep.")
    return redirect("admin:grants_board")


def _carrier(request: HttpRequest) -> staff.Desk:
    """Who may carry orders to a provider by hand: operators, as the file holds every program's grants."""
    desk = staff.desk(request)
    if not desk.sees(Role.OPERATOR) or settings.PROVIDER_ADAPTER != "manual":
        raise PermissionDenied
    return desk


@require_POST
def hand_over(request: HttpRequest) -> HttpResponse:
    """The orders to carry to the provider, as CSV; they count as sent from now on."""
    desk, at = _carrier(request), clock.now()
    try:
        delivery.dispatch(at=at)
    except ledger.PostingStopped as error:
        messages.error(request, str(error))
        return redirect("admin:grants_board")
    orders = delivery.hand_over(by=desk.user, at=at, again=request.POST.get("again") == "yes")
    answer = HttpResponse(manual.write_orders(orders), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="orders-{at:%Y-%m-%d-%H%M}.csv"'
    return answer


@require_POST
def confirmations(request: HttpRequest) -> HttpResponse:
    """The file that came back from the provider: settle line by line, report what was not understood."""
    desk = _carrier(request)
    file = request.FILES.get("file")
    if file is None or file.size > manual.LARGEST_FILE_BYTES:
        messages.error(request, "Choose the CSV that came back, at most 20 MB.")
        return redirect("admin:grants_board")
    try:
        rows = manual.read_confirmations(file.read())
    except manual.UnreadableFile as error:
        return _report(request, None, [(None, str(error))])
    done = delivery.take_confirmations(confirmations=rows, by=desk.user, at=clock.now())
    if done.problems:
        return _report(request, done, list(done.problems))
    messages.success(
        request, f"{done.confirmed:,} confirmed, {done.refused:,} refused, {done.repeated:,} known already."
    )
    return redirect("admin:grants_board")


def _report(
    request: HttpRequest, done: delivery.Imported | None, problems: list[tuple[int | None, str]]
) -> HttpResponse:
    """What a file of confirmations did, and every line that it could not do; done is None when nothing was taken."""
    context = admin.site.each_context(request) | {
        "title": "Confirmations",
        "done": done,
        "problems": problems[:MOST_PROBLEMS],
        "more": max(0, len(problems) - MOST_PROBLEMS),
    }
    return render(request, "admin/credits/confirmations.html", context, status=422)


@require_GET
def letters_parked(request: HttpRequest) -> HttpResponse:
    return redirect(f"{reverse('admin:applications_notice_changelist')}?state__exact={NoticeState.PARKED}")


@require_POST
def letters_retry(request: HttpRequest) -> HttpResponse:
    """Let one letter go again."""
    desk = staff.desk(request)
    notice = request.POST.get("notice", "")
    if not notice.isdecimal() or not desk_queries.letters(desk).filter(pk=int(notice)).exists():
        raise Http404
    number = notices.retry(notice_ids=[int(notice)], by=desk.user, at=clock.now())
    messages.success(
        request, "The letter goes again with the next sweep." if number else "The letter was sent already."
    )
    return redirect("admin:applications_notice_change", notice)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 7 else 0
