from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    name = "applications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from applications.ledger_checks import LEDGER_CHECKS
        from credits import checks

        checks.CHECKS.update(LEDGER_CHECKS)
