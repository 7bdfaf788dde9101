# Servers and workers of this workspace, on localhost. SETWISE_PREFECT_PORT, SETWISE_MLFLOW_PORT and SETWISE_HOST say where.
.PHONY: ui up status down

ui: $(READY) ## show the pages of Prefect and MLflow, until Ctrl-C
	@$(BIN)/python -m flows.services ui

up: $(READY) ## start Prefect, MLflow, the cpu and gpu workers (supervisord.conf); apply the deployments
	@$(BIN)/python -m flows.services up

status: $(READY) ## say how what `make up` started is
	@$(BIN)/python -m flows.services status

down: $(READY) ## stop what `make up` started
	@$(BIN)/python -m flows.services down
