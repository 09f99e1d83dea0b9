"""Pure: when two mail addresses are one mailbox, and when a domain says nothing about where somebody works."""

import re

SHARED_DOMAINS = frozenset(
    ["aol.com", "fastmail.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.com", "icloud.com", "live.com", "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "outlook.com", "pm.me", "proton.me", "protonmail.com", "qq.com", "163.com", "126.com", "web.de", "yahoo.com", "yandex.com", "yandex.ru", "zoho.com"]
)
"""Mail services that anybody uses: two addresses there are no sign of working together."""

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


def canonical(address: str) -> str:
    """One spelling for one mailbox: lower case, without a +tag, and without dots where the service ignores them."""
    local, _, domain = address.strip().lower().rpartition("@")
    local = re.sub(r"\+.*", "", local)
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def institution_domain(domain: str) -> str:
    """The part of a domain that stands for the institution, or "" for a shared mail service.

    cs.example.ac.uk -> example.ac.uk; mail.example.org -> example.org. Two-letter country codes keep three labels
    when the second is a short category such as ac, edu, co.
    """
    domain = domain.lower().strip(".")
    if not domain or domain in SHARED_DOMAINS:
        return ""
    labels = domain.split(".")
    if (
        len(labels) > 2
        and len(labels[-1]) == 2
        and labels[-2] in {"ac", "co", "edu", "gov", "net", "org", "res"}
    ):
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])
