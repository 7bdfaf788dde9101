"""Score 100,000 generated completions and compare every reward with a slow, plain reading of the rules; prints JSON.

    python benchmarks/fuzz.py [--completions 100000] [--seed 0]

Completions are valid sets that were cut, doubled, swapped, nested, respelled or spoilt in up to three places, and soups
of tags. The oracle shares no code with setwise: one regular expression for the layout, one line for the formula. A
reward above the oracle's is unearned, one below it withheld; both and crashes must be 0.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from setwise.rewards import SetReward, make_reward

PLACES = ("haven", "ford", "bridge", "gate")
NAMES = [f"{first} {place}" for first in ("north", "south", "old", "new") for place in PLACES]
SPELLINGS: list[Callable[[str], str]] = [
    str, str, str, str.upper, str.title, lambda name: f"the {name}", lambda name: f"{name}.",
    lambda name: f"“{name}”", lambda name: f" {name}\n", lambda name: f"{name[:3]}\u200b{name[3:]}",
]  # fmt: skip
SIGNED = {
    "5": ["5", "+5", "(5)", "$5"], "-5": ["-5", "−5", "(-5)", "-$5", "-(5)"], "1.5": ["1.5"], "15": ["15"],
    "1/2": ["1/2", "½", "1 / 2"], "-1/2": ["-1/2", "-½", "−½"], "√2": ["√2"], "-√2": ["-√2", "−√2"], "∞": ["∞"],
    "-∞": ["-∞", "−∞"], "x": ["x"], "-x": ["-x", "−x"], "x-1": ["x - 1", "x-1", "x – 1"], "x+1": ["x + 1", "x+1"],
    "2+3": ["2+3", "2 + 3"], "2 3": ["2 3"], "o+": ["O +", "O+"], "o-": ["O -", "O-", "O –"], "o": ["O"],
    "a 380": ["A 380"], "380": ["380"], "a minor": ["A minor"], "minor": ["minor"],
}  # fmt: skip
"""Names with a sign or a number, and their spellings."""
SIGNED_BY_SPELLING = {" ".join(text.casefold().split()): name for name, texts in SIGNED.items() for text in texts}
CONFIDENCES = ["0", "1", "0.5", ".25", "0.99", "1.0", "0.333"]
NOT_CONFIDENCES = ["1.5", "-0.1", "50%", "1e-1", "nan", "high", "", "0,5", "٠.٥"]
TAGS = [f"{tag}{n}" for tag in ("answer", "confidence") for n in ("", 1, 2, 3, 4, 200000)] + ["think", "analysis"]
FRAGMENTS = [f"<{slash}{tag}>" for tag in TAGS for slash in ("", "/")]
FRAGMENTS += ["<", ">", "</", " ", "\n", "x", "the ", ".", "\u200b", "\ufffd", "\ud800", "\x00", "<Answer1>", "0.9"]
TAG = r"</?(?:think|analysis|answer|confidence)[0-9]*>"
CONTENT = rf"((?:(?!{TAG}).)*?)"
DECIMAL = r"\s*((?:0?\.[0-9]{1,400})|0|1|(?:1\.0{1,400}))\s*"


def spell(name: str, rng: random.Random) -> str:
    """The name as an answer might write it."""
    return rng.choice(SPELLINGS)(rng.choice(SIGNED.get(name, [name])))


def spell_set(reward: SetReward, rng: random.Random, known: list[str]) -> str:
    """A set of `known` names in a random order of blocks, one in four answers a repetition."""
    numbers = [""] if reward.k == 1 else [str(i) for i in range(1, reward.k + 1)]
    names = [rng.choice(known) for _ in numbers] if rng.random() < 0.25 else rng.sample(known, reward.k)
    answers = [f"<answer{n}>{spell(name, rng)}</answer{n}>" for n, name in zip(numbers, names, strict=True)]
    blocks = answers
    if reward.method.confidences:
        stated = [rng.choice(CONFIDENCES if rng.random() < 0.98 else NOT_CONFIDENCES) for _ in numbers]
        confidences = [f"<confidence{n}> {q} </confidence{n}>" for n, q in zip(numbers, stated, strict=True)]
        pairs = [block for pair in zip(answers, confidences, strict=True) for block in pair]
        blocks = pairs if rng.random() < 0.7 else answers + confidences
    if reward.analysis and rng.random() < 0.4:
        blocks.insert(rng.choice([1, reward.k, len(blocks)]), "<analysis> so </analysis>")
    reasoning = "".join(rng.choices([*FRAGMENTS[:20], " because ", " hm "], k=rng.randint(0, 6)))
    return rng.choice(["", " ", "\n"]).join([f"<think>{reasoning}</think>", *blocks])


def spoil(text: str, rng: random.Random) -> str:
    """One change somewhere."""
    i, j = sorted(rng.choices(range(len(text) + 1), k=2))
    piece = text[i:j]
    blocks = re.findall(r"<[^<>]*>[^<]*", text)
    kind = rng.randrange(8)
    if kind == 0:
        return text[:i] + rng.choice(FRAGMENTS) + text[i:]
    if kind == 1:
        return text[:i] + text[min(j, i + rng.randint(1, 12)) :]
    if kind == 2:
        return text[:i] + piece + text[i:]
    if kind == 3 and blocks:
        rng.shuffle(blocks)
        return "".join(blocks)
    if kind == 4:
        return text[: max(i, 1)]
    if kind == 5:
        return text + text
    if kind == 6:
        return re.sub(r"<(confidence\d*)>[^<]*<", rf"<\1>{rng.choice(CONFIDENCES + NOT_CONFIDENCES)}<", text, count=1)
    return text.replace(rng.choice(FRAGMENTS), rng.choice(FRAGMENTS), 1)


def generate(reward: SetReward, rng: random.Random) -> Any:
    """One completion: mostly a set, spoilt or not; sometimes soup, or no text at all.

    A set of names with a sign or a number is not spoilt: any mark beside them may change what they mean.
    """
    chance = rng.random()
    if chance < 0.02:
        return rng.choice([None, 3, b"<think>", [], {}, "", " ", [{"role": "assistant", "content": None}]])
    if chance < 0.12:
        return "".join(rng.choices([*FRAGMENTS, *NAMES], k=rng.randint(1, 25)))
    if chance < 0.3:
        return spell_set(reward, rng, list(SIGNED))
    text = spell_set(reward, rng, NAMES)
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        text = spoil(text, rng)
    return text


def oracle_pattern(reward: SetReward) -> re.Pattern[str]:
    """Every order of blocks that the layout allows, spelt out."""
    numbers = [""] if reward.k == 1 else [str(i) for i in range(1, reward.k + 1)]
    answers = [rf"<answer{n}>{CONTENT}</answer{n}>" for n in numbers]
    confidences = [rf"<confidence{n}>{DECIMAL}</confidence{n}>" for n in numbers]
    if not reward.method.confidences:
        bodies = [answers]
    else:
        bodies = [[block for pair in zip(answers, confidences, strict=True) for block in pair], answers + confidences]
    analysis = rf"<analysis>{CONTENT.replace('(', '(?:', 1)}</analysis>"
    if reward.analysis:
        cut = bodies + [[*body, analysis] for body in bodies]
        if reward.method.confidences:
            cut += [[bodies[0][0], analysis, *bodies[0][1:]], [*answers, analysis, *confidences]]
        bodies = cut
    think = r"\s*<think>(?:(?!</think>).)*</think>"
    return re.compile("|".join(r"\s*".join([think, *body]) + r"\s*" for body in bodies), re.DOTALL)


def oracle_name(answer: str) -> str:
    """The name behind a spelling."""
    plain = " ".join(
        answer.casefold().replace("\u200b", "").strip(" \n“”").removeprefix("the ").removesuffix(".").split()
    )
    if plain in SIGNED_BY_SPELLING:
        return SIGNED_BY_SPELLING[plain]
    marks = "“”.</>\x00\u200b"
    words = [
        word for word in answer.casefold().translate({0: None, 0x200B: None}).split() if word.strip(marks) != "the"
    ]
    bare = "".join(character for character in " ".join(words) if character not in marks)
    return " ".join(bare.split()) or answer.strip()


def oracle(reward: SetReward, pattern: re.Pattern[str], text: Any, gold: list[list[str]], exclusive: bool) -> float:
    """The reward by the rules as they are written."""
    weights, confident = reward.weights, reward.method.confidences
    invalid = -weights.brier if confident else 0.0
    found = pattern.fullmatch(text) if isinstance(text, str) else None
    if found is None or re.search("[\ufffd\ud800-\udfff]", text):
        return invalid
    groups = [group for group in found.groups() if group is not None]
    answers, stated = groups, []
    if confident:
        interleaved = re.search(r"</answer1?>\s*(?:<analysis>[^<]*</analysis>\s*)?<conf", text.split("</think>", 1)[1])
        k = reward.k
        answers, stated = (groups[::2], groups[1::2]) if interleaved else (groups[:k], groups[k:])
    if any(not re.sub(r"[\s\u200b\x00]", "", answer) for answer in answers):
        return invalid
    names = [oracle_name(answer) for answer in answers]
    keys = [next((i for i, aliases in enumerate(gold) if name in aliases), name) for name in names]
    if len(set(keys)) < len(keys):
        return invalid
    hits = [isinstance(key, int) for key in keys]
    credit = {"count": sum(hits), "any": any(hits), "fraction": sum(hits) / len(hits)}[reward.credit]
    brier = sum((float(q) - hit) ** 2 for q, hit in zip(stated, hits, strict=True)) / len(hits) if confident else 0.0
    broken = confident and exclusive and sum(map(float, stated)) > 1 + reward.tolerance + 1e-9
    if broken and reward.sum_rule == "invalid":
        return invalid
    earned = 0.0 if broken and reward.sum_rule == "format" else weights.format
    return earned + weights.correctness * credit - weights.brier * brier


def random_reward(rng: random.Random) -> SetReward:
    """Any of the rewards that can be made."""
    return make_reward(
        rng.choice(["rlvr_single", "rlcr_single", "rlvr_multi", "rlcr_multi", "rlcr_multi"]),
        k=rng.choice([1, 2, 3, 3, 4]),
        credit=rng.choice(["count", "any", "fraction"]),
        weights={part: rng.choice([0.0, 0.5, 1.0, 2.0]) for part in ("format", "correctness", "brier")},
        sum_rule=rng.choice(["format", "invalid", "off"]),
        analysis=rng.random() < 0.3,
    )


@dataclass
class Findings:
    """What was found in all completions so far."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether a reward crashed or gave what was not earned, or less than was."""
        return any(self.counts[name] for name in ("crashes", "unearned", "withheld"))

    def as_dict(self, seed: int) -> dict[str, Any]:
        """The report, ready for JSON."""
        return {name: self.counts[name] for name in ("completions", "crashes", "unearned", "withheld")} | {
            "seed": seed,
            "completions_per_second": round(self.counts["completions"] / self.seconds),
            "valid": self.reasons[""],
            "reasons": dict(sorted(self.reasons.items())),
            "examples": self.examples[:5],
        }


