from typing import ClassVar

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    name = "applications"
    # For the report role (credits/database_roles.py): nothing in them names a person.
    report_views: ClassVar[dict[str, str]] = {
        "applications": """
            SELECT a.id, p.slug AS program, c.evaluation_on, a.state, a.country, a.requested_cents,
                date_trunc('month', a.submitted_at AT TIME ZONE 'UTC')::date AS submitted_in
            FROM applications_application a JOIN programs_program p ON p.id = a.program_id
            LEFT JOIN programs_cycle c ON c.id = a.cycle_id
        """,
        "decisions": """
            SELECT d.id, d.application_id, d.kind, d.state, d.amount_cents, d.months, d.proposed_at, d.approved_at,
                d.released_at, d.grant_id
            FROM applications_decision d
        """,
    }
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from applications import award_members
        from applications.ledger_checks import LEDGER_CHECKS
        from credits import access, checks

        checks.CHECKS.update(LEDGER_CHECKS)
        if award_members.grants_shared_with not in access.SHARED:
            access.SHARED.append(award_members.grants_shared_with)
