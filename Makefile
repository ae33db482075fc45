# Two commands for everybody: make demo, make test. The others are for those who change the code; test-all adds the
# tests that are marked long, slow or browser, and the whole journeys in tests/end_to_end.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.DELETE_ON_ERROR:
.PHONY: demo test test-all check format clean

demo: $(VENV)/.installed
	$(BIN)/oyez web

test: $(VENV)/.installed-dev check
	$(BIN)/python -m pytest -m "not long and not slow and not browser" --ignore tests/end_to_end

test-all: $(VENV)/.installed-dev check
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Oyez needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=python3.12, say."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
