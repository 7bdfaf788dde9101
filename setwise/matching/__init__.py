"""When an answer is right and when two answers are the same: the matchers, and the one judge of a completion."""

from setwise.matching.gold import Gold, Matched, Matcher
from setwise.matching.judge import CHUNK, MATCHERS, Judgement, get_matcher, judge, judge_batch
from setwise.matching.memo import judge_once

__all__ = [
    "CHUNK",
    "MATCHERS",
    "Gold",
    "Judgement",
    "Matched",
    "Matcher",
    "get_matcher",
    "judge",
    "judge_batch",
    "judge_once",
]
