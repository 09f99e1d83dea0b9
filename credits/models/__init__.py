"""What is true about credit: the ledger, and the grants it carries."""

from credits.models.case import Case
from credits.models.funding import FundingRequest, FundingState
from credits.models.grant import Delivery, DeliveryState, Grant, Organization, Stage, WaitsFor
from credits.models.ledger import Block, ChainHead, Entry, LedgerAccount, LedgerCheck, Transfer

__all__ = [
    "Block",
    "Case",
    "ChainHead",
    "Delivery",
    "DeliveryState",
    "Entry",
    "FundingRequest",
    "FundingState",
    "Grant",
    "LedgerAccount",
    "LedgerCheck",
    "Organization",
    "Stage",
    "Transfer",
    "WaitsFor",
]
