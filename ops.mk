# Servers and workers of this workspace, on localhost. SETWISE_PREFECT_PORT, SETWISE_MLFLOW_PORT and SETWISE_HOST say where.
.PHONY: ui up down

ui: $(READY) ## show the pages of Prefect and MLflow, until Ctrl-C
	@$(BIN)/python -m flows.services ui

up: $(READY) ## start Prefect, MLflow, the cpu and gpu workers; apply the deployments
	@$(BIN)/python -m flows.services up

down: $(READY) ## stop what `make up` started
	@$(BIN)/python -m flows.services down
