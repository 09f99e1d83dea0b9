"""What every door of the API shares: the one shape of an error, and how an edge raises one."""

from collections.abc import Mapping
from typing import Any

from ninja import Schema
from pydantic import ConfigDict, Field


class Problem(Schema):
    code: str = Field(description="A word for programs; it stays the same.", examples=["stale"])
    message: str = Field(description="A sentence for people.")
    fields: dict[str, str] = Field(
        description="What to change, by name of the field or key of the question; often empty."
    )


class ErrorOut(Schema):
    error: Problem


class In(Schema):
    """A body that is taken as it is or refused: no unknown names, no numbers in quotes."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ApiError(Exception):
    """Raised by an edge of the API; portal.api turns it into the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.code, self.message = status, code, message
        self.fields, self.headers = dict(fields or {}), dict(headers or {})
        super().__init__(message)


def missing() -> ApiError:
    """For what is not there and for what is somebody else's: the same bytes."""
    return ApiError(404, "not_found", "There is nothing at this address, or nothing that is yours.")


def body(code: str, message: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The one shape of an error."""
    return {"error": {"code": code, "message": message, "fields": dict(fields or {})}}


READS = frozenset({401, 403, 404, 422, 429})
OPEN_READS = frozenset({404, 422, 429})
WRITES = frozenset({400, 401, 403, 404, 409, 413, 415, 422, 429})
