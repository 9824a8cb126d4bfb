# make demo: draw a show and build a dataset from it.  make test: run the tests.  make check: lint, format, types.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: demo test test-fast check clean

.venv/core: requirements.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	touch $@

.venv/dev: .venv/core requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	touch $@

demo: .venv/core
	PYTHON=$(CURDIR)/$(BIN)/python bash demo/run_demo.sh

# With the sample show, where it is (minutes); test-fast leaves it out.
test: .venv/dev
	$(BIN)/python -m pytest

test-fast: .venv/dev
	$(BIN)/python -m pytest -m "not sample_show"

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv demo/out .mypy_cache .ruff_cache .pytest_cache
