"""The reference pages: nothing, a plain form of eighteen fields, and a valid POST of it with one INSERT."""

import json

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.utils import timezone

from bench.eighteen import TYPED, PlainForm

PAGE = """{% load crispy_forms_tags %}<!doctype html><html lang="en"><head><title>Form</title></head><body>
<form method="post">{% csrf_token %}{% crispy form %}<button>Save</button></form></body></html>"""


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


_page = None


def form(request: HttpRequest) -> HttpResponse:
    """GET draws the form with saved values; a valid POST writes one row and answers with its number."""
    global _page
    if request.method == "POST":
        return _save(request)
    _page = _page or engines["django"].from_string(PAGE)
    initial = {name: typed if name == "topics" else typed[0] for name, typed in TYPED.items()}
    drawn = PlainForm(initial=initial, all_countries="countries" in request.GET)
    return HttpResponse(_page.render({"form": drawn}, request))


def _save(request: HttpRequest) -> HttpResponse:
    filled = PlainForm(request.POST)
    if not filled.is_valid():
        return JsonResponse({"errors": filled.errors}, status=422)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ref.saved_form (person_id, answers, at) VALUES (%s, %s, %s) RETURNING id",
            [request.user.pk, json.dumps(filled.cleaned_data, default=str), timezone.now()],
        )
        return JsonResponse({"saved": cursor.fetchone()[0]})
