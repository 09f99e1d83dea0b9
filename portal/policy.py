"""Who gets what at which door: role x route as data. Views enforce it; tests walk every route of the site and compare.

A route that is missing here fails the build (tests/portal/test_policy.py).
"""

from collections.abc import Mapping
from enum import StrEnum


class Who(StrEnum):
    """The roles of the public side. Staff have no right on applicants' pages: they read applications in the admin."""

    ANONYMOUS = "anonymous"
    OTHER = "other"  # signed in, but the record belongs to somebody else
    OWNER = "owner"
    STAFF = "staff"
    EDITOR = "editor"  # a co-investigator who may edit
    VIEWER = "viewer"  # a co-investigator who may read
    FORMER = "former"  # one whose access has ended


OK, AWAY, GONE, WRONG_METHOD, SIGNED_OUT = 200, 302, 404, 405, 401
Outcomes = Mapping[Who, int]

EVERYBODY: Outcomes = dict.fromkeys(Who, OK)
SIGNED_IN: Outcomes = {Who.ANONYMOUS: AWAY, Who.OTHER: OK, Who.OWNER: OK, Who.STAFF: OK}
OWN: Outcomes = {Who.ANONYMOUS: AWAY, Who.OTHER: GONE, Who.OWNER: OK, Who.STAFF: GONE}
SHARED: Outcomes = {**OWN, Who.EDITOR: OK, Who.VIEWER: OK}
SHARED_TO_EDIT: Outcomes = {**OWN, Who.EDITOR: OK}
POST_ONLY: Outcomes = dict.fromkeys(Who, WRONG_METHOD)
REDIRECTS: Outcomes = dict.fromkeys(Who, AWAY)
NOWHERE: Outcomes = dict.fromkeys(Who, GONE)
API_SIGNED_IN: Outcomes = {**EVERYBODY, Who.ANONYMOUS: SIGNED_OUT}
API_OWN: Outcomes = {Who.ANONYMOUS: SIGNED_OUT, Who.OTHER: GONE, Who.OWNER: OK, Who.STAFF: GONE}
API_SHARED: Outcomes = {**API_OWN, Who.EDITOR: OK, Who.VIEWER: OK}

# What a GET answers. OWN pages answer their owner with 200, or with 302 to the page that fits the record's state.
PUBLIC_SITE: dict[str, Outcomes] = {
    "set_language": POST_ONLY,
    "programs:directory": EVERYBODY,
    "programs:router": EVERYBODY,
    "programs:program": EVERYBODY,
    "programs:calendar": EVERYBODY,
    "programs:questions": EVERYBODY,
    "programs:data_use": EVERYBODY,
    "programs:accessibility": EVERYBODY,
    "applications:figures": EVERYBODY,  # 404 for a program that shows none
    "applications:start": EVERYBODY,
    "applications:mine": SIGNED_IN,
    "applications:status": SHARED,
    "applications:preview": SHARED,
    "applications:printed": SHARED,
    "applications:pdf": SHARED,
    "applications:people": SHARED,
    "applications:invitation": {
        **dict.fromkeys(Who, 403),
        Who.ANONYMOUS: AWAY,
    },  # one for yet another address
    "applications:contact": EVERYBODY,
    "applications:request_form": EVERYBODY,
    "applications:request": OWN,
    "applications:withdraw_request": OWN,
    "applications:section": SHARED_TO_EDIT,
    "applications:autosave": POST_ONLY,
    "applications:attach": POST_ONLY,
    "applications:detach": POST_ONLY,
    "applications:file": SHARED,
    "applications:institutions": {**EVERYBODY, Who.ANONYMOUS: SIGNED_OUT},
    "applications:review_and_send": SHARED_TO_EDIT,
    "applications:withdraw": OWN,
    "applications:again": POST_ONLY,
    "applications:use_new_form": POST_ONLY,
    "applications:send_late": POST_ONLY,
    "applications:award": OWN,
    "applications:obligations": OWN,
    "applications:obligations_of": {**OWN, Who.OWNER: AWAY},
    "applications:summary_autosave": POST_ONLY,
    "applications:paper_new": OWN,
    "applications:paper": OWN,
    "applications:decline_award": OWN,
    "applications:claim": POST_ONLY,
    "applications:top_up": OWN,
    "applications:withdraw_top_up": POST_ONLY,
    "applications:members": OWN,  # and whoever shares the credits, which no role of this table is
    "applications:members_of": {**OWN, Who.OWNER: AWAY},
    "applications:member_invitation": {**dict.fromkeys(Who, 403), Who.ANONYMOUS: AWAY},
    "applications:amend": POST_ONLY,
    "applications:award_of": {**OWN, Who.OWNER: AWAY},
    "credits:provider_events": POST_ONLY,  # for the provider's machines: a signature, no account
    "credits:mine": {**SIGNED_IN, Who.OWNER: AWAY},  # with one grant, to its page at once
    "credits:grant": OWN,
    "credits:statement": OWN,
    "credits:organization": OWN,
    "applications:statement_pdf": OWN,
    "api_docs": EVERYBODY,
    "api_tokens": SIGNED_IN,
    "api_token_revoke": POST_ONLY,
    "api:openapi-json": EVERYBODY,
    "api:api-root": NOWHERE,
    "api:programs": EVERYBODY,
    "api:program": EVERYBODY,
    "api:cycles": EVERYBODY,
    "api:form": EVERYBODY,
    "api:applications": API_SIGNED_IN,
    "api:application": API_SHARED,
    "api:attachments": API_SHARED,
    "api:attachment": API_SHARED,
    "api:attach": POST_ONLY,
    "api:answers": POST_ONLY,  # PATCH only
    "api:submit": POST_ONLY,
    "api:withdraw": POST_ONLY,
    "home": REDIRECTS,
    "livez": EVERYBODY,
    "readyz": EVERYBODY,
    "favicon": dict.fromkeys(Who, 301),
}

