"""The files an operator starts with agree with each other and with the settings."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = (PROJECT / "docker-compose.yml").read_text()
EXAMPLE = (PROJECT / ".env.example").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]


def documented():
    return set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", EXAMPLE, re.MULTILINE))


def test_compose_names_the_whole_stack():
    assert set(SERVICES) == {"migrate", "web", "worker", "beat", "postgres", "redis", "mailpit"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_every_service_that_stays_is_watched_and_may_end_in_peace(name):
    service = SERVICES[name]

    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert re.fullmatch(r"\d+s", service["stop_grace_period"])


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_our_services_wait_for_the_migration(name):
    conditions = {other: rule["condition"] for other, rule in SERVICES[name]["depends_on"].items()}

    assert conditions == {
        "postgres": "service_healthy",
        "redis": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_migrate_runs_once():
    assert SERVICES["migrate"]["restart"] == "no"
    assert "migrate --noinput" in SERVICES["migrate"]["command"]


def test_postgres_keeps_its_data_where_version_18_wants_it():
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_the_worker_may_finish_before_it_is_killed(settings):
    worker = SERVICES["worker"]

    assert worker["stop_signal"] == "SIGQUIT"
    assert int(worker["stop_grace_period"][:-1]) > settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT


def test_nothing_listens_to_the_world():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_variable_of_compose_is_documented():
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))

    assert used - documented() == set()


def test_every_variable_the_portal_reads_is_documented():
    reads = set()
    for path in (PROJECT / "portal").glob("*.py"):
        reads |= set(re.findall(r"env\.\w+\(\s*[\"']([A-Z_]+)[\"']", path.read_text()))

    assert reads - documented() == set()
    assert len(reads) > 20


def test_the_example_file_is_readable_by_compose_and_shell():
    for line in EXAMPLE.splitlines():
        assert line == "" or line.startswith("#") or re.fullmatch(r"[A-Z_]+=[^\s\"']*", line), line


def test_the_image_is_built_without_root_secrets_or_local_servers():
    dockerfile = (PROJECT / "Dockerfile").read_text()
    lock = (PROJECT / "requirements-image.lock").read_text()

    assert re.search(r"^USER portal$", dockerfile, re.MULTILINE)
    assert "--require-hashes" in dockerfile
    assert "pgserver" not in lock
    assert "pytest" not in lock
    for name in (".env", ".git", ".local", ".venv", "tests"):
        assert name in (PROJECT / ".dockerignore").read_text().splitlines()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-run.lock", "requirements-image.lock"])
def test_every_pin_of_a_lock_file_has_hashes_and_no_address(name):
    text = (PROJECT / name).read_text()
    pins = re.findall(r"^[a-z0-9][\w.\-\[\],]*==\S+", text, re.MULTILINE | re.IGNORECASE)
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)

    assert len(pins) > 30
    assert all("--hash=sha256:" in block for block in blocks if "==" in block.splitlines()[0])
    assert "://" not in text
    assert "index" not in text.replace("--hash", "").lower()


@pytest.mark.parametrize(
    "name,extras",
    [
        ("requirements.lock", ("local", "test", "dev")),
        ("requirements-run.lock", ("local",)),
        ("requirements-image.lock", ()),
    ],
)
def test_the_lock_files_follow_pyproject(name, extras):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in extras for line in project["optional-dependencies"][extra]),
    ]
    locked = dict(re.findall(r"^([a-z0-9.\-]+)==(\S+)", (PROJECT / name).read_text(), re.MULTILINE))

    for line in wanted:
        requirement = Requirement(line)
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is missing: run make lock"
        assert requirement.specifier.contains(version), f"{requirement} against {version}: run make lock"
