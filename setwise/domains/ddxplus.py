"""DDXPlus: synthetic patients with a pathology and a differential diagnosis, rendered as readable text.

The release's CSV (plain or zipped) and the same rows as JSONL give the same examples.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from setwise.domains._ddxplus_text import Evidence, patient_text, read_evidences
from setwise.domains.base import Domain, Example, Expectation, Prepared
from setwise.domains.splits import Dropped, SplitParams, load_splits
from setwise.errors import InputError
from setwise.sources import FileName, Rows, read_json, read_list

_COLUMNS = ("AGE", "SEX", "PATHOLOGY", "INITIAL_EVIDENCE", "EVIDENCES", "DIFFERENTIAL_DIAGNOSIS")
_REMEDY = "use the patient files of the DDXPlus release"
_SEXES = {"F": "female", "M": "male"}
_SUM_TOLERANCE = 1e-3
_CODE = re.compile(r"\b[EV]_\d|_@_")


class DdxplusParams(SplitParams):
    """Params of `ddxplus`.

    Attributes:
        evidences, conditions: the release's `release_evidences.json` and `release_conditions.json`.
        gold: `pathology`, the one condition the patient was generated from (exclusive); or `differential`, every
            condition of the differential with at least `min_probability`.
        min_probability: the least probability of a gold condition; rows where none has it are dropped and counted.
    """

    name: Literal["ddxplus"] = "ddxplus"
    evidences: FileName
    conditions: FileName
    gold: Literal["pathology", "differential"] = "pathology"
    min_probability: float = Field(default=0.1, gt=0, le=1)


@dataclass(frozen=True)
class _Release:
    """What the release's two JSON files say, with their names for messages. `names`: any spelling → English name."""

    evidences_file: str
    evidences: Mapping[str, Evidence]
    conditions_file: str
    names: Mapping[str, str]
    vocabulary: tuple[str, ...]


class Ddxplus(Domain):
    """The domain. `posterior` is the row's differential, which is not calibrated to the pathology (docs/domains.md)."""

    name: ClassVar[str] = "ddxplus"
    match: ClassVar[str] = "exact"
    instruction: ClassVar[str] = "Name the diagnoses that the patient most likely has."
    Params = DdxplusParams

    def exclusive(self, params: DdxplusParams) -> bool:
        """Whether the one pathology is asked for."""
        return params.gold == "pathology"

    def expectations(self) -> Sequence[Expectation]:
        """Prompts hold no code of the release; the differential is there, in order, with the gold taken from it."""
        return (
            Expectation("no_evidence_code", "question", lambda example: not _CODE.search(example.question)),
            Expectation("has_differential", "posterior", lambda example: bool(example.posterior)),
            Expectation("most_likely_first", "posterior", _is_most_likely_first),
            Expectation("gold_of_the_differential", "posterior", _is_gold_in_differential),
        )

    def load(self, params: DdxplusParams, seed: int) -> Prepared:
        """Load the splits; the vocabulary is the release's conditions by their English names."""
        release = _read_release(params)

        def make(rows: Rows, index: int, _split: str) -> Example | Dropped:
            return _make_example(rows, index, params, release)

        prepared = load_splits(self, params, seed, make, _COLUMNS, _REMEDY)
        return replace(prepared, vocabulary=release.vocabulary)


DOMAIN = Ddxplus()


def _is_most_likely_first(example: Example) -> bool:
    probabilities = [probability for _, probability in example.posterior]
    return probabilities == sorted(probabilities, reverse=True)


def _is_gold_in_differential(example: Example) -> bool:
    """Whether every gold condition is in the differential; a single pathology need not be."""
    names = {name for answer in example.gold for name in answer}
    return example.exclusive or names <= dict(example.posterior).keys()


def _read_release(params: DdxplusParams) -> _Release:
    evidences_file, document = read_json(params.evidences, "domain.evidences")
    evidences = read_evidences(evidences_file, document)
    conditions_file, document = read_json(params.conditions, "domain.conditions")
    names, vocabulary = _read_conditions(conditions_file, document)
    return _Release(evidences_file, evidences, conditions_file, names, vocabulary)


def _read_conditions(file: str, document: object) -> tuple[dict[str, str], tuple[str, ...]]:
    """Every spelling of a condition (key, English, French; case and accents aside) → its English name; and these."""
    remedy = "use release_conditions.json of the DDXPlus release"
    if not isinstance(document, dict) or not document:
        raise InputError(f"{file}: not an object of conditions; {remedy}")
    names: dict[str, str] = {}
    for key, entry in document.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("cond-name-eng"), str):
            raise InputError(f"{file}: condition {key!r} has no cond-name-eng; {remedy}")
        english = " ".join(unicodedata.normalize("NFC", entry["cond-name-eng"]).split())
        for spelling in (key, english, entry.get("condition_name"), entry.get("cond-name-fr")):
            if isinstance(spelling, str) and names.setdefault(_plain(spelling), english) != english:
                raise InputError(f"{file}: {spelling!r} names both {names[_plain(spelling)]} and {english}; {remedy}")
    return names, tuple(sorted(set(names.values())))


