"""Pure: the OpenAPI description of the API as a page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "patch", "put", "delete")


@dataclass(frozen=True)
class Field:
    """One field of a body or an answer, or one parameter."""

    name: str
    type: str
    required: bool
    text: str
    level: int = 0


@dataclass(frozen=True)
class Operation:
    """One door: its method and address, who may, what goes in and what comes out."""

    name: str
    method: str
    path: str  # below the address of the API
    summary: str
    text: str
    needs_token: bool
    parameters: list[Field]
    takes: list[Field]
    gives: list[Field]
    codes: list[tuple[str, str]]

    @property
    def steps(self) -> list[str]:
        """The path in the parts at which a narrow page may break it."""
        return self.path.removeprefix("/").split("/")


def operations(schema: Mapping[str, Any], *, root: str) -> dict[str, list[Operation]]:
    """Group name -> its operations, in the order of the description; paths without `root`."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                found = methods[method]
                groups.setdefault(found["tags"][0], []).append(
                    _operation(schema, path.removeprefix(root), method, found)
                )
    return groups


def _operation(schema: Mapping[str, Any], path: str, method: str, found: Mapping[str, Any]) -> Operation:
    takes = _schema_of(found.get("requestBody", {}))
    codes = sorted((str(code), answer) for code, answer in found["responses"].items())
    good = next(answer for code, answer in codes if code.startswith("2"))
    return Operation(
        name=found["operationId"],
        method=method.upper(),
        path=path,
        summary=found["summary"],
        text=" ".join(found.get("description", "").split()),
        needs_token="security" in found,
        parameters=[
            Field(one["name"], _type(one["schema"]), one["required"], one["schema"].get("description", ""))
            for one in found["parameters"]
        ],
        takes=_fields(schema, takes),
        gives=_fields(schema, _schema_of(good)),
        codes=[(code, answer["description"]) for code, answer in codes],
    )


def _schema_of(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a body or an answer holds: JSON, the parts of a form, or a file without fields."""
    kinds: Mapping[str, Any] = next(iter(part.get("content", {}).values()), {})
    found: Mapping[str, Any] = kinds.get("schema", {})
    return found


def _fields(schema: Mapping[str, Any], part: Mapping[str, Any], level: int = 0) -> list[Field]:
    """The fields of an object, those of the objects inside it indented below them."""
    part = _resolved(schema, part)
    result = []
    for name, inner in part.get("properties", {}).items():
        result.append(
            Field(name, _type(inner), name in part.get("required", ()), inner.get("description", ""), level)
        )
        if level < 3 and (below := _below(inner)):
            result += _fields(schema, below, level + 1)
    return result


def _below(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object that a field holds, or a list of which it holds."""
    if "$ref" in part:
        return part
    if part.get("type") == "array":
        return _below(part["items"])
    return next((found for one in part.get("anyOf", ()) if (found := _below(one))), None)


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    found: Mapping[str, Any] = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    return found


def _type(part: Mapping[str, Any]) -> str:
    """A type in a few words: "text or null", "list of objects"."""
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_type(one) for one in part["anyOf"]))
    if "allOf" in part:
        return _type(part["allOf"][0])
    if "$ref" in part:
        return "text" if part["$ref"].endswith("Phase") else "object"
    if "enum" in part:
        return " | ".join(str(value) for value in part["enum"])
    if part.get("type") == "array":
        inner = _type(part["items"])
        return "list of " + (inner if inner == "text" else inner + "s")
    named = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object"}
    formats = {"date": "date", "date-time": "moment", "uuid": "UUID"}
    return formats.get(part.get("format", ""), named.get(part.get("type", ""), part.get("type", "anything")))
