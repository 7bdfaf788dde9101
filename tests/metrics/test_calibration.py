import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_auroc, binary_calibration_error

from setwise.metrics.calibration import N_BINS, auroc, bin_sums, ece, mass_bins, mass_edges, width_bins

SEEDS = st.integers(0, 2**32 - 1)


def _levels(stated, hits):
    values, index = np.unique(stated, return_inverse=True)
    right = np.bincount(index, weights=hits, minlength=len(values))
    return right, np.bincount(index, minlength=len(values)) - right


def _width_ece(stated, hits, n_bins=N_BINS):
    return float(ece(bin_sums(width_bins(stated, n_bins), stated, hits, n_bins)))


@pytest.mark.parametrize("n_bins", [5, 10, 15])
@given(seed=SEEDS)
def test_ece_is_that_of_torchmetrics(n_bins, seed):
    rng = np.random.default_rng(seed)
    stated = rng.random(200)
    hits = (rng.random(200) < stated**2).astype(float)
    theirs = binary_calibration_error(
        torch.tensor(stated, dtype=torch.float64), torch.tensor(hits, dtype=torch.int64), n_bins=n_bins, norm="l1"
    )
    assert _width_ece(stated, hits, n_bins) == pytest.approx(float(theirs), abs=1e-9)


@given(seed=SEEDS)
def test_auroc_is_that_of_torchmetrics_with_ties(seed):
    rng = np.random.default_rng(seed)
    stated = np.round(rng.random(150), 1)
    hits = np.append((rng.random(148) < stated[:148]).astype(float), [0.0, 1.0])
    theirs = binary_auroc(torch.tensor(stated, dtype=torch.float64), torch.tensor(hits, dtype=torch.int64))
    assert float(auroc(*_levels(stated, hits))) == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("hits", [0.0, 1.0])
def test_auroc_of_a_single_class_is_undefined(hits):
    stated = np.array([0.1, 0.5, 0.9])
    assert np.isnan(auroc(*_levels(stated, np.full(3, hits))))


def test_two_decimals_fall_into_the_bin_that_starts_with_them():
    stated = np.arange(101) / 100
    assert width_bins(stated).tolist() == [min(i // 10, 9) for i in range(101)]


def test_bins_of_equal_mass_are_equal_where_no_confidence_repeats():
    stated = np.random.default_rng(0).random(1000)
    bins = mass_bins(stated, mass_edges(stated))
    assert np.bincount(bins).tolist() == [100] * N_BINS


def test_bins_of_equal_mass_are_the_same_from_counts_as_from_every_answer():
    rng = np.random.default_rng(0)
    stated = np.round(rng.beta(1, 3, size=500), 2)
    values, counts = np.unique(stated, return_counts=True)
    assert mass_edges(values, counts.astype(float)).tolist() == mass_edges(stated).tolist()


def test_equal_confidences_share_a_bin_of_equal_mass():
    stated = np.array([0.1] * 90 + [0.5] * 5 + [0.9] * 5)
    bins = mass_bins(stated, mass_edges(stated))
    assert [set(bins[stated == value]) for value in (0.1, 0.5, 0.9)] == [{0}, {1}, {1}]


def test_an_invalid_answer_does_not_even_out_an_underconfident_bin():
    stated, hits = np.full(10, 0.9), np.ones(10)
    sums = bin_sums(width_bins(stated), stated, hits, N_BINS)
    assert float(ece(sums)) == pytest.approx(0.1)
    assert float(ece(sums, 1.0)) == pytest.approx((1.0 + 1.0) / 11)


def test_a_perfectly_calibrated_bin_has_no_error():
    assert _width_ece(np.full(10, 0.3), np.array([1.0] * 3 + [0.0] * 7)) == pytest.approx(0.0, abs=1e-12)
