"""Pure: when two mail addresses are one mailbox, and when a domain says nothing about where somebody works."""

import re

SHARED_DOMAINS = frozenset(
    [
        "aol.com",
        "fastmail.com",
        "gmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "outlook.com",
        "pm.me",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "163.com",
        "126.com",
        "web.de",
        "yahoo.com",
        "yandex.com",
        "yandex.ru",
        "zoho.com",
    ]
)
"""Mail services that anybody uses: two addresses there are no sign of working together."""

DOCUMENTATION_DOMAINS = frozenset({"example.com", "example.net", "example.org"})
"""Reserved for documentation (RFC 2606): demos and rehearsals invent their institutions one level below."""

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

    cs.uni.ac.uk -> uni.ac.uk; mail.uni.de -> uni.de. Two-letter country codes keep three labels when the second is a
    short category such as ac, edu, co; so do the domains reserved for documentation: mail.lake.example.org ->
    lake.example.org.
    """
    domain = domain.lower().strip(".")
    if not domain or domain in SHARED_DOMAINS or domain in DOCUMENTATION_DOMAINS:
        return ""
    labels = domain.split(".")
    if ".".join(labels[-2:]) in DOCUMENTATION_DOMAINS:
        return ".".join(labels[-3:])
    if (
        len(labels) > 2
        and len(labels[-1]) == 2
        and labels[-2] in {"ac", "co", "edu", "gov", "net", "org", "res"}
    ):
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])
