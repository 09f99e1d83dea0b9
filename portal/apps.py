from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import autodiscover_modules


class PortalConfig(AppConfig):
    name = "portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal import account_signals

        account_signals.connect()
        autodiscover_modules("audit_words")


class StaffAdminConfig(AdminConfig):
    """Django's admin with our own site class, so that the home page is a desk and not a list of tables."""

    default_site = "portal.admin_site.StaffSite"
