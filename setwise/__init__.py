"""Setwise: language models that answer with a set of distinct answers, each with a calibrated confidence.

The package is the method alone: it knows no Prefect and no DVC, and importing it loads nothing heavy.
Read in this order: `answers`, `matching`, `domains`, `rewards` and `metrics`, `engines`, `training`.
"""

__version__ = "0.1.0"
