"""Domain `clinic`: an invented world of diagnoses, priors and findings, with the exact posterior of every patient.

A world is drawn from a seed. Diagnoses come in families that share findings; every patient is examined for a part of
the findings, each of which is present or absent. Because the world is ours, Bayes' rule gives the probability of every
diagnosis, so the best attainable coverage, Brier score and calibration are known numbers. All names are invented.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from setwise.domains.base import Domain, DomainParams, Example, Expectation, Prepared
from setwise.domains.known import Known
from setwise.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FAMILIES = ("torv", "belm", "carn", "drel", "fost", "galv", "harn", "jorv", "kels", "lorm", "morv", "nald")
_DISEASES = ("itis", "osis", "emia", "opathy", "oma", "asthenia", "ectasia", "oplegia")
_SITES = ("abr", "cend", "dolv", "elm", "ferr", "gant", "hesp", "ild", "jant", "krel", "lumb", "mend", "nerv", "osk")
_SIGNS = ("algia", "edema", "ospasm", "uria", "orrhea", "esthesia", "opnea", "odynia")
_SET_SIZES = (0.35, 0.40, 0.25)
"""Prior probability that one, two or three diagnoses are true together in mode `several`."""
_MARK = "Invented patient:"
"""What every question begins with."""
_COVERAGE_AT_3 = 0.85
"""Attainable coverage@3 (mode `one`) that a world is made for."""
_MOST_TOGETHER = 24
"""Most diagnoses of a world in mode `several`: above, a block of test patients takes minutes."""
_MOST_ANSWERS = 5
"""Largest K for which the attainable coverage of mode `several` is written to the test split."""


class ClinicParams(DomainParams):
    """Params of the clinic world. Sizes count patients; the defaults were tuned to the ambiguity the tests hold."""

    name: Literal["clinic"] = "clinic"
    mode: Literal["one", "several"] = "one"
    world_seed: int = Field(default=7, ge=0)
    families: int = Field(default=4, ge=2, le=len(_FAMILIES))
    diagnoses_per_family: int = Field(default=3, ge=2, le=len(_DISEASES))
    findings: int = Field(default=12, ge=4, le=len(_SITES) * len(_SIGNS))
    examined: int = Field(default=7, ge=2)
    train_size: int = Field(default=40_000, ge=1)
    test_size: int = Field(default=2_000, ge=1)

    @model_validator(mode="after")
    def _examined_exist(self) -> ClinicParams:
        if self.examined > self.findings:
            raise ValueError(f"examined={self.examined} findings of a patient, but the world has {self.findings}")
        if self.mode == "several" and self.families * self.diagnoses_per_family > _MOST_TOGETHER:
            raise ValueError(
                f"families × diagnoses_per_family is at most {_MOST_TOGETHER} in mode 'several', "
                "whose posterior runs over all sets of three diagnoses"
            )
        patients = math.comb(self.findings, self.examined) * 2**self.examined
        if self.train_size + self.test_size > patients:
            raise ValueError(
                f"train_size + test_size is {self.train_size + self.test_size}, but {self.examined} of {self.findings} "
                f"findings tell only {patients} patients apart; lower the sizes or raise examined or findings"
            )
        return self


@dataclass(frozen=True)
class World:
    """A clinic world of D diagnoses and M findings.

    Attributes:
        diagnoses: D names, grouped by family.
        findings: M names.
        prior: shape (D,), sums to 1.
        present: shape (D, M), probability that a patient with that diagnosis alone has the finding.
    """

    diagnoses: tuple[str, ...]
    findings: tuple[str, ...]
    prior: NDArray[np.float64]
    present: NDArray[np.float64]


def make_world(params: ClinicParams) -> World:
    """Draw the world of `params.world_seed`.

    How strongly findings speak for diagnoses is set by bisection, so that every world is as ambiguous as the default:
    the attainable coverage@3 of mode `one` comes out near 0.85 (unless a world this small cannot reach it).
    """
    import numpy as np

    rng = np.random.default_rng([params.world_seed, 1])
    roots = rng.permutation(_FAMILIES)[: params.families]
    endings = [rng.permutation(_DISEASES)[: params.diagnoses_per_family] for _ in roots]
    diagnoses = tuple(f"{root}{ending}" for root, ends in zip(roots, endings, strict=True) for ending in ends)
    names = [site + sign for site in _SITES for sign in _SIGNS]
    findings = tuple(str(name) for name in rng.permutation(names)[: params.findings])
    prior = rng.dirichlet(np.full(len(diagnoses), 4.0))
    # A family shares its typical findings; each member departs from the family in some of them.
    family = rng.beta(0.55, 0.75, size=(params.families, params.findings))
    shared = np.repeat(family, params.diagnoses_per_family, axis=0)
    own = rng.beta(0.55, 0.75, size=shared.shape)
    departs = rng.random(shared.shape) < 0.35
    odds = np.clip(np.where(departs, own, shared), 0.01, 0.99)
    odds = np.log(odds / (1.0 - odds))
    world = World(diagnoses, findings, prior, 1.0 / (1.0 + np.exp(-odds)))
    weakest, strongest = 0.0, 3.0
    for _ in range(14):
        strength = (weakest + strongest) / 2
        world = replace(world, present=np.clip(1.0 / (1.0 + np.exp(-strength * odds)), 0.01, 0.99))
        if _coverage(world, params.examined, k=3) < _COVERAGE_AT_3:
            weakest = strength
        else:
            strongest = strength
    return world


def _coverage(world: World, examined: int, k: int) -> float:
    """Attainable coverage@k of mode `one`, estimated on one fixed draw of patients."""
    import numpy as np

    hypotheses = make_hypotheses(world, "one")
    _, findings = sample_patients(world, hypotheses, examined, _BLOCK, np.random.default_rng(0))
    return float(np.sort(hypothesis_posterior(hypotheses, findings), axis=1)[:, -k:].sum(axis=1).mean())


@dataclass(frozen=True)
class Hypotheses:
    """The sets of diagnoses a patient can have: H rows of a 0/1 membership matrix, with their prior."""

    members: NDArray[np.float64]
    prior: NDArray[np.float64]
    present: NDArray[np.float64]
    """Shape (H, M): probability of each finding under the set, causes acting independently (noisy or)."""


def make_hypotheses(world: World, mode: str) -> Hypotheses:
    """All sets of diagnoses that mode allows: singletons in `one`, up to three together in `several`."""
    import numpy as np

    count = len(world.diagnoses)
    sizes = (1.0,) if mode == "one" else _SET_SIZES
    sets = [s for size in range(1, len(sizes) + 1) for s in itertools.combinations(range(count), size)]
    members = np.zeros((len(sets), count))
    for row, chosen in enumerate(sets):
        members[row, list(chosen)] = 1.0
    size_of = members.sum(axis=1).astype(int)
    weight = np.exp(members @ np.log(world.prior))
    for size, share in enumerate(sizes, start=1):
        weight[size_of == size] *= share / weight[size_of == size].sum()
    absent = np.exp(members @ np.log1p(-world.present))
    return Hypotheses(members, weight, 1.0 - absent)


def hypothesis_posterior(hypotheses: Hypotheses, findings: NDArray[np.int8]) -> NDArray[np.float64]:
    """Bayes' rule for N patients: `findings` (N, M) holds 1 present, 0 absent, −1 not examined; returns (N, H)."""
    import numpy as np

    present, absent = np.log(hypotheses.present).T, np.log1p(-hypotheses.present).T
    score = (findings == 1) @ present + (findings == 0) @ absent + np.log(hypotheses.prior)
    score -= score.max(axis=1, keepdims=True)
    weight = np.exp(score)
    result: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
    return result


