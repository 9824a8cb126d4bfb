# make demo: draw a show and build a dataset from it.  make test: run the tests.  make check: lint, format, types.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

TRAIN := .venv-train/bin/python
# At how many moments each script is killed by the tests of faults.
MOMENTS ?= 8

.PHONY: demo test test-fast test-train check clean

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
	$(BIN)/python -m pytest --moments $(MOMENTS)

test-fast: .venv/dev
	$(BIN)/python -m pytest -m "not sample_show"

# What trains: torch, learn2learn and ultralytics, in an environment of their own (7 GB, minutes).
.venv-train/ready: requirements-train.txt requirements.txt
	$(PYTHON) -m venv .venv-train
	$(TRAIN) -m pip --disable-pip-version-check install --quiet -r requirements-train.txt
	touch $@

test-train: .venv-train/ready
	$(TRAIN) -m pytest tests/characters/test_trained_head.py tests/faces/test_yolo_torch.py tests/faces/test_yolo.py tests/whole/test_train_show.py

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv .venv-train demo/out .mypy_cache .ruff_cache .pytest_cache
