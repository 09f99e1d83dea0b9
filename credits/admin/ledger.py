"""Accounts, transfers, blocks and check results, to read."""

from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Q, Value
from django.utils.html import format_html, format_html_join

from credits import queries
from credits.models import Block, LedgerAccount, LedgerCheck, Transfer
from credits.money import format_money
from portal.admin_base import OfProgram, ReadOnlyAdmin


def _with_hidden(accounts, hidden):
    """Accounts that remember which grants their reader does not see."""
    return accounts.annotate(hidden_grants=Value(list(hidden), output_field=ArrayField(BigIntegerField())))


def _touches(transfer, grants):
    return transfer.source.grant_id in grants or transfer.destination.grant_id in grants


@admin.register(LedgerAccount)
class LedgerAccountAdmin(OfProgram):
    list_display = ("code", "kind", "program", "balance", "version")
    list_filter = ("kind",)
    search_fields = ("code__startswith",)
    search_help_text = "The start of a code, such as pool:"
    ordering = ("-id",)
    fields = ("code", "kind", "program", "grant", "currency", "balance", "version", "latest_entries")
    readonly_fields = ("balance", "latest_entries")
    list_select_related = ()

    def scope(self, request, queryset):
        """An account of a grant is seen by those who see the grant; of other accounts, the entries that are theirs."""
        hidden = self.admin_site.grants_hidden(request)
        return _with_hidden(super().scope(request, queryset).exclude(grant__in=hidden), hidden)

    @admin.display(description="balance", ordering="balance_cents")
    def balance(self, account):
        return format_money(account.balance_cents, account.currency, always_cents=True)

    @admin.display(description="latest entries")
    def latest_entries(self, account):
        """Sums beside the entries would tell the amount of one that is left out, so they go with it."""
        found = queries.account_entries(account)
        shown = [entry for entry in found if not _touches(entry.transfer, account.hidden_grants)]
        complete = len(shown) == len(found)
        rows = format_html_join(
            "",
            '<tr><td>{}</td><td>{}</td><td>{}</td><td class="number">{}</td><td class="number">{}</td></tr>',
            (
                (
                    entry.version,
                    f"{entry.transfer.happened_at:%Y-%m-%d %H:%M} UTC",
                    entry.transfer.key,
                    format_money(entry.amount_cents, account.currency, always_cents=True),
                    format_money(entry.balance_after_cents, account.currency, always_cents=True)
                    if complete
                    else "not shown",
                )
                for entry in shown
            ),
        )
        return format_html(
            "<table><thead><tr><th>No.</th><th>Happened</th><th>Transfer</th><th>Amount</th><th>Balance after</th></tr>"
            "</thead><tbody>{}</tbody></table>",
            rows,
        )


@admin.register(Transfer)
class TransferAdmin(OfProgram):
    program_paths = ("source__program", "destination__program")
    list_display = ("key", "kind", "amount", "source", "destination", "happened_at", "made_by", "approved_by")
    list_display_links = ("key",)
    list_filter = ("kind",)
    list_select_related = ("source", "destination")

    def scope(self, request, queryset):
        """A movement of a grant is seen by those who see the grant."""
        hidden = self.admin_site.grants_hidden(request)
        of_theirs = Q(source__grant__in=hidden) | Q(destination__grant__in=hidden)
        return (
            super().scope(request, queryset).exclude(of_theirs)
            if hidden
            else super().scope(request, queryset)
        )

    search_fields = ("key__startswith", "group_key__exact")
    search_help_text = "The start of a key, such as grant:"
    ordering = ("-id",)
    fields = (
        "key",
        "kind",
        "amount",
        "source",
        "destination",
        "resolves",
        "reverses",
        "group_key",
        "made_by",
        "approved_by",
        "happened_at",
        "recorded_at",
    )
    readonly_fields = ("amount", "recorded_at")

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, transfer):
        return format_money(transfer.amount_cents, transfer.currency, always_cents=True)


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ("chain", "sequence", "count", "first_transfer", "last_transfer", "short_hash")
    list_display_links = ("chain", "sequence")
    ordering = ("-id",)
    fields = ("chain", "sequence", "count", "first_transfer", "last_transfer", "before", "hexadecimal")
    readonly_fields = ("before", "hexadecimal")

    @admin.display(description="hash")
    def short_hash(self, block):
        return bytes(block.hash).hex()[:16]

    @admin.display(description="previous hash")
    def before(self, block):
        return bytes(block.previous_hash).hex()

    @admin.display(description="hash")
    def hexadecimal(self, block):
        return bytes(block.hash).hex()


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    list_display = ("at", "is_fine", "transfers", "anchor")
    ordering = ("-id",)
    fields = ("at", "is_fine", "transfers", "anchor", "problems")
    readonly_fields = ("is_fine",)

    @admin.display(description="no difference", boolean=True)
    def is_fine(self, check):
        return not check.problems
