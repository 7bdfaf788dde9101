# Servers and workers of this workspace, on localhost.
.PHONY: ui up down

ui: $(READY) ## Prefect's and MLflow's web pages, until Ctrl-C
	@$(BIN)/python -m flows.services ui

up: $(READY) ## Prefect server, cpu and gpu workers, MLflow, deployments
	@$(BIN)/python -m flows.services up

down: $(READY) ## stop what `make up` started
	@$(BIN)/python -m flows.services down
