"""Evaluation: generate once and keep it, judge it by every metric, compare two models on the same questions.

How the pieces fit::

    protocol = get_protocol("sample-30", method, k)            # protocols: what is asked, which set is judged
    # for curves to 30 answers of a multi-answer model: get_protocol("one", method, k=3, generations=10)
    key = StoreKey(weights=…, dataset=dataset_digest(examples), prompts=prompt_digest(prompts),
                   method=method.name, protocol=protocol, sampling=Sampling(n=protocol.generations, …))
    generate(engine, examples, prompts, key, path)             # generate → store: one Parquet, resumable
    report = summarise(path, examples)                         # store → tally → report: JSON-serialisable
    rows = compare(path_a, path_b, examples)                   # two tallies, the same resamples
    rows = compare_matched(path_a, path_b, examples, match_tokens(path_a, path_b, examples))

`tally` streams a store by row group into per-question sums (so memory does not grow with the generations);
`statistics` turns sums into metric values, for the data and for every bootstrap resample alike; `report` and
`compare` only arrange what comes out. Metrics can be computed again from a store without
generating, and `judge_again` judges the texts of a store by the code of today: nothing that was judged by other code is
held against what this code judges.
"""

from setwise.evaluation.compare import Match, Row, compare, compare_matched, match_answers, match_tokens
from setwise.evaluation.generate import generate
from setwise.evaluation.judging import judge_again
from setwise.evaluation.protocols import Protocol, get_protocol
from setwise.evaluation.report import MetricsReport, summarise
from setwise.evaluation.store import Store, StoreKey, dataset_digest, prompt_digest

COST = "cost.json"
"""The file beside the reports of an evaluation that says what it took: `{seconds, device, revision}`."""

__all__ = [
    "COST",
    "Match",
    "MetricsReport",
    "Protocol",
    "Row",
    "Store",
    "StoreKey",
    "compare",
    "compare_matched",
    "dataset_digest",
    "generate",
    "get_protocol",
    "judge_again",
    "match_answers",
    "match_tokens",
    "prompt_digest",
    "summarise",
]
