# What people type. `make run` and `make test` need Python 3.11 or newer and nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup run test night check bench messages lock clean
SHELL := /bin/bash
PY := .venv/bin/python
PORT ?= 8000
# Tools that only read the code need settings, but no server behind them.
NO_SERVERS := DATABASE_URL=postgresql://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 SECRET_KEY=none

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup:  ## install everything, development tools included, into .venv
	@.ci/setup requirements.lock

run:  ## the whole portal with the demo world, on PORT (8000)
	@.ci/setup requirements-run.lock
	@exec $(PY) manage.py run --port $(PORT)

test: setup  ## every test, on real PostgreSQL, Redis, Celery and Chromium
	@.ci/chromium
	$(PY) -m pytest -n 2 --dist loadgroup $(ARGS)

night: setup  ## the same tests at full size, with examples by chance (docs/runbook.md, "At night")
	@.ci/chromium
	NIGHTLY=1 $(PY) -m pytest -n 2 --dist loadgroup $(ARGS)

check: setup  ## style, types, import rules, templates, migrations
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/djlint templates --lint --quiet
	$(NO_SERVERS) $(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check --fail-level WARNING

bench: setup  ## measure, and print every figure as a ratio (docs/speed.md)
	$(PY) -m bench

messages:  ## find texts to translate, bring locale/ up to date and compile it (docs/languages.md)
	$(NO_SERVERS) $(PY) manage.py messages --show

lock:  ## resolve the three lock files again from pyproject.toml (needs uv)
	uv pip compile $(LOCK) --all-extras pyproject.toml -o requirements.lock
	uv pip compile $(LOCK) --extra local -c requirements.lock pyproject.toml -o requirements-run.lock
	uv pip compile $(LOCK) -c requirements.lock pyproject.toml -o requirements-image.lock
LOCK := --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-emit-index-url \
	--custom-compile-command "make lock"

clean:  ## remove the environment, caches and the local data (databases and mail too)
	rm -rf .venv .local staticfiles .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
