"""`python -m pipelines.publish`: put the report into the tracking run of every method, under `report/`.

Not a stage: it writes into the tracking store, which DVC can't see, and needs it up.
"""

from __future__ import annotations

from pipelines.paths import EVALUATION, METRICS, PLOTS, REPORT, SUMMARY, read_json
from pipelines.stage import log, run_stage
from setwise.errors import InputError
from setwise.params import Params
from setwise.tracking import find_run


def publish(params: Params) -> None:
    """Log the files of the report to the newest run that trained the evaluated weights of each method.

    Raises:
        InputError: there is no report yet.
    """
    if not REPORT.exists():
        raise InputError(f"{REPORT}: missing; run `dvc repro report`")
    for method in params.methods:
        run = find_run(params.domain.name, read_json(EVALUATION / method / "one.json")["key"]["weights"])
        if run is None:
            log.info("%s: no tracking run trained these weights; it gets no report", method)
            continue
        for path in (REPORT, SUMMARY, METRICS, *sorted(PLOTS.iterdir())):
            run.log_file(path, "report" if path.parent != PLOTS else "report/plots")
        log.info("%s: the report is in its run %s", method, run.run_id)


if __name__ == "__main__":
    run_stage("publish", publish)
