# The commands of the project. `make demo` and `make test` are each all that a fresh machine needs.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
HA := .venv-ha
HA_PYTHON ?= /usr/bin/python3
ARGS ?=
# Tests are shared out to four processes, each with servers of its own; who is done first takes from another. Fewer left a
# fifth of two cores idle, waiting for leases, for pages that ask again, for a process to start.
WORKERS ?= -n 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo serve scheduler test test-all test-ha check bench rush audit lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

# uv where it is there, else venv and pip; in both cases only what requirements.lock names, by hash.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Hẹn Khám needs Python 3.11 or later; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@command -v uv >/dev/null 2>&1 || $(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
		VIRTUAL_ENV=$(VENV) uv pip sync --quiet --require-hashes requirements.lock && \
		VIRTUAL_ENV=$(VENV) uv pip install --quiet --no-deps --no-build-isolation --editable . ; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ; \
	fi
	@touch $(STAMP)

demo: $(STAMP) ## everything on this machine with sample data: pages, API, scheduler, an SMS inbox; ARGS="--port 8123 --reset"
	@$(BIN)/henkham demo $(ARGS)

serve: $(STAMP) ## the web server alone; needs DATABASE_URL
	@$(BIN)/henkham serve $(ARGS)

scheduler: $(STAMP) ## the scheduler alone; needs DATABASE_URL
	@$(BIN)/henkham scheduler $(ARGS)

test: $(STAMP) ## all tests, by four workers; long ones as seeded samples; ARGS="-n0 -k ticket" in one process, some of them
	@$(BIN)/python -m pytest $(WORKERS) $(ARGS)

test-all: $(STAMP) ## all tests at their full counts, all integration tests on PostgreSQL 15 too (nightly)
	@HENKHAM_TESTS_FULL=1 $(BIN)/python -m pytest $(WORKERS) $(ARGS)

check: $(STAMP) ## style, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/architecture

# Patroni runs as the user postgres, so its Python must be one that this user can start: the distribution's.
$(HA)/.installed: deploy/ha/requirements.lock
	@$(HA_PYTHON) -m venv $(HA) 2>/dev/null || uv venv --quiet --allow-existing --python $(HA_PYTHON) $(HA)
	@if command -v uv >/dev/null 2>&1; then \
		VIRTUAL_ENV=$(HA) uv pip sync --quiet --require-hashes deploy/ha/requirements.lock ; \
	else \
		$(HA)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/ha/requirements.lock ; \
	fi
	@touch $@

test-ha: $(STAMP) $(HA)/.installed ## bookings while a cluster of three fails, in network namespaces; needs root, etcd-server, haproxy, postgresql-15
	@$(BIN)/python -m tests.ha --patroni $(HA)/bin/patroni $(ARGS)

bench: $(STAMP) ## requests per second of the hot paths, time of each page; ARGS="--pages --slots 1000000" or "--sms": those alone
	@$(BIN)/python -m tests.bench $(ARGS)

rush: $(STAMP) ## people in an open loop: ARGS="steady", "release" or "overload"
	@$(BIN)/python -m tests.bench.rush $(ARGS)

audit: ## known vulnerabilities of the locked packages; needs the Internet, and says so where it is not there
	@sh deploy/audit.sh

lock: ## renew requirements.lock (needs uv)
	uv pip compile pyproject.toml --group build --group test --group check --universal \
		--generate-hashes --no-header --no-annotate --python-version 3.11 -o requirements.lock
	uv pip compile pyproject.toml --group build --constraint requirements.lock --universal \
		--generate-hashes --no-header --no-annotate --python-version 3.11 -o deploy/requirements.lock
	uv pip compile deploy/ha/requirements.in --universal \
		--generate-hashes --no-header --no-annotate --python-version 3.11 -o deploy/ha/requirements.lock

clean: ## remove what was set up here
	rm -rf $(VENV) $(HA) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
