"""Stage `prepare`: load the domain and write its splits and vocabulary; the same params give the same bytes."""

from __future__ import annotations

import json

from pipelines.paths import data_folder, questions_path
from pipelines.stage import log, run_stage, whole_folder
from setwise.domains import get_domain
from setwise.domains.parquet import write_examples
from setwise.errors import InputError
from setwise.inputs import input_digests
from setwise.params import Params


def prepare(params: Params) -> None:
    """Write `data/<domain>/<split>.parquet`, `questions.json`, `vocabulary.json` and `prepared.json`.

    The last holds sizes, drops and files read. The test questions also stand apart from their gold: what is generated
    for them is the same whatever the gold.
    """
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
        asked = {"instruction": domain.instruction, "questions": [e.question for e in prepared.splits["test"]]}
        (folder / questions_path(params).name).write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
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
