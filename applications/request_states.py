"""The states of a request and what may follow what. The database refuses every other step."""

from django.db.models import TextChoices


class RequestState(TextChoices):
    NEW = "new", "New"
    IN_WORK = "in_work", "In work"
    ANSWERED = "answered", "Answered"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


OPEN = (RequestState.NEW, RequestState.IN_WORK)
DECIDED = (RequestState.ANSWERED, RequestState.APPROVED, RequestState.DECLINED)

MAY_BECOME: dict[str, tuple[RequestState, ...]] = {
    RequestState.NEW: (RequestState.IN_WORK, *DECIDED, RequestState.WITHDRAWN),
    RequestState.IN_WORK: (RequestState.NEW, *DECIDED, RequestState.WITHDRAWN),
    RequestState.ANSWERED: (RequestState.IN_WORK,),
    RequestState.APPROVED: (RequestState.IN_WORK,),
    RequestState.DECLINED: (RequestState.IN_WORK,),
    RequestState.WITHDRAWN: (),
}

TRANSITIONS = [(str(before), str(after)) for before, nexts in MAY_BECOME.items() for after in nexts]
