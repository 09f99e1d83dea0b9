"""The local servers, started for real in folders of their own."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal import local_binaries
from portal.local_services import CannotProvide, Servers, free_port

PROJECT = Path(__file__).resolve().parents[2]
COMMAND = """
import os, sys, time
from portal import local_services
local_services.provide()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], os.environ["SECRET_KEY"], flush=True)
if sys.argv[1] == "wait":
    sys.stdin.read()
"""
PROVIDED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "DEMO", "SITE_URL")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


@pytest.fixture
def folder():
    """A data folder with blanks in its long name. Not below pytest's own folder, which every run closes to others."""
    with tempfile.TemporaryDirectory(prefix="portal-", ignore_cleanup_errors=True) as top:
        Path(top).chmod(0o711)
        folder = Path(top) / ("a long name with blanks " * 5).strip() / "data"
        folder.parent.mkdir(mode=0o711)
        yield folder
        assert gone(pids(folder).values())


def command(folder, what="end", **variables):
    """Start a process that calls provide(), as manage.py does without DATABASE_URL."""
    environment = {name: value for name, value in os.environ.items() if name not in PROVIDED}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, what],
        cwd=PROJECT,
        env={**environment, "LOCAL_DIR": str(folder), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def urls(process):
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line.split()


def finish(process):
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.split()


def pids(folder):
    """Numbers of the keeper and the servers as the state file names them; empty when nothing runs."""
    with contextlib.suppress(FileNotFoundError):
        return json.loads((folder / "services.json").read_text()).get("pids", {})
    return {}


def gone(numbers, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_alive(number) for number in numbers):
            return True
        time.sleep(0.05)
    return False


def _alive(number):
    """A zombie is gone as well: in a container without an init nobody may collect it."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def query(url, sql):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def test_first_start_second_start_and_the_end(folder):
    first = command(folder, "wait")
    database, store, secret = urls(first)
    query(database, "CREATE TABLE kept (number int); INSERT INTO kept VALUES (7)")
    redis.Redis.from_url(store).set("kept", "7")

    assert finish(command(folder)) == [database, store, secret]  # a second command uses the running pair
    assert query(database, "SELECT number FROM kept") == [(7,)]  # and leaves it alone at its end

    running = pids(folder)
    finish(first)
    assert gone(running.values())  # the last user is gone
    assert pids(folder) == {}

    begin = time.monotonic()
    again = command(folder, "wait")
    database_again, store_again, secret_again = urls(again)
    seconds = time.monotonic() - begin
    assert (database_again, store_again, secret_again) == (database, store, secret)
    assert query(database, "SELECT number FROM kept") == [(7,)]
    assert redis.Redis.from_url(store).get("kept") == b"7"
    assert seconds < 5
    finish(again)


def test_servers_are_closed_to_strangers(folder):
    process = command(folder, "wait")
    database, store, _ = urls(process)
    stranger = database.replace(database.split(":")[2].partition("@")[0], "wrong")

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(stranger)
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=int(store.rpartition(":")[2].partition("/")[0]), retry=Retry(NoBackoff(), 0)).ping()
    assert query(database, "SHOW listen_addresses") == [("127.0.0.1",)]
    assert query(database, "SHOW unix_socket_directories") == [("",)]
    for name in ("password", "secret_key", "services.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    for name, value in (("appendonly", "yes"), ("maxmemory-policy", "noeviction")):
        assert redis.Redis.from_url(store).config_get(name) == {name: value}
    finish(process)


def test_kill_9_of_the_launcher_leaves_nothing_behind(folder):
    process = command(folder, "wait")
    urls(process)
    running = pids(folder)

    process.kill()
    process.communicate()

    assert gone(running.values())
    finish(command(folder))


@pytest.mark.parametrize("victim", ["keeper", "postgres", "redis"])
def test_next_start_recovers_from_a_killed_server(folder, victim):
    process = command(folder, "wait")
    database, *_ = urls(process)
    query(database, "CREATE TABLE kept (number int); INSERT INTO kept VALUES (7)")
    running = pids(folder)

    os.kill(running[victim], signal.SIGKILL)

    assert gone(running.values(), seconds=20)
    second = command(folder, "wait")
    database_again, *_ = urls(second)
    assert query(database_again, "SELECT number FROM kept") == [(7,)]
    finish(process)
    finish(second)


def test_two_starters_at_once_share_one_pair(folder):
    processes = [command(folder, "wait") for _ in range(4)]

    answers = {tuple(urls(process)) for process in processes}

    assert len(answers) == 1
    for process in processes:
        finish(process)


def test_a_taken_port_is_replaced(folder):
    ports = finish(command(folder))
    assert gone(pids(folder).values())
    taken = int(ports[0].rpartition(":")[2].partition("/")[0])
    with Servers(folder.parent / "other", durable=False, ports=(taken, free_port())):
        process = command(folder, "wait")
        database, *_ = urls(process)

        assert int(database.rpartition(":")[2].partition("/")[0]) != taken
        assert query(database, "SELECT 1") == [(1,)]
        finish(process)


def test_an_unknown_locale_does_not_matter(folder):
    assert finish(command(folder, LANG="xx_YY.UTF-8", LC_ALL="xx_YY.UTF-8", PGHOST="nowhere.example.org"))


def test_given_settings_win(folder):
    _, _, secret = finish(command(folder, SECRET_KEY="mine"))

    assert secret == "mine"


def test_another_postgres_version_is_refused_in_words(folder):
    finish(command(folder))
    version = folder / "postgres" / "PG_VERSION"
    version.write_text("15\n")

    process = command(folder)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "made by PostgreSQL 15, this portal runs 18" in errors
    assert "Traceback" not in errors


def test_a_missing_extra_is_said(folder, monkeypatch):
    monkeypatch.setattr(local_binaries, "_package_folder", lambda name: None)

    with pytest.raises(CannotProvide, match='run "make setup", or set DATABASE_URL and REDIS_URL'):
        Servers(folder, durable=False).start()


def test_a_half_made_cluster_is_made_again(folder):
    folder.mkdir(parents=True)
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "base").write_text("half")

    assert finish(command(folder))


def test_a_stale_pid_file_with_a_strangers_number_harms_nobody(folder):
    finish(command(folder))
    assert gone(pids(folder).values())
    stranger = subprocess.Popen(["sleep", "60"])
    (folder / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n{folder}/postgres\n0\n5432\n")
    (folder / "redis" / "redis.pid").write_text(f"{stranger.pid}\n")

    assert finish(command(folder))
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_throw_away_servers_leave_no_data(folder):
    with Servers(folder, durable=False) as servers:
        assert query(servers.database_url, "SHOW fsync") == [("off",)]
        numbers = list(servers.pids().values())
        assert servers.dead() == []

    assert gone(numbers)
    assert not (folder / "postgres").exists()
    assert not (folder / "redis").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the servers to another account")
class TestAsRoot:
    def test_servers_run_as_an_unprivileged_account(self, folder):
        with Servers(folder, durable=False) as servers:
            owners = {Path(f"/proc/{pid}").stat().st_uid for pid in servers.pids().values()}

        assert owners == {65534}

    def test_a_private_home_stays_private(self, folder, monkeypatch):
        """Programs and data go to a shared place when the server account cannot enter the project."""
        home, shared = folder.parent / "home", folder.parent / "shared"
        home.mkdir(mode=0o700)
        shared.mkdir(mode=0o755)
        monkeypatch.setattr(local_binaries, "SHARED_PLACES", (str(shared),))
        monkeypatch.setattr(local_binaries, "_runs", lambda path, account: str(shared) in path)
        with Servers(home / "data", durable=True) as servers:
            query(servers.database_url, "CREATE TABLE kept (number int)")
            assert str(servers.folder).startswith(str(shared))
            assert servers.programs["postgres"].startswith(str(shared))
        assert stat.S_IMODE(home.stat().st_mode) == 0o700

        home.chmod(0o711)  # the data stays where it is when the home opens later
        with Servers(home / "data", durable=True) as servers:
            assert query(servers.database_url, "SELECT count(*) FROM kept") == [(0,)]

    def test_data_behind_a_door_that_was_closed_later_is_not_started_afresh(self, folder):
        with Servers(folder, durable=True):
            pass
        folder.parent.chmod(0o700)

        with pytest.raises(CannotProvide, match="can no longer enter"):
            Servers(folder, durable=True).start()

    def test_a_shared_place_of_another_user_is_refused(self, tmp_path, monkeypatch):
        planted = tmp_path / local_binaries.SHARED_NAME
        planted.mkdir()
        os.chown(planted, 65534, 65534)
        monkeypatch.setattr(local_binaries, "SHARED_PLACES", (str(tmp_path),))

        with pytest.raises(CannotProvide, match="not a folder that only this user can write"):
            local_binaries._shared_place()

    def test_an_unprivileged_user_works_too(self, folder):
        folder.mkdir(parents=True)
        os.chown(folder, 65534, 65534)
        code = f"from portal.local_services import Servers; Servers({str(folder)!r}, durable=True).start().stop()"

        done = subprocess.run(
            [_public_python(), "-B", "-c", code],
            check=False,
            cwd=PROJECT,
            env={"PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C"},
            capture_output=True,
            text=True,
            user=65534,
            group=65534,
            extra_groups=[],
        )

        assert done.returncode == 0, done.stderr


def _public_python():
    """An interpreter of our version that every user may run; ours may lie in a private home."""
    for path in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            subprocess.run([path, "-c", ""], check=True, user=65534, group=65534, cwd="/")
            return path
    return pytest.skip("no interpreter of this version outside private homes")
