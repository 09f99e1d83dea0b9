"""What is true about credit: the ledger, and the grants it carries."""

from credits.models.case import Case
from credits.models.enforcement import FREEZES, Enforcement, EnforcementKind
from credits.models.event import EventOutcome, InboundEvent
from credits.models.funding import FundingRequest, FundingState
from credits.models.grant import Delivery, DeliveryState, Grant, Organization, Stage, TermStarts, WaitsFor
from credits.models.ledger import Block, ChainHead, Entry, LedgerAccount, LedgerCheck, Transfer
from credits.models.organization_change import ChangeState, OrganizationChange
from credits.models.reconciliation import ProviderLine, Reconciliation, ReconciliationState
from credits.models.usage import (
    CorrectionState,
    GrantWarning,
    Usage,
    UsageCorrection,
    UsageReport,
    UsageSource,
    WarningKind,
)

__all__ = [
    "FREEZES",
    "Block",
    "Case",
    "ChainHead",
    "ChangeState",
    "CorrectionState",
    "Delivery",
    "DeliveryState",
    "Enforcement",
    "EnforcementKind",
    "Entry",
    "EventOutcome",
    "FundingRequest",
    "FundingState",
    "Grant",
    "GrantWarning",
    "InboundEvent",
    "LedgerAccount",
    "LedgerCheck",
    "Organization",
    "OrganizationChange",
    "ProviderLine",
    "Reconciliation",
    "ReconciliationState",
    "Stage",
    "TermStarts",
    "Transfer",
    "Usage",
    "UsageCorrection",
    "UsageReport",
    "UsageSource",
    "WaitsFor",
    "WarningKind",
]
