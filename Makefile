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

.PHONY: help demo test check bench coverage clean
help: ## list the tasks
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

$(VENV)/.ok: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "triage needs Python 3.11 or newer: none found; set PYTHON=/path/to/python3"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null \
		|| $(PIP) install -qq "$(TORCH)+cpu" 2>/dev/null \
		|| $(PIP) install -qq --retries 0 --index-url $(TORCH_INDEX) "$(TORCH)" 2>/dev/null \
		|| $(PIP) install -qq "$(TORCH)"
	$(PIP) install -qq -c constraints.txt -e '.[sim,dask,dev]'
	@touch $@

demo: $(VENV)/.ok ## the main job: one failing suite from red to resolved, in a repository of its own
	$(BIN)/triage demo

test: $(VENV)/.ok ## all checks and all tests, with branch coverage
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q

check: $(VENV)/.ok ## recompute every number in the documents under reports/ and plans/
	$(BIN)/triage check

coverage: $(VENV)/.ok ## tests with branch coverage, worst files first
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --sort=cover

bench: $(VENV)/.ok ## every benchmark, as ratios against its named peer
	$(BIN)/python -m benchmarks

clean: ## remove what make made
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.*
