"""Prefect tasks: run a stage, move data, register and promote a model, publish an artifact."""
