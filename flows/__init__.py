"""Prefect flows: the chains people run and schedule. Importing the package only sets defaults in the environment, which
must be there before Prefect is imported: nothing calls home, and each workspace has its own Prefect home."""

from flows.environment import set_defaults

set_defaults()
