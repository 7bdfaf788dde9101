"""What a recipe would run, told without a GPU and without a model: processes, batch arithmetic and memory by part."""

from setwise.plan.make import Plan, make_plan

__all__ = ["Plan", "make_plan"]
