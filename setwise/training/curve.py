"""The training curve: one JSON object a line, on disk as it happens and in the tracking run at every checkpoint.

The file is the truth. After a kill it is cut back to the checkpoint that training goes on from, and the run gets what
it lacks, so that a curve has every step once. A tracking server that is away loses nothing: rows wait in the file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from setwise.tracking import Run

log = logging.getLogger("setwise.training")

_MARKER = "train/reward"
"""The metric of a row that tells which steps a run already holds."""


class Curve:
    """The curve of one training run.

    Args:
        path: the JSONL file.
        run: the tracking run that the rows are flushed to; None for none.
    """

    def __init__(self, path: Path, run: Run | None) -> None:
        self.path = path
        self.run = run
        self.rows: list[dict[str, float]] = []
        self._flushed = 0

    def resume(self, step: int) -> None:
        """Keep the rows up to `step`, drop what came after; find out which of them the run already holds."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        rows = [row for row in map(_read_row, lines) if row is not None and row["step"] <= step]
        self.rows = rows
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.writing")
        fresh.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        fresh.replace(self.path)
        held = {m.step for m in self.run.client.get_metric_history(self.run.run_id, _MARKER)} if self.run else set()
        self._flushed = sum(row["step"] in held for row in rows)

    def add(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Append one row; metrics that are no numbers are left out."""
        row = {"step": step} | {k: float(v) for k, v in metrics.items() if isinstance(v, int | float)}
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")

    def flush(self) -> bool:
        """Send the rows the run lacks. False, with a warning, where it can't be reached; they are kept."""
        if self.run is None:
            return True
        try:
            while self._flushed < len(self.rows):
                row = self.rows[self._flushed]
                self.run.log_metrics({k: v for k, v in row.items() if k != "step"}, int(row["step"]))
                self._flushed += 1
        except Exception as error:  # noqa: BLE001 - whatever the tracking backend raises, training goes on
            waiting = len(self.rows) - self._flushed
            log.warning(
                "tracking: %s; %d rows of the curve wait for the next checkpoint",
                " ".join(str(error).split())[:200],
                waiting,
            )
            return False
        return True


def _read_row(line: str) -> dict[str, float] | None:
    """One row, or None for the torn last line of a killed run."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and "step" in row else None
