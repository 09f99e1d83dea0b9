"""Credit in the admin: lists and pages open, nothing can be added, changed or deleted, and no list grows in queries."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from credits import watch
from credits.models import Block, Delivery, Grant, LedgerAccount, LedgerCheck, Organization, Transfer
from tests.factories.credits import NOON, funded_pool, person, sent

MODELS = [LedgerAccount, Transfer, Block, LedgerCheck, Organization, Grant, Delivery]
pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client, settings, tmp_path):
    settings.LOCAL_DIR = tmp_path
    funded_pool(100_000_00)
    for _ in range(3):
        sent()
    watch.check(at=NOON)
    client.force_login(person(is_staff=True, is_superuser=True))
    return client


def url(model, page, *arguments):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


@pytest.mark.parametrize("model", MODELS)
def test_pages_are_read_only(boss, model, rf):
    assert boss.get(url(model, "changelist")).status_code == 200
    row = model.objects.first()
    assert boss.get(url(model, "change", row.pk)).status_code == 200
    assert boss.get(url(model, "add")).status_code == 403
    assert boss.post(url(model, "change", row.pk), {}).status_code == 403
    assert boss.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_lists_take_the_same_queries_for_more_rows(boss, model, django_assert_max_num_queries):
    address = url(model, "changelist")
    boss.get(address)
    with CaptureQueriesContext(connection) as few:
        boss.get(address)
    for _ in range(5):
        sent()
    with django_assert_max_num_queries(min(len(few), 15)):
        boss.get(address)


@pytest.mark.parametrize("model", [LedgerAccount, Transfer, Organization, Grant, Delivery])
def test_search_answers(boss, model):
    assert boss.get(url(model, "changelist"), {"q": "grant:"}).status_code == 200
    assert boss.get(url(model, "changelist"), {"q": "\0' --"}).status_code in (200, 302)


def test_an_account_shows_its_latest_entries(boss):
    page = boss.get(url(LedgerAccount, "change", LedgerAccount.objects.get(kind="pool").pk)).content.decode()
    assert "$97,000.00" in page
    assert "-$1,000.00" in page


def test_a_visitor_sees_nothing(client):
    for model in MODELS:
        assert client.get(url(model, "changelist")).status_code in (302, 404)
        assert admin.site.is_registered(model)
