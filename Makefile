# make demo: draw a show and build a dataset from it.  make test: run the tests.  make check: lint, format, types.
# make docs: build the site.  make test-all: what takes minutes too.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

TRAIN := .venv-train/bin/python
RAY := .venv-ray/bin/python
# At how many moments each script is killed by the tests of faults.
MOMENTS ?= 2

.PHONY: demo test test-all test-train test-ray check docs clean

.venv/core: requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/dev: .venv/core requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	touch $@

demo: .venv/core
	PYTHON=$(CURDIR)/$(BIN)/python bash demo/run_demo.sh

test: .venv/dev
	$(BIN)/python -m pytest -m "not sample_show and not package" --moments $(MOMENTS)

# With the sample show, where it is, and the built package: minutes more.
test-all: .venv/dev
	$(BIN)/python -m pytest --moments $(MOMENTS)

# What trains: torch, learn2learn and ultralytics, in an environment of their own (7 GB, minutes).
.venv-train/ready: requirements-train.txt requirements.txt
	$(PYTHON) -m venv .venv-train
	$(TRAIN) -m pip --disable-pip-version-check install --quiet -r requirements-train.txt
	touch $@

test-train: .venv-train/ready
	$(TRAIN) -m pytest tests/characters/test_trained_head.py tests/faces/test_yolo_torch.py tests/faces/test_yolo.py tests/whole/test_train_show.py

# Ray nodes on this machine, in an environment of their own.
.venv-ray/ready: requirements-ray.txt requirements.txt
	$(PYTHON) -m venv .venv-ray
	$(RAY) -m pip --disable-pip-version-check install --quiet -c constraints.txt -r requirements.txt -r requirements-ray.txt pytest hypothesis onnx
	touch $@

test-ray: .venv-ray/ready
	$(RAY) -m pytest tests/build/test_ray.py

# The site in site/, readable without a network.
.venv/docs: .venv/dev requirements-docs.txt
	$(PIP) -r requirements-docs.txt
	touch $@

docs: .venv/docs
	$(BIN)/mkdocs build --strict --quiet

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv .venv-train .venv-ray demo/out site dist .mypy_cache .ruff_cache .pytest_cache
