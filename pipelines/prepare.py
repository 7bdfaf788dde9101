"""Stage `prepare`: load the domain and write its splits and vocabulary; the same params give the same bytes."""

from __future__ import annotations

import json

from pipelines.paths import data_folder
from pipelines.stage import log, run_stage, whole_folder
from setwise.domains import get_domain
from setwise.domains.parquet import write_examples
from setwise.errors import InputError
from setwise.inputs import input_digests
from setwise.params import Params


def prepare(params: Params) -> None:
    """Write `data/<domain>/<split>.parquet`, `vocabulary.json` and `prepared.json` (sizes, drops, files read)."""
    domain = get_domain(params.domain.name)
    prepared = domain.load(params.domain, params.seed)
    for split, examples in prepared.splits.items():
        if not examples:
            raise InputError(
                f"params.yaml: domain: the split {split} of {params.domain.name} is empty; check its sizes"
            )
    with whole_folder(data_folder(params)) as folder:
        for split, examples in prepared.splits.items():
            write_examples(folder / f"{split}.parquet", examples)
            log.info("%s: %d questions", split, len(examples))
        vocabulary = None if prepared.vocabulary is None else list(prepared.vocabulary)
        (folder / "vocabulary.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=1), encoding="utf-8")
        summary = {
            "sizes": {split: len(examples) for split, examples in prepared.splits.items()},
            "dropped": dict(sorted(prepared.dropped.items())),
            "inputs": input_digests(params),
        }
        (folder / "prepared.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    for reason, count in sorted(prepared.dropped.items()):
        log.info("dropped: %d (%s)", count, reason)


if __name__ == "__main__":
    run_stage("prepare", prepare)
