"""The set-level metrics of ``reports/metrics.json`` as a table: for Prefect's artifact and for the end of a run."""

import json
from pathlib import Path

METRICS_FILE = Path("reports") / "metrics.json"

Row = dict[str, str]


def metric_rows(workspace: Path) -> list[Row]:
    """Return one row per metric with a column per method, as ``value [lo, hi]``; no rows if there is no such file.

    Raises ValueError, naming the file, when its content is not ``{"methods": {method: {metric: {"value": …}}}}``.
    """
    path = workspace / METRICS_FILE
    if not path.is_file():
        return []
    try:
        methods = json.loads(path.read_text())["methods"]
        names = list(dict.fromkeys(name for metrics in methods.values() for name in metrics))
        return [
            {"metric": name, **{method: _cell(metrics.get(name)) for method, metrics in methods.items()}}
            for name in names
        ]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{METRICS_FILE}: not the expected table of metrics by method ({error!r})") from error


def _cell(estimate: "dict[str, float] | None") -> str:
    if estimate is None or estimate.get("value") is None:
        return "–"
    lo, hi = estimate.get("lo"), estimate.get("hi")
    interval = f" [{lo:.3f}, {hi:.3f}]" if lo is not None and hi is not None else ""
    return f"{estimate['value']:.3f}{interval}"


def as_text(rows: list[Row]) -> str:
    """Return the rows in aligned columns, the first one to the left."""
    columns = list(rows[0])
    widths = [max(len(column), *(len(row[column]) for row in rows)) for column in columns]
    lines = [columns, *([row[column] for column in columns] for row in rows)]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: list[str], widths: list[int]) -> str:
    name, *values = (f"{cell:{'<' if at == 0 else '>'}{widths[at]}}" for at, cell in enumerate(cells))
    return "  ".join((name, *values))
