"""How much a new version of a dataset differs from the current one: labels, lengths, words never seen before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from setwise.domains import Example

LEAST_EXPECTED = 5.0  # rows expected in a cell, below which the chi-square statistic isn't chi-square distributed


@dataclass(frozen=True)
class Drift:
    """One comparison: the statistic's value, its p-value where it has one, and the value above which it has drifted."""

    what: str
    statistic: str
    value: float
    threshold: float
    p_value: float | None = None

    @property
    def drifted(self) -> bool:
        """Whether the value lies above the threshold."""
        return self.value > self.threshold

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

    With many rows the smallest difference is significant, so what counts as drift is the size of the effect: Cramér's V
    of the chi-square test on labels (the first gold answer), the Kolmogorov–Smirnov distance of question lengths in
    characters. A label or a share of words that the current version never has is drift as soon as it passes
    ``threshold`` of all rows or words. Raises ValueError for an empty version.
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
    """Chi-square test of homogeneity and Cramér's V = sqrt(χ²/n) for two samples; rare labels are pooled into one."""
    from scipy.stats import chi2_contingency

    counts = Counter(current), Counter(new)
    rows = len(current) + len(new)
    least_share = min(len(current), len(new)) / rows
    table: list[list[int]] = []
    pooled = [0, 0]
    for label in sorted(counts[0].keys() | counts[1].keys()):
        pair = [counts[0][label], counts[1][label]]
        if sum(pair) * least_share < LEAST_EXPECTED:
            pooled = [pooled[0] + pair[0], pooled[1] + pair[1]]
        else:
            table.append(pair)
    if any(pooled):
        table.append(pooled)
    if len(table) < 2:
        return Drift("labels", "Cramér's V", 0.0, threshold, 1.0)
    test = chi2_contingency(table, correction=False)
    return Drift("labels", "Cramér's V", float((test.statistic / rows) ** 0.5), threshold, float(test.pvalue))


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
