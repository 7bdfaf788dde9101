"""`python -m pipelines.inputs`: have `prepare` run again where a file that it read has been replaced since.

Not a stage: DVC watches `raw/` and the params, but not files elsewhere that the params name, as under
`SETWISE_REAL_DATA`. Flows do this before they ask DVC what is stale; before a bare `dvc repro` it is done by hand.
"""

from __future__ import annotations

from pipelines.stage import log, run_stage
from setwise.inputs import prepared_file, replaced_data
from setwise.params import Params


def inputs(params: Params) -> None:
    """Remove `data/<domain>/prepared.json`, an output of `prepare`, if it speaks of files that are others by now."""
    prepared = prepared_file(params)
    replaced = replaced_data(params, prepared)
    for key in replaced:
        log.info("%s: the file was replaced; the data are prepared again", key)
    if replaced:
        prepared.unlink()


if __name__ == "__main__":
    run_stage("inputs", inputs)
