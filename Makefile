# make tour   sets up and runs the main job        make lint   style, types, layers
# make test   sets up and tests for eight minutes  make test-all  all tests, half an hour
# make exercises  sets up, and checks what you write
# make explore  sets up, and opens the explorer
# make bench  side by side with jax, optax and torch
# make docs   the pages: every tutorial run        make docs-test  looks at them in a browser
# make nightly  50 kills, 10,000 hostile calls, 10,000 wrong answers    make versions  the core tests with older TensorFlow and Keras
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONHASHSEED ?= 0

.PHONY: exercises explore tour test test-all test-rest versions setup lint bench docs docs-test nightly clean

tour: $(VENV)/.installed
	$(BIN)/tf-gd tour

exercises: $(VENV)/.installed
	$(BIN)/tf-gd exercises start
	@$(BIN)/tf-gd exercises watch

explore: $(VENV)/.installed
	$(BIN)/tf-gd explore

test: $(VENV)/.installed-tests
	$(BIN)/python -m pytest -n 2 --dist worksteal --part quick

test-rest: $(VENV)/.installed-tests
	$(BIN)/python -m pytest -n 2 --dist worksteal --part rest

test-all: test test-rest

setup: $(VENV)/.installed

lint: $(VENV)/.installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.installed $(VENV)-peers/.installed
	$(BIN)/python benchmarks/run.py --peers $(VENV)-peers/bin/python
	$(BIN)/python benchmarks/training.py --peers $(VENV)-peers/bin/python
	$(BIN)/python benchmarks/cold.py --peers $(VENV)-peers/bin/python
	$(BIN)/python benchmarks/many_starts.py --peers $(VENV)-peers/bin/python
	$(BIN)/python benchmarks/curvature.py
	$(BIN)/python benchmarks/explorer.py
	$(BIN)/python benchmarks/checkpoints.py
	$(BIN)/python benchmarks/replicas.py

docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -W --keep-going -q -b html -d build/doctrees docs build/docs
	@echo "open build/docs/index.html"

nightly: $(VENV)/.installed-tests
	TF_GD_KILLS=50 TF_GD_FUZZ=10000 TF_GD_MUTANTS=400 $(BIN)/python -m pytest -n 2 --dist worksteal \
		tests/networks/test_resume.py tests/test_fuzz.py tests/exercises/test_exercises.py

versions:
	PYTHON=$(PYTHON) tests/versions.sh

docs-test: $(VENV)/.installed-docs
	$(BIN)/python -m pytest -n 2 --dist loadfile docs/test_site.py docs/test_explorer.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt constraints.txt setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (2.4 GB on disk, a minute or two) ..."
	$(PIP) install -r requirements.txt -c constraints.txt
	$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e .[test]
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e .[docs]
	@touch $@

$(VENV)-peers/.installed: benchmarks/requirements.txt
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip --disable-pip-version-check --quiet install -r benchmarks/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-peers docs/tutorials docs/api/generated docs/api/examples docs/sg_*.rst build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache tour
