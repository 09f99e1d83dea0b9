"""The signed calls, against a server that checks them with code of its own; and the files that people carry."""

import csv
import io
import json
import time
from dataclasses import replace
from datetime import date
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.core.exceptions import ImproperlyConfigured
from standardwebhooks.webhooks import Webhook

from credits import providers
from credits.providers import fake, manual
from credits.providers.base import Found, Order, Outcome, Standing
from credits.providers.http import HttpProvider, content
from tests.factories.credits import KEY, SECOND_KEY

ORDER = Order(
    key="grant:one",
    reference="AIS-2026-12-000001",
    program="ai-for-science",
    organization="0b0c9a64-7a56-4a39-9f5e-1d2c3b4a5968",
    amount_cents=1_000_00,
    currency="USD",
    models=("standard",),
    term_months=6,
)


class TestCalls:
    def test_a_grant_happens_once(self, provider):
        adapter = provider.adapter()
        answers = [adapter.grant(ORDER).outcome for _ in range(3)]
        assert answers == [Outcome.GRANTED] * 3
        assert adapter.lookup(ORDER).outcome == Outcome.GRANTED
        totals = provider.totals()
        assert (totals["count"], totals["sum_cents"], totals["replays"]) == (1, 1_000_00, 2)
        assert totals["organizations"] == {ORDER.organization: {"count": 1, "sum_cents": 1_000_00}}

    def test_what_the_provider_does_not_know(self, provider):
        assert provider.adapter().lookup(ORDER).outcome == Outcome.ABSENT

    def test_an_organization_is_looked_up_before_an_award_names_it(self, provider):
        said = {"org-held": {"status": "suspended", "country": "fr"}, "org-none": None}
        provider.state.with_suffix(".organizations.json").write_text(json.dumps(said))
        adapter = provider.adapter()
        found = [adapter.find_organization(name) for name in ("org-good", "org-held", "org-none", "a/b?c=d")]
        assert found == [
            Found(Standing.ACTIVE),
            Found(Standing.SUSPENDED, "FR"),
            Found(Standing.UNKNOWN),
            Found(Standing.ACTIVE),
        ]
        assert provider.adapter(keys=(SECOND_KEY,)).find_organization("org-none") == Found(Standing.NOT_ASKED)
        provider.kill()
        assert adapter.find_organization("org-none") == Found(Standing.NOT_ASKED)

    def test_the_same_key_with_other_content_is_a_conflict(self, provider):
        adapter = provider.adapter()
        adapter.grant(ORDER)
        other = replace(ORDER, amount_cents=1)
        assert adapter.grant(other).outcome == Outcome.CONFLICT
        assert adapter.lookup(other).outcome == Outcome.CONFLICT
        assert provider.totals()["sum_cents"] == 1_000_00

    @pytest.mark.parametrize(
        "behaviour, outcome, happened",
        [
            ("timeout_after_effect", Outcome.UNKNOWN, 1),
            ("timeout_before_effect", Outcome.UNKNOWN, 0),
            ("error_500", Outcome.UNKNOWN, 0),
            ("error_500_after_effect", Outcome.UNKNOWN, 1),
            ("reset", Outcome.UNKNOWN, 0),
            ("reset_after_effect", Outcome.UNKNOWN, 1),
            ("slow", Outcome.GRANTED, 1),
            ("duplicate", Outcome.GRANTED, 1),
            ("refuse", Outcome.REFUSED, 0),
        ],
    )
    def test_faults(self, provider, behaviour, outcome, happened):
        provider.will(behaviour)
        adapter = provider.adapter()
        assert adapter.grant(ORDER).outcome == outcome
        assert provider.totals()["count"] == happened
        assert adapter.grant(ORDER).outcome == Outcome.GRANTED
        assert provider.totals()["count"] == 1

    def test_nobody_there(self, provider):
        adapter = provider.adapter()
        provider.kill()
        assert adapter.grant(ORDER).outcome == Outcome.UNKNOWN
        assert adapter.lookup(ORDER).outcome == Outcome.UNKNOWN

    def test_the_memory_survives_a_kill(self, provider):
        provider.adapter().grant(ORDER)
        provider.kill()
        with provider.state.open("a") as file:
            file.write('{"fact": "grant", "order": {"key": "grant:cut')
        provider.start()
        second = replace(ORDER, key="grant:two", reference="AIS-2026-12-000002")
        assert provider.adapter().grant(second).outcome == Outcome.GRANTED
        provider.kill()
        provider.start()
        assert provider.totals()["count"] == 2

    def test_credit_is_taken_back_once(self, provider):
        adapter = provider.adapter()
        adapter.grant(ORDER)
        assert [adapter.reverse(ORDER).outcome for _ in range(2)] == [Outcome.GRANTED] * 2
        assert provider.totals()["reversed"] == 1
        assert provider.totals()["count"] == 0


