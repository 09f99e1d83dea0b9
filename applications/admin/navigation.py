"""The sidebar: what a person may open, by their roles, with the few counts that call for work."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from applications import attention as calls
from applications import desk as desk_queries
from applications import export_rows, obligation_desk, request_queue
from portal import clock
from portal.roles import Role
from programs import staff


@dataclass(frozen=True)
class Item:
    icon: str
    label: str
    url: str
    count: int = 0
    tone: str = ""
    count_label: str = ""

    @property
    def path(self) -> str:
        """The address without its query, to mark the current page."""
        return self.url.partition("?")[0]


@dataclass(frozen=True)
class Part:
    title: str
    items: list[Item]


@dataclass(frozen=True)
class Navigation:
    parts: list[Part]
    queue_url: str
    find_label: str
    finds_people: bool = False


def of(request: HttpRequest) -> Navigation:
    """The navigation of whoever asks. One small query."""
    desk = staff.desk(request)
    counts = attention(request)
    reviews = desk.sees(Role.REVIEWER, Role.SCREENER, Role.MANAGER)
    queue_url = reverse("admin:applications_application_changelist") if reviews else ""
    parts = [
        Part("Review", [*_review(desk, queue_url, counts.to_do), *_requests(desk, counts)]),
        Part("Cycle", _cycle(desk, counts)),
    ]
    parts += [Part("Set up", _set_up(desk)), Part("Records", _records(desk))]
    find = "Find a reference, a title, a person" if desk.sees(Role.MANAGER) else "Find a reference or a title"
    finds_people = desk.sees(Role.MANAGER)
    return Navigation([part for part in parts if part.items], queue_url, find, finds_people)


def attention(request: HttpRequest) -> calls.Calls:
    """What calls for work, asked once for each request."""
    found = getattr(request, "_attention", None)
    if found is None:
        found = calls.of(staff.desk(request), at=clock.now())
        request._attention = found  # type: ignore[attr-defined]
    return found


def loads(request: HttpRequest) -> list[dict[str, int]]:
    """My assignments by cycle and state, asked once for each request."""
    found = getattr(request, "_loads", None)
    if found is None:
        found = desk_queries.load_rows(staff.desk(request))
        request._loads = found  # type: ignore[attr-defined]
    return found


def my_counts(request: HttpRequest) -> dict[str, int]:
    """My assignments that are open, begun and done, in cycles in review."""
    rows = loads(request)
    names = {"todo": "to_do", "draft": "drafts", "done": "done"}
    return {short: sum(row[name] for row in rows) for short, name in names.items()}


def _review(desk: staff.Desk, queue_url: str, to_do: int) -> list[Item]:
    items = [Item("home", "My desk", reverse("admin:index"))]
    if queue_url:
        pure = desk.holds(Role.REVIEWER) and not desk.sees(Role.MANAGER, Role.SCREENER)
        items.append(
            Item("inbox", "Queue", f"{queue_url}?mine=todo" if pure else queue_url, to_do, "", "to do")
        )
    if desk.holds(Role.SCREENER):
        items.append(Item("shield", "Gates", f"{queue_url}?gate=open"))
    if desk.holds(Role.REVIEWER, Role.SCREENER, Role.MANAGER):
        items.append(Item("sliders", "My profile", reverse("admin:profile")))
    if desk.program_ids():
        items.append(Item("people", "Sponsored work", reverse("admin:applications_sponsorship_changelist")))
    return items


def _requests(desk: staff.Desk, counts: calls.Calls) -> list[Item]:
    """The requests queue with what waits, in red once something is late."""
    if not desk.sees(*request_queue.READS):
        return []
    tone, words = ("danger", "open, some late") if counts.late else ("", "open")
    url = reverse("admin:applications_request_changelist")
    return [Item("mail", "Requests", url, counts.open, tone, words)]


def _cycle(desk: staff.Desk, counts: calls.Calls) -> list[Item]:
    items = []
    if desk.sees(Role.MANAGER):
        items += [
            Item("board", "Batch board", reverse("admin:batch_board")),
            Item("people", "Assignment", reverse("admin:dealing")),
            Item("send", "Decide and release", reverse("admin:decide")),
            Item("coins", "Money", reverse("admin:money_board")),
            Item("chart", "Reports", reverse("admin:reports")),
        ]
    if desk.sees(Role.MANAGER, Role.FINANCE):
        url = reverse("admin:applications_decision_changelist") + "?wants=second"
        items.append(Item("check", "Second person", url, counts.second, "", "waiting"))
        wishes = reverse("admin:credits_fundingrequest_changelist")
        items.append(Item("coins", "Funding", wishes, counts.funding, "", "waiting"))
    if desk.sees(*staff.SEES_MONEY):
        items.append(Item("card", "Grants", reverse("admin:grants_board"), counts.failed, "danger", "failed"))
        items.append(Item("plus", "Top-ups", reverse("admin:later_board"), counts.later, "", "to decide"))
        url = reverse("admin:credits_case_changelist") + "?state=open"
        items.append(Item("alert", "Cases", url, counts.cases, "danger", "open"))
    if desk.sees(Role.MANAGER, Role.AUDITOR):
        url = reverse("admin:applications_obligation_changelist")
        items.append(Item("pencil", "Summaries", url, counts.summaries, "", "to read"))
    if desk.sees(*obligation_desk.READS):
        items.append(Item("form", "Papers", reverse("admin:applications_paper_changelist")))
    return items


def _set_up(desk: staff.Desk) -> list[Item]:
    if not desk.sees(*staff.SEES_PROGRAM):
        return []
    items = [
        Item("layers", "Programs", reverse("admin:programs_program_changelist")),
        Item("form", "Forms", reverse("admin:programs_formversion_changelist")),
        Item("list", "Request forms", reverse("admin:programs_requestform_changelist")),
        Item("calendar", "Cycles", reverse("admin:programs_cycle_changelist")),
    ]
    if desk.sees(Role.MANAGER):
        items.append(Item("people", "Team", reverse("admin:programs_membership_changelist")))
    return items


def _records(desk: staff.Desk) -> list[Item]:
    items = []
    if desk.sees(Role.MANAGER):
        items.append(Item("people", "People", reverse("admin:people")))
    if export_rows.any_of(desk):
        items.append(Item("download", "Exports", reverse("admin:exports")))
    if desk.sees(Role.MANAGER, Role.OPERATOR):
        items.append(Item("send", "Letters", reverse("admin:applications_notice_changelist")))
    if desk.sees(*staff.SEES_MONEY):
        items.append(Item("coins", "Ledger", reverse("admin:credits_transfer_changelist")))
        items.append(Item("shield", "Organizations", reverse("admin:credits_organization_changelist")))
        items.append(Item("inbox", "Events", reverse("admin:credits_inboundevent_changelist")))
    if desk.sees(Role.AUDITOR, Role.OPERATOR):
        items.append(Item("history", "Audit trail", reverse("admin:portal_auditevent_changelist")))
    return items
