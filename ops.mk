# Servers and workers of this workspace, on localhost.
PYTHON ?= .venv/bin/python

.PHONY: ui up down

ui: ## Prefect's and MLflow's web pages, until Ctrl-C
	@$(PYTHON) -m flows.services ui

up: ## Prefect server, cpu and gpu workers, MLflow, deployments
	@$(PYTHON) -m flows.services up

down: ## stop what `make up` started
	@$(PYTHON) -m flows.services down
