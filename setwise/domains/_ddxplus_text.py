"""DDXPlus evidence codes → short readable statements, made from the release's questions and value meanings.

The questions quoted here to phrase them by hand are from the DDXPlus release (Fansi Tchango et al., 2022; CC BY 4.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setwise.errors import InputError

# Yes/no questions whose statement is not the question without its inversion.
_STATEMENTS = {
    "Do you have pain somewhere, related to your reason for consulting?": "I have pain",
    "Is your skin much paler than usual?": "my skin is much paler than usual",
    "Is your nose or the back of your throat itchy?": "my nose or the back of my throat is itchy",
    "Is your BMI less than 18.5, or are you underweight?": "my BMI is less than 18.5 or I am underweight",
    "Are your symptoms more prominent at night?": "my symptoms are more prominent at night",
    "Are your symptoms worse when lying down and alleviated while sitting up?": "my symptoms are worse when lying down "
    "and alleviated while sitting up",
    "Do you take a calcium channel blockers (medication)?": "I take a calcium channel blocker",
    "Are your vaccinations up to date?": "my vaccinations are up to date",
    "Are the symptoms or pain increased with coughing, with an effort like lifting a weight "
    "or from forcing a bowel movement?": "my symptoms or pain increase with coughing, lifting a weight "
    "or forcing a bowel movement",
    "Are you more irritable or has your mood been very unstable recently?": "I am more irritable "
    "or my mood has been very unstable recently",
    "Does the person have a whooping cough?": "I have a whooping cough",
    "Does your mother suffer from asthma?": "my mother suffers from asthma",
    "Do your symptoms of muscle weakness increase with fatigue and/or stress?": "my muscle weakness increases "
    "with fatigue or stress",
    "Did your cheeks suddenly turn red?": "my cheeks suddenly turned red",
    "Do you currently, or did you ever, have numbness, loss of sensitivity or tingling anywhere on your body?": ""
    "I have or had numbness, loss of sensitivity or tingling somewhere on my body",
    "Did you previously, or do you currently, have any weakness/paralysis in one or more of your limbs "
    "or in your face?": "I have or had weakness or paralysis in one or more of my limbs or in my face",
    "Do you feel like you are dying or were you afraid that you were about do die?": "I feel like I am dying "
    "or was afraid that I was about to die",
    "Do you wheeze while inhaling or is your breathing noisy after coughing spells?": "I wheeze while inhaling "
    "or my breathing is noisy after coughing spells",
    "Have any of your family members ever had a pneumothorax?": "someone in my family has had a pneumothorax",
    "Have any of your family members been diagnosed with cluster headaches?": "someone in my family "
    "has been diagnosed with cluster headaches",
    "Have you ever had a migraine or is a member of your family known to have migraines?": "I have had a migraine "
    "or someone in my family has migraines",
    "Have you or any member of your family ever had croup?": "I or someone in my family had croup",
    "Do any members of your immediate family have a psychiatric illness?": "someone in my immediate family "
    "has a psychiatric illness",
    "Were you born prematurely or did you suffer any complication at birth?": "I was born prematurely "
    "or suffered a complication at birth",
    "In the last month, have you been in contact with anyone infected with the Ebola virus?": "in the last month "
    "I have been in contact with someone infected with the Ebola virus",
}

# Valued questions, phrased around their value.
_VALUED = {
    "Do you feel pain somewhere?": "pain in: {}",
    "Does the pain radiate to another location?": "the pain radiates to: {}",
    "Characterize your pain:": "the pain is: {}",
    "How fast did the pain appear?": "how fast the pain appeared: {}",
    "How intense is the pain?": "pain intensity: {}",
    "How precisely is the pain located?": "how precisely the pain is located: {}",
    "Where is the affected region located?": "affected skin: {}",
    "What color is the rash?": "rash color: {}",
    "How intense is the pain caused by the rash?": "pain of the rash: {}",
    "Is the rash swollen?": "swelling of the rash: {}",
    "How severe is the itching?": "itching: {}",
    "Is the lesion (or are the lesions) larger than 1cm?": "lesions larger than 1 cm: {}",
    "Do your lesions peel off?": "lesions peel off: {}",
    "Where is the swelling located?": "swelling in: {}",
    "Have you traveled out of the country in the last 4 weeks?": "travel abroad in the last 4 weeks: {}",
}

_MEANINGS = {"N": "no", "Y": "yes", "NA": "not stated", "Caraibes": "the Caribbean", "palace": "palate"}
_SIDES = {"(R)": "right ", "(L)": "left "}

# Question → statement, applied in order to any other yes/no question.
_REWRITES = [
    (r"\s*\([^()]*\)", ""),
    (r"[()]", ""),
    (r",? (?:related to|that you believe are related to) (?:your|the) (?:reason|consultation|condition)[^,?]*", ""),
    (r"\bin in\b", "in"),
    (r"\bwhoooping\b", "whooping"),
    (r"’", "'"),
    (r"^Are there (?:any )?members of your family who have been", "someone in my family has been"),
    (r"^Do you have (?:any |close )*family members who have (?=been|had)", "someone in my family has "),
    (r"^Do you have (?:any |close )*family members who have\b", "someone in my family has"),
    (r"^Do you have (?:any |close )*family members who (?=had|suffer)", "someone in my family "),
    (r"^someone in my family suffer\b", "someone in my family suffers"),
    (r"^Are you\b", "I am"),
    (r"^Have you\b", "I have"),
    (r"^Were you\b", "I was"),
    (r"^Did you lose\b", "I lost"),
    (r"^Did you vomit\b", "I vomited"),
    (r"^Did you eat\b", "I ate"),
    (r"^Did you have\b", "I had"),
    (r"^Did you\b", "I did"),
    (r"^Do you\b", "I"),
    (r"\bor (?:do|did) you\b", "or"),
    (r"\bor are you\b", "or am"),
    (r"\bor have you\b", "or have"),
    (r"\b(wake|keeping) you\b", r"\1 me"),
    (r"\byou are\b", "I am"),
    (r"\byou're\b", "I'm"),
    (r"\byou were\b", "I was"),
    (r"\byour own\b", "my own"),
    (r"\byour\b", "my"),
    (r"\byou\b", "I"),
    (r"\bever ", ""),
    (r"\bany (?!more)", ""),
    (r"\banyone\b", "someone"),
    (r"\banywhere\b", "somewhere"),
    (r"\s*\?$", ""),
]


def statement(question: str) -> str:
    """A yes/no question answered yes, as a statement of the patient: "Do you smoke?" → "I smoke"."""
    question = " ".join(question.split())
    if question in _STATEMENTS:
        return _STATEMENTS[question]
    text = question
    for pattern, replacement in _REWRITES:
        text = re.sub(pattern, replacement, text)
    text = " ".join(text.split())
    first = text.split(" ", 1)[0]
    return text if first in {"I", "my", "someone", "in"} else f"{question} yes"


def meaning(text: str) -> str:
    """A value's meaning in running words: "iliac wing(R)" → "right iliac wing", "N" → "no"."""
    for mark, side in _SIDES.items():
        if text.endswith(mark):
            return side + text.removesuffix(mark).strip()
    return _MEANINGS.get(text, text)


