from applications.models.attachment import Attachment, AttachmentState
from applications.models.collaborator import Collaborator, Right
from applications.models.contact import ContactMessage
from applications.models.decision import (
    AGREED,
    STANDING,
    CutLine,
    Decision,
    DecisionKind,
    DecisionState,
    Override,
)
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
from applications.models.request import Request, RequestAnswer
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
    "AGREED",
    "CONTACT",
    "STANDING",
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
    "CutLine",
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
    "Override",
    "Recusal",
    "RecusalKind",
    "Request",
    "RequestAnswer",
    "Review",
    "ReviewState",
    "Right",
    "Score",
    "ScreeningCheck",
    "TextSketch",
]
