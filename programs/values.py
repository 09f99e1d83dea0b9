"""Pure: one typed or stored value becomes the JSON value of its question, or a sentence that says what to change.

Every cleaner accepts what a browser posts, what an import file holds and its own output, so a stored answer can be
checked again at any time. It returns None for "no answer" and raises BadAnswer; no input makes it raise anything else.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import idutils
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_countries import countries

from credits import money, organizations
from portal.refusals import Refused
from programs import ror
from programs.texts import UnstorableText, clean_text, word_count

Question = Mapping[str, Any]

SHORT_TEXT_CHARS = 200
LONG_TEXT_CHARS = 20_000
CHARS_PER_WORD = 20  # a limit in words is also one in characters, for texts without blanks
LONGEST_URL = 2_000
LARGEST_NUMBER = 10**12
LONGEST_AMOUNT = 40  # characters
LARGEST_AMOUNT_CENTS = 10**11
LONGEST_MONTHS = 120
MOST_ENTRIES = 20
MOST_FILES = 5
MOST_MEGABYTES = 10  # of one file
EARLIEST_DATE, LATEST_DATE = date(1900, 1, 1), date(2199, 12, 31)
OTHER = "other"

_GROUPED = re.compile(r"[+-]?(?:\d{1,3}(?:[ ,'’]\d{3})+|\d+)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FILE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_email = EmailValidator()
_url = URLValidator(schemes=["http", "https"])


class BadAnswer(Refused):
    """The value cannot be an answer to its question. The message says what to change and is safe to show."""


def cleaned(question: Question, value: object) -> Any:
    """Return the JSON value of an answer, None when there is none. Raises BadAnswer."""
    if isinstance(value, Mapping) and set(value) == {"raw"}:
        value = value["raw"]
    if value is None or value in ("", []):
        return None
    try:
        return _CLEANERS[question["type"]](question, value)
    except UnstorableText as error:
        raise BadAnswer(str(error)) from None


def missing(question: Question) -> str:
    """Say what to do about a required question without an answer."""
    return str(_MISSING.get(question["type"], _("Fill this in.")))


def typed(question: Question, value: object) -> Any:
    """Turn a stored value back into what a person types; whatever else comes in goes out unchanged."""
    if isinstance(value, Mapping) and set(value) == {"raw"}:
        value = value["raw"]
    if isinstance(value, Mapping) and isinstance(value.get("amount_cents"), int):
        return amount_text(value["amount_cents"])
    if question["type"] == "doi_list" and isinstance(value, list):
        return "\n".join(str(entry) for entry in value)
    if question["type"] == "acknowledgement" and isinstance(value, Mapping):
        return bool(value.get("accepted")) and value.get("version") == question["policy"]["version"]
    return value


def amount_text(cents: int) -> str:
    """Write cents as people write an amount: 1450000 -> 14,500 and 99 -> 0.99."""
    whole, rest = divmod(cents, 100)
    return f"{whole:,}.{rest:02}" if rest else f"{whole:,}"


def choices(question: Question) -> list[dict[str, str]]:
    """List the options of a question, with the "other" one last where the question has it."""
    listed = list(question.get("choices", ()))
    if question.get("other") and all(choice["value"] != OTHER for choice in listed):
        listed.append({"value": OTHER, "label": _("Other")})
    return listed


def char_limit(question: Question) -> int:
    """The most characters a text answer may have."""
    if limit := question.get("max_chars"):
        return int(limit)
    if words := question.get("max_words"):
        return int(words) * CHARS_PER_WORD
    return LONG_TEXT_CHARS if question["type"] == "long_text" else SHORT_TEXT_CHARS


def _text(value: object, *, one_line: bool = True) -> str:
    """Take text, or a plain number from an import file, as clean text."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadAnswer(_("Give this answer as text."))
    if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        raise BadAnswer(_("This number is too large."))
    return clean_text(str(value), one_line=one_line)


def _too_long(unit: str, over: int) -> str:
    if unit == "word":
        return ngettext(
            "Shorten this by %(over)s word. The limit is %(limit)s and you have %(length)s.",
            "Shorten this by %(over)s words. The limit is %(limit)s and you have %(length)s.",
            over,
        )
    return ngettext(
        "Shorten this by %(over)s character. The limit is %(limit)s and you have %(length)s.",
        "Shorten this by %(over)s characters. The limit is %(limit)s and you have %(length)s.",
        over,
    )