class TestSignatures:
    def test_both_keys_are_good_while_a_key_is_changed(self, provider):
        assert provider.adapter(keys=(SECOND_KEY, KEY)).grant(ORDER).outcome == Outcome.GRANTED
        assert provider.adapter(keys=(SECOND_KEY,)).lookup(ORDER).outcome == Outcome.UNKNOWN

    def test_a_wrong_key_says_nothing_about_the_order(self, provider):
        answer = provider.adapter(keys=(SECOND_KEY,)).grant(ORDER)
        assert answer.outcome == Outcome.UNKNOWN
        assert answer.detail.startswith("401 signature")
        assert provider.totals()["count"] == 0

    @pytest.mark.parametrize(
        "change",
        [
            {"webhook-timestamp": str(int(time.time()) - 301)},
            {"webhook-timestamp": str(int(time.time()) + 600)},
            {"webhook-timestamp": "nan"},
            {"webhook-timestamp": ""},
            {"webhook-id": "grant:two"},
            {"webhook-signature": ""},
            {"webhook-signature": "v1,"},
            {"webhook-signature": "v1,AAAA v0,AAAA x ,"},
            {"webhook-signature": "v2,"},
        ],
    )
    def test_a_forged_call_has_no_effect(self, provider, change):
        body = json.dumps(content(ORDER))
        now = fake.time.time()
        from datetime import UTC, datetime

        headers = {
            "webhook-id": ORDER.key,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": Webhook(KEY).sign(ORDER.key, datetime.fromtimestamp(int(now), UTC), body),
        }

        def send(headers, body=body):
            request = Request(f"{provider.url}/v1/grants", body.encode(), headers, method="POST")
            with urlopen(request, timeout=5) as answer:
                return answer.status

        with pytest.raises(HTTPError, match="401"):
            send(headers | change)
        with pytest.raises(HTTPError, match="401"):
            send(headers, body.replace("100000", "900000"))
        assert provider.totals()["count"] == 0
        assert send(headers) == 201


class TestAddress:
    @pytest.mark.parametrize(
        "url", ["", "ftp://x.example.org", "file:///etc/passwd", "//x", "http://", "https://x/?a=1"]
    )
    def test_only_a_plain_web_address(self, url):
        with pytest.raises(ValueError, match="address"):
            HttpProvider(url=url, signing_keys=[KEY], timeout_seconds=1, allow_plain_http=True)

    def test_https_outside_this_machine(self):
        with pytest.raises(ValueError, match="https"):
            HttpProvider(url="http://provider.example.org", signing_keys=[KEY], timeout_seconds=1)
        HttpProvider(url="https://provider.example.org", signing_keys=[KEY], timeout_seconds=1)

    def test_redirects_are_not_followed(self, provider, monkeypatch):
        """A redirect is no answer, so its target is never asked."""
        import threading
        from http.server import BaseHTTPRequestHandler, HTTPServer

        class Redirects(BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(307)
                self.send_header("location", f"{provider.url}/v1/grants")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        server = HTTPServer(("127.0.0.1", 0), Redirects)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            adapter = HttpProvider(
                url=f"http://127.0.0.1:{server.server_port}", signing_keys=[KEY], timeout_seconds=1
            )
            assert adapter.grant(ORDER).outcome == Outcome.UNKNOWN
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        assert provider.totals()["count"] == 0

    def test_settings_choose_the_adapter(self, settings):
        settings.PROVIDER_ADAPTER = "manual"
        assert not providers.get().automatic
        settings.PROVIDER_ADAPTER = "http"
        settings.PROVIDER_URL, settings.PROVIDER_SIGNING_KEYS = "http://127.0.0.1:1", [KEY]
        assert providers.get().automatic
        settings.PROVIDER_SIGNING_KEYS = []
        with pytest.raises(ImproperlyConfigured, match="signing key"):
            providers.get()
        settings.PROVIDER_ADAPTER = "pigeon"
        with pytest.raises(ImproperlyConfigured, match="pigeon"):
            providers.get()


class TestFiles:
    def test_orders_read_back_as_they_were_written(self):
        rows = list(csv.DictReader(io.StringIO(manual.write_orders([ORDER]))))
        assert rows == [
            {
                "key": "grant:one",
                "reference": "AIS-2026-12-000001",
                "program": "ai-for-science",
                "organization_id": ORDER.organization,
                "amount": "1000.00",
                "currency": "USD",
                "models": "standard",
                "term_months": "6",
                "latest_end_on": "",
            }
        ]

    def test_orders_name_the_last_day_that_a_program_set(self):
        ending = replace(ORDER, term_months=None, latest_end_on=date(2027, 6, 30))
        row = next(iter(csv.DictReader(io.StringIO(manual.write_orders([ending])))))
        assert (row["term_months"], row["latest_end_on"]) == ("", "2027-06-30")
        assert content(ending)["latest_end_on"] == "2027-06-30"
        assert "latest_end_on" not in content(ORDER)

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠"])
    def test_no_cell_is_a_formula(self, start):
        evil = replace(ORDER, reference=f"{start}cmd|' /C calc'!A0")
        row = next(iter(csv.DictReader(io.StringIO(manual.write_orders([evil])))))
        assert row["reference"].startswith("'")

    def test_confirmations(self):
        data = '\ufeffkey,status,reason,amount\ngrant:one,Confirmed,,"$1,000.00"\n\'grant:two,refused,No such org,\n'
        first, second = manual.read_confirmations(data.encode())
        assert first == manual.Confirmation(2, "grant:one", "confirmed", "", 1_000_00)
        assert second == manual.Confirmation(3, "grant:two", "refused", "No such org", None)

    def test_a_bad_line_does_not_stop_the_others(self):
        data = b"key,status,reason,amount\n,confirmed,,\nk,maybe,,\nk,refused,,\nk,confirmed,,abc\nk,confirmed,,\n"
        rows = manual.read_confirmations(data)
        assert [row.line for row in rows if row.problem] == [2, 3, 4, 5]
        assert rows[-1].problem == ""

    @pytest.mark.parametrize(
        "data, why",
        [
            (b"", "no column"),
            (b"a,b\n1,2\n", "no column key"),
            (b"key,status\n\xff\xfe", "UTF-8"),
            (b"key,status\na\0b,confirmed\n", "NUL"),
            (b'key,status\n"open,confirmed\n', "readable"),
        ],
    )
    def test_another_file_is_refused(self, data, why):
        with pytest.raises(manual.UnreadableFile, match=why):
            manual.read_confirmations(data)
