"""The ledger: accounts, transfers between them, and what the database derives from each transfer.

Only transfers are written by the application, and only through credits.ledger. Entries, balances and blocks are the
work of the trigger in migrations 0002 and 0014; docs/ledger.md explains it.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Cast, Concat

from credits.movements import ENDINGS, OF_A_GRANT, TWO_PEOPLE, AccountKind, Kind

CHAINS = 16  # posting connections lock one chain each, so that they do not queue behind a single head

CODE_OF_A_GRANT = Concat(
    F("kind"), models.Value(":"), Cast(F("grant_id"), models.TextField()), output_field=models.TextField()
)


class LedgerAccount(models.Model):
    """One place where credit can be. The balance is kept by the database and never written from Python."""

    code = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=AccountKind)
    program = models.CharField(max_length=64, blank=True, help_text="Slug of the program.")
    grant = models.ForeignKey(
        "credits.Grant",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="accounts",
        db_constraint=False,  # held for all new accounts at once by a trigger (migration 0014)
        db_index=False,  # the code names the grant, so the unique index on code finds it
    )
    currency = models.CharField(max_length=3)
    may_overdraw = models.BooleanField(default=False)
    balance_cents = models.BigIntegerField("balance", default=0, editable=False)
    version = models.BigIntegerField(default=0, editable=False)

    class Meta:
        db_table = "ledger_account"
        verbose_name = "ledger account"
        constraints = [
            # A constraint and not unique=True, which would add a second index for LIKE.
            models.UniqueConstraint(fields=["code"], name="ledger_account_code_once"),
            models.CheckConstraint(
                condition=Q(may_overdraw=True) | Q(balance_cents__gte=0), name="ledger_account_not_below_zero"
            ),
            models.CheckConstraint(
                condition=Q(may_overdraw=False) | Q(kind=AccountKind.SOURCE),
                name="ledger_account_only_source_overdraws",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=AccountKind.values), name="ledger_account_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(currency__regex="^[A-Z]{3}$"), name="ledger_account_currency_form"
            ),
            # One account of a kind per grant: the unique code is made of both.
            models.CheckConstraint(
                condition=(Q(kind__in=OF_A_GRANT, grant__isnull=False) & Q(code=CODE_OF_A_GRANT))
                | (~Q(kind__in=OF_A_GRANT) & Q(grant__isnull=True)),
                name="ledger_account_code_names_its_grant",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Transfer(models.Model):
    """One movement of credit, for ever. Amounts are positive; the direction is source to destination."""

    key = models.CharField(max_length=160, help_text="Names the business fact. The same fact posts once.")
    kind = models.CharField(max_length=8, choices=Kind)
    # Existence and currency of both accounts are held by the trigger (migration 0014).
    source = models.ForeignKey(
        LedgerAccount, models.PROTECT, related_name="transfers_out", db_constraint=False, db_index=False
    )
    destination = models.ForeignKey(
        LedgerAccount, models.PROTECT, related_name="transfers_in", db_constraint=False, db_index=False
    )
    currency = models.CharField(max_length=3)
    amount_cents = models.BigIntegerField("amount")
    resolves = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="endings",
        db_constraint=False,  # held by the trigger, as source and destination are
        db_index=False,
        help_text="The hold it ends.",
    )
    reverses = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reversals",
        db_constraint=False,
        db_index=False,
    )
    group_key = models.CharField(max_length=80, blank=True, help_text="Movements of one event share it.")
    made_by = models.CharField(max_length=16, help_text="Subject key of a person, or “machine”.")
    approved_by = models.CharField(
        max_length=16, null=True, blank=True, help_text="Subject key of the second person."
    )
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Func(function="clock_timestamp"), editable=False)
    # Computed by the database from the business content; a repeated key must come with the same hash.
    content_hash = models.GeneratedField(
        expression=Func(
            F("kind"),
            F("currency"),
            F("source_id"),
            F("destination_id"),
            F("amount_cents"),
            F("resolves_id"),
            F("reverses_id"),
            function="ledger_content_hash",
        ),
        output_field=models.BinaryField(),
        db_persist=True,
    )

    class Meta:
        db_table = "ledger_transfer"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="ledger_transfer_key_once"),
            models.UniqueConstraint(
                fields=["resolves"],
                condition=Q(resolves__isnull=False),
                name="ledger_one_ending",
                violation_error_message="This reservation has ended already.",
            ),
            models.UniqueConstraint(
                fields=["reverses"],
                condition=Q(reverses__isnull=False),
                name="ledger_one_reversal",
                violation_error_message="This movement has been corrected already.",
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="ledger_transfer_amount_positive"),
            models.CheckConstraint(
                condition=~Q(source=F("destination")), name="ledger_transfer_two_accounts"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="ledger_transfer_kind_known"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("made_by")),
                name="ledger_transfer_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=TWO_PEOPLE) | Q(approved_by__isnull=False),
                name="ledger_transfer_approved",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ENDINGS, resolves__isnull=False)
                | (~Q(kind__in=ENDINGS) & Q(resolves__isnull=True)),
                name="ledger_transfer_endings_resolve",
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.REVERSE, reverses__isnull=False)
                | (~Q(kind=Kind.REVERSE) & Q(reverses__isnull=True)),
                name="ledger_transfer_reversals_reverse",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """One leg of a transfer on one account, with the balance after it. Written by the trigger alone."""

    pk = models.CompositePrimaryKey("account_id", "version")
    # No foreign keys in the database: the trigger copies both ids from rows it holds, and neither can be deleted.
    account = models.ForeignKey(
        LedgerAccount, models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    version = models.BigIntegerField()
    transfer = models.ForeignKey(
        Transfer, models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    amount_cents = models.BigIntegerField("amount")
    balance_after_cents = models.BigIntegerField("balance after")

    class Meta:
        db_table = "ledger_entry"
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.account_id}/{self.version}"


class Block(models.Model):
    """A link of a hash chain: what one INSERT of transfers added. Written by the trigger alone."""

    id = models.BigIntegerField(primary_key=True)
    chain = models.SmallIntegerField()
    sequence = models.BigIntegerField()
    first_transfer = models.BigIntegerField()
    last_transfer = models.BigIntegerField()
    count = models.BigIntegerField()
    # Empty when the ids run without a gap from first to last, which is the rule.
    members = ArrayField(models.BigIntegerField(), null=True, blank=True)
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        db_table = "ledger_block"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    id=F("sequence") * CHAINS + F("chain"), chain__gte=0, chain__lt=CHAINS, sequence__gte=1
                ),
                name="ledger_block_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.chain}/{self.sequence}"


class ChainHead(models.Model):
    """The end of one hash chain. One row per chain; a copy of them outside the database makes a cut tail visible."""

    chain = models.SmallIntegerField(primary_key=True)
    sequence = models.BigIntegerField(default=0)
    hash = models.BinaryField(max_length=32)
    frozen = models.BooleanField(
        default=False, help_text="A broken check stops posting until a person has looked."
    )

    class Meta:
        db_table = "ledger_chain_head"

    def __str__(self) -> str:
        return f"{self.chain}/{self.sequence}"


class LedgerCheck(models.Model):
    """One run of all ledger checks: when, and what it found."""

    at = models.DateTimeField(db_index=True)
    problems = models.JSONField(default=list)
    transfers = models.BigIntegerField(default=0)
    anchor = models.CharField(
        max_length=64, blank=True, help_text="Digest of all chain heads at that moment."
    )

    class Meta:
        db_table = "ledger_check"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC"
