"""The trail of credits in plain words (portal.audit_words)."""

from credits.cases import words_of
from credits.models import EnforcementKind
from portal.audit_words import know, labels, lowered, on_day, said


def _kind(case: str) -> str:
    return lowered(words_of(case))


know(
    {
        "case.settle": said("settled a case[: {kind}]", kind=_kind),
        "delivery.confirm": "confirmed by hand that credit was posted[: {amount_cents}]",
        "delivery.hand_over": "took away a file of {orders|order} for the provider[, {amount_cents} in all]",
        "delivery.refuse": "noted by hand that the provider refused the credit[ of {amount_cents}]",
        "delivery.try_now": "had a delivery tried again",
        "enforcement.impose": said(
            "imposed a {kind} on an organization[, {frozen_cents} frozen]", kind=labels(EnforcementKind)
        ),
        "enforcement.lift": said(
            "lifted a {kind} of an organization[, {thawed_cents} usable again]", kind=labels(EnforcementKind)
        ),
        "funding.ask": "asked for {amount_cents} for the pool[ of {period}]",
        "funding.funded": "approved {amount_cents} for the pool as second person",
        "funding.refused": "refused {amount_cents} for the pool",
        "funding.taken_back": "took back the request of {amount_cents} for the pool",
        "grant.bind": "bound the credit to an organization",
        "grant.cancel": "cancelled the credit[ of {amount_cents}]; it went back to the pool",
        "grant.let_go": "let the second half of the credit go",
        "grant.reserve": said(
            "reserved {grants|grant} in the pool[ of {pool}][: {amount_cents}]",
            pool=lambda code: code.rpartition(":")[2],
        ),
        "ledger.resume": "allowed movements in the ledger again",
        "ledger.reverse": "reversed a movement of {amount_cents}",
        "organization_change.ask": "asked to move a grant to another organization",
        "organization_change.done": "moved a grant to another organization as second person",
        "organization_change.refused": "refused to move a grant to another organization",
        "organization_change.take_up": "agreed first to another organization for a grant",
        "organization_change.taken_back": "took back the wish for another organization",
        "organization_change.wish": "wished another organization for their grant",
        "pool.fund": "put {amount_cents} into a pool",
        "reconcile.ask": "asked for a comparison with the provider",
        "reconcile.done": "compared {listed|line} of the provider with ours: {differences|difference}",
        "usage.correct": "approved a lower figure of usage as second person[; {moved_cents} moved]",
        "usage.correct_ask": "asked for a lower figure of usage[: {told_cents}]",
        "usage.correct_refuse": "refused a lower figure of usage",
        "usage.correct_take_back": "took back the request for a lower figure of usage",
        "usage.cover": said("took {moved_cents} for usage that nothing covered[ on {day}]", day=on_day),
        "usage.record": "took in usage of {days|day}[, {moved_cents} moved]",
    }
)
