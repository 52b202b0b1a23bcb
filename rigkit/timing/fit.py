"""The two-way model of stamps, fitted robustly on the dense array.

::

    stamp = shot + offset of the camera + drift of the camera x (time of the shot - t0) + rest

From stamps alone, offsets and drifts are known only up to one constant each for the whole rig: both are given relative to
their median. Subtracting the median stamp of each shot instead would follow the one camera that lies in the middle, and add
*its* drift to everyone.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from rigkit.timing.intervals import MAD_TO_SIGMA
from rigkit.timing.spread import shot_statistics
from rigkit.timing.stamps import Counts, Flags, Floats, Singles, row_medians

__all__ = ["Polished", "TwoWay", "floor_of", "median_polish", "robust_size", "two_way"]

#: Tukey's bisquare gives up beyond so many sigma. At 6 it costs 1 % of the precision for normal noise, at the usual 4.685 2.5 %.
_CUT = 6.0
_ROUNDS = 20
#: Rounds end when no offset moves by more of a sigma: a third of its standard error with 1000 shots, and the next round would
#: move it by a twentieth of that again.
_DONE = 0.01
#: Shots, and cameras, that the start looks at: it only has to be right to about a sigma.
_START = 48
#: The scale of the rest is taken from about so many cells: 1 % precision is plenty for weights.
_SCALE_CELLS = 8_192
#: 90th percentile of the size of a standard normal value.
_P90 = 1.6449
#: Sweeps of a median polish at most, and by how much one must move something (in the unit of the values) for another to follow.
_SWEEPS, _STILL = 10, 1e-9
#: Draws of the median over cameras, and their seed: the same table gives the same errors.
_DRAWS, _SEED = 100, 20260102


class Polished(NamedTuple):
    """A two-way median polish (Tukey 1977): values = overall + shot + camera + residual.

    Attributes
    ----------
    overall : float
        The common value.
    shots, cameras : numpy.ndarray
        float64, shapes (K,) and (N,): effects with median 0; NaN: nothing is known of it.
    residuals : numpy.ndarray
        float64, shape (K, N); NaN: missing.
    """

    overall: float
    shots: Floats
    cameras: Floats
    residuals: Floats


class TwoWay(NamedTuple):
    """The fitted model. Times are those of the input, drift is per its unit of time.

    Attributes
    ----------
    shots : numpy.ndarray
        float64, shape (K,): effect of each shot; NaN: no stamp in it.
    offsets : numpy.ndarray
        float64, shape (N,): of each camera at ``t0``, relative to the median over cameras; NaN: no stamp.
    drifts : numpy.ndarray
        float64, shape (N,): of each camera per unit of time, relative to the median over cameras; NaN: fewer than 3 stamps, or no
        time between them.
    offset_errors, drift_errors : numpy.ndarray
        float64, shape (N,): their standard errors, from each camera's own residuals; NaN below 4 stamps.
    n : numpy.ndarray
        int64, shape (N,): stamps of each camera.
    used : numpy.ndarray
        int64, shape (N,): of these, with any weight; the errors rest on them, with ``used - 2`` degrees of freedom.
    residuals : numpy.ndarray
        float64, shape (K, N); NaN: missing.
    t0 : float
        The time at which the offsets hold: the middle of the shots.
    """

    shots: Floats
    offsets: Floats
    drifts: Floats
    offset_errors: Floats
    drift_errors: Floats
    n: Counts
    used: Counts
    residuals: Floats
    t0: float


def floor_of(quantum: float) -> float:
    """Least scale that stamps in steps can have: q / sqrt(12), the standard deviation of a cut. 0 where q is not known.

    With coarse stamps the MAD can be exactly 0.
    """
    return quantum / np.sqrt(12.0) if np.isfinite(quantum) else 0.0


def median_polish(values: Floats) -> Polished:
    """Split values into shot effects, camera effects and residuals by medians.

    The textbook's way, to compare with: clocks that drift stay in its residuals, which :func:`two_way` takes off.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N); NaN: missing.
    """
    residuals = values.copy()
    shots, cameras = np.zeros(values.shape[0]), np.zeros(values.shape[1])
    for _ in range(_SWEEPS):
        by_shot = shot_statistics(residuals).median
        residuals -= np.nan_to_num(by_shot)[:, None]
        shots = shots + by_shot
        by_camera = shot_statistics(residuals.T).median
        residuals -= np.nan_to_num(by_camera)
        cameras = cameras + by_camera
        moved = np.abs(np.concatenate([by_shot, by_camera]))
        if np.max(moved[np.isfinite(moved)], initial=0.0) <= _STILL:
            break
    middle_shot, middle_camera = (float(shot_statistics(one[None, :]).median[0]) for one in (shots, cameras))
    return Polished(middle_shot + middle_camera, shots - middle_shot, cameras - middle_camera, residuals)


def two_way(values: Floats, times: Floats, *, floor: float = 0.0) -> TwoWay:
    """Fit shot effects, camera offsets and camera drifts.

    Iteratively re-weighted least squares with Tukey's bisquare; each round solves for the shots given the cameras and for the
    cameras given the shots (backfitting), which with few holes converges as fast as solving for all at once and costs two
    passes over the array instead of a sparse system of K + 2N unknowns.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N): stamps less whatever is common, in any unit; NaN: missing. No infinities.
    times : numpy.ndarray
        float64, shape (K,): time of each shot.
    floor : float
        Least scale of the residuals, in the unit of the values: :func:`floor_of` the stamps' steps.

    Returns
    -------
    TwoWay
        Drift is in units of the values per unit of time: ms and s give 1e-3, so ppm is 1000 times it.

    Raises
    ------
    ValueError
        Times and values do not fit together.
    """
    if times.shape != (len(values),):
        raise ValueError(f"{len(values)} shots and {times.shape} times: it takes one time for each shot")
    present = np.isfinite(values)
    if not np.isfinite(times).all():
        present &= np.isfinite(times)[:, None]
        values = np.where(present, values, np.nan)
    there = present.astype(np.float32)
    n = there.sum(axis=0).astype(np.int64)
    t0 = float((np.nanmax(times) + np.nanmin(times)) / 2) if np.isfinite(times).any() else 0.0
    since = np.where(np.isfinite(times), times - t0, 0.0)
    span = float(np.max(np.abs(since), initial=0.0)) or 1.0
    t = since / span  # -1 to 1, so that the sums of squares are of one size
    sloped = _sloped(there, n, t)

    usual, slopes, shots = _beginning(values, t, sloped)
    first = values - usual  # offsets of hours would cost the digits that matter
    first -= np.multiply.outer(t, slopes)
    first -= shots[:, None]
    # What is left after the start is milliseconds, which 24 bits hold to a microsecond in hours; half the memory is half the time.
    begun = np.where(present, first, 0.0).astype(np.float32)
    more = _Corrections(begun, there, t.astype(np.float32), sloped)
    cells = _some_cells(present)
    scale = _scale(more.rest, cells, floor)
    for _ in range(_ROUNDS):
        moved = more.improve(scale)
        scale = _scale(more.rest, cells, floor)
        if moved < _DONE * scale:
            break
    more.weigh(scale)
    used = (more.weights > 0).astype(np.float32).sum(axis=0).astype(np.int64)
    own = _errors(more.rest, more.weights, used, t, floor, more.spare)
    offsets, slopes, shots = usual + more.offsets, slopes + more.slopes, shots + more.shots
    first -= more.offsets + np.multiply.outer(t, more.slopes)
    first -= more.shots[:, None]
    first[~present] = np.nan
    offset_errors, drift_errors = (_with_centre(*one) for one in ((offsets, own[0]), (slopes, own[1])))
    middle, slope = (float(np.median(one[sloped])) if sloped.any() else 0.0 for one in (offsets, slopes))
    return TwoWay(
        np.where(present.any(axis=1), shots + middle + slope * t, np.nan),
        np.where(n > 0, offsets - middle, np.nan),
        np.where(sloped, (slopes - slope) / span, np.nan),
        offset_errors,
        np.where(sloped, drift_errors / span, np.nan),
        n,
        used,
        first,
        t0,
    )


def _sloped(there: Singles, n: Counts, t: Floats) -> Flags:
    """Say which cameras have 3 stamps and time between them."""
    s0, s1, s2 = _sums(there, t.astype(np.float32))
    found: Flags = (n >= 3) & (s0 * s2 - s1 * s1 > 1e-6 * s0 * s0)
    return found


class _Corrections:
    """What the start of the fit is still wrong by, improved round by round.

    Parameters
    ----------
    begun : numpy.ndarray
        float32, shape (K, N): what the start leaves of the values; 0 where there is none.
    there : numpy.ndarray
        float32, shape (K, N): 1 where there is a value, else 0.
    t : numpy.ndarray
        float32, shape (K,): times, -1 to 1.
    sloped : numpy.ndarray
        bool, shape (N,): cameras that have a slope.
    """

    def __init__(self, begun: Singles, there: Singles, t: Singles, sloped: Flags) -> None:
        self._begun, self._there, self._t, self._sloped = begun, there, t, sloped
        self.rest = begun.copy()
        self.weights, self.spare, self._zeros = np.empty_like(begun), np.empty_like(begun), np.zeros_like(begun)
        self.offsets, self.slopes = np.zeros(begun.shape[1]), np.zeros(begun.shape[1])
        self.shots = np.zeros(len(begun))

    def weigh(self, scale: float) -> None:
        """Fill in Tukey's weights (1 - u^2)^2 with u = rest / cut, times 0 where there is no value."""
        weights = self.weights
        np.multiply(self.rest, self.rest, out=weights)
        weights *= np.float32(-1.0 / (_CUT * scale) ** 2)
        weights += np.float32(1.0)
        np.maximum(weights, self._zeros, out=weights)  # of two arrays: five times as fast as with one number
        weights *= weights
        weights *= self._there

    def improve(self, scale: float) -> float:
        """Solve for the cameras given the shots, and for the shots given the cameras; return the largest move of an offset."""
        self.weigh(scale)
        before = self.offsets
        np.subtract(self._begun, self.shots.astype(np.float32)[:, None], out=self.spare)
        self.offsets, self.slopes = _cameras(self.spare, self.weights, self._t, self._sloped)
        np.multiply(self._t[:, None], self.slopes.astype(np.float32), out=self.rest)
        self.rest += self.offsets.astype(np.float32)
        np.subtract(self._begun, self.rest, out=self.rest)
        self.shots = _mean(self.rest, self.weights)
        self.rest -= self.shots.astype(np.float32)[:, None]
        return float(np.max(np.abs(self.offsets - before), initial=0.0))