def _limited(text: str, limit: int, *, unit: str, length: int) -> str:
    if length > limit:
        over = length - limit
        raise BadAnswer(
            _too_long(unit, over) % {"over": f"{over:,}", "limit": f"{limit:,}", "length": f"{length:,}"}
        )
    return text


def _short_text(question: Question, value: object) -> str | None:
    text = _text(value)
    if limit := question.get("max_words"):
        _limited(text, limit, unit="word", length=word_count(text))
    return _limited(text, char_limit(question), unit="character", length=len(text)) or None


def _long_text(question: Question, value: object) -> str | None:
    text = _text(value, one_line=False)
    if limit := question.get("max_words"):
        _limited(text, limit, unit="word", length=word_count(text))
    return _limited(text, char_limit(question), unit="character", length=len(text)) or None


def _email_address(question: Question, value: object) -> str | None:
    text = _limited(text := _text(value), 254, unit="character", length=len(text))
    try:
        _email(text)
    except ValidationError:
        raise BadAnswer(_("Write an e-mail address, such as name@example.org.")) from None
    name, _at, domain = text.rpartition("@")
    return f"{name}@{domain.lower()}"


def _web_address(question: Question, value: object) -> str | None:
    return _web(_text(value), _("Write a web address, such as https://example.org/page."))


def _web(text: str, refusal: str) -> str:
    _limited(text, LONGEST_URL, unit="character", length=len(text))
    if not _SCHEME.match(text):
        text = f"https://{text}"
    try:
        _url(text)
    except (ValidationError, ValueError):
        raise BadAnswer(refusal) from None
    return text


def _number(question: Question, value: object, *, low: int, high: int) -> int:
    if isinstance(value, float):
        value = int(value) if math.isfinite(value) and value == int(value) else str(value)
    text = _text(value)
    if not _GROUPED.fullmatch(text):
        months = question["type"] == "months"
        raise BadAnswer(
            _("Write a whole number of months, such as 12.")
            if months
            else _("Write a whole number, such as 12.")
        )
    digits = re.sub("[ ,'’]", "", text)
    number = int(digits) if len(digits) <= 20 else LARGEST_NUMBER * 10
    low, high = question.get("min", low), question.get("max", high)
    if number < low or number > high:
        said = (
            _("Write a number of months from %(low)s to %(high)s.")
            if question["type"] == "months"
            else _("Write a number from %(low)s to %(high)s.")
        )
        raise BadAnswer(said % {"low": f"{low:,}", "high": f"{high:,}"})
    return number


def _integer(question: Question, value: object) -> int:
    return _number(question, value, low=-LARGEST_NUMBER, high=LARGEST_NUMBER)


def _months(question: Question, value: object) -> int:
    return _number(question, value, low=1, high=LONGEST_MONTHS)


def _money(question: Question, value: object) -> dict[str, Any]:
    currency = question.get("currency", "USD")
    if isinstance(value, Mapping):
        cents, given = value.get("amount_cents"), value.get("currency", currency)
        if isinstance(cents, bool) or not isinstance(cents, int):
            raise BadAnswer(_("Write an amount, such as 14,500 or 14,500.00."))
    else:
        cents, given = _cents(_text(value), currency)
    if given != currency:
        raise BadAnswer(_("Write the amount in %(currency)s.") % {"currency": currency})
    low, high = question.get("min") or 1, question.get("max", LARGEST_AMOUNT_CENTS)
    if cents < low:
        raise BadAnswer(_("Ask for at least %(low)s.") % {"low": money.with_code(low, currency)})
    if cents > high:
        raise BadAnswer(_("Ask for at most %(high)s.") % {"high": money.with_code(high, currency)})
    return {"amount_cents": cents, "currency": currency}


def _cents(text: str, currency: str) -> tuple[int, str]:
    """Read an amount as typed. A sign or code of another currency is refused, never converted."""
    if len(text) > LONGEST_AMOUNT:
        raise BadAnswer(_("Write an amount, such as 14,500 or 14,500.00."))
    others = {sign for code, sign in money.SYMBOLS.items() if code != currency}
    codes = set(re.findall("[A-Z]{3}", text.upper())) - {currency}
    if codes or any(sign in text for sign in others):
        raise BadAnswer(
            _("Write the amount in %(currency)s, as a number such as 14,500.") % {"currency": currency}
        )
    try:
        return money.parse_money(re.sub(r"^US(?=\$)", "", text), currency), currency
    except money.NotAnAmount as error:
        raise BadAnswer(str(error)) from None


