"""Two cohorts of shots on the same cameras compared, to say whether one way of releasing is better."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.timing.evidence import LEVELS, refusal, too_coarse
from rigkit.timing.frames import framed, keyed
from rigkit.timing.spread import FEWEST_CAMERAS, shot_statistics
from rigkit.timing.stamps import Floats, Stamps
from rigkit.timing.steps import clock_steps, without_stepped
from rigkit.timing.usual import fitted

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
        camera's own offset and drift within its cohort. Cameras whose clocks were set within a cohort are left out of calibrated
        stamps, and taken epoch by epoch in uncalibrated ones.
    resamples : int
        Permutations and bootstrap samples.
    confidence : float
        Of the interval.

    Returns
    -------
    pandas.DataFrame
        Index ``metric`` (``spread_ms``, ``robust_sigma_ms``): ``a``, ``b`` (medians over shots, ms), ``effect`` (b - a, ms), ``lo``,
        ``hi``, ``p``, ``n_a``, ``n_b`` (int64, shots), ``n_cameras`` (int64), ``evidence quantum_ms instant`` (the weaker, the coarser
        of the two; "unknown" where instants differ), ``reason``.
    """
    if refusal("spread", a.evidence) is None:
        a, b = (without_stepped(one, clock_steps(one)) for one in (a, b))
    both = _seen_in(a) & _seen_in(b)
    a, b = a.only(cameras=both), b.only(cameras=both)
    first, second = _cohort(a), _cohort(b)
    rows, reasons = [], []
    for metric, one, other in zip(_Cohort._fields, first, second, strict=True):
        known_a, known_b = one[np.isfinite(one)], other[np.isfinite(other)]
        why = _incomparable(a, b, len(both), metric)
        if not why and min(len(known_a), len(known_b)) < 3:
            why = f"{len(known_a)} and {len(known_b)} shots: a comparison takes 3 on either side"
        numbers = dict.fromkeys(_COMPARED, math.nan) if why else _permuted(known_a, known_b, resamples, confidence)
        rows.append({**numbers, "n_a": len(known_a), "n_b": len(known_b), "n_cameras": len(both)})
        reasons.append(why)
    basis = a.basis._replace(
        evidence=min(a.evidence, b.evidence, key=LEVELS.index),
        quantum_ms=float(np.fmax(a.quantum_ms, b.quantum_ms)),
        instant=a.instant if a.instant == b.instant else "unknown",
        remarks=tuple(dict.fromkeys((*a.remarks, *b.remarks))),
    )
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return framed(keyed("metric", ("spread_ms", "robust_sigma_ms")), columns, basis, reasons)


_COMPARED = ("a", "b", "effect", "lo", "hi", "p")


def _seen_in(stamps: Stamps) -> set[str]:
    seen = np.flatnonzero(np.isfinite(stamps.seconds).any(axis=0))
    return {stamps.camera_keys[column] for column in seen}


def _incomparable(a: Stamps, b: Stamps, cameras: int, metric: str) -> str:
    """Say why two cohorts can't be compared; empty: they can."""
    if a.evidence != b.evidence:
        return f"the cohorts rest on different evidence: {a.evidence} and {b.evidence}"
    for one in (a, b):
        why = refusal("residual spread", one.evidence) or too_coarse(one.quantum_ms, "difference of spreads")
        if why:
            return why
    weak = refusal("spread", a.evidence) is not None
    needed = FEWEST_CAMERAS if weak or metric == "sigma" else 2
    if cameras < needed:
        what = "what is usual for a shot" if weak else f"a {metric}"
        return f"{cameras} camera{'' if cameras == 1 else 's'} with stamps in both cohorts: {what} takes {needed}"
    return ""


def _cohort(stamps: Stamps) -> _Cohort:
    weak = refusal("spread", stamps.evidence) is not None
    found = shot_statistics(fitted(stamps).residuals_ms if weak else stamps.ms)
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
