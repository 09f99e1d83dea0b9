"""pytest plugin (loaded by `-p tests.services`): every test run gets its own PostgreSQL and Redis.

It must be a plugin and not a fixture: Django reads its settings before any fixture runs. With DATABASE_URL set, in CI
or in an xdist worker, nothing is started; the workers use the servers of the process that started them.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from portal.local_services import Servers

SETTINGS = {
    "SECRET_KEY": "only-for-tests-" + "0" * 40,
    "DEBUG": "false",
    "TESTING": "true",
    "DEMO": "false",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "DB_STATEMENT_TIMEOUT_SECONDS": "120",
    "DB_LOCK_TIMEOUT_SECONDS": "30",
    "DB_IDLE_TIMEOUT_SECONDS": "600",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's sync API leaves an event loop running in the test's thread
}
NOT_INHERITED = (
    "PROVIDER_ADAPTER",
    "PROVIDER_URL",
    "PROVIDER_SIGNING_KEYS",
    "PROVIDER_EVENT_KEYS",
    "EMAIL_HOST",
    "SITE_URL",
)


def _start() -> None:
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    folder.chmod(0o711)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if "DATABASE_URL" not in os.environ:
        servers = Servers(folder / "servers", durable=False).start()
        atexit.register(servers.stop)
        os.environ.update(servers.urls())
    os.environ.update(SETTINGS)
    os.environ["LOCAL_DIR"] = str(folder / "local")
    for name in NOT_INHERITED:
        os.environ.pop(name, None)


def _share_redis() -> None:
    """xdist workers have a database each and one Redis together: a prefix keeps their keys apart."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    os.environ["CACHE_PREFIX"] = f"tests{worker}"
    os.environ["CELERY_KEY_PREFIX"] = f"tests{worker}:"


if "PYTEST_XDIST_WORKER" not in os.environ:
    _start()
_share_redis()
