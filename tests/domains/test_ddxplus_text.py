"""Questions of the DDXPlus release as statements."""

import json
import os
from pathlib import Path

import pytest

from setwise.domains._ddxplus_text import meaning, read_evidences, statement


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Do you have a cough?", "I have a cough"),
        ("Are you immunosuppressed?", "I am immunosuppressed"),
        ("Have you ever had a stroke?", "I have had a stroke"),
        ("Did you lose consciousness?", "I lost consciousness"),
        (
            "Do you have high blood pressure or do you take medications?",
            "I have high blood pressure or take medications",
        ),
        (
            "Do you have a chronic obstructive pulmonary disease (COPD)?",
            "I have a chronic obstructive pulmonary disease",
        ),
        ("Do you have any family members who have asthma?", "someone in my family has asthma"),
        ("Do you have family members who have had lung cancer?", "someone in my family has had lung cancer"),
        (
            "Have you noticed that your voice is hoarse when you speak?",
            "I have noticed that my voice is hoarse when I speak",
        ),
        ("Do you take a calcium channel blockers (medication)?", "I take a calcium channel blocker"),
    ],
)
def test_a_question_becomes_what_the_patient_says(question: str, expected: str) -> None:
    assert statement(question) == expected


def test_a_question_of_unknown_form_is_kept_and_answered() -> None:
    assert statement("Is the skin of the patient yellow?") == "Is the skin of the patient yellow? yes"


@pytest.mark.parametrize(
    ("value", "expected"), [("iliac wing(R)", "right iliac wing"), ("N", "no"), ("Caraibes", "the Caribbean")]
)
def test_a_value_reads_in_running_words(value: str, expected: str) -> None:
    assert meaning(value) == expected


@pytest.mark.skipif("SETWISE_REAL_DATA" not in os.environ, reason="SETWISE_REAL_DATA is unset: no real rows to read")
def test_every_code_of_the_release_has_a_statement_of_its_own() -> None:
    path = Path(os.environ["SETWISE_REAL_DATA"], "ddxplus_release_evidences.json")
    book = read_evidences(path.name, json.loads(path.read_text()))
    phrases = [evidence.phrase for evidence in book.values()]
    assert len(set(phrases)) == len(phrases) == 223
    assert [p for p in phrases if "?" in p or "you" in p.split()] == []
