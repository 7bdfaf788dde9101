"""How a set is judged: every metric as a pure function on arrays, one family per file, and bootstrap intervals.

A metric returns a `Ratio`: numerators and denominators whose sums, over any rows, are the metric. Summed by question
they can be streamed, and resampled by question. `docs/metrics.md` has each formula and a worked example.
"""

from setwise.metrics.sets import Generations, JudgedSets, Questions, Ratio, generation_sets, union_sets

__all__ = ["Generations", "JudgedSets", "Questions", "Ratio", "generation_sets", "union_sets"]
