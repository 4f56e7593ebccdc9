# `make demo` and `make test` work on a fresh machine that has Python 3.11 or newer and make; nothing else is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo-report

.PHONY: demo test check lint format docs benchmarks clean

demo: $(VENV)/installed
	$(BIN)/fairhire demo --out $(OUT)

test: $(VENV)/tested
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

check: lint test

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/tested
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

benchmarks: $(VENV)/installed
	$(BIN)/python -m benchmarks.training_step
	$(BIN)/python -m benchmarks.loader
	$(BIN)/python -m benchmarks.removal
	$(BIN)/python -m benchmarks.probes
	$(BIN)/python -m benchmarks.extraction

clean:
	rm -rf $(VENV) $(OUT) build docs/_build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
