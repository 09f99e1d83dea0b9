"""Pure: the kinds of accounts and movements, and which movement may run between which accounts.

LEGAL is the one table of these rules. Migration 0002 writes it into the database, where the ledger trigger reads the
same rules, and a test compares the two.
"""

from django.db.models import TextChoices

MACHINE = (
    "machine"  # the "who" of a movement that no person asked for, such as a confirmation by the provider
)


class AccountKind(TextChoices):
    SOURCE = "source", "Source"
    POOL = "pool", "Pool"
    RESERVED = "reserved", "Reserved"
    IN_TRANSIT = "in_transit", "In transit"
    GRANTED = "granted", "Granted"
    FROZEN = "frozen", "Frozen"
    CONSUMED = "consumed", "Consumed"
    EXPIRED = "expired", "Expired"


# Accounts of one grant; the others belong to a program.
OF_A_GRANT = (AccountKind.RESERVED, AccountKind.IN_TRANSIT, AccountKind.GRANTED, AccountKind.FROZEN)


class Kind(TextChoices):
    FUND = "fund", "Fund"
    HOLD = "hold", "Reserve"
    SEND = "send", "Send"
    POST = "post", "Confirm"
    VOID = "void", "Return"
    USE = "use", "Use"
    EXPIRE = "expire", "Expire"
    FREEZE = "freeze", "Freeze"
    THAW = "thaw", "Release"
    MOVE = "move", "Change of organization"
    REVERSE = "reverse", "Correction"


# A reversal runs between any two accounts, because it mirrors one earlier movement exactly.
LEGAL: dict[Kind, tuple[tuple[AccountKind, AccountKind], ...]] = {
    Kind.FUND: ((AccountKind.SOURCE, AccountKind.POOL),),
    Kind.HOLD: ((AccountKind.POOL, AccountKind.RESERVED),),
    Kind.SEND: ((AccountKind.RESERVED, AccountKind.IN_TRANSIT),),
    Kind.POST: ((AccountKind.IN_TRANSIT, AccountKind.GRANTED),),
    Kind.VOID: ((AccountKind.RESERVED, AccountKind.POOL), (AccountKind.IN_TRANSIT, AccountKind.POOL)),
    Kind.USE: ((AccountKind.GRANTED, AccountKind.CONSUMED),),
    Kind.EXPIRE: ((AccountKind.GRANTED, AccountKind.EXPIRED),),
    Kind.FREEZE: ((AccountKind.GRANTED, AccountKind.FROZEN),),
    Kind.THAW: ((AccountKind.FROZEN, AccountKind.GRANTED),),
    Kind.MOVE: ((AccountKind.GRANTED, AccountKind.GRANTED),),
}

ENDINGS = (Kind.POST, Kind.VOID)  # a hold gets one of these, once
TWO_PEOPLE = (Kind.FUND, Kind.MOVE, Kind.REVERSE)  # asked by one person, approved by another
NOT_REVERSIBLE = (
    Kind.VOID,
    Kind.REVERSE,
)  # a returned hold is answered by a new grant, a correction by a new movement
