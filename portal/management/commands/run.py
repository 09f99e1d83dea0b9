"""The whole portal with one command: services, web, worker, beat and, in the demo, a provider to deliver to."""

import base64
import contextlib
import fcntl
import hashlib
import http.client
import importlib.util
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, get_commands
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.local_services import free_port, port_is_free, secret_file
from portal.models import User
from portal.supervisor import Program, Supervisor
from programs.models import Program as OfferedProgram

LOOPBACK = ("127.0.0.1", "localhost")
ANSWER_SECONDS = 60.0


class Command(BaseCommand):
    help = "Run the whole portal in this terminal until Ctrl-C: web, worker, beat and the demo provider."
    requires_system_checks: list[str] = []  # each of the programs makes them

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port of the site (8000)")
        parser.add_argument(
            "--reload", action="store_true", help="start the web process again when code changes"
        )

    def handle(self, *, host: str, port: int, reload: bool, **options: Any) -> None:
        settings.LOCAL_DIR.mkdir(parents=True, exist_ok=True)
        with _only_one(settings.LOCAL_DIR / "run.lock"):
            if not port_is_free(port):
                raise CommandError(f"port {port} is taken by another program; choose one with --port")
            if host not in LOOPBACK and settings.DEMO:
                self.stderr.write(f"Anybody who reaches {host} can sign in as anybody: this is the demo.")
            site = f"http://{'127.0.0.1' if host in ('0.0.0.0', 'localhost') else host}:{port}"  # noqa: S104
            environment = {**os.environ, "SITE_URL": _site_url(site)}
            provider = _demo_provider(environment, site)
            with Supervisor(environment=environment, out=_terminal(self)) as supervisor:
                if provider is not None:
                    supervisor.start(provider)
                _prepare_database(supervisor)
                if not supervisor.signals:
                    web, *others = _programs(host, port, reload=reload)
                    supervisor.start(web)  # alone at first: the page is what people wait for
                    if not supervisor.wait_for(lambda: _answers(port), seconds=ANSWER_SECONDS):
                        if supervisor.signals:
                            return
                        raise CommandError("the site does not answer; the lines above say why")
                    for program in others:
                        supervisor.start(program)
                    _show_addresses(supervisor, site, environment.get("PROVIDER_URL", ""))
                    supervisor.watch()


def _terminal(command: BaseCommand) -> Any:
    return getattr(command.stdout, "_out", sys.stdout)


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Two beats would ring every alarm twice."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"the portal of {path.parent} is running already") from None
        yield


def _site_url(site: str) -> str:
    """Links in mail follow --port, unless the address was given on purpose."""
    given = os.environ.get("SITE_URL", "http://127.0.0.1:8000")
    return site if given == "http://127.0.0.1:8000" else given


def _demo_provider(environment: dict[str, str], site: str) -> Program | None:
    """A real HTTP server that plays the credit provider, when the demo has no other; tells the programs about it."""
    if (
        not settings.DEMO
        or settings.PROVIDER_URL
        or importlib.util.find_spec("credits.providers.fake") is None
    ):
        return None
    port = free_port()
    environment["PROVIDER_ADAPTER"] = "http"
    environment["PROVIDER_URL"] = f"http://127.0.0.1:{port}"
    for name, file in (("SIGNING", "provider_signing_key"), ("EVENT", "provider_event_key")):
        fresh = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        environment[f"PROVIDER_{name}_KEYS"] = secret_file(settings.LOCAL_DIR / file, fresh)
    state = str(settings.LOCAL_DIR / "provider.json")
    command = [sys.executable, "-m", "credits.providers.fake", "--port", str(port), "--state", state]
    command += ["--events-url", f"{site}/provider/events/"]
    return Program("provider", command, stop_seconds=5)


def _programs(host: str, port: int, *, reload: bool) -> list[Program]:
    python, schedule = sys.executable, str(settings.LOCAL_DIR / "beat-schedule")
    web = [python, "-m", "gunicorn", "portal.wsgi", "--bind", f"{host}:{port}", "--no-control-socket"]
    web += ["--workers", "1", "--reload"] if reload else ["--workers", "2", "--preload"]
    web += ["--threads", "4", "--graceful-timeout", "10", "--log-level", "warning"]
    # Root in a container is told so once by its own prompt; the banner says nothing that the block below does not.
    celery = [python, "-W", "ignore:You're running the worker", "-m", "celery", "-A", "portal", "-q"]
    worker = [*celery, "worker", "-c", "2", "-n", "worker@localhost", "--without-mingle", "--without-gossip"]
    return [
        Program("web", web, stop_seconds=15),
        # SIGQUIT is Celery's soft shutdown: half a minute to finish, then the task goes back on the queue.
        Program("worker", [*worker, "-l", "WARNING"], stop_seconds=60, stop_signal=signal.SIGQUIT),
        Program("beat", [*celery, "beat", "-s", schedule, "--pidfile", "", "-l", "WARNING"], stop_seconds=10),
    ]


def _prepare_database(supervisor: Supervisor) -> None:
    """Migrate, load the shipped programs and make the demo world, each only when there is something to do."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        _run_once(supervisor, "migrate", "-v", "0")
    mark = settings.LOCAL_DIR / "presets.loaded"
    fingerprint = _fingerprint(
        settings.BASE_DIR / "programs" / "presets", str(connection.settings_dict["NAME"])
    )
    empty = not User.objects.exists()
    if not (mark.exists() and mark.read_text() == fingerprint and OfferedProgram.objects.exists()):
        _run_once(supervisor, "load_presets")
        _run_once(supervisor, "import_organizations", "--shipped")
        mark.write_text(fingerprint)
    if settings.DEMO and empty:
        _run_once(supervisor, "seed_demo")
    connection.close()


def _fingerprint(folder: Path, database: str) -> str:
    mark = hashlib.sha256(database.encode())
    for path in sorted(folder.glob("*.yaml")):
        mark.update(path.name.encode() + path.read_bytes())
    return mark.hexdigest()


def _run_once(supervisor: Supervisor, command: str, *arguments: str) -> None:
    """In a process of its own: it needs the provider's address, which this process learned after its start."""
    if command not in get_commands() or supervisor.signals:
        return
    supervisor.say(f"manage.py {command}")
    manage = str(settings.BASE_DIR / "manage.py")
    done = subprocess.run(
        [sys.executable, manage, command, *arguments], env=supervisor.environment, check=False
    )
    if done.returncode and not supervisor.signals:
        raise CommandError(f"manage.py {command} failed; the lines above say why")


def _answers(port: int) -> bool:
    """The site answers and reaches its database and broker."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/readyz")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


def _show_addresses(supervisor: Supervisor, site: str, provider: str) -> None:
    lines = [("Site", f"{site}/"), ("Staff side", f"{site}/admin/")]
    if settings.DEMO:
        lines += [("Sign in as ...", f"{site}/demo/"), ("Mail sent", f"{site}/demo/mail/")]
    if provider:
        lines += [("Provider", f"{provider}/v1/totals")]
    lines += [("Data", str(settings.LOCAL_DIR)), ("Stop", "Ctrl-C")]
    supervisor.say("")
    for name, value in lines:
        supervisor.say(f"  {name:<16}{value}")
    supervisor.say("")
