# avowal: `make` lists the targets. Needs a Python of 3.11 or later and nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
EXTRAS := test,daemon,psl,sql,reports,clickhouse,lmdb,serve,web,recover,pkcs11,encrypt
# Seconds per fuzz target, and pytest arguments for one run: `make test ARGS="-k folding"`.
SECONDS ?= 60
ARGS    ?=
# How tests are spread.  `-n 3 --dist worksteal` takes some minutes less on two cores.
SPREAD  ?= -n 2
PYTHONS ?=

.DEFAULT_GOAL := help
.PHONY: help setup dependants venv system demo test lint types tests lowest coverage bench instructions fuzz sanitize docs clean

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## own virtual environment in .venv; as root on Debian also the peers that the tests talk to
	@scripts/virtualenv "$(PYTHON)" "$(VENV)"
	@scripts/system-packages "$(BIN)/python" "$(READY)"
	@$(MAKE) --no-print-directory venv dependants

dependants: $(VENV)/.dependants ## dkimpy's dependants from PyPI, which the tests run on avowal.compat.dkim

$(VENV)/.dependants: $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dependants]' && touch $@ \
	  || echo "dkimpy's dependants cannot be installed: their tests are skipped"

venv: $(READY)

$(READY): pyproject.toml setup.py $(wildcard src/avowal/_kernel.c)
	@scripts/virtualenv "$(PYTHON)" "$(VENV)"
	@echo "installing avowal and its tools into $(VENV)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@

demo: venv ## show what avowal does, on this machine alone
	@$(BIN)/avowal demo

test: setup ## everything that has to hold: lint, types, tests
	@$(MAKE) --no-print-directory --keep-going lint types tests

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy --strict --any-exprs-report .mypy_cache/any

# `make tests PYTHONS="/usr/bin/python3 python3.13"`: on each of them, in .venv-VERSION; all are tried.
tests:
	$(if $(PYTHONS),,$(BIN)/python -m pytest $(SPREAD) $(ARGS))
	@status=0; for python in $(PYTHONS); do \
	  directory=$$(scripts/environment "$$python" "$(EXTRAS)") || { status=1; continue; }; \
	  echo "== $$python: $$directory/bin/python -m pytest $(SPREAD) $(ARGS)"; \
	  "$$directory/bin/python" -m pytest $(SPREAD) $(ARGS) || status=1; \
	done; exit $$status

interpreters: venv ## every reader's tests and a fixed corpus on Debian's own Python and the newest here
	@scripts/on-interpreters "$(EXTRAS)"

lowest: ## what uses the run-time libraries, on the lowest versions that pyproject.toml allows
	@scripts/lowest "$(PYTHON)"

coverage: venv ## the tests with branch coverage, against the floor in pyproject.toml
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: venv ## measure: each program of bench/, against a floor or peers in the same run
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[bench]'
	@set -e; for program in bench/bench_*.py; do echo "== $$program"; $(BIN)/python "$$program" $(ARGS); done

instructions: venv ## instructions per message against bench/instructions.toml; needs valgrind and a compiler
	@$(BIN)/python bench/bench_instructions.py --check $(ARGS)

fuzz: venv ## each target of tests/fuzz for SECONDS seconds (60)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[fuzz]'
	@set -e; found=; for target in tests/fuzz/fuzz_*.py; do \
	  [ -f "$$target" ] || continue; found=1; echo "== $$target"; \
	  $(BIN)/python "$$target" -max_total_time=$(SECONDS) $(ARGS); done; \
	[ -n "$$found" ] || { echo "tests/fuzz: no targets yet"; exit 1; }

sanitize: venv ## the C kernel under the address and undefined-behaviour sanitizers, beside its twin
	@scripts/sanitize "$(BIN)/python" $(ARGS)

docs: venv ## HTML in docs/_build/html
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

clean: ## remove whatever was generated, the virtual environment included
	rm -rf $(VENV) .venv-* build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find src tests -name __pycache__ -prune -exec rm -rf {} +
	rm -rf src/*.egg-info src/avowal/*.so
