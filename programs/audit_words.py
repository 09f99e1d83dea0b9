"""The trail of programs in plain words (portal.audit_words)."""

from portal.audit_words import know, labels, on_day, said
from portal.roles import Role

know(
    {
        "form.change": "changed the draft of a form",
        "form.draft": "began version {number} of the form",
        "form.publish": "published version {number} of the form",
        "membership.end": said("ended a role[: {role}]", role=labels(Role)),
        "membership.give": said("gave a role[: {role}]", role=labels(Role)),
        "program.archived": "archived the program",
        "program.clone": "made the program as a copy of another one",
        "program.closed": "closed the program",
        "program.load": said(
            "loaded the program from a file[ {created}][, {changes|change}]", created=lambda _: "as a new one"
        ),
        "program.open": "opened the program",
        "program.paused": "paused the program",
        "program.set_up": "set the program up",
        "program.shift": said(
            "changed the day of an evaluation[ from {regular_on}][ to {moved_to_on}]",
            regular_on=on_day,
            moved_to_on=on_day,
        ),
        "program.translate": "changed {changed|translation} of the program[ into {language}]",
        "request_form.change": "changed the draft of a request form",
        "request_form.discard": "threw the draft of a request form away",
        "request_form.draft": "began to change a request form",
        "request_form.off": "switched a request form off",
        "request_form.on": "switched a request form on",
        "request_form.publish": "published a request form",
    }
)