def _plain(name: str) -> str:
    letters = (c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(letters).split())


def _make_example(rows: Rows, index: int, params: DdxplusParams, release: _Release) -> Example | Dropped:
    row, place = rows.rows[index], rows.place(index)
    pathology = _condition(row["PATHOLOGY"], "PATHOLOGY", place, release)
    differential = _differential(row["DIFFERENTIAL_DIAGNOSIS"], place, release)
    names = [pathology]
    if params.gold == "differential":
        names = [name for name, probability in differential if probability >= params.min_probability]
    if not names:
        return Dropped(f"no condition of the differential reaches {params.min_probability}")
    return Example(
        domain="ddxplus",
        question=_question(row, place, release),
        gold=tuple((name,) for name in names),
        match="exact",
        exclusive=params.gold == "pathology",
        source={"dataset": "ddxplus", "file": rows.name, "row": index + 1},
        posterior=differential,
    )


def _question(row: Mapping[str, Any], place: str, release: _Release) -> str:
    findings: dict[str, list[str]] = {}
    for code in read_list(row["EVIDENCES"], "EVIDENCES", place):
        evidence, value = _evidence(code, "EVIDENCES", place, release)
        values = findings.setdefault(evidence, [])
        if value and value not in values:
            values.append(value)
    complaint, value = _evidence(row["INITIAL_EVIDENCE"], "INITIAL_EVIDENCE", place, release, bare=True)
    if value and value not in findings.setdefault(complaint, []):
        findings[complaint].append(value)
    if release.evidences[complaint].values and not findings.get(complaint):
        raise InputError(f"{place}: INITIAL_EVIDENCE {complaint} has no value in EVIDENCES; mend or remove the row")
    return patient_text(_age(row["AGE"], place), _sex(row["SEX"], place), complaint, findings, release.evidences)


def _evidence(code: object, column: str, place: str, release: _Release, bare: bool = False) -> tuple[str, str]:
    """`CODE` or `CODE_@_VALUE` → (code, value code or ""), both known. `bare` allows a valued code without a value."""
    name, marked, value = str(code).partition("_@_")
    evidence = release.evidences.get(name)
    if evidence is None:
        raise InputError(
            f"{place}: {column} names {name}, which {release.evidences_file} does not hold; "
            "use the evidence file of the same release"
        )
    if (marked and value not in evidence.values) or (evidence.values and not marked and not bare):
        known = ", ".join(list(evidence.values)[:5]) + ", …" if evidence.values else "none, it is a yes/no question"
        raise InputError(
            f"{place}: {column} {code}: {value or 'no value'} is no value of {name} in {release.evidences_file} "
            f"({known}); use the evidence file of the same release"
        )
    return name, value


def _differential(value: object, place: str, release: _Release) -> tuple[tuple[str, float], ...]:
    """The differential as (English name, probability), most likely first."""
    column = "DIFFERENTIAL_DIAGNOSIS"
    probabilities: dict[str, float] = {}
    for pair in read_list(value, column, place):
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise InputError(f"{place}: {column} holds {pair!r}, not [name, probability]; mend or remove the row")
        name = _condition(pair[0], column, place, release)
        if not isinstance(pair[1], int | float) or isinstance(pair[1], bool) or not 0 <= pair[1] <= 1:
            raise InputError(f"{place}: {column} gives {name} {pair[1]!r}, no probability; mend or remove the row")
        probabilities[name] = probabilities.get(name, 0.0) + pair[1]
    total = sum(probabilities.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise InputError(f"{place}: {column} probabilities sum to {total:.4g}, not 1; mend or remove the row")
    return tuple(sorted(probabilities.items(), key=lambda item: (-item[1], item[0])))


def _condition(name: object, column: str, place: str, release: _Release) -> str:
    known = release.names.get(_plain(name)) if isinstance(name, str) else None
    if known is None:
        raise InputError(
            f"{place}: {column} names {name!r}, which {release.conditions_file} does not hold; "
            "use the condition file of the same release"
        )
    return known


def _age(value: object, place: str) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 130):
        raise InputError(f"{place}: AGE {value!r:.40} is no age in years; mend or remove the row")
    return int(text)


def _sex(value: object, place: str) -> str:
    if not isinstance(value, str) or value not in _SEXES:
        raise InputError(f"{place}: SEX {value!r} is neither F nor M; mend or remove the row")
    return _SEXES[value]
