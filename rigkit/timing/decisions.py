"""Tests and decisions: how sure, how many, and when to say that nothing was found.

A session is asked many questions at once: 60 cameras, 1200 cells, several rules. All of them share one budget of false
findings, so that a session in which nothing is wrong raises anything at all in at most 5 % of cases. For three laws of jitter, for
stamps of 1 ms to 1 s and for small sessions, ``python -m tests.timing_truth --only "nothing wrong"`` measures it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from rigkit.timing.evidence import Estimate
from rigkit.timing.intervals import wilson
from rigkit.timing.stamps import Floats

__all__ = [
    "BUDGET",
    "SHARES",
    "adjusted",
    "beyond_limit",
    "completeness",
    "detectable",
    "least_limit_ms",
    "shares",
    "shots_needed",
    "sign_reach",
    "within_limit",
]

#: Share of the sessions in which nothing is wrong that may raise a finding.
BUDGET = 0.05
#: How the rules share it. Cameras that are always late are what users look for, and their test is coarse with few shots.
SHARES: dict[str, float] = {
    "late_camera": 0.4,
    "late_once": 0.15,
    "unstable_camera": 0.15,
    "drift": 0.15,
    "clock_step": 0.15,
}


def shares(rules: Sequence[str]) -> dict[str, float]:
    """Divide the budget over the rules that can be checked at all; what others would have had goes to these.

    Parameters
    ----------
    rules : sequence of str
        The rules that are checked in this session, of :data:`SHARES`.
    """
    total = sum(SHARES[rule] for rule in rules)
    return {rule: SHARES[rule] / total for rule in rules}


def adjusted(p: Floats, share: float = 1.0) -> Floats:
    """Adjust the p values of one rule for how many there are (Benjamini-Hochberg) and for its share of the budget.

    Under "nothing is wrong" anywhere, the chance that any adjusted value of any rule is below 0.05 is at most 0.05: within a rule
    by Benjamini and Hochberg (1995), between rules by adding up.

    Parameters
    ----------
    p : numpy.ndarray
        float64, any shape; NaN: not tested.
    share : float
        Of the budget, 0 to 1.

    Returns
    -------
    numpy.ndarray
        The same shape, at most 1; NaN: not tested. A finding is below :data:`BUDGET`.
    """
    from scipy import stats

    result = np.full(np.shape(p), np.nan)
    tested = np.isfinite(p)
    if tested.any():
        result[tested] = np.minimum(stats.false_discovery_control(np.clip(p[tested], 0.0, 1.0)) / share, 1.0)
    return result


def shots_needed(cameras: int, level: float = BUDGET) -> int:
    """Shots before a sign test can call one camera of so many: its smallest p is 2^(1 - K), and K >= 12 for 60, 13 for 200.

    Parameters
    ----------
    cameras : int
        How many are tested.
    level : float
        Of false findings; a rule that has a share of the budget needs a little more.
    """
    return 1 + math.ceil(math.log2(max(cameras, 1) / level))


def sign_reach(shots: int, things: int, level: float) -> float:
    """Say how many sigma beyond the limit a median has to lie to be found by sign tests in 9 of 10 cases.

    Parameters
    ----------
    shots : int
        Values of each thing.
    things : int
        How many are tested at once.
    level : float
        Of the first step of Benjamini and Hochberg, over all of them.

    Returns
    -------
    float
        For normal values; NaN: it never is found.
    """
    from scipy import stats

    counts = np.arange(shots + 1)
    enough = np.flatnonzero(2 * stats.binom.sf(counts - 1, shots, 0.5) <= level / max(things, 1))
    if not len(enough):
        return float("nan")
    least = int(enough[0])
    # P(at least so many of the shots lie beyond the limit) = 0.95, see detectable()
    return float(stats.norm.ppf(stats.beta.ppf(0.95, least, shots - least + 1)))


def detectable(thresholds: Floats, noises: Floats, power: float = 0.95) -> float:
    """Give the effect that passes its threshold so often, averaged over the things that are tested.

    Parameters
    ----------
    thresholds, noises : numpy.ndarray
        float64, shape (things,): what an estimate has to exceed, and its standard error; NaN: not tested.
    power : float
        How often, 0 to 1. The laws of the estimates are only nearly normal and scales are estimates, too: what 95 % by this
        formula are in simulated sessions, 90 % at least, ``python -m tests.timing_truth --only power`` measures.

    Returns
    -------
    float
        In the unit of both; NaN: nothing was tested.
    """
    from scipy import optimize, stats

    known = np.isfinite(thresholds) & np.isfinite(noises) & (noises > 0)
    if not known.any():
        return float("nan")
    limit, noise = thresholds[known], noises[known]
    lowest, highest = float((limit - 10 * noise).min()), float((limit + 10 * noise).max())

    def missing(size: float) -> float:
        return float(stats.norm.cdf((size - limit) / noise).mean()) - power

    return float(optimize.brentq(missing, lowest, highest))


def least_limit_ms(quantum_ms: float) -> float:
    """Smallest skew that is of practical interest: 5 ms, or half a step of the stamps if that is more."""
    return max(5.0, quantum_ms / 2) if np.isfinite(quantum_ms) else 5.0


def beyond_limit(values: Floats, limit: float | Floats, method: Literal["sign", "wilcoxon"] = "sign") -> Floats:
    """Test, camera by camera, that the median over shots lies beyond a limit.

    The hypothesis to be rejected is that it lies within +- limit, so what is found is not only different from 0 but of
    practical size.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N): skews; NaN: missing.
    limit : float or numpy.ndarray
        In the unit of the values, one or shape (N,); 0: an ordinary two-sided test.
    method : {"sign", "wilcoxon"}
        The sign test holds for any law. Wilcoxon's signed ranks see smaller effects, and call laws that are not symmetric
        (bimodal release) late when their median is not.

    Returns
    -------
    numpy.ndarray
        float64, shape (N,): two-sided p; NaN: no values.
    """
    from scipy import stats

    n = np.isfinite(values).sum(axis=0)
    limits = np.broadcast_to(np.asarray(limit, dtype=np.float64), n.shape)
    if method == "sign":
        with np.errstate(invalid="ignore"):
            late, early = (values > limits).sum(axis=0), (values < -limits).sum(axis=0)
        ties = np.where(limits == 0, (values == 0).sum(axis=0), 0)
        trials = n - ties  # of a plain sign test, differences of exactly 0 tell nothing
        one_sided = stats.binom.sf(np.maximum(late, early) - 1, trials, 0.5)
        return np.where(n > 0, np.minimum(2 * one_sided, 1.0), np.nan)
    p = np.full(values.shape[1], np.nan)
    for column in np.flatnonzero(n > 0):
        known = values[np.isfinite(values[:, column]), column]
        sides = [
            stats.wilcoxon(known - limits[column], alternative="greater"),
            stats.wilcoxon(known + limits[column], alternative="less"),
        ]
        p[column] = min(2 * min(float(side.pvalue) for side in sides), 1.0)
    return p


def within_limit(values: Floats, limit: float | Floats) -> Floats:
    """Test, camera by camera, that the median over shots lies within a limit: equivalence by two one-sided tests (TOST).

    "Within limit" is said only when this is small, never because a difference failed to show (Schuirmann 1987). Sign tests, so
    for any law.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N): skews; NaN: missing.
    limit : float or numpy.ndarray
        Positive, in the unit of the values, one or shape (N,).

    Returns
    -------
    numpy.ndarray
        float64, shape (N,): the larger of the two one-sided p; NaN: no values.

    Raises
    ------
    ValueError
        A limit is not positive: nothing is within it.
    """
    from scipy import stats

    least = float(np.min(limit, initial=np.inf))
    if not least > 0:
        raise ValueError(f"a limit of {least:g}: within what? It takes a positive number")
    n = np.isfinite(values).sum(axis=0)
    with np.errstate(invalid="ignore"):
        below, above = (values < limit).sum(axis=0), (values > -limit).sum(axis=0)
    return np.where(n > 0, stats.binom.sf(np.minimum(below, above) - 1, n, 0.5), np.nan)


def completeness(exposed: int, expected: int, confidence: float = 0.95) -> Estimate:
    """Share of the expected exposures that came, with Wilson's interval. Rests on counts, not on time.

    Raises
    ------
    ValueError
        More exposures than expected.
    """
    lo, hi = wilson(exposed, expected, confidence)
    if expected == 0:
        nothing = "no exposure was expected"
        return Estimate("completeness", math.nan, lo, hi, "", 0, None, reason=nothing)
    return Estimate("completeness", exposed / expected, lo, hi, "", expected, None)