# What a POST answers to those who may not: always the same as if the record did not exist.
POSTS: dict[str, Outcomes] = {
    "applications:request_form": {Who.ANONYMOUS: AWAY},
    "applications:withdraw_request": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:section": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:autosave": {
        Who.ANONYMOUS: SIGNED_OUT,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:attach": {
        Who.ANONYMOUS: SIGNED_OUT,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:detach": {
        Who.ANONYMOUS: SIGNED_OUT,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:review_and_send": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:withdraw": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:again": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:amend": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:award": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:decline_award": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:claim": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:top_up": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:withdraw_top_up": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:members": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:obligations": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:summary_autosave": {
        Who.ANONYMOUS: SIGNED_OUT,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:paper_new": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "applications:paper": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
    "api_token_revoke": {Who.ANONYMOUS: AWAY, Who.OTHER: GONE, Who.STAFF: GONE},
    "api:submit": {Who.ANONYMOUS: SIGNED_OUT, Who.OTHER: GONE, Who.STAFF: GONE, Who.EDITOR: GONE},
    "api:withdraw": {Who.ANONYMOUS: SIGNED_OUT, Who.OTHER: GONE, Who.STAFF: GONE, Who.EDITOR: GONE},
    "applications:people": {
        Who.ANONYMOUS: AWAY,
        Who.OTHER: GONE,
        Who.STAFF: GONE,
        Who.EDITOR: GONE,
        Who.VIEWER: GONE,
        Who.FORMER: GONE,
    },
}

# Whole families of doors that a library or the admin guards; their own tests look inside.
FAMILIES: dict[str, str] = {
    "admin:": "staff with a role; everybody else is sent to sign in",
    "demo:": "only in the demo, which production refuses to be",
    "account_": "signing in and out, by allauth",
    "mfa_": "second factors, by allauth",
}


def outcome(outcomes: Outcomes, who: Who) -> int:
    """What the table says for one role. Co-investigators are strangers wherever it does not name them."""
    return outcomes[who] if who in outcomes else outcomes[Who.OTHER]


def covers(route: str) -> bool:
    """Whether the table says anything about a route name."""
    return route in PUBLIC_SITE or any(route.startswith(family) for family in FAMILIES)
