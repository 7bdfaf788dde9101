"""When an answer is right and when two answers are the same: the matchers, and the one judge of a completion."""

from setwise.matching.judge import Gold, Judgement, judge

__all__ = ["Gold", "Judgement", "judge"]
