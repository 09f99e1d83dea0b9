from applications.models.attachment import Attachment, AttachmentState
from applications.models.collaborator import Collaborator, Right
from applications.models.contact import ContactMessage
from applications.models.decision import Decision, DecisionKind, DecisionState
from applications.models.institution import Institution, InstitutionWord
from applications.models.intake import (
    Application,
    ApplicationRevision,
    Batch,
    BatchEntry,
    CheckOutcome,
    ScreeningCheck,
    TextSketch,
)
from applications.models.late import LateEntry
from applications.models.notice import CONTACT, Notice, NoticeState
from applications.models.review import (
    Assignment,
    AssignmentState,
    Confidence,
    Conflict,
    GateOutcome,
    GateResult,
    Recusal,
    RecusalKind,
    Review,
    ReviewState,
    Score,
)

__all__ = [
    "CONTACT",
    "Application",
    "ApplicationRevision",
    "Assignment",
    "AssignmentState",
    "Attachment",
    "AttachmentState",
    "Batch",
    "BatchEntry",
    "CheckOutcome",
    "Collaborator",
    "Confidence",
    "Conflict",
    "ContactMessage",
    "Decision",
    "DecisionKind",
    "DecisionState",
    "GateOutcome",
    "GateResult",
    "Institution",
    "InstitutionWord",
    "LateEntry",
    "Notice",
    "NoticeState",
    "Recusal",
    "RecusalKind",
    "Review",
    "ReviewState",
    "Right",
    "Score",
    "ScreeningCheck",
    "TextSketch",
]
