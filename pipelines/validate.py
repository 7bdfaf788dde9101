"""Stage `validate`: a Great Expectations checkpoint per split and its Data Docs; any failure stops the chain."""

from __future__ import annotations

import html
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.paths import DATA_DOCS, FAILED_DATA_DOCS, VALIDATION, data_folder, read_json
from pipelines.stage import log, run_stage, whole_folder, write_whole
from setwise.digests import file_digest
from setwise.domains import Example, get_domain
from setwise.domains.base import Domain, question_content
from setwise.domains.parquet import SCHEMA, read_examples
from setwise.errors import InputError
from setwise.params import Params

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_ROWS = 5
_SUM_TOLERANCE = 1e-6


def validate(params: Params) -> None:
    """Check every split; write `reports/validation.json` and `reports/data_docs/`.

    The Data Docs of a failed check go to `reports/failed_data_docs/`: what an earlier run left stays as it was.

    Raises:
        InputError: an expectation failed; the message names it, its column and up to five offending rows.
    """
    folder = data_folder(params)
    prepared = read_json(folder / "prepared.json")
    vocabulary = read_json(folder / "vocabulary.json")
    splits = {split: read_examples(folder / f"{split}.parquet") for split in sorted(prepared["sizes"])}
    domain = get_domain(params.domain.name)
    tables = {split: _table(split, splits, vocabulary, domain) for split in splits}
    with tempfile.TemporaryDirectory() as scratch:
        built, results = _run_checkpoints(Path(scratch), tables, prepared["sizes"], vocabulary, domain)
        failures = [
            f"{folder / split}.parquet: {_failure(r)}" for split in splits for r in results[split] if not r["success"]
        ]
        shutil.rmtree(FAILED_DATA_DOCS, ignore_errors=True)
        with whole_folder(FAILED_DATA_DOCS if failures else DATA_DOCS) as docs:
            shutil.copytree(built, docs, dirs_exist_ok=True)
    summary = {
        split: {
            "digest": file_digest(folder / f"{split}.parquet"),
            "rows": len(splits[split]),
            "success": all(r["success"] for r in results[split]),
            "expectations": results[split],
        }
        for split in splits
    }
    for split in splits:
        log.info(
            "%s: %d expectations met by %d rows", split, sum(r["success"] for r in results[split]), len(splits[split])
        )
    if failures:
        raise InputError(
            "; ".join(failures) + f"; mend the data or params.yaml: domain, then run `dvc repro` "
            f"(all results: {FAILED_DATA_DOCS}/index.html)"
        )
    write_whole(
        VALIDATION, json.dumps({"splits": summary, "dropped": prepared["dropped"]}, indent=1, ensure_ascii=False)
    )


def _table(split: str, splits: dict[str, list[Example]], vocabulary: list[str] | None, domain: Domain) -> pd.DataFrame:
    """One split as the columns that are checked; what a rule needs of a nested column stands in a column of its own."""
    import pandas as pd

    known = None if vocabulary is None else set(vocabulary)
    elsewhere = {question_content(e.question) for name, other in splits.items() if name != split for e in other}
    rows = []
    for example in splits[split]:
        aliases = [alias for answer in example.gold for alias in answer]
        row: dict[str, Any] = {
            "id": example.id,
            "question": example.question,
            "gold": json.dumps(example.gold, ensure_ascii=False),
            "gold_answers": len(example.gold),
            "gold_is_text": bool(aliases) and all(alias.strip() for alias in aliases) and all(example.gold),
            "question_in_other_split": question_content(example.question) in elsewhere,
        }
        if known is not None:
            row["gold_outside_vocabulary"] = ", ".join(a for a in aliases if a not in known) or None
        if example.posterior:
            total = sum(p for _, p in example.posterior)
            row["posterior_total"] = total if example.exclusive else 1.0
            row["posterior_in_range"] = all(0 <= p <= 1 + _SUM_TOLERANCE for _, p in example.posterior)
        row |= {rule.name: rule.holds(example) for rule in domain.expectations()}
        rows.append(row)
    return pd.DataFrame(rows)


def _expectations(table: pd.DataFrame, size: int, vocabulary: list[str] | None, domain: Domain) -> list[Any]:
    """The suite of one split."""
    import great_expectations.expectations as gxe

    derived = [column for column in table.columns if column not in SCHEMA.names]
    suite: list[Any] = [
        gxe.ExpectTableColumnsToMatchSet(column_set=["id", "question", "gold", *derived], exact_match=True),
        gxe.ExpectTableRowCountToEqual(value=size),
        gxe.ExpectColumnValuesToNotBeNull(column="id"),
        gxe.ExpectColumnValuesToBeUnique(column="id"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="question", min_value=1),
        gxe.ExpectColumnValuesToBeUnique(column="question"),
        gxe.ExpectColumnValuesToBeInSet(column="question_in_other_split", value_set=[False]),
        gxe.ExpectColumnValuesToBeBetween(column="gold_answers", min_value=1),
        gxe.ExpectColumnValuesToBeInSet(column="gold_is_text", value_set=[True]),
    ]
    if vocabulary is not None:
        suite.append(gxe.ExpectColumnValuesToBeNull(column="gold_outside_vocabulary"))
    if "posterior_total" in table.columns:
        low, high = 1 - _SUM_TOLERANCE, 1 + _SUM_TOLERANCE
        suite.append(gxe.ExpectColumnValuesToBeBetween(column="posterior_total", min_value=low, max_value=high))
        suite.append(gxe.ExpectColumnValuesToBeInSet(column="posterior_in_range", value_set=[True]))
    suite += [gxe.ExpectColumnValuesToBeInSet(column=r.name, value_set=[True]) for r in domain.expectations()]
    return suite


def _run_checkpoints(
    scratch: Path,
    tables: dict[str, pd.DataFrame],
    sizes: dict[str, int],
    vocabulary: list[str] | None,
    domain: Domain,
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
        for expectation in _expectations(table, sizes[split], vocabulary, domain):
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
        results[split] = [_result(r, table) for r in found.results]
    return next(scratch.rglob("data_docs/local_site")), results


def _escaped(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its texts as HTML: Data Docs put values into their pages as they are. Equal texts stay equal."""
    return table.map(lambda value: html.escape(value) if isinstance(value, str) else value)


def _result(found: Any, table: pd.DataFrame) -> dict[str, Any]:
    """One expectation's result as JSON: name, column, and the first offending rows with their id and value."""
    settings = found.expectation_config
    column = settings.kwargs.get("column")
    rows = list(found.result.get("unexpected_index_list") or [])[:_SHOWN_ROWS]
    shown = [{"row": int(i), "id": str(table["id"][i]), "value": str(table[column][i])[:80]} for i in rows]
    return {
        "expectation": settings.type,
        "column": column,
        "success": bool(found.success),
        "unexpected": int(found.result.get("unexpected_count") or 0),
        "observed": None if column else str(found.result.get("observed_value")),
        "rows": shown,
    }


def _failure(result: dict[str, Any]) -> str:
    if result["column"] is None:
        return f"{result['expectation']} failed (found {result['observed']})"
    rows = ", ".join(f"row {r['row']} (id {r['id']}): {r['value']!r}" for r in result["rows"])
    return f"{result['expectation']} failed on column {result['column']} in {result['unexpected']} rows: {rows}"


if __name__ == "__main__":
    run_stage("validate", validate)
