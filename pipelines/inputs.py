"""`python -m pipelines.inputs`: have `prepare` run again where a file that it read has been replaced since.

Not a stage: DVC watches `raw/` and the params, but not files elsewhere that the params name, as under
`SETWISE_REAL_DATA`. Their digests are noted in `raw/`, where DVC sees them change, and finds again in its cache what
was made of the same files before. Flows do this before they ask DVC what is stale; before a bare `dvc repro` it is done
by hand.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pipelines.paths import OUTSIDE, read_json
from pipelines.stage import log, run_stage, write_whole
from setwise.inputs import data_files, digests_read, input_digests, prepared_file, replaced_data
from setwise.params import Params


def inputs(params: Params) -> None:
    """Write `raw/outside.json`: param key → path and digest of each file outside `raw/` that the params name.

    Of a file that is away for now the digest stays that was noted, or prepared from: what is prepared does not need it.
    Where the params name none outside, there is no such file.
    """
    prepared, now = prepared_file(params), input_digests(params)
    for key in replaced_data(now, prepared):
        log.info("%s: the file was replaced; the data are prepared again", key)
    noted = read_json(OUTSIDE) if OUTSIDE.exists() else {}
    known = {**noted, **digests_read(prepared), **now}
    outside = {
        key: known[key]
        for key, path in sorted(data_files(params).items())
        if key in known and known[key]["path"] == path and not _is_watched(path)
    }
    if not outside:
        OUTSIDE.unlink(missing_ok=True)
    elif outside != noted:
        write_whole(OUTSIDE, json.dumps(outside, indent=1) + "\n")


def _is_watched(path: str) -> bool:
    """Whether DVC watches the file, as a part of `raw/`."""
    return Path(os.path.normpath(path)).is_relative_to(OUTSIDE.parent)


if __name__ == "__main__":
    run_stage("inputs", inputs)
