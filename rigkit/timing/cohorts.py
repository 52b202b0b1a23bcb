"""Two cohorts of shots on the same cameras compared, to say whether one way of releasing is better."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.timing.cameras import residuals_ms
from rigkit.timing.evidence import refusal, too_coarse
from rigkit.timing.spread import shot_statistics
from rigkit.timing.stamps import Floats, Stamps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]


class _Cohort(NamedTuple):
    """What is compared, per shot."""

    spread: Floats
    sigma: Floats


def compare(a: Stamps, b: Stamps, *, resamples: int = 4999, confidence: float = 0.95) -> pd.DataFrame:
    """Compare two cohorts of shots on the same cameras, to say whether mode A is better than mode B.

    Permutation test over shots (Fisher, Pitman) of the difference of medians, b less a, and a percentile bootstrap over shots
    for its interval. Only cameras that have a stamp in both are used, as spread grows with their number.

    Parameters
    ----------
    a, b : Stamps
        Two cohorts of equal evidence, calibrated or better for spread; from uncalibrated stamps every shot is taken after each
        camera's own offset and drift within its cohort.
    resamples : int
        Permutations and bootstrap samples.
    confidence : float
        Of the interval.

    Returns
    -------
    pandas.DataFrame
        Index ``metric`` (``spread_ms``, ``robust_sigma_ms``): ``a``, ``b`` (medians over shots, ms), ``effect`` (b - a, ms), ``lo``,
        ``hi``, ``p``, ``n_a``, ``n_b`` (shots), ``n_cameras``, ``evidence``, ``quantum_ms``, ``reason``.
    """
    import pandas as pd

    both = _seen_in(a) & _seen_in(b)
    a, b = a.only(cameras=both), b.only(cameras=both)
    reason = _incomparable(a, b, len(both))
    quantum = float(np.fmax(a.quantum_ms, b.quantum_ms))
    first, second = _cohort(a), _cohort(b)
    rows = {}
    for metric, one, other in zip(("spread_ms", "robust_sigma_ms"), first, second, strict=True):
        known_a, known_b = one[np.isfinite(one)], other[np.isfinite(other)]
        why = reason or ("" if min(len(known_a), len(known_b)) >= 3 else "a comparison takes 3 shots on either side")
        rows[metric] = {
            **(_permuted(known_a, known_b, resamples, confidence) if not why else dict.fromkeys(_COMPARED, math.nan)),
            "n_a": len(known_a),
            "n_b": len(known_b),
            "n_cameras": len(both),
            "evidence": a.evidence,
            "quantum_ms": quantum,
            "reason": why,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")


_COMPARED = ("a", "b", "effect", "lo", "hi", "p")


def _seen_in(stamps: Stamps) -> set[str]:
    seen = np.flatnonzero(np.isfinite(stamps.seconds).any(axis=0))
    return {stamps.camera_keys[column] for column in seen}


def _incomparable(a: Stamps, b: Stamps, cameras: int) -> str:
    """Say why two cohorts can't be compared; empty: they can."""
    if a.evidence != b.evidence:
        return f"the cohorts rest on different evidence: {a.evidence} and {b.evidence}"
    if cameras < 2:
        return f"{cameras} cameras have stamps in both cohorts: it takes 2"
    for one in (a, b):
        why = refusal("residual spread", one.evidence) or too_coarse(one.quantum_ms, "difference of spreads")
        if why:
            return why
    return ""


def _cohort(stamps: Stamps) -> _Cohort:
    weak = refusal("spread", stamps.evidence) is not None
    found = shot_statistics(residuals_ms(stamps) if weak else stamps.ms)
    return _Cohort(found.spread, found.sigma)


def _permuted(a: Floats, b: Floats, resamples: int, confidence: float) -> dict[str, float]:
    from scipy import stats

    def difference(x: Floats, y: Floats, axis: int = -1) -> Any:
        return np.median(y, axis=axis) - np.median(x, axis=axis)

    rng = np.random.default_rng(20260103)
    options: dict[str, Any] = {"vectorized": True, "n_resamples": resamples}
    test = stats.permutation_test((a, b), difference, permutation_type="independent", random_state=rng, **options)
    draws = [rng.choice(one, (resamples, len(one))) for one in (a, b)]
    lo, hi = np.quantile(difference(draws[0], draws[1]), [(1 - confidence) / 2, (1 + confidence) / 2])
    middles = float(np.median(a)), float(np.median(b))
    found = (*middles, middles[1] - middles[0], float(lo), float(hi), float(test.pvalue))
    return dict(zip(_COMPARED, found, strict=True))
