# `make run`: the whole chain, ending with reports/report.html. `make test`: the tests. Each sets up what it needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export HF_HUB_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
PYTEST := HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --dist loadscope
TEST_WORKERS ?= auto

.PHONY: help setup run test test-operations lint audit clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

setup: $(READY) ## make the virtual environment

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not found; install Python 3.11 or say make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(READY)

run: $(READY) ## bring everything up to date: data, models, evaluation, report
	@$(BIN)/setwise check
	@$(BIN)/python -m flows.rebuild

test: $(READY) ## run the tests
	$(PYTEST) -n $(TEST_WORKERS) -m "not operations"

test-operations: $(READY) ## run the tests of servers, workers, clusters and kills too
	$(PYTEST) -n $(TEST_WORKERS) -m operations

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(READY) ## look the pinned dependencies up in a database of vulnerabilities, where one can be reached
	$(BIN)/python .ci/audit.py

clean: ## remove what the chain made (not DVC's cache, not the environment)
	rm -rf data/*/ models/*/ reports/*/ reports/*.html reports/*.json checkpoints

-include ops.mk
