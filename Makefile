# The commands of the README. `make run` and `make test` are all the set-up anyone needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements/dev.lock

.PHONY: run test demo check bench bench-lookup bench-storm chaos chart image install lock format clean
.DEFAULT_GOAL := run

install: $(STAMP)

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sitrep needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# exec, so that Ctrl-C and SIGTERM reach Sitrep itself.
run: install
	@exec $(BIN)/sitrep serve

test: install
	$(BIN)/python -m pytest

demo: install
	@exec $(BIN)/python -m tests.demo

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .cache/import-linter
	$(BIN)/hadolint Dockerfile

chaos: install
	$(BIN)/python -m benchmarks.chaos

bench-storm: install
	$(BIN)/python -m benchmarks.storm

bench: install
	$(BIN)/python -m benchmarks.bench

bench-lookup: install
	$(BIN)/python -m benchmarks.lookup

chart: install
	.ci/chart

image:
	docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$$(git rev-parse HEAD) -t sitrep .

lock:
	uv pip compile pyproject.toml --extra embedded --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -o $(LOCK)
	uv pip compile pyproject.toml --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -c $(LOCK) -o requirements/run.lock
	echo hatchling | uv pip compile - --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -c $(LOCK) -o requirements/build.lock

format: install
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

clean:
	rm -rf $(VENV) .cache .sitrep
