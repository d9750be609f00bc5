# `make demo` and `make test` do all set-up by themselves; the second time is quick.
.DEFAULT_GOAL := help
BIN := .venv/bin
# A quarter of the suite would be waiting for a disk that nobody will read again.
IN_MEMORY := $(if $(wildcard /dev/shm/.),PYTEST_DEBUG_TEMPROOT=/dev/shm)
# Where this is set, each of a thousand processes would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: man release help install browser demo test check format lint types imports unit fuzz traps bench bench-guard clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: ## make .venv, install the package and bubblewrap
	@scripts/install

browser: ## Chromium for the tests of the page, where it can be installed
	@scripts/install --browser

demo: install ## three real daemons improve one project and learn from each other
	$(BIN)/hive-node demo --nodes 3

test: check ## everything that CI runs

check: format lint types imports unit

format: install ## formatting, checked
	$(BIN)/ruff format --check .

lint: install ## ruff
	$(BIN)/ruff check .

types: install ## mypy, strict
	$(BIN)/mypy

imports: install ## which module may import which
	$(BIN)/lint-imports

unit: install browser ## every test: units, properties, simulation, real processes
	$(IN_MEMORY) $(BIN)/pytest -n 2 --dist worksteal

fuzz: install ## a million mutated messages, seeded: only what was said, or a refusal with a code, comes out
	$(BIN)/python -m tests.fuzz 1000000

traps: install ## what is meant to make the scope guard slow, from each of its rules, and texts of 50 MB
	$(BIN)/python -m tests.traps --large

bench: install ## the budgets of docs/architecture.md, measured here
	$(BIN)/python -m benchmarks

bench-guard: install ## the scope guard beside its peers, on one corpus
	$(BIN)/python -m benchmarks.guard

man: install ## docs/hive-node.1, from the commands' own help
	PYTHONPATH=. $(BIN)/python scripts/make_man.py

release: install ## dist/: source distribution, wheel and their digests; the same commit gives the same bytes
	@scripts/release

clean: ## remove what was built
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
