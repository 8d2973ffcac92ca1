# Two commands matter to a newcomer: `make demo` and `make test`. Everything else is below, one line each.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8080
export EXTRACTS_HOME ?= $(CURDIR)/.extracts

help:            ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

env: $(VENV)/.ready  ## the environment: hash-locked, nothing but packages

$(VENV)/.ready: requirements/bootstrap.txt requirements/lock.txt pyproject.toml
	@echo "Making the environment in $(VENV) (about 1.2 GB; a few minutes at most) ..."
	@$(PYTHON) -c 'import sys; sys.exit("governed-extracts needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say PYTHON=... to make.") if sys.version_info < (3, 11) else None'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(VENV)/bin/uv pip sync -q --python $(PY) --require-hashes requirements/lock.txt
	@$(VENV)/bin/uv pip install -q --python $(PY) --no-deps --no-build-isolation --editable .
	@touch $@

demo: env        ## a synthetic source becomes signed, encrypted deliveries, run by a real Airflow scheduler
	@$(VENV)/bin/extracts demo

cluster: env     ## the same in the production shape: a queue and two Celery workers, as docker-compose.yml has them
	@$(VENV)/bin/extracts cluster

up: env          ## the Airflow UI with sample data and demo users on PORT (8080), until Ctrl-C
	@$(VENV)/bin/extracts up --port $(PORT)

test: env system ## everything, from a clean checkout
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 15

test-slow: env system ## large numbers, and further places to be killed at (minutes; not part of make test)
	@$(PY) -m pytest -m slow -n 2 --dist loadfile

test-cluster: env  ## workers killed in mid-extract, in the production shape (minutes; not part of make test)
	@$(PY) -m pytest -m cluster tests/cluster

system:          ## what only the operating system's packages can give: Chromium, OpenSSH and MariaDB servers, for tests
	@bash tests/support/system.sh
	@bash tests/support/openssh.sh
	@bash tests/support/mariadb.sh

screenshots: env system ## every page at 1440 and 900 pixels, light and dark, into screenshots/, to be looked at
	@$(PY) -m tests.support.screenshots

bench: env       ## speed and memory, as ratios to a raw COPY in the same run; parsing by number of agreements
	@$(PY) -m benchmarks
	@$(MAKE) --no-print-directory docs

lint: env        ## ruff and mypy --strict
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

docs: env        ## write the generated reference pages afresh
	@$(PY) -m extracts.cli.reference docs

lock:            ## resolve the dependencies afresh; hashes, never addresses
	@test -x $(VENV)/bin/uv || ($(PYTHON) -m venv $(VENV) && $(PY) -m pip install -q uv)
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --extra dev pyproject.toml requirements/build.in -o requirements/lock.txt
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra pipeline --extra mariadb --constraint requirements/lock.txt pyproject.toml requirements/build.in -o requirements/image.txt
	@sed -i -E '/^ *--(index-url|extra-index-url|find-links)/d' requirements/*.txt

clean:           ## remove the environment and all state (keys and deliveries of the demo included)
	@test ! -x $(VENV)/bin/extracts || $(VENV)/bin/extracts down || true
	@if test -f "$$EXTRACTS_HOME/demo.lock"; then rm -rf "$$EXTRACTS_HOME"; \
	elif test -e "$$EXTRACTS_HOME" && test ! "$$EXTRACTS_HOME" -ef .extracts; then \
		echo "$$EXTRACTS_HOME is left alone: no demo made it."; fi
	@rm -rf $(VENV) .extracts .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

.PHONY: help env demo cluster up test test-slow test-cluster system screenshots bench lint docs lock clean
