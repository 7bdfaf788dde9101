"""`python -m pipelines.sweeps`: write what the tracking store knows of runs with several K to `reports/sweeps/k.json`.

Not a stage: sweeps leave runs in the tracking store, and the next report reads this file for its claims about K.
"""

from __future__ import annotations

import json

from pipelines.paths import SWEEPS
from pipelines.stage import log, run_stage, write_whole
from setwise.errors import InputError
from setwise.params import Params
from setwise.report.sweeps import collect, shared_params
from setwise.tracking import get_client


def sweeps(params: Params) -> None:
    """Write the newest evaluated run of every method, K and seed that shares the other params of `params.yaml`."""
    runs = collect(get_client(), params)
    if not runs:
        raise InputError(
            f"no evaluated run in experiment setwise/{params.domain.name} has the params of params.yaml but for k and "
            "seed; run a sweep over k first"
        )
    path = SWEEPS / "k.json"
    content = {"params": shared_params(params), "runs": runs}
    write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    log.info("%s: %d runs, K = %s", path, len(runs), ", ".join(map(str, sorted({run["k"] for run in runs}))))
    log.info("next: dvc repro --force --single-item report")


if __name__ == "__main__":
    run_stage("sweeps", sweeps)