def _sums(weights: Singles, t: Singles) -> tuple[Floats, Floats, Floats]:
    """Add up the weights, weights x t, and weights x t^2 over the shots.

    By einsum: BLAS starts its threads for matrices three columns wide, and on a busy machine waits for them ten times as long.
    """
    return (
        weights.sum(axis=0).astype(np.float64),
        np.einsum("k,kn->n", t, weights).astype(np.float64),
        np.einsum("k,kn->n", t * t, weights).astype(np.float64),
    )


def _beginning(values: Floats, t: Floats, sloped: Flags) -> tuple[Floats, Floats, Floats]:
    """Start from medians: usual difference and slope of each camera, median of each shot without these; 0 where nothing is.

    The slope is that of Tukey's resistant line (1977), between the medians of the first and the last third of the shots. Bisquare
    weights started without it take the ends of a clock that drifts for outliers, and never let go. A start looks at some shots
    and some cameras only, unless one is missing there.
    """
    rows = np.arange(0, len(t), max(1, len(t) // _START))
    usual, slopes = _resistant(values[rows], t[rows])
    if not np.isfinite(usual).all():
        usual, slopes = _resistant(values, t)
    usual, slopes = np.nan_to_num(usual), np.where(sloped, np.nan_to_num(slopes), 0.0)
    some = slice(None, None, max(1, len(usual) // _START))
    shots = row_medians(values[:, some] - (usual[some] + np.multiply.outer(t, slopes[some])))
    if not np.isfinite(shots).all():
        shots = row_medians(values - (usual + np.multiply.outer(t, slopes)))
    return usual, slopes, np.nan_to_num(shots)


def _resistant(values: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Resistant line of each camera after the shots' medians; NaN: no stamp, or none in one of the thirds."""
    # Offsets first: who is missing from a shot must not move its median by the difference of two clocks.
    by_camera = np.ascontiguousarray(values.T)
    usual = row_medians(by_camera - np.nan_to_num(row_medians(values)))
    by_camera -= np.nan_to_num(usual)[:, None]
    by_camera -= np.nan_to_num(row_medians(np.ascontiguousarray(by_camera.T)))
    order = np.argsort(t, kind="stable")
    third = max(len(t) // 3, 1)
    first, last = order[:third], order[-third:]
    gap = np.mean(t[last]) - np.mean(t[first]) if len(t) else 0.0
    if not gap > 0:
        return usual, np.zeros(len(usual))
    slopes = (row_medians(by_camera[:, last]) - row_medians(by_camera[:, first])) / gap
    by_camera -= np.multiply.outer(np.nan_to_num(slopes), t)
    return usual + row_medians(by_camera), slopes


def _some_cells(present: Flags) -> Counts:
    """Give flat places of cells that have a stamp, spread evenly over shots and cameras, as many as a scale needs."""
    step = max(1, present.size // _SCALE_CELLS)
    while np.gcd(step, present.shape[1]) > 1:  # or only some of the cameras would be looked at
        step += 1
    cells = np.arange(0, present.size, step)
    return cells[present.ravel()[cells]]


def _scale(rest: Singles, cells: Counts, floor: float) -> float:
    if not cells.size:
        return max(floor, 1e-12)
    return max(robust_size(rest.ravel()[cells]), floor, 1e-12)


def robust_size(rest: Floats | Singles) -> float:
    """Give a robust standard deviation of values around 0: 1.4826 x MAD or 90th percentile / 1.645, whichever is larger.

    The MAD alone is lumpy where values lie on a grid, as differences of coarse stamps do. And with a release that is 20 ms later in
    a fifth of the shots it sees only the earlier mode, so that the later one would pass for outliers.

    Parameters
    ----------
    rest : numpy.ndarray
        float64, any shape; NaN: missing.

    Returns
    -------
    float
        In the unit of the values; 0 where there are none.
    """
    sample = np.abs(rest[np.isfinite(rest)])
    if not sample.size:
        return 0.0
    middle, far = len(sample) // 2, int(0.9 * len(sample))
    sample.partition((middle, far))
    return max(MAD_TO_SIGMA * float(sample[middle]), float(sample[far]) / _P90)


def _mean(values: Singles, weights: Singles) -> Floats:
    """Weighted mean of each row; 0 where nothing has weight."""
    total = weights.sum(axis=1).astype(np.float64)
    means: Floats = np.divide(np.einsum("ij,ij->i", values, weights), total, out=np.zeros(len(values)), where=total > 0)
    return means


def _cameras(left: Singles, weights: Singles, t: Singles, sloped: Flags) -> tuple[Floats, Floats]:
    """Fit a weighted straight line to each camera over the shots, from its sums; ``left`` is overwritten."""
    left *= weights
    s0, s1, s2 = _sums(weights, t)
    y0, y1 = left.sum(axis=0).astype(np.float64), np.einsum("k,kn->n", t, left).astype(np.float64)
    determinant = s0 * s2 - s1 * s1
    good = sloped & (determinant > 1e-6 * s0 * s0)
    slopes = np.divide(s0 * y1 - s1 * y0, determinant, out=np.zeros_like(y0), where=good)
    offsets = np.divide(y0 - slopes * s1, s0, out=np.zeros_like(y0), where=s0 > 0)
    return offsets, slopes


def _errors(
    rest: Singles, weights: Singles, used: Counts, t: Floats, floor: float, spare: Singles
) -> tuple[Floats, Floats]:
    """Give standard errors of offsets and slopes (per scaled time), as for any M-estimator (Huber 1981, section 7.6).

    Variance = mean psi^2 / (mean psi')^2 x inverse of the design, each camera from its own m stamps that have weight, with m - 2
    degrees of freedom, and one in N of them lost to the shot effects. No camera is taken to be better than the floor: 20
    stamps in 1 s steps may all be equal, and that is no precision. With weights w = (1 - u^2)^2, psi is w x rest and its slope
    5 w - 4 sqrt(w).
    """
    cameras = max(rest.shape[1], 2)
    np.multiply(rest, weights, out=spare)
    squares = np.einsum("kn,kn->n", spare, spare).astype(np.float64)
    np.sqrt(weights, out=spare)
    with np.errstate(divide="ignore", invalid="ignore"):
        flatness = (5 * weights.sum(axis=0) - 4 * spare.sum(axis=0)) / used
        np.sign(weights, out=spare)
        s0, s1, s2 = _sums(spare, t.astype(np.float32))
        variance = squares / ((used - 2) * (1 - 1 / cameras))
        variance = np.maximum(variance / np.square(flatness), floor**2)
        common = np.where((used >= 4) & (flatness > 0), variance / (s0 * s2 - s1 * s1), np.nan)
        errors = np.sqrt(common * s2), np.sqrt(common * s0)
    offsets, slopes = (np.where(np.isfinite(one), one, np.nan) for one in errors)
    return offsets, slopes


@functools.lru_cache(maxsize=8)
def _draws(cameras: int) -> Floats:
    """Give standard normal values, shape (draws, N): the same ones every time."""
    values = np.random.default_rng(_SEED).standard_normal((_DRAWS, cameras))
    values.flags.writeable = False
    return values


def _with_centre(values: Floats, errors: Floats) -> Floats:
    """Add the uncertainty of the median over cameras, to which all are related, to each camera's own.

    It does not vanish with many cameras: where they differ by more than their errors, only the few near the middle settle it.
    """
    known = np.isfinite(values) & np.isfinite(errors)
    if not known.any():
        return errors
    draws = _draws(int(known.sum())) * errors[known]
    draws += values[known]
    centres = np.partition(draws, [(draws.shape[1] - 1) // 2, draws.shape[1] // 2], axis=1)
    centres = (centres[:, (draws.shape[1] - 1) // 2] + centres[:, draws.shape[1] // 2]) / 2
    both: Floats = np.sqrt(np.square(errors) + np.var(centres))
    return both