def attainable_coverage(hypotheses: Hypotheses, posterior: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Best probability, per patient, that a set of `k` diagnoses holds a true one: max over all sets. Shape (N,)."""
    import numpy as np

    count = hypotheses.members.shape[1]
    best = np.zeros(len(posterior))
    combinations = itertools.combinations(range(count), min(k, count))
    while block := list(itertools.islice(combinations, 2000)):
        member = np.zeros((count, len(block)))
        member[np.array(block).T, np.arange(len(block))] = 1.0
        held = (hypotheses.members @ member) > 0
        best = np.maximum(best, (posterior @ held.astype(float)).max(axis=1))
    return best


def describe(world: World, findings: Sequence[int]) -> str:
    """The patient as text, marked as invented: findings present, then findings absent, in the world's order."""
    shown = [world.findings[i] for i, value in enumerate(findings) if value == 1]
    absent = [f"no {world.findings[i]}" for i, value in enumerate(findings) if value == 0]
    return f"{_MARK} {', '.join(shown + absent)}."


def sample_patients(
    world: World, hypotheses: Hypotheses, examined: int, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Draw patients: the true hypothesis, shape (N,), and the findings, shape (N, M), −1 where not examined."""
    import numpy as np

    truth = rng.choice(len(hypotheses.prior), size=size, p=hypotheses.prior)
    order = rng.random((size, len(world.findings))).argsort(axis=1)[:, :examined]
    has = rng.random((size, len(world.findings))) < hypotheses.present[truth]
    findings = np.full(has.shape, -1, dtype=np.int8)
    rows = np.arange(size)[:, None]
    findings[rows, order] = has[rows, order]
    return truth, findings


_BLOCK = 2000
"""Patients whose posterior is computed at once."""


class Clinic(Domain):
    """The embedded default domain."""

    name = "clinic"
    match = "exact"
    instruction = "Name the diagnosis of this invented patient."
    marginals = True
    Params = ClinicParams

    def exclusive(self, params: ClinicParams) -> bool:
        """Whether a patient has one diagnosis."""
        return params.mode == "one"

    def expectations(self) -> Sequence[Expectation]:
        """Every patient is marked as invented, and the posterior holds the gold."""
        return (
            Expectation("marked_as_invented", "question", lambda e: e.question.startswith(_MARK)),
            Expectation(
                "gold_in_posterior", "posterior", lambda e: {a for g in e.gold for a in g} <= dict(e.posterior).keys()
            ),
        )

    def load(self, params: ClinicParams, seed: int) -> Prepared:
        """Draw patients until both splits are full; a patient that repeats an earlier question is dropped."""
        import numpy as np

        world = make_world(params)
        hypotheses = make_hypotheses(world, params.mode)
        rng = np.random.default_rng([seed, 2])
        known = Known(self)
        splits: dict[str, list[Example]] = {}
        repeated = 0
        for split, size in (("test", params.test_size), ("train", params.train_size)):
            examples: list[Example] = []
            while len(examples) < size:
                truth, findings = sample_patients(world, hypotheses, params.examined, _BLOCK, rng)
                block = _examples(world, hypotheses, params.mode, split, truth, findings)
                before = len(examples)
                for example in block:
                    if len(examples) == size:
                        break
                    if known.holder(example, split) is not None:
                        repeated += 1
                        continue
                    known.add(example, split)
                    examples.append(replace(example, source={**example.source, "row": len(examples)}))
                if len(examples) == before:
                    raise InputError(
                        f"params.yaml: domain.{split}_size: {size} different patients do not turn up in this world; "
                        "lower the size or raise domain.examined or domain.findings"
                    )
            splits[split] = examples
        return Prepared(splits, tuple(sorted(world.diagnoses)), {"repeated question": repeated})


def _examples(
    world: World,
    hypotheses: Hypotheses,
    mode: str,
    split: str,
    truth: NDArray[np.int64],
    findings: NDArray[np.int8],
) -> list[Example]:
    """One block of patients as examples, with the exact posterior of each diagnosis."""
    import numpy as np

    posterior = hypothesis_posterior(hypotheses, findings)
    marginal = posterior @ hypotheses.members
    order = np.argsort(-marginal, axis=1, kind="stable")
    best = (
        np.stack([attainable_coverage(hypotheses, posterior, k) for k in range(1, _MOST_ANSWERS + 1)], axis=1)
        if mode == "several" and split == "test"
        else None
    )
    return [
        Example(
            domain="clinic",
            question=describe(world, findings[row]),
            gold=tuple((world.diagnoses[i],) for i in np.flatnonzero(hypotheses.members[truth[row]])),
            match="exact",
            exclusive=mode == "one",
            source={"dataset": "clinic (generated)", "split": split},
            posterior=tuple((world.diagnoses[i], float(marginal[row, i])) for i in order[row]),
            columns={} if best is None else {"attainable_coverage": [round(float(b), 12) for b in best[row]]},
        )
        for row in range(len(findings))
    ]


DOMAIN = Clinic()
