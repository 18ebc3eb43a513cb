# Two commands do all the set-up: `make run` and `make test`. Needs only Python 3.11 or later, git and make.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
# A stamp per list of pins: the list is installed again only when it changed.
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

PIP := $(BIN)/python -m pip install --disable-pip-version-check --require-hashes
# One line a package, so that half a minute of downloads is seen to go on.
PROGRESS := sed -un 's/^Collecting \([^ ;]*\).*/  fetching \1/p; s/^Installing collected.*/  unpacking/p'

.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench demo docs requirements

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(RUN_STAMP) ## create .venv and install what running needs

run: $(RUN_STAMP) ## serve at http://127.0.0.1:8000/ (migrates, makes a first administrator)
	@$(MANAGE) start

test: $(DEV_STAMP) ## run the test suite (THOROUGH=1: all of it; TEST='-k word' narrows it)
	@$(BIN)/python -m pytest $(TEST)

lint: $(DEV_STAMP) ## format check, rules, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

bench: $(DEV_STAMP) ## measure CPU per request of the server processes (BENCH='--quick' narrows it)
	@$(BIN)/python -m bench $(BENCH)

demo: $(DEV_STAMP) ## five ways into one account, against a live server (DOOR=laverna: one door at length)
	@$(BIN)/python -m tests.demo $(DOOR)

docs: $(DEV_STAMP) ## make docs/settings.md from the declarations
	@$(MANAGE) settings_page > docs/settings.md

requirements: $(DEV_STAMP) ## recompile the pins with hashes
	@for name in requirements requirements-dev; do \
	  echo "compiling $$name.txt"; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make requirements" $$name.in -o $$name.txt || exit 1; \
	done

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make run PYTHON=python3.11"; exit 1; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements.txt | $(VENV)/bin/python
	@echo "installing what running needs (half a minute the first time)"
	@$(PIP) -r requirements.txt | $(PROGRESS)
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(RUN_STAMP)
	@echo "installing what testing needs"
	@$(PIP) -r requirements-dev.txt | $(PROGRESS)
	@touch $@