@dataclass(frozen=True)
class Evidence:
    """One evidence code of the release: how it reads, and which values it takes (none for a yes/no question).

    Attributes:
        phrase: the statement; for a valued question with `{}` where the values go.
        values: value code → its reading, empty for a yes/no question.
        antecedent: whether it belongs to the history rather than to the present symptoms.
        rank: where its statement stands: by the release's file, the details of a question after the question.
    """

    phrase: str
    values: Mapping[str, str]
    antecedent: bool
    rank: tuple[int, int]


def read_evidences(name: str, document: object) -> dict[str, Evidence]:
    """The release's evidence file (`release_evidences.json`) by code.

    Raises:
        InputError: the file `name` is no evidence file, or an entry lacks a field.
    """
    remedy = "use release_evidences.json of the DDXPlus release"
    if not isinstance(document, dict) or not document:
        raise InputError(f"{name}: not an object of evidence codes; {remedy}")
    evidences = {}
    position = {code: index for index, code in enumerate(document)}
    for code, entry in document.items():
        try:
            # Some details name a code_question that the release itself leaves out.
            parent = position.get(entry.get("code_question"), position[code])
            evidences[code] = _read_evidence(entry, (parent, -1 if parent == position[code] else position[code]))
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{name}: evidence {code} lacks or has a malformed field ({error}); {remedy}") from error
    return evidences


def _read_evidence(entry: Mapping[str, Any], rank: tuple[int, int]) -> Evidence:
    question, antecedent = " ".join(entry["question_en"].split()), bool(entry["is_antecedent"])
    if entry["data_type"] == "B":
        return Evidence(statement(question), {}, antecedent, rank)
    meanings, possible = entry["value_meaning"], entry["possible-values"]
    scale = [value for value in possible if isinstance(value, int)]
    values = {str(v): meaning(meanings[v]["en"]) if v in meanings else f"{v}/{max(scale)}" for v in possible}
    return Evidence(_VALUED.get(question, question.rstrip("?:") + ": {}"), values, antecedent, rank)


def patient_text(
    age: int, sex: str, complaint: str, findings: Mapping[str, Sequence[str]], book: Mapping[str, Evidence]
) -> str:
    """One patient as a short text: who, the complaint, the present symptoms, the history.

    Args:
        age: in years.
        sex: `female` or `male`.
        complaint: the code the patient came with; it is said first and not again.
        findings: code → its value codes (none for a yes/no question), all known to `book`.
        book: the evidences by code.
    """
    codes = sorted((code for code in findings if code != complaint), key=lambda code: book[code].rank)
    parts = [
        f"Patient: {sex}, {age} years old.",
        f"Complaint: {_say([complaint], findings, book)}.",
        f"Symptoms: {_say([c for c in codes if not book[c].antecedent], findings, book) or 'nothing else'}.",
        f"History: {_say([c for c in codes if book[c].antecedent], findings, book) or 'nothing of note'}.",
    ]
    return "\n".join(parts)


def _say(codes: Iterable[str], findings: Mapping[str, Sequence[str]], book: Mapping[str, Evidence]) -> str:
    statements = []
    for code in codes:
        stated = findings.get(code, ())
        readings = [reading for value, reading in book[code].values.items() if value in stated]
        statements.append(book[code].phrase.format(", ".join(readings)) if readings else book[code].phrase)
    return "; ".join(statements)
