"""Tokens and callers of the API for tests."""

import json
from datetime import datetime
from itertools import count
from typing import Any

from django.http import HttpResponse
from django.test import Client

from portal import api_tokens, clock
from portal.models import ApiToken, Scope, User
from tests.factories.applications import BEFORE

_numbers = count(1)


def make_token(user: User, *, scope: Scope = Scope.WRITE, at: datetime = BEFORE) -> tuple[ApiToken, str]:
    """A token and its secret."""
    return api_tokens.make(name=f"Token {next(_numbers)}", scope=scope, days=90, by=user, at=at)


class Caller:
    """A program at the API: a person's token, a secret as it is, or nothing."""

    def __init__(self, user: User | None = None, *, secret: str = "", scope: Scope = Scope.WRITE) -> None:
        if user is not None:
            secret = make_token(user, scope=scope)[1]
        self.client = Client(raise_request_exception=False)
        self.headers = {"authorization": f"Bearer {secret}"} if secret else {}

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        at: datetime = BEFORE,
        raw: bytes | None = None,
        content_type: str = "application/json",
        **headers: str,
    ) -> HttpResponse:
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        with clock.set_to(at):
            return self.client.generic(
                method, f"/api/v1{path}", data, content_type=content_type, headers=self.headers | headers
            )

    def get(self, path: str, *, at: datetime = BEFORE) -> HttpResponse:
        return self.ask("GET", path, at=at)

    def post(self, path: str, body: Any = None, *, at: datetime = BEFORE) -> HttpResponse:
        return self.ask("POST", path, body, at=at)

    def patch(self, path: str, body: Any, *, at: datetime = BEFORE) -> HttpResponse:
        return self.ask("PATCH", path, body, at=at)
