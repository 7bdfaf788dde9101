"""Evaluation: generate once and keep it, judge it by every metric, compare two models on the same questions.

How the pieces fit::

    protocol = get_protocol("sample-30", method, k)            # protocols: what is asked, which set is judged
    # for curves to 30 answers of a multi-answer model: get_protocol("one", method, k=3, generations=10)
    key = StoreKey(weights=…, questions=text_digest(questions), prompts=text_digest(prompts),
                   method=method.name, protocol=protocol, sampling=Sampling(n=protocol.generations, …))
    generate(engine, questions, prompts, key, completions)     # engine → completions on disk (store), resumable
    judge(completions, examples, verdicts)                     # → verdicts on disk, by the gold and code of today
    report = summarise(verdicts, examples)                     # → sums by question (tally) → table with intervals
    rows = compare(verdicts_a, verdicts_b, examples)           # two tallies, the same resamples

Generating knows no gold, no matcher and no metric, so that a change of any of these is judged again and nothing is
generated. `tally` streams verdicts by row group into per-question sums (so memory does not grow with the generations);
`report` turns sums into metric values, for the data and for every bootstrap resample alike.
"""

from setwise.evaluation.compare import Match, Row, compare
from setwise.evaluation.generate import generate
from setwise.evaluation.judge import judge
from setwise.evaluation.protocols import Protocol, get_protocol
from setwise.evaluation.report import MetricsReport, summarise
from setwise.evaluation.store import Store, StoreKey, gold_digest, text_digest

COST = "cost.json"
"""The file beside completions, and beside their verdicts, that says what they took: `{seconds, device, revision}`."""

__all__ = [
    "COST",
    "Match",
    "MetricsReport",
    "Protocol",
    "Row",
    "Store",
    "StoreKey",
    "compare",
    "generate",
    "get_protocol",
    "gold_digest",
    "judge",
    "summarise",
    "text_digest",
]
