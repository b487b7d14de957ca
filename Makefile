# One command each: `make run`, `make test`, `make test-quick`, `make lint`, `make bench`; every night `make fuzz`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: run test test-quick fuzz lint bench clean browser

$(VENV)/.runtime: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("VGAE Studio needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11") if not (3, 11) <= sys.version_info[:2] <= (3, 13) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

run: $(VENV)/.runtime
	$(BIN)/python -m vgae_core app

# Test files side by side, each in one process: models of TensorFlow take a GB each, so four processes at most.
test: $(VENV)/.dev browser
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

# While editing: without whole runs, pages, processes and fuzzing (SLOW in tests/conftest.py).
test-quick: $(VENV)/.dev
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile -m "not slow"

# The browser tests drive a Chromium: the system's, $$CHROMIUM, or Playwright's own download.
browser: $(VENV)/.dev
	@$(BIN)/python -m tests.browser.chromium || $(BIN)/python -m playwright install chromium

# The nightly run: 100,000 mutated inputs a reader, 1,000 round trips a format, attacks in new processes.
FUZZ ?= 100000
fuzz: $(VENV)/.dev
	VGAE_STUDIO_NIGHTLY=1 VGAE_STUDIO_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/data/readers -n logical --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
