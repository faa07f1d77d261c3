# The commands of the project. `make help` lists them.
# Everything runs in .venv, built from the lock files by tools/environment.sh.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
# PYTHON may name the Python to build the environment with; see tools/environment.sh.
export PYTHON

BIN := .venv/bin
UV := .tools/bin/uv
COMPILE := UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=true $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url --no-emit-find-links $(LOCK_OPTIONS)

.PHONY: help env env-run demo test check format lint types fence fast drills fuzz bench mutants docs lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

env: ## build or refresh .venv with everything for development
	@tools/environment.sh dev

env-run:
	@tools/environment.sh run

demo: env-run ## run the demonstration: web pages, watcher and a synthetic programme
	@tools/system.sh demo
	@$(BIN)/handrail demo

test: env ## run everything: checks, both databases, browser journeys, drills
	@tools/system.sh test
	@$(BIN)/python tools/run_tests.py all

check: env ## the quick loop: format, lint, types, fence, the tables of the rules, and the tests of what you changed since main
	@$(BIN)/python tools/run_tests.py quick

fast: env ## the same checks and every test without a browser, a server or a killed process
	@$(BIN)/python tools/run_tests.py fast

format: env ## put the code and the templates into their form
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .
	@git ls-files -z --cached --others --exclude-standard -- 'src/*/templates/*.html' | xargs -0 -r $(BIN)/djade --target-version 5.2

drills: env ## a thousand hand-offs, ten thousand faults on PostgreSQL and a thousand on SQLite, with the figures (most of an hour)
	@tools/system.sh test
	@$(BIN)/python -m tests.drills.handing_over --courses 1000
	@$(BIN)/python -m tests.drills.storm --database sqlite --faults 1000
	@$(BIN)/python -m tests.drills.storm --database postgres --faults 10000

fuzz: env ## ten thousand mutated Bundles and every door as its description says, at full size (HANDRAIL_FUZZ_SEED=7)
	@HANDRAIL_FUZZ=full $(BIN)/pytest -q -s tests/fuzz

bench: env ## measure `assess` on long courses, a night in which many report at once, the FHIR door and the pages of a large programme
	@$(BIN)/python bench/assess.py
	@tools/system.sh test
	@$(BIN)/python bench/night.py
	@$(BIN)/python bench/fhir.py
	@$(BIN)/python bench/pages.py

mutants: env ## change each comparison and number in turn and see that a test notices (ONLY="redosing", SAMPLE=200, SEED=0)
	@$(BIN)/python tools/mutants.py $(if $(ONLY),--only $(ONLY)) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

docs: env ## build the documentation into site/
	@$(BIN)/zensical build --clean

lock: ## resolve the dependencies again and write the lock files (LOCK_OPTIONS=--upgrade for newer versions)
	@tools/environment.sh uv
	@cut -d' ' -f1 tools/uv.lock | grep '^uv==' | $(COMPILE) - -o tools/uv.lock
	@$(COMPILE) pyproject.toml -o requirements.lock
	@$(COMPILE) pyproject.toml --extra postgres --extra push --extra pdf --group dev -o requirements-dev.lock

clean: ## remove the environment and everything that can be built again
	rm -rf .venv .tools site build dist staticfiles .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
