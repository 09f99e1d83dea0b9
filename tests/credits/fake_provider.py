"""Run the stand-in provider as a process of its own, as in life."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen

from standardwebhooks.webhooks import Webhook

from credits.providers.http import HttpProvider
from tests.factories.credits import KEY


class FakeProvider:
    """A running server: where it is, what it granted; may be killed and started again on the same memory."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.state, self.plan = folder / "provider.jsonl", folder / "plan.json"
        self._options = list(options)
        self._port = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "credits.providers.fake", "--key", KEY, "--slow-seconds", "0.05"]
        command += ["--port", str(self._port), "--state", str(self.state)]
        command += self._options or ["--plan", str(self.plan)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        self._port = int(self.url.rsplit(":", 1)[1])

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def will(self, *behaviours: str) -> None:
        """The next calls go like this."""
        self.plan.write_text(json.dumps(behaviours))

    def totals(self) -> dict:
        with urlopen(f"{self.url}/v1/totals", timeout=5) as answer:
            return json.load(answer)

    def emit(self, **wish: object) -> dict:
        """Let the provider send one signed event to the portal; returns its id, and what came back."""
        body = json.dumps(wish).encode()
        at = datetime.fromtimestamp(int(time.time()), UTC)
        headers = {
            "webhook-id": "emit",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(KEY).sign("emit", at, body.decode()),
        }
        with urlopen(Request(f"{self.url}/v1/emit", data=body, headers=headers), timeout=15) as answer:
            return json.load(answer)

    def adapter(self, *, keys: tuple[str, ...] = (KEY,), timeout_seconds: float = 0.3) -> HttpProvider:
        return HttpProvider(url=self.url, signing_keys=keys, timeout_seconds=timeout_seconds)
