# `make help` lists the tasks. `make demo` and `make test` need nothing but Python 3.11+ and git.
VENV   ?= .venv
BIN    := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Linux wheels of torch on the default index carry gigabytes of GPU libraries; this index has CPU builds.
TORCH       ?= torch==2.13.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PIP         := $(BIN)/python -m pip --disable-pip-version-check
export PYTHONDONTWRITEBYTECODE =

# One process more than there are cores share the tests: many wait for a process, a limit or a signal, and leave
# their core to another. Each takes a file at a time, so a module's fixtures are made once; long files come first
# (tests/fixtures/file_order.py).
WORKERS     := $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
PARALLEL    ?= -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PYTEST      := $(BIN)/python -m pytest -q
# Tests that need the machine to themselves, after the others; only their files are collected for it.
# All of them count as slow (tests/conftest.py).
SERIAL      := $(shell grep -rl --include='test_*.py' 'mark\.serial' tests)
ROUNDS      ?= 5

.PHONY: docs own help demo test test-parallel quick fuzz lint lint-ruff lint-mypy lint-imports check bench style coverage clean
help: ## list the tasks
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

$(VENV)/.ok: pyproject.toml simulator/pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "triage needs Python 3.11 or newer: none found; set PYTHON=/path/to/python3"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null \
		|| $(PIP) install -qq "$(TORCH)+cpu" 2>/dev/null \
		|| $(PIP) install -qq --retries 0 --index-url $(TORCH_INDEX) "$(TORCH)" 2>/dev/null \
		|| $(PIP) install -qq "$(TORCH)"
	$(PIP) install -qq -c constraints.txt -e ./simulator -e '.[sim,dask,dev]'
	@touch $@

demo: $(VENV)/.ok ## the main job: one failing suite from red to resolved, in a repository of its own
	$(BIN)/triage demo

# mypy is one process, so the other cores need not wait for it: each check runs beside the tests.
test: $(VENV)/.ok ## all checks and all tests
	@$(MAKE) --no-print-directory -j 2 test-parallel lint
	$(if $(SERIAL),$(PYTEST) -m serial $(SERIAL))

test-parallel: $(VENV)/.ok
	$(PYTEST) $(PARALLEL) -m "not serial"

# Red is red here, whether or not an earlier run knew it. A first run knows no durations: with few chunks one
# worker would be left alone with the longest.
quick: $(VENV)/.ok ## the tests that take less than a few seconds each, by triage run; evidence in build/own
	$(BIN)/triage --output build/own run --workers $(WORKERS) --chunks 18 --no-ledgers --gate strict -- -m "not slow"

fuzz: $(VENV)/.ok ## property tests with new random examples; ROUNDS=5 seeds, each printed
	@for round in $$(seq $(ROUNDS)); do \
		seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); \
		echo "== round $$round of $(ROUNDS): --hypothesis-profile=fuzz --hypothesis-seed=$$seed"; \
		$(PYTEST) $(PARALLEL) -m hypothesis --hypothesis-profile=fuzz --hypothesis-seed=$$seed || exit 1; \
	done

lint: lint-ruff lint-mypy lint-imports ## style, types and import contracts

lint-ruff: $(VENV)/.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-mypy: $(VENV)/.ok
	$(BIN)/mypy

lint-imports: $(VENV)/.ok
	$(BIN)/lint-imports

check: $(VENV)/.ok ## recompute every number in the documents under reports/ and plans/
	$(BIN)/triage check

own: $(VENV)/.ok ## the quick tests through triage run, with their HTML report in build/own
	-$(BIN)/triage --output build/own run --workers 2 --no-ledgers --reruns 0 -- -m "not slow"
	$(BIN)/triage --output build/own report --html build/own/own-report.html

docs: $(VENV)/.ok ## the documentation as a site in build/site, offline, every link checked
	test -f build/own/own-report.html || $(MAKE) --no-print-directory own
	$(BIN)/python -c 'import material, mkdocstrings' 2>/dev/null || $(PIP) install -qq -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

coverage: $(VENV)/.ok ## tests with branch coverage, worst files first
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --sort=cover

bench: $(VENV)/.ok ## every benchmark, as ratios against its named peer
	$(BIN)/python -m benchmarks all

style: $(VENV)/.ok ## figures of how dense the code is written
	$(BIN)/python -m benchmarks style

clean: ## remove what make made
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.*
