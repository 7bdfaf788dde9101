"""Stage `validate`: a Great Expectations checkpoint per split and its Data Docs; any failure stops the chain."""

from __future__ import annotations

import html
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.checks import make_suite, make_table
from pipelines.paths import DATA_DOCS, FAILED_DATA_DOCS, TRAINABLE, VALIDATION, data_folder, read_json
from pipelines.stage import log, run_stage, whole_folder, write_whole
from setwise.digests import file_digest
from setwise.domains import get_domain
from setwise.domains.base import Domain
from setwise.domains.parquet import read_examples
from setwise.errors import InputError
from setwise.params import Params

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_ROWS = 5


def validate(params: Params) -> None:
    """Check every split; write `reports/validation.json`, `reports/data_docs/` and `reports/trainable.json`.

    The last names the files that training may read: it stays the same where a label of the test split changes.

    The Data Docs of a failed check go to `reports/failed_data_docs/`, which is none of the stage's outputs.

    Raises:
        InputError: an expectation failed; the message names it, its column and up to five offending rows.
    """
    folder = data_folder(params)
    prepared = read_json(folder / "prepared.json")
    vocabulary = read_json(folder / "vocabulary.json")
    splits = {split: read_examples(folder / f"{split}.parquet") for split in sorted(prepared["sizes"])}
    domain = get_domain(params.domain.name)
    tables = {split: make_table(split, splits, vocabulary, domain, params.domain) for split in splits}
    with tempfile.TemporaryDirectory() as scratch:
        built, results = _run_checkpoints(Path(scratch), tables, prepared["sizes"], domain, params)
        unmet = [
            (f"{folder / split}.parquet: {_failure(r)}", r)
            for split in splits
            for r in results[split]
            if not r["success"]
        ]
        failures = [said for said, result in unmet if result["severity"] == "critical"]
        shutil.rmtree(FAILED_DATA_DOCS, ignore_errors=True)
        with whole_folder(FAILED_DATA_DOCS if failures else DATA_DOCS) as docs:
            shutil.copytree(built, docs, dirs_exist_ok=True)
    summary = {
        split: {
            "digest": file_digest(folder / f"{split}.parquet"),
            "rows": len(splits[split]),
            "success": all(r["success"] for r in results[split] if r["severity"] == "critical"),
            "expectations": results[split],
        }
        for split in splits
    }
    for split in splits:
        log.info(
            "%s: %d expectations met by %d rows", split, sum(r["success"] for r in results[split]), len(splits[split])
        )
    for said, result in unmet:
        if result["severity"] == "warning":
            log.warning("%s; a warning, and the chain goes on (docs/domains.md)", said)
    if failures:
        raise InputError(
            "; ".join(failures) + f"; mend the data or params.yaml: domain, then run `dvc repro` "
            f"(all results: {FAILED_DATA_DOCS}/index.html)"
        )
    write_whole(
        VALIDATION, json.dumps({"splits": summary, "dropped": prepared["dropped"]}, indent=1, ensure_ascii=False)
    )
    names = ("vocabulary.json", *(f"{split}.parquet" for split in splits if split != "test"))
    write_whole(TRAINABLE, json.dumps({name: file_digest(folder / name) for name in names}, indent=1))


def _run_checkpoints(
    scratch: Path, tables: dict[str, pd.DataFrame], sizes: dict[str, int], domain: Domain, params: Params
) -> tuple[Path, dict[str, list[dict[str, Any]]]]:
    """Run one checkpoint per split in a context of its own; returns the folder of its Data Docs, and the results."""
    import great_expectations as gx

    context = gx.get_context(mode="file", project_root_dir=str(scratch))
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_pandas("prepared")
    results = {}
    for split, table in tables.items():
        log.info("%s: checking %d rows", split, len(table))
        batch = source.add_dataframe_asset(split).add_batch_definition_whole_dataframe(split)
        suite = context.suites.add(gx.ExpectationSuite(name=f"{domain.name}_{split}"))
        for expectation in make_suite(table, sizes[split], domain, params.domain):
            suite.add_expectation(expectation)
        definition = context.validation_definitions.add(gx.ValidationDefinition(name=split, data=batch, suite=suite))
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=split,
                validation_definitions=[definition],
                actions=[gx.checkpoint.UpdateDataDocsAction(name="docs")],
                result_format={"result_format": "COMPLETE", "partial_unexpected_count": _SHOWN_ROWS},
            )
        )
        outcome = checkpoint.run(batch_parameters={"dataframe": _escaped(table)})
        found = next(iter(outcome.run_results.values()))
        results[split] = [_result(r, table, domain) for r in found.results]
    return next(scratch.rglob("data_docs/local_site")), results


def _escaped(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its texts as HTML: Data Docs put values into their pages as they are. Equal texts stay equal."""
    return table.map(lambda value: html.escape(value) if isinstance(value, str) else value)


def _result(found: Any, table: pd.DataFrame, domain: Domain) -> dict[str, Any]:
    """One expectation's result as JSON: name, column, and the first offending rows with their id and value.

    Of a column of truths the value is what the rule speaks of, where the table holds that, else the gold.
    """
    settings = found.expectation_config
    column = settings.kwargs.get("column")
    rows = list(found.result.get("unexpected_index_list") or [])[:_SHOWN_ROWS]
    speaks_of = next((rule.column for rule in domain.expectations() if rule.name == column), column)
    is_held = speaks_of in table.columns and table[speaks_of].dtype != bool
    values = table[speaks_of if is_held else "gold"]
    shown = [{"row": int(i), "id": str(table["id"][i]), "value": str(values[i])[:80]} for i in rows]
    return {
        "expectation": settings.type,
        "column": column,
        "severity": str(getattr(settings.severity, "value", settings.severity)),
        "success": bool(found.success),
        "unexpected": int(found.result.get("unexpected_count") or 0),
        "observed": None if rows else str(found.result.get("observed_value")),
        "rows": shown,
    }


def _failure(result: dict[str, Any]) -> str:
    if result["column"] is None:
        return f"{result['expectation']} failed (found {result['observed']})"
    if not result["rows"]:
        return f"{result['expectation']} failed on column {result['column']} (found {result['observed']})"
    rows = ", ".join(f"row {r['row']} (id {r['id']}): {r['value']!r}" for r in result["rows"])
    return f"{result['expectation']} failed on column {result['column']} in {result['unexpected']} rows: {rows}"


if __name__ == "__main__":
    run_stage("validate", validate)
