"""Intervals for a median, for a MAD, for a share.

The coverage of the first two is measured over simulated sessions of 60 cameras x 20 shots by ``python -m tests.timing_truth``: its
rows lag (medians, by interpolated order statistics) and jitter (MADs, by a percentile bootstrap over shots), for each law of jitter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rigkit.timing.stamps import Counts, Floats

__all__ = ["MAD_TO_SIGMA", "Interval", "mad_interval", "median_deviation", "median_interval", "wilson"]

#: Standard deviation of a normal law over its median absolute deviation.
MAD_TO_SIGMA = 1.4826
#: Resamples of a bootstrap, and its seed: the same table gives the same interval.
_RESAMPLES, _SEED = 400, 20260101
#: A percentile bootstrap of the MAD of 20 values covers more than it promises: 95 % come out as 94.9 (uniform), 96.7 (normal) and
#: 97.0 % (bimodal; ``python -m tests.timing_truth``). With tails a tenth wider none of the three is off by much.
_MAD_TAILS = 1.1
#: Resamples of fewer values are too few different ones.
_FEWEST = 6


class Interval(NamedTuple):
    """Estimates with their bounds, arrays of one shape; NaN: not to be had."""

    value: Floats
    lo: Floats
    hi: Floats


def median_interval(values: Floats, confidence: float = 0.95) -> Interval:
    """Median of each column with a distribution-free interval.

    Order statistics, interpolated between the two pairs whose exact coverages enclose the one asked for (Hettmansperger and
    Sheather 1986, Statistics & Probability Letters 4:75-79). Holds for any continuous law of independent shots.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N); NaN: missing.
    confidence : float
        Coverage asked for, 0 to 1.

    Returns
    -------
    Interval
        Shape (N,). The bounds are NaN where even the extremes cover less: K < 6 for 95 %.
    """
    from scipy import stats

    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    counts = np.isfinite(ordered).sum(axis=0)
    value, lo, hi = (np.full(ordered.shape[1], np.nan) for _ in range(3))
    for n in np.unique(counts[counts > 0]):
        columns = np.flatnonzero(counts == n)
        part = ordered[:n, columns]
        value[columns] = (part[(n - 1) // 2] + part[n // 2]) / 2
        covers = 1 - 2 * stats.binom.cdf(np.arange(n // 2), n, 0.5)  # of the pair (d + 1)-th and (n - d)-th value
        wide = int(np.count_nonzero(covers >= confidence))
        if wide == 0:
            continue
        outer = wide - 1
        inner = min(wide, len(covers) - 1)
        share = (covers[outer] - confidence) / (covers[outer] - covers[inner]) if inner > outer else 0.0
        d = outer + 1
        weight = (n - d) * share / (d + (n - 2 * d) * share)
        lo[columns] = (1 - weight) * part[outer] + weight * part[inner]
        hi[columns] = (1 - weight) * part[n - 1 - outer] + weight * part[n - 1 - inner]
    return Interval(value, lo, hi)


def mad_interval(values: Floats, confidence: float = 0.95) -> Interval:
    """1.4826 x MAD of each column with a percentile-bootstrap interval over rows.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N); NaN: missing.
    confidence : float
        Coverage asked for.

    Returns
    -------
    Interval
        Shape (N,), in the unit of the values. Zero where more than half of a column is one value. Fewer than 6 values give no
        bounds, fewer than 3 no estimate either.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    counts = np.isfinite(ordered).sum(axis=0)
    value, lo, hi = (np.full(ordered.shape[1], np.nan) for _ in range(3))
    beyond = _MAD_TAILS * (1 - confidence) / 2
    tails = [beyond, 1 - beyond]
    rng = np.random.default_rng(_SEED)
    for n in np.unique(counts[counts >= 3]):
        columns = np.flatnonzero(counts == n)
        part = ordered[:n, columns].T
        middles = (part[:, (n - 1) // 2] + part[:, n // 2]) / 2
        value[columns] = np.median(np.abs(part - middles[:, None]), axis=1)
        if n < _FEWEST:
            continue
        draws = np.sort(rng.integers(0, n, (_RESAMPLES, n)), axis=1)  # sorted draws of sorted values: no second sort
        for column in columns:
            mads = _resampled_mads(ordered[:n, column], draws)
            lo[column], hi[column] = np.quantile(mads, tails)
    return Interval(value * MAD_TO_SIGMA, lo * MAD_TO_SIGMA, hi * MAD_TO_SIGMA)


def _resampled_mads(ordered: Floats, draws: Counts) -> Floats:
    """Give the MAD of each resample: values in order, and sorted places drawn from them, one resample a row."""
    resamples, n = draws.shape
    rows = np.arange(resamples)
    medians = (ordered[draws[:, (n - 1) // 2]] + ordered[draws[:, n // 2]]) / 2
    return median_deviation(lambda place: ordered[draws[rows, place]], medians, np.full(resamples, n))


def median_deviation(at: Callable[[Counts], Floats], median: Floats, n: Counts) -> Floats:
    """Give the median absolute deviation of rows whose values are in order already: found by bisection instead of a second sort.

    The m values nearest to the median are neighbours in that order. Of all windows of m neighbours, the farther end of
    theirs is nearest; and the next one after them is that window's left or right neighbour.

    Parameters
    ----------
    at : callable
        Gives the value of each row at a place, int64 array of shape (rows,), within 0 to n - 1.
    median : numpy.ndarray
        float64, shape (rows,).
    n : numpy.ndarray
        int64, shape (rows,): values in each row.

    Returns
    -------
    numpy.ndarray
        float64, shape (rows,); NaN where a row has no value.
    """
    end = np.maximum(n, 1) - 1
    m = end // 2 + 1
    reach = m - 1
    low, high = np.zeros_like(end), end - reach
    twice = 2 * median
    for _ in range(int(end.max(initial=0) + 1).bit_length()):  # the first window whose right end is the farther one
        middle = (low + high) >> 1
        right = at(middle) + at(middle + reach) >= twice
        high = np.where(right, middle, high)
        low = np.minimum(np.where(right, low, middle + 1), high)
    before = np.maximum(high - 1, 0)
    farther_here = np.maximum(median - at(high), at(high + reach) - median)
    farther_before = np.maximum(median - at(before), at(before + reach) - median)
    best = np.where(farther_before < farther_here, before, high)
    smaller = np.minimum(farther_here, farther_before)
    left = np.where(best > 0, median - at(np.maximum(best - 1, 0)), np.inf)
    right_one = np.where(best + reach < end, at(np.minimum(best + m, end)) - median, np.inf)
    larger = np.where(n % 2 == 0, np.minimum(left, right_one), smaller)
    return np.where(n > 0, (smaller + larger) / 2, np.nan)


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for a share, by Wilson's score (1927), which stays within 0 to 1 and holds for shares near 1.

    Parameters
    ----------
    successes, n : int
        For example exposures heard of, and exposures expected.
    confidence : float
        Coverage asked for.

    Returns
    -------
    lo, hi : float
        NaN if n is 0.

    Raises
    ------
    ValueError
        More successes than trials, or fewer than none.
    """
    from scipy import stats

    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share: successes lie between 0 and n")
    if n == 0:
        return float("nan"), float("nan")
    bounds = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return float(bounds.low), float(bounds.high)
