"""The training curve: one JSON object a line, on disk as it happens and in the tracking run at every checkpoint.

The file is the truth. After a kill it is cut back to the checkpoint that training goes on from, and the run gets what
it lacks, so that a curve has every step once. A tracking server that is away loses nothing: rows wait in the file.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from setwise.tracking import Run, TrackingError

log = logging.getLogger("setwise.training")


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
        self.away: TrackingError | None = None
        self._flushed = 0
        self._held: dict[str, set[int]] = {}

    def resume(self, step: int) -> None:
        """Keep the rows up to `step`, drop what came after; find out which of them the run already holds."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        rows = [row for row in map(_read_row, lines) if row is not None and row["step"] <= step]
        self.rows = rows
        self._flushed = 0
        self._write()
        self._held = self.run.held_steps() if self.run else {}

    def add(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Append a row, or add to the last one if it is of the same step; what is no finite number is left out."""
        row = {k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and math.isfinite(v)}
        if self.rows and self.rows[-1]["step"] == step:
            self.rows[-1] |= row
            self._flushed = min(self._flushed, len(self.rows) - 1)
            self._write()
            return
        self.rows.append({"step": step} | row)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(self.rows[-1]) + "\n")

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.writing")
        fresh.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        fresh.replace(self.path)

    def flush(self) -> bool:
        """Send the run what it lacks, metric by metric. False, with a warning, where it can't be reached: `away`."""
        if self.run is None:
            return True
        try:
            while self._flushed < len(self.rows):
                row = self.rows[self._flushed]
                step = int(row["step"])
                lacking = {k: v for k, v in row.items() if k != "step" and step not in self._held.get(k, ())}
                self.run.log_metrics(lacking, step)
                for key in lacking:
                    self._held.setdefault(key, set()).add(step)
                self._flushed += 1
        except TrackingError as error:
            self.away = error
            log.warning("%s; %d rows of the curve wait", error, len(self.rows) - self._flushed)
            return False
        return True


def _read_row(line: str) -> dict[str, float] | None:
    """One row, or None for the torn last line of a killed run."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and "step" in row else None