def _date(question: Question, value: object) -> str:
    text = value.isoformat() if type(value) is date else _text(value)
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise BadAnswer(_("Write a date as year-month-day, such as 2026-12-07."))
    low = date.fromisoformat(question["min"]) if "min" in question else EARLIEST_DATE
    high = date.fromisoformat(question["max"]) if "max" in question else LATEST_DATE
    if not low <= day <= high:
        raise BadAnswer(
            _("Write a date from %(low)s to %(high)s.") % {"low": low.isoformat(), "high": high.isoformat()}
        )
    return day.isoformat()


def _yes_no(question: Question, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _text(value).casefold()
    if text not in ("yes", "no"):
        raise BadAnswer(_("Choose yes or no."))
    return text


def _single_choice(question: Question, value: object) -> str:
    return _choice(question, _text(value), _("Choose one of the options."))


def _multiple_choice(question: Question, value: object) -> list[str] | None:
    entries = value if isinstance(value, (list, tuple)) else re.split(r"[;\n]", _text(value, one_line=False))
    texts = [_text(entry) for entry in entries[:1000]]
    chosen = {_choice(question, text, _("Choose from the options.")) for text in texts if text}
    most = question.get("max", len(chosen))
    if len(chosen) > most:
        raise BadAnswer(_("Choose at most %(most)s.") % {"most": most})
    return [choice["value"] for choice in choices(question) if choice["value"] in chosen] or None


def _choice(question: Question, text: str, refusal: str) -> str:
    """Find an option by its value, else by its label: form services export labels."""
    listed = choices(question)
    for choice in listed:
        if text == choice["value"]:
            return choice["value"]
    for choice in listed:
        if text.casefold() == str(choice["label"]).casefold():
            return choice["value"]
    raise BadAnswer(refusal)


def _country(question: Question, value: object) -> str:
    text = _text(value)
    code = text.upper() if len(text) == 2 else countries.by_name(text[:80])
    listed = question.get("countries")
    if not code or code not in (listed if listed is not None else countries.countries):
        raise BadAnswer(_("Choose a country or region from the list."))
    return code


def _orcid(question: Question, value: object) -> str:
    text = _text(value).upper().replace("HTTPS://ORCID.ORG/", "").replace("ORCID.ORG/", "").strip("/ ")
    if not re.fullmatch(r"(?:[0-9]{4}-?){3}[0-9]{3}[0-9X]", text):
        raise BadAnswer(_("Write an ORCID iD, such as 0000-0002-1825-0097."))
    if not idutils.is_orcid(text):
        raise BadAnswer(
            _("The last digit of this ORCID iD does not fit the others. Look for a typing error.")
        )
    return idutils.normalize_orcid(text)


def _doi_list(question: Question, value: object) -> list[str] | None:
    if isinstance(value, str):
        value = clean_text(value).split("\n")
    if not isinstance(value, (list, tuple)):
        raise BadAnswer(_("Write one DOI or web address per line."))
    texts = [text for entry in value[:1000] if (text := _text(entry).rstrip(",; "))]
    most = question.get("max", MOST_ENTRIES)
    if len(texts) > most:
        raise BadAnswer(
            _("List at most %(most)s entries; you have %(number)s.") % {"most": most, "number": len(texts)}
        )
    return list(dict.fromkeys(_reference(text, line) for line, text in enumerate(texts, 1))) or None


def _reference(text: str, line: int) -> str:
    """A DOI in lower case without its address, or a web address as it stands."""
    if len(text) <= LONGEST_URL and idutils.is_doi(text):
        return idutils.normalize_doi(text).lower()
    return _web(
        text,
        _("Line %(line)s: “%(text)s” is neither a DOI nor a web address.")
        % {"line": line, "text": text[:60]},
    )


def _organization_id(question: Question, value: object) -> str:
    text = _text(value)
    try:
        return organizations.clean_external_id(question.get("format", "any"), text[:200])
    except organizations.WrongOrganizationId as error:
        raise BadAnswer(str(error)) from None


def _organization(question: Question, value: object) -> dict[str, Any] | None:
    """An institution: its name as text, and what the list of institutions knows of it where one was chosen there."""
    given = value if isinstance(value, Mapping) else {"name": value}
    name = _text(given.get("name") or "")
    _limited(name, char_limit(question), unit="character", length=len(name))
    ror_id, country = given.get("ror_id"), given.get("country")
    if not name:
        return None
    try:
        ror_id = ror.clean(_text(ror_id)[:60]) if ror_id else None
    except ror.WrongRorId as error:
        raise BadAnswer(str(error)) from None
    code = _text(country).upper()[:3] if country else ""
    return {"name": name, "ror_id": ror_id, "country": code if is_country(code) else None}


def is_country(code: str) -> bool:
    """Whether a two-letter code names a country or region; Kosovo counts, as the lists of institutions have it."""
    return code in countries.countries or code == "XK"


def _file(question: Question, value: object) -> list[str] | None:
    """The ids of attached files; only applications.attachments gives them out."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(entry, str) and _FILE_ID.fullmatch(entry) for entry in entries[:1000]):
        raise BadAnswer(_("Attach files on the page of the form."))
    ids = list(dict.fromkeys(entries[:1000]))
    most = file_limit(question)
    if len(ids) > most:
        raise BadAnswer(
            ngettext(
                "Attach at most %(most)s file; you have %(number)s.",
                "Attach at most %(most)s files; you have %(number)s.",
                most,
            )
            % {"most": most, "number": len(ids)}
        )
    return ids or None


def file_limit(question: Question) -> int:
    """The most files a question takes."""
    return min(int(question.get("max_files", MOST_FILES)), MOST_FILES)


def megabyte_limit(question: Question) -> int:
    """The most megabytes one file of a question may have."""
    return min(int(question.get("max_mb", MOST_MEGABYTES)), MOST_MEGABYTES)


def _people(question: Question, value: object) -> list[dict[str, str]] | None:
    if isinstance(value, str):  # an import file: one "name, role" per line
        value = [
            dict(zip(("name", "role"), line.partition(",")[::2], strict=True)) for line in value.splitlines()
        ]
    if not isinstance(value, (list, tuple)):
        raise BadAnswer(_("List people with a name and a role."))
    people = []
    for row, person in enumerate(value[:1000], 1):
        if not isinstance(person, Mapping):
            raise BadAnswer(_("List people with a name and a role."))
        name, role = (_text(person.get(part) or "") for part in ("name", "role"))
        if role and not name:
            raise BadAnswer(_("Row %(row)s: add the name.") % {"row": row})
        if len(name) > SHORT_TEXT_CHARS or len(role) > SHORT_TEXT_CHARS:
            raise BadAnswer(
                _("Row %(row)s: use at most %(most)s characters for a name or a role.")
                % {"row": row, "most": SHORT_TEXT_CHARS}
            )
        if name:
            people.append({"name": name, "role": role})
    most = question.get("max", MOST_ENTRIES)
    if len(people) > most:
        raise BadAnswer(
            _("List at most %(most)s people; you have %(number)s.") % {"most": most, "number": len(people)}
        )
    return people or None


def _acknowledgement(question: Question, value: object) -> dict[str, Any] | None:
    version = question["policy"]["version"]
    if isinstance(value, Mapping):
        if not value.get("accepted"):
            return None
        if value.get("version") != version:
            raise BadAnswer(_("This text has changed since you accepted it. Read it again and tick the box."))
    elif value not in (True, "on", "yes", "true", "1"):
        return None
    return {"version": version, "accepted": True}


def _nothing(question: Question, value: object) -> None:
    """A text that is only shown has no answer."""


_CLEANERS: dict[str, Callable[[Question, object], Any]] = {
    "short_text": _short_text,
    "long_text": _long_text,
    "email": _email_address,
    "url": _web_address,
    "integer": _integer,
    "money": _money,
    "months": _months,
    "date": _date,
    "yes_no": _yes_no,
    "single_choice": _single_choice,
    "multiple_choice": _multiple_choice,
    "country": _country,
    "orcid": _orcid,
    "doi_list": _doi_list,
    "organization_id": _organization_id,
    "organization": _organization,
    "file": _file,
    "people": _people,
    "acknowledgement": _acknowledgement,
    "text": _nothing,
}
TYPES = tuple(_CLEANERS)

_MISSING = {
    "yes_no": gettext_lazy("Choose yes or no."),
    "single_choice": gettext_lazy("Choose one of the options."),
    "multiple_choice": gettext_lazy("Choose at least one."),
    "country": gettext_lazy("Choose a country or region."),
    "money": gettext_lazy("Write an amount, such as 14,500."),
    "months": gettext_lazy("Write a number of months."),
    "date": gettext_lazy("Write a date as year-month-day."),
    "acknowledgement": gettext_lazy("Read this and tick the box to go on."),
    "organization": gettext_lazy("Write the name of the institution."),
    "file": gettext_lazy("Attach at least one file."),
    "people": gettext_lazy("Name at least one person."),
    "doi_list": gettext_lazy("List at least one."),
}
