"""The trail of applications in plain words (portal.audit_words).

Whether a review was a clear decline is not among them: managers who still have to review read the trail, too.
"""

from applications.models import ExportKind, GateOutcome, Override, PlanKind, RecusalKind
from portal.audit_words import know, labels, said
from programs.request_models import RequestOutcome

RIGHT = {"view": "may read", "edit": "may read and edit"}
MEMBER = {"view": "may look", "manage": "may look and manage members"}
LATER = {"top_up": "a top-up", "urgent": "urgent credit", "again": "the credit once more"}
RELEASED = {
    "award": "released the award",
    "decline": "released the decline",
    "change": "released the change without more credit",
    "defer": "released the deferral",
    "later": "released credit between evaluations",
}


def _overrides(codes: str) -> str:
    return " and ".join(Override(code).label for code in codes.split(",") if code in Override.values)


def _key(key: str) -> str:
    return f"“{key.replace('-', ' ').replace('_', ' ')}”"


def _many(others: list[int]) -> str:
    return f"{len(others)} other{'' if len(others) == 1 else 's'}"


know(
    {
        "amendment.start": "began an update of the award",
        "answer.redact": said("wrote a copy of the answer {question} for reviewers", question=_key),
        "answer.unredact": said("took the reviewers' copy of the answer {question} away", question=_key),
        "application.carry_over": said(
            "carried the application over[ into version {after} of the form][ into {to_cycle}]",
            to_cycle=lambda _: "a later evaluation",
        ),
        "application.change_right": said(
            "changed what a co-investigator may do[: they {right}]", right=RIGHT
        ),
        "application.edit": "changed the application after it was sent",
        "application.import": "imported the application",
        "application.invite": said("invited a co-investigator[, who {right}]", right=RIGHT),
        "application.join": "joined as a co-investigator",
        "application.keep_typed": "kept what was typed while the form changed",
        "application.start": "began the application",
        "application.submit": "sent the application",
        "application.unshare": "ended the access of a co-investigator",
        "application.withdraw": "withdrew the application",
        "attachment.add": "attached a file",
        "attachment.refuse": "had a file refused, which the scanner found harmful",
        "attachment.remove": "removed a file",
        "award.accept": "accepted the award",
        "award.approve": "approved the accepted award as second person",
        "award.change_role": said("changed what a member of the award may do[: they {role}]", role=MEMBER),
        "award.claim": "asked where the credit is",
        "award.decline": "declined the award[; {amount_cents} went back to the pool]",
        "award.hold": "accepted the award, which waits for a second person[: {counted_cents} in twelve months]",
        "award.invite": said("invited a member to share the award[, who {role}]", role=MEMBER),
        "award.join": "joined as a member of the award",
        "award.refuse": "refused the accepted award as second person[; {amount_cents} went back to the pool]",
        "award.lapse": "ended the award, which nobody accepted in time[; {amount_cents} went back to the pool]",
        "award.leave": "left the award as its member",
        "award.unshare": "ended the place of a member of the award",
        "batch.assign": "assigned reviewers: {assignments|review}[, {gates|gate}][; {short|application} short of reviewers]",
        "batch.form": "formed the batch[ of {applications|application}]",
        "conflict.compute": "found {found|conflict} of interest",
        "conflict.declare": "declared a conflict of interest",
        "conflict.withdraw": "took a conflict of interest back",
        "contact.send": "sent a question by the contact page",
        "cut_line.draw": "drew the line below place {place}",
        "cut_line.erase": "took the line away[, which stood below place {place}]",
        "decision.approve": "approved the award as second person",
        "decision.propose_award": said(
            "proposed an award[ of {amount_cents}][, an override: {overrides}]", overrides=_overrides
        ),
        "decision.propose_change": "proposed the change without more credit",
        "decision.propose_decline": "proposed to decline",
        "decision.propose_defer": "proposed to defer it to the next evaluation",
        "decision.propose_waitlist": "put it on the waiting list",
        "decision.release": said("{kind}[ of {amount_cents}]", kind=RELEASED),
        "decision.undo": "undid the decision",
        "export.cancel": "stopped an export[ after {rows|row}]",
        "export.download": said("downloaded an export[: {kind}][, {rows|row}]", kind=labels(ExportKind)),
        "export.fail": "gave up on an export[ after {rows|row}]",
        "export.finish": "finished an export[ of {rows|row}]",
        "export.start": said("asked for an export[: {kind}][ of {program}]", kind=labels(ExportKind)),
        "figures.switch": said("switched the public figures {on}", on=lambda on: "on" if on else "off"),
        "gate.answer": said("answered the gate {gate}: {outcome}", gate=_key, outcome=labels(GateOutcome)),
        "late_entry.end": "ended a code for late entry",
        "late_entry.issue": "made a code for late entry[, for {uses|use}]",
        "late_entry.use": "sent the application late with a code",
        "later.ask": "asked for a top-up of {amount_cents}",
        "later.decline": said("declined {kind}[ of {amount_cents}]", kind=LATER),
        "later.give": said("gave {kind}[: {amount_cents}]", kind=LATER),
        "later.propose": said("proposed {kind}[: {amount_cents}]", kind=LATER),
        "later.take_back": said("took the proposal of {kind} back[: {amount_cents}]", kind=LATER),
        "later.withdraw": "took the request for a top-up back",
        "letter.test": "sent a test of a letter to themself",
        "limit.set": said(
            "set how many applications a reviewer takes: {most}",
            most=lambda most: "no limit" if most is None else most,
        ),
        "link.not_the_same": said(
            "said that applications which look alike are not the same[: {others}]",
            others=_many,
        ),
        "paper.add": said("added a paper[ {sensitive}]", sensitive=lambda _: "marked as sensitive"),
        "paper.change": said("changed a paper[ {sensitive}]", sensitive=lambda _: "marked as sensitive"),
        "paper.remove": "removed a paper",
        "person.read": "read the person's page",
        "plan.propose": said("proposed a plan of reviews[: {kind}][, {looks|review}]", kind=labels(PlanKind)),
        "plan.set_aside": "set a plan of reviews aside",
        "profile.save": "saved their profile as a reviewer[, {absences|absence}]",
        "report.download": said(
            "downloaded a table of a report[: {table}][, {period}]",
            table=lambda table: table.replace("_", " "),
        ),
        "request.answer": said("answered the request[: {outcome}]", outcome=labels(RequestOutcome)),
        "request.put_back": "put the request back into the queue",
        "request.reopen": "opened the request again",
        "request.send": "sent the request",
        "request.take": "took the request",
        "request.withdraw": "withdrew the request",
        "review.first_look": "handed in the first look, without names",
        "review.recuse": said("stepped back from the review[: {kind}]", kind=labels(RecusalKind)),
        "review.send_in": "handed in a review",
        "sponsor.approved": "approved the sponsorship as second person",
        "sponsor.ask": "asked to sponsor an organization's work",
        "sponsor.end": "ended the sponsorship",
        "sponsor.refused": "refused the sponsorship",
        "sponsor.taken_back": "took the request to sponsor back",
        "summary.accept": "accepted the summary[, version {number}]",
        "summary.attach": "attached a file to the summary",
        "summary.detach": "took the file out of the summary",
        "summary.hand_in": "handed in the summary[, version {number}]",
        "summary.return": "returned the summary[, version {number}]",
        "summary.waive": "waived the summary",
        "thread.write": "wrote in the reviewers' thread",
        "waiting_list.move": "moved it on the waiting list[ to place {place}]",
    }
)
