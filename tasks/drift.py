"""How much a new version of a dataset differs from the current one: labels, lengths, words never seen before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from setwise.domains import Example

SPLITS = 999
SIGNIFICANT = 0.01


@dataclass(frozen=True)
class Drift:
    """One comparison: the statistic's value, its p-value where it has one, and the value above which it has drifted.

    With a p-value above ``significant`` it may be chance, and has not.
    """

    what: str
    statistic: str
    value: float
    threshold: float
    p_value: float | None = None
    significant: float = 1.0

    @property
    def drifted(self) -> bool:
        """Whether the value lies above the threshold, and not by chance."""
        return self.value > self.threshold and (self.p_value is None or self.p_value <= self.significant)

    def row(self) -> dict[str, str]:
        """One row of a table."""
        return {
            "compared": self.what,
            "statistic": self.statistic,
            "value": f"{self.value:.4f}",
            "threshold": f"{self.threshold:.4f}",
            "p": "" if self.p_value is None else f"{self.p_value:.3g}",
            "drifted": "yes" if self.drifted else "no",
        }


def compare(current: Sequence[Example], new: Sequence[Example], threshold: float = 0.1) -> list[Drift]:
    """Compare two versions of a split; ``threshold`` is for effect sizes, each in [0, 1].

    With many rows the smallest difference is significant, so what counts as drift is the size of the effect: the total
    variation of labels (the first gold answer), the Kolmogorov–Smirnov distance of question lengths in characters. A
    label or a share of words that the current version never has is drift as soon as it passes ``threshold`` of all rows
    or words. Raises ValueError for an empty version.
    """
    if not current or not new:
        raise ValueError("both versions need at least one row")
    labels = [example.gold[0][0] for example in current], [example.gold[0][0] for example in new]
    lengths = [len(example.question) for example in current], [len(example.question) for example in new]
    words = [word for example in current for word in _words(example)], [word for e in new for word in _words(e)]
    return [
        label_drift(*labels, threshold),
        length_drift(*lengths, threshold),
        Drift("labels never seen before", "share of rows", _share_unseen(*labels), threshold),
        Drift("words never seen before", "share of words", _share_unseen(*words), threshold),
    ]


def label_drift(current: Sequence[str], new: Sequence[str], threshold: float) -> Drift:
    """Total variation between the shares of labels: half the sum of their absolute differences, whatever the sizes.

    In few rows of many labels it is large by chance alone, so it counts as drift only where a chi-square test agrees.
    The p-value is that of random splits of the same rows into versions of these sizes: it holds for rare labels too.
    """
    import numpy as np

    counts = Counter(current), Counter(new)
    labels = sorted(counts[0].keys() | counts[1].keys())
    was, now = (np.array([count[label] for label in labels]) for count in counts)
    total, rows = was + now, len(current) + len(new)
    expected = total * len(new) / rows
    # Of two versions with given totals, chi-square is this times a constant.
    found = float(((now - expected) ** 2 / total).sum())
    draw = np.random.default_rng(0)
    as_far = 1
    for _ in range(SPLITS):
        split = draw.multivariate_hypergeometric(total, len(new), method="marginals")
        as_far += bool(((split - expected) ** 2 / total).sum() >= found * (1 - 1e-9))
    value = float(np.abs(was / len(current) - now / len(new)).sum() / 2)
    return Drift("labels", "total variation", value, threshold, as_far / (SPLITS + 1), SIGNIFICANT)


def length_drift(current: Sequence[int], new: Sequence[int], threshold: float) -> Drift:
    """Two-sample Kolmogorov–Smirnov distance: the largest gap between the two cumulative distributions."""
    from scipy.stats import ks_2samp

    test = ks_2samp(current, new)
    return Drift("question lengths", "Kolmogorov–Smirnov", float(test.statistic), threshold, float(test.pvalue))


def _words(example: Example) -> list[str]:
    return example.question.casefold().split()


def _share_unseen(current: Sequence[str], new: Sequence[str]) -> float:
    known = set(current)
    return sum(item not in known for item in new) / max(1, len(new))
