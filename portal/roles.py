"""The roles of the people who work on a program (docs/architecture.md, "Roles").

A role is given per program (programs.Membership). Holding a role in any program also puts the person into the Django
group of the same name, which carries the model permissions of that role in the admin.
"""

from django.db.models import TextChoices


class Role(TextChoices):
    REVIEWER = "reviewer", "Reviewer"
    SCREENER = "screener", "Screener"
    MANAGER = "manager", "Program manager"
    FINANCE = "finance", "Finance approver"
    AUDITOR = "auditor", "Auditor"
    OPERATOR = "operator", "Operator"


_SEE_REVIEW = (
    "applications.view_application",
    "applications.view_assignment",
    "applications.view_review",
    "applications.view_screeningcheck",
    "applications.view_sponsorship",
)
_SEE_PROGRAM = (
    "programs.view_program",
    "programs.view_cycle",
    "programs.view_criterion",
    "programs.view_eligibilityrule",
    "programs.view_faqentry",
    "programs.view_door",
    "programs.view_messagetemplate",
    "programs.view_formversion",
    "programs.view_scheduleexception",
    "programs.view_requestform",
)
_SEE_MONEY = (
    "credits.view_ledgeraccount",
    "credits.view_transfer",
    "credits.view_entry",
    "credits.view_grant",
    "credits.view_delivery",
    "credits.view_organization",
    "credits.view_fundingrequest",
    "credits.view_case",
    "credits.view_inboundevent",
    "credits.view_organizationchange",
    "applications.view_sponsorship",
)

PERMISSIONS: dict[Role, tuple[str, ...]] = {
    Role.REVIEWER: (*_SEE_REVIEW, "applications.add_review", "applications.change_review"),
    Role.SCREENER: (
        *_SEE_REVIEW,
        "applications.view_request",
        "applications.view_paper",
        "applications.view_gateresult",
        "applications.add_gateresult",
    ),
    Role.MANAGER: (
        *_SEE_REVIEW,
        *_SEE_PROGRAM,
        *_SEE_MONEY,
        "applications.view_gateresult",
        "applications.view_batch",
        "applications.view_decision",
        "applications.add_decision",
        "applications.view_notice",
        "applications.view_request",
        "applications.view_obligation",
        "applications.view_paper",
        "programs.add_program",
        "programs.change_program",
        "programs.change_cycle",
        "programs.add_criterion",
        "programs.change_criterion",
        "programs.delete_criterion",
        "programs.add_eligibilityrule",
        "programs.change_eligibilityrule",
        "programs.delete_eligibilityrule",
        "programs.add_faqentry",
        "programs.change_faqentry",
        "programs.delete_faqentry",
        "programs.add_door",
        "programs.change_door",
        "programs.delete_door",
        "programs.add_requestform",
        "programs.change_requestform",
        "programs.add_messagetemplate",
        "programs.change_messagetemplate",
        "programs.add_scheduleexception",
        "programs.change_scheduleexception",
        "programs.delete_scheduleexception",
        "programs.add_formversion",
        "programs.change_formversion",
        "programs.view_membership",
        "programs.add_membership",
        "credits.view_ledgercheck",
        "credits.add_fundingrequest",
        "credits.change_fundingrequest",
    ),
    Role.FINANCE: (
        *_SEE_MONEY,
        "credits.view_reconciliation",
        "credits.change_fundingrequest",
        "applications.view_decision",
        "applications.change_decision",
    ),
    Role.AUDITOR: (
        *_SEE_PROGRAM,
        *_SEE_MONEY,
        "applications.view_decision",
        "applications.view_batch",
        "applications.view_request",
        "applications.view_obligation",
        "applications.view_paper",
        "credits.view_block",
        "credits.view_reconciliation",
        "credits.view_ledgercheck",
        "programs.view_membership",
        "portal.view_auditevent",
    ),
    Role.OPERATOR: (
        *_SEE_MONEY,
        "credits.view_reconciliation",
        "credits.view_ledgercheck",
        "applications.view_notice",
        "portal.view_auditevent",
        "portal.view_user",
    ),
}
"""Model permissions that a role's group carries. Which rows of a model somebody sees is the scoped queryset's work."""
