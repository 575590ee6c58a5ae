# Two commands do everything: `make seed` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help seed museum test check long judge bench mutants spec-mutants no-alarms fuzz clean

help:  ## What can be made.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/.made: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(BIN)/.dev: $(BIN)/.made
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

seed: $(BIN)/.made  ## Set up, and check the seed's bug on every kernel that has it or not.
	@$(BIN)/mmspec check seed; code=$$?; test $$code -eq 0 -o $$code -eq 1

museum: $(BIN)/.made  ## Faults of Linux's history: found without their fixes, gone with them.
	@$(BIN)/python -m mmspec museum

test: $(BIN)/.dev  ## All tests. Those that compare with Spin need spin and gcc.
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(BIN)/.dev  ## Format, lint, types, fast tests.
	$(BIN)/ruff format --check --quiet src tests benchmarks
	$(BIN)/ruff check --quiet src tests benchmarks
	$(BIN)/mypy
	$(BIN)/python -m pytest -m 'not slow and not long'

long: $(BIN)/.dev  ## The tests that take minutes each: what Spin makes of page faults.
	$(BIN)/python -m pytest -m long

judge: $(BIN)/.dev  ## Diagrams of races: can they happen?
	$(BIN)/python -m tests.judge

bench: $(BIN)/.dev  ## Speed and memory, against Spin and hand-written models.
	$(BIN)/python -m benchmarks

mutants: $(BIN)/.dev  ## Faults put into the compiler one by one: are they noticed?
	$(BIN)/python -m tests.mutate

spec-mutants: $(BIN)/.dev  ## Faults put into the specification one by one: are they noticed?
	$(BIN)/python -m tests.spec_mutants

no-alarms: $(BIN)/.dev  ## With every fix nothing is violated, in larger scopes too. BUDGET=600
	$(BIN)/python -m tests.no_alarms --seconds $(or $(BUDGET),600)

fuzz: $(BIN)/.dev  ## Everything that reads files, with 10,000 cases each.
	$(BIN)/python -m tests.fuzz

clean:  ## Remove what was made here.
	rm -rf $(VENV) traces .mypy_cache .ruff_cache .pytest_cache .hypothesis
