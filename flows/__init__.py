"""Prefect flows: the chains people run and schedule."""
