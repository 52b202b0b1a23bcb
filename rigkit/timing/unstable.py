"""Cameras whose release is far less regular than that of the others, whatever the law of the jitter is.

Jitters of 20 shots scatter, and for a release that is late in a fifth of the shots (a body that sleeps) by factors: one camera in 100
has 9 late ones by chance, so that its usual lies somewhere between its two ways. So a camera is not compared with a law, but with
the other cameras, and by what needs no usual: by how much it changed from one shot to the next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rigkit.timing.decisions import BUDGET, adjusted
from rigkit.timing.evidence import FEWEST_SHOTS
from rigkit.timing.fit import floor_of
from rigkit.timing.intervals import MAD_TO_SIGMA, mad_interval
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, row_medians

__all__ = ["UNSTABLE_TIMES", "Unstable", "unstable"]

#: A camera is called unstable when its jitter is more than so many times that of the rig.
UNSTABLE_TIMES = 3.0
#: A size is stated as detectable when either of two conditions is met so often if the camera has the law of the others, only wider.
_POWER = 0.975
#: Sizes that are looked at, in steps of 2 %; beyond the last none is stated.
_SIZES = UNSTABLE_TIMES * 1.02 ** np.arange(200)


class Unstable(NamedTuple):
    """The jitter of each camera over the usual one.

    Attributes
    ----------
    times, lo, hi : numpy.ndarray
        float64, shape (N,): with 95 % intervals; the bounds are NaN for cameras that were not found.
    p : numpy.ndarray
        float64, shape (N,): adjusted; NaN: too few shots.
    n : int
        Cameras that were looked at.
    detectable : float
        How many times the usual jitter would be found in 9 of 10 cases, in a camera that has the law of the others, only wider;
        NaN: none.
    reason : str
        Why none would be found; empty: some would.
    """

    times: Floats
    lo: Floats
    hi: Floats
    p: Floats
    n: int
    detectable: float
    reason: str


def unstable(residuals_ms: Floats, quantum_ms: float, share: float = 1.0) -> Unstable:
    """Compare the jitters of the cameras.

    Parameters
    ----------
    residuals_ms : numpy.ndarray
        float64, shape (K, N): from each camera's own usual; NaN: missing.
    quantum_ms : float
        Steps of the stamps; jitters below what these alone make are not told apart.
    share : float
        Of the budget of false findings.
    """
    from scipy import stats

    sizes = np.abs(residuals_ms - row_medians(residuals_ms.T))
    n = np.isfinite(sizes).sum(axis=0)
    known = n >= FEWEST_SHOTS
    nothing = np.full(len(n), np.nan)
    if known.sum() < FEWEST_CAMERAS:
        why = f"fewer than {FEWEST_CAMERAS} cameras have {FEWEST_SHOTS} shots: there is no usual jitter"
        return Unstable(nothing, nothing, nothing, nothing, 0, float("nan"), why)
    floor = max(floor_of(quantum_ms), 1e-6)
    jitter = np.maximum(MAD_TO_SIGMA * row_medians(sizes.T), floor)
    usual = float(np.median(jitter[known]))
    changes = np.where(known, _changes(residuals_ms), np.nan)
    far = UNSTABLE_TIMES * max(float(np.median(row_medians(changes.T)[known])), floor)
    pairs = np.isfinite(changes).sum(axis=0)
    with np.errstate(invalid="ignore"):
        beyond = (changes >= far).sum(axis=0)
    by_chance = (beyond.sum() - beyond + 1) / (pairs.sum() - pairs + 2)  # in the other cameras
    p = np.where(known, stats.binom.sf(beyond - 1, pairs, by_chance), np.nan)
    p[known & (jitter < UNSTABLE_TIMES * usual)] = 1.0
    p = adjusted(p, share)
    lo, hi = nothing.copy(), nothing.copy()
    with np.errstate(invalid="ignore"):
        found = np.flatnonzero(p < BUDGET)
    bounds = mad_interval(residuals_ms[:, found])
    lo[found], hi[found] = bounds.lo / usual, bounds.hi / usual
    chance, tries, shots = (float(np.median(one[known])) for one in (by_chance, pairs, n))
    counts = np.arange(int(tries) + 1)
    enough = np.flatnonzero(stats.binom.sf(counts - 1, counts[-1], chance) <= BUDGET * share / int(known.sum()))
    size, reason = (
        float("nan"),
        f"{shots:.0f} shots of this jitter: too few to call one among {int(known.sum())} cameras",
    )
    if len(enough):
        far_off = UNSTABLE_TIMES * usual / MAD_TO_SIGMA
        size = max(
            _wider(changes[:, known], far, int(enough[0]), int(tries)),
            _wider(sizes[:, known], far_off, (int(shots) + 1) // 2, int(shots)),
        )
        reason = ""
    if np.isinf(size):
        size, reason = (
            float("nan"),
            "all releases vary too much to call a camera that only varies more, in the same way",
        )
    return Unstable(jitter / usual, lo, hi, p, int(known.sum()), size, reason)


def _changes(values: Floats) -> Floats:
    """Size of the change within each pair of successive stamps of a camera, shape (K // 2, N); no stamp is in two pairs."""
    k, cameras = values.shape
    changes = np.full((k // 2, cameras), np.nan)
    for column in range(cameras):
        own = values[np.isfinite(values[:, column]), column]
        pairs = len(own) // 2
        changes[:pairs, column] = np.abs(own[1 : 2 * pairs : 2] - own[: 2 * pairs : 2])
    return changes


def _wider(sizes: Floats, far: float, needed: int, tries: int) -> float:
    """Give by what factor values of the law of the others have to be wider for so many of them to be far; inf: none is enough."""
    from scipy import stats

    ordered = np.sort(sizes[np.isfinite(sizes)])
    beyond = 1 - np.searchsorted(ordered, far / _SIZES) / len(ordered)
    enough = np.flatnonzero(stats.binom.sf(needed - 1, tries, beyond) >= _POWER)
    return float(_SIZES[enough[0]]) if len(enough) else float("inf")
