"""Read a form off a page as a browser would send it back unchanged."""

from html.parser import HTMLParser
from typing import Any


class _Form(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id, self.inside, self.skip = form_id, False, 0
        self.data: dict[str, list[str]] = {}
        self.select = self.area = ""
        self.options: list[tuple[str, bool]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value if value is not None else "" for name, value in attrs}
        if tag == "form":
            self.inside = has.get("id") == self.form_id
        if tag == "template" or (tag == "noscript"):
            self.skip += 1
        if not self.inside or self.skip or "disabled" in has:
            return
        name = has.get("name", "")
        if tag == "input" and name and has.get("type") not in ("submit", "button", "file", "image"):
            ticked = has.get("type") in ("checkbox", "radio")
            if ticked and "checked" not in has:
                return
            self.data.setdefault(name, []).append(has.get("value", "on" if ticked else ""))
        elif tag == "select":
            self.select, self.options = name, []
        elif tag == "option" and self.select:
            self.options.append((has.get("value", ""), "selected" in has))
        elif tag == "textarea":
            self.area, self.text = name, ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("template", "noscript"):
            self.skip -= 1
        if tag == "select" and self.select:
            chosen = [value for value, is_on in self.options if is_on]
            self.data[self.select] = chosen or [value for value, _ in self.options[:1]]
            self.select = ""
        if tag == "textarea" and self.area:
            self.data[self.area] = [self.text.removeprefix("\n").replace("\n", "\r\n")]
            self.area = ""
        if tag == "form":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.area:
            self.text += data


def typed(html: str, form_id: str) -> dict[str, Any]:
    """Every field of a form with its value, lists for boxes ticked together; what the empty rows hold is left out."""
    parser = _Form(form_id)
    parser.feed(html)
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in parser.data.items()
        if "__prefix__" not in name
    }
