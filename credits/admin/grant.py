"""Grants and deliveries, to read."""

from django.contrib import admin
from django.db.models import Exists, OuterRef

from credits.models import Delivery, Grant
from credits.money import format_money
from portal.admin_base import OfProgram


@admin.register(Grant)
class GrantAdmin(OfProgram):
    list_display = ("reference", "program", "amount", "stage", "organization", "created_at", "expires_on")
    list_filter = ("stage", "program")
    list_select_related = ("organization",)
    search_fields = ("reference__startswith", "organization__external_id__exact")
    search_help_text = "The start of a reference, or a whole organization ID"
    ordering = ("-id",)
    fields = (
        "reference",
        "program",
        "pool",
        "provider",
        "holder",
        "organization",
        "amount",
        "models",
        "term_months",
        "stage",
        "failure",
        "created_at",
        "sent_at",
        "confirmed_at",
        "ended_at",
        "starts_on",
        "expires_on",
    )
    readonly_fields = ("amount",)

    def scope(self, request, queryset):
        """Without the grants of applications that this person has a conflict with."""
        return self.admin_site.grants_seen(request, super().scope(request, queryset))

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, grant):
        return format_money(grant.amount_cents, grant.currency)


@admin.register(Delivery)
class DeliveryAdmin(OfProgram):
    program_paths = ("grant__program",)
    list_display = (
        "grant",
        "state",
        "amount",
        "attempts",
        "created_at",
        "next_attempt_at",
        "alerted_at",
        "last_error",
    )
    list_filter = ("state",)
    list_select_related = ("grant",)
    search_fields = ("grant__reference__startswith", "key__exact")
    search_help_text = "The start of a reference, or a whole key"
    ordering = ("-id",)
    fields = (
        "grant",
        "key",
        "state",
        "amount",
        "attempts",
        "created_at",
        "sent_at",
        "next_attempt_at",
        "settled_at",
        "alerted_at",
        "last_error",
    )
    readonly_fields = ("amount",)

    def scope(self, request, queryset):
        """As their grants."""
        grants = self.admin_site.grants_seen(request, Grant.objects.filter(pk=OuterRef("grant_id")))
        return super().scope(request, queryset).filter(Exists(grants))

    @admin.display(description="amount")
    def amount(self, delivery):
        return format_money(delivery.grant.amount_cents, delivery.grant.currency)