def judge(size: int, rng: random.Random, findings: Findings) -> None:
    """Have one random reward judge `size` hostile completions, and the oracle judge the reward."""
    reward = random_reward(rng)
    pattern = oracle_pattern(reward)
    batch = [generate(reward, rng) for _ in range(size)]
    owners = rng.sample(NAMES, 4) + rng.sample(list(SIGNED), 4)
    rng.shuffle(owners)
    golds = [[[name] for name in owners[: rng.randint(1, 5)]] + [owners[5:]] for _ in range(size)]
    exclusive = [rng.random() < 0.5 for _ in range(size)]
    columns: dict[str, list[str]] = {}
    started = time.perf_counter()
    try:
        found = reward(batch, batch, gold=golds, exclusive=exclusive, log_extra=columns.__setitem__)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a crash, and is counted
        findings.counts["crashes"] += 1
        findings.examples.append({"crash": repr(error)})
        found = [reward([None], [text], gold=[gold])[0] for text, gold in zip(batch, golds, strict=True)]
    findings.seconds += time.perf_counter() - started
    findings.counts["completions"] += size
    findings.reasons.update(columns.get(f"{reward.name}/reason", ()))
    for text, gold, single, got in zip(batch, golds, exclusive, found, strict=True):
        expected = oracle(reward, pattern, text, gold, single)
        if abs(got - expected) > 1e-9:
            findings.counts["unearned" if got > expected else "withheld"] += 1
            example = {"text": repr(text), "gold": str(gold), "got": str(got), "expected": str(expected)}
            findings.examples.append(example)


def main() -> None:
    """Print what was found; exit 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--completions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    findings = Findings()
    while findings.counts["completions"] < options.completions:
        judge(min(500, options.completions - findings.counts["completions"]), rng, findings)
    print(json.dumps(findings.as_dict(options.seed), indent=2, ensure_ascii=False))
    sys.exit(findings.failed)


if __name__ == "__main__":
    main()
