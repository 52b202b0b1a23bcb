"""Offset and drift of the cameras' clocks: relative to the rig, against the host, and from polled readings.

An offset from stamps alone contains the lag of the camera; only a clock that was read by other means (polled, or an LED in view)
calibrates stamps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rigkit.timing.evidence import CALIBRATED, Estimate, refusal
from rigkit.timing.frames import framed, keyed, shot_column
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, Stamps
from rigkit.timing.steps import Epochs, Step
from rigkit.timing.usual import Fitted, fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CALIBRATING", "METHODS", "clock_table", "corrected", "envelope", "host_clock_table", "offset_bounds"]

#: How the offset and drift of a clock were found.
METHODS = ("lp", "two-way", "poll", "led")
#: The methods that do not rest on the shutters themselves, so that stamps corrected by them may tell lags.
CALIBRATING = ("poll", "led")
#: What a clock whose drift was not measured may drift, half-width in ppm: twice the usual 10 ppm of quartz clocks.
_DRIFT_PPM = 20.0
#: Simulated sessions behind the interval of an envelope, and their seed.
_DRAWS, _SEED = 400, 20260104
#: Of these, for each shape that is tried.
_SHAPE_DRAWS = 40
#: Arrivals that an envelope with an interval takes: of fewer, two that it touches are too many.
_HEARD = 8
#: Points are touched by a line when they are nearer to it, in mean excesses.
_TOUCHES = 1e-9
#: Shapes of gamma laws that are tried: from most delays near the least one to nearly normal.
_SHAPES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 32.0, 64.0)


def clock_table(stamps: Stamps, steps: Sequence[Step] | Fitted | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """Offset and drift of each clock relative to the rig, by the two-way fit.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    steps : sequence of Step, Fitted or None
        Where clocks were set, or the fit with that taken out if it was made already; None: looked for.
    confidence : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        Index (camera_key, epoch from 1): ``theta_s theta_lo_s theta_hi_s`` (relative to the median of the rig in the middle of the
        session; from stamps alone it contains the lag), ``drift_ppm drift_lo_ppm drift_hi_ppm`` (relative to the median drift),
        ``n`` and ``used`` (int64: stamps, and those that were no outliers), ``method`` ("two-way"), ``step_at`` (shot id of the
        first shot of a later epoch, else NA), ``evidence quantum_ms instant reason``. NaN: can't be known, see ``reason``.
    """
    import pandas as pd
    from scipy import stats

    fit = fitted(stamps, steps)
    found = fit.fit
    reason = refusal("drift", stamps.evidence) or ""
    if not reason and len(stamps.camera_keys) < FEWEST_CAMERAS:
        reason = f"{len(stamps.camera_keys)} cameras: relative to the rig takes {FEWEST_CAMERAS}"
    quantile = stats.t.ppf((1 + confidence) / 2, np.maximum(found.used - 2, 1))
    hide = np.nan if reason else 1.0
    theta, drift = found.offsets / 1e3 * hide, found.drifts * 1e3 * hide
    theta_error, drift_error = quantile * found.offset_errors / 1e3, quantile * found.drift_errors * 1e3
    columns = {
        "theta_s": theta,
        "theta_lo_s": theta - theta_error,
        "theta_hi_s": theta + theta_error,
        "drift_ppm": drift,
        "drift_lo_ppm": drift - drift_error,
        "drift_hi_ppm": drift + drift_error,
        "n": found.n.astype(np.int64),
        "used": found.used.astype(np.int64),
        "method": pd.Categorical(["two-way"] * len(found.n), categories=list(METHODS)),
        "step_at": _first_shots(fit.epochs),
    }
    few = [
        reason
        or (f"{n} stamps: a drift with an interval takes 4" if n < 4 else "")
        or ("no time between its stamps" if np.isnan(one) else "")
        for n, one in zip(found.n, found.drifts, strict=True)
    ]
    return framed(_keys(fit.epochs), columns, stamps.basis, few)


def _first_shots(epochs: Epochs) -> Any:
    """Give the first shot of each epoch but the first ones; NA there."""
    shots = epochs.stamps.shot_ids
    firsts = []
    for number, column in zip(epochs.numbers, epochs.stamps.seconds.T, strict=True):
        rows = np.flatnonzero(np.isfinite(column))
        firsts.append(shots[rows[0]] if number > 1 and len(rows) else None)
    return shot_column(firsts)


def _keys(epochs: Epochs) -> pd.MultiIndex:
    import pandas as pd

    return pd.MultiIndex.from_arrays(
        [keyed("camera_key", epochs.cameras), pd.Index(epochs.numbers, dtype="int64", name="epoch")]
    )


def envelope(times_s: Floats, delays: Floats) -> tuple[float, float]:
    """Fit the lower envelope of delays, whose noise is one-sided.

    The line below all points with the largest sum of values: maximise sum(a + b t) subject to a + b t <= y (Moon, Skelly and
    Towsley 1999, INFOCOM).

    Parameters
    ----------
    times_s, delays : numpy.ndarray
        float64, shape (K,); pairs with a NaN are passed over.

    Returns
    -------
    a, b : float
        The line's value at the mean of the times, and its slope per second; NaN: fewer than 2 different times.
    """
    known = np.isfinite(times_s) & np.isfinite(delays)
    t, y = times_s[known], delays[known]
    if len(t) < 2 or np.ptp(t) == 0:
        return float("nan"), float("nan")
    (height,), (slope,) = _envelopes(t - t.mean(), y[None, :])
    return float(height), float(slope)


def _envelopes(t: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Solve the linear programme for each row of y, at times whose mean is 0: its optimum is the edge of the lower hull above 0.

    From a point on the left, the line to the lowest one on the right as seen from there; from that one, the line back to the
    lowest on the left; and so on. Each turn lowers the line at 0, until both ends stay.
    """
    left, right = np.flatnonzero(t <= 0), np.flatnonzero(t > 0)
    rows = np.arange(len(y))
    start = left[np.argmin(y[:, left], axis=1)]
    for _ in range(len(t)):  # few are needed: no turn comes back to a point that it left
        leaving = (y[:, right] - y[rows, start, None]) / (t[right] - t[start, None])
        end = right[np.argmin(leaving, axis=1)]
        back = (y[rows, end, None] - y[:, left]) / (t[end, None] - t[left])
        place = np.argmax(back, axis=1)
        slopes, before, start = back[rows, place], start, left[place]
        if (start == before).all():
            break
    return y[rows, start] - slopes * t[start], slopes


def host_clock_table(stamps: Stamps, arrivals_s: Floats, confidence: float = 0.95) -> pd.DataFrame:
    """Drift of each camera's clock against the host's, from when the host heard of its exposures.

    News are late by a varying transfer and never early, so only the fastest count: the lower envelope of arrival less stamp.

    Parameters
    ----------
    stamps : Stamps
        The cameras' stamps.
    arrivals_s : numpy.ndarray
        float64, shape (K, N): arrival of the first news of each exposure on the host's clock, seconds since the stamps' origin.
    confidence : float
        Of the interval, which is simulated: gamma delays of the shape that the residuals of all cameras have, at the times of
        the shots in which the camera was heard of.

    Returns
    -------
    pandas.DataFrame
        Index ``camera_key``: ``drift_ppm drift_lo_ppm drift_hi_ppm`` (positive: the camera's clock gains on the host's),
        ``offset_upto_s`` (offset of the clock less the shortest delay of that camera, which is all that can be known of the offset:
        it is at least this), ``n`` (int64), ``method`` ("lp"), ``evidence quantum_ms instant reason``.

    Raises
    ------
    ValueError
        Arrivals and stamps have different shapes.
    """
    import pandas as pd

    if arrivals_s.shape != stamps.seconds.shape:
        raise ValueError(
            f"arrivals have the shape {arrivals_s.shape} and stamps {stamps.seconds.shape}: one for each stamp"
        )
    reason = refusal("drift against the host", stamps.evidence) or ""
    times = stamps.shot_times_s()
    delays = np.full_like(arrivals_s, np.nan) if reason else arrivals_s - stamps.seconds
    n = np.isfinite(delays).sum(axis=0)
    lines = np.array([envelope(times, column) for column in delays.T]).reshape(len(n), 2)
    middles = _column_means(np.where(np.isfinite(delays), times[:, None], np.nan))
    excess = delays - lines[:, 0] - (times[:, None] - middles) * lines[:, 1]
    typical = np.where(n > 2, np.nansum(excess, axis=0) / np.maximum(n - 2, 1), np.nan)
    low, high = _pivots(times, excess, typical, stamps, confidence)
    drift = -lines[:, 1] * 1e6
    columns: dict[str, Any] = {
        "drift_ppm": drift,
        "drift_lo_ppm": drift + low * typical * 1e6,
        "drift_hi_ppm": drift + high * typical * 1e6,
        "offset_upto_s": -lines[:, 0],
        "n": n.astype(np.int64),
        "method": pd.Categorical(["lp"] * len(n), categories=list(METHODS)),
    }
    few = [
        reason or ("" if one >= _HEARD else f"{one} arrivals: an envelope with an interval takes {_HEARD}") for one in n
    ]
    return framed(keyed("camera_key", stamps.camera_keys), columns, stamps.basis, few)


def _column_means(values: Floats) -> Floats:
    """Mean of each column, passing over NaN; NaN where a column has no value."""
    n = np.isfinite(values).sum(axis=0)
    return np.where(n > 0, np.nansum(values, axis=0) / np.maximum(n, 1), np.nan)


def _pivots(times: Floats, excess: Floats, typical: Floats, stamps: Stamps, confidence: float) -> tuple[Floats, Floats]:
    """Give quantiles of (slope found - slope) / mean excess for each camera, NaN: too few arrivals.

    Simulated once for each distinct set of shots in which a camera was heard of, as the error of an envelope goes by how many
    points it has and over what time.
    """
    rng = np.random.default_rng(_SEED)
    present = np.isfinite(excess)
    n = present.sum(axis=0)
    usual = typical[np.isfinite(typical) & (typical > 0)]
    low, high = np.full(len(n), np.nan), np.full(len(n), np.nan)
    if n.max(initial=0) < _HEARD or not usual.size:
        return low, high
    step = (stamps.quantum_ms / 1e3 if np.isfinite(stamps.quantum_ms) else 0.0) / float(np.median(usual))
    shape = _gamma_shape(times, excess / np.where(typical > 0, typical, np.nan), step, rng)
    known: dict[bytes, tuple[float, float]] = {}
    for column in np.flatnonzero((n >= _HEARD) & np.isfinite(shape)):
        shots = present[:, column]
        if shots.tobytes() not in known:
            known[shots.tobytes()] = _pivot(times[shots], shape, step, rng, confidence)
        low[column], high[column] = known[shots.tobytes()]
    return low, high


def _pivot(t: Floats, shape: float, step: float, rng: np.random.Generator, confidence: float) -> tuple[float, float]:
    if np.ptp(t) == 0:
        return float("nan"), float("nan")
    slopes, rest = _left_over(t - t.mean(), shape, step, rng, _DRAWS)
    pivots = slopes / (rest.sum(axis=1) / (len(t) - 2))
    low, high = np.quantile(pivots, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _gamma_shape(times: Floats, relative: Floats, step: float, rng: np.random.Generator) -> float:
    """Estimate the shape of the delays from what is left above all lines, in mean excesses, NaN: it can't be.

    Only the cameras that were heard of nearly as often as the one that was most are looked at: what is left above a line that
    touches two of few points is more skewed than the delays were. By how much is simulated, and the law taken that leaves as much.
    """
    present = np.isfinite(relative)
    n = present.sum(axis=0)
    most = int(np.argmax(n))
    seen = _shape_of(relative[:, n >= 0.9 * n[most]])
    t = times[present[:, most]]
    if np.isnan(seen) or not len(t) or np.ptp(t) == 0:
        return float("nan")
    left = [_shape_of(_left_over(t - t.mean(), shape, step, rng, _SHAPE_DRAWS)[1]) for shape in _SHAPES]
    return float(np.interp(seen, np.maximum.accumulate(left), _SHAPES))


def _shape_of(excess: Floats) -> float:
    """Estimate the shape of a gamma law by its first two moments, without the points that a line touches; NaN: too few values."""
    above = excess[np.isfinite(excess) & (excess > _TOUCHES)]
    return float(above.mean() ** 2 / above.var()) if len(above) >= _HEARD and above.var() > 0 else float("nan")


def _left_over(since: Floats, shape: float, step: float, rng: np.random.Generator, draws: int) -> tuple[Floats, Floats]:
    """Draw delays of which the true envelope is 0; return the slopes found for it, and what is left above, shape (draws, n)."""
    size = draws, len(since)
    y = rng.gamma(shape, 1.0 / shape, size) + rng.uniform(0.0, max(step, 1e-12), size)
    heights, slopes = _envelopes(since, y)
    return slopes, y - heights[:, None] - slopes[:, None] * since


def offset_bounds(
    readings_s: ArrayLike,
    sent_s: ArrayLike,
    received_s: ArrayLike,
    resolution_s: float = 1.0,
    drift_ppm: float = 0.0,
) -> Estimate:
    """Bounds of a clock's offset from readings in whole steps, by intersection.

    A reading c, taken at some instant between h0 and h1 of the host, says that the clock read between c and c + resolution:
    c - h1 <= offset < c + resolution - h0. These are bounds, not a confidence interval: outside is impossible.

    Parameters
    ----------
    readings_s : array_like, shape (polls,)
        What the camera's clock read (s).
    sent_s, received_s : array_like, shape (polls,)
        Host clock before and after each reading (s).
    resolution_s : float
        Steps in which the clock is read out.
    drift_ppm : float
        By how much the clock may gain or lose at most: widens bounds by the time from the middle poll. 0: short series.

    Returns
    -------
    Estimate
        Seconds, the middle of the bounds. No value where there are no readings or the bounds contradict each other (the clock was set
        in between, or drifts more than that).

    Raises
    ------
    ValueError
        The three have different lengths.
    """
    c, h0, h1 = (np.asarray(one, dtype=np.float64) for one in (readings_s, sent_s, received_s))
    if not c.shape == h0.shape == h1.shape or c.ndim != 1:
        raise ValueError(f"{c.shape} readings, {h0.shape} sent and {h1.shape} received: it takes one of each per poll")
    known = np.isfinite(c) & np.isfinite(h0) & np.isfinite(h1)
    c, h0, h1 = c[known], h0[known], h1[known]
    n, step = len(c), resolution_s * 1e3
    if not n:
        return Estimate(
            "clock offset", np.nan, np.nan, np.nan, "s", 0, CALIBRATED, step, reason="the clock was never read"
        )
    wide = drift_ppm * 1e-6 * np.abs(h0 - np.median(h0))
    lo, hi = float((c - h1 - wide).max()), float((c + resolution_s - h0 + wide).min())
    if lo > hi:
        why = f"the readings contradict each other by {lo - hi:.3g} s: the clock was set in between, or drifts more than allowed"
        return Estimate("clock offset", np.nan, np.nan, np.nan, "s", n, CALIBRATED, step, reason=why)
    return Estimate("clock offset", (lo + hi) / 2, lo, hi, "s", n, CALIBRATED, step)


def corrected(stamps: Stamps, clock: pd.DataFrame) -> Stamps:
    """Take offset and drift of each clock off its stamps; the stamps that were given stay as they are.

    Parameters
    ----------
    stamps : Stamps
        As the cameras wrote them.
    clock : pandas.DataFrame
        Index ``camera_key``; ``theta_s theta_lo_s theta_hi_s`` (clock less host), ``drift_ppm drift_lo_ppm drift_hi_ppm`` (0 where
        missing; without bounds, 20 ppm either way), ``t0_s`` (when the offset holds, seconds since the stamps' origin; 0 if missing)
        and ``method``, one that does not rest on the shutters.

    Returns
    -------
    Stamps
        Calibrated, on the host's clock. Uncertainty: the half-width of the offset, and that of the drift times the longest time
        from ``t0_s`` to a stamp of the camera. Cameras without an offset, or without its bounds, are NaN, with a remark.

    Raises
    ------
    ValueError
        The clocks were found from the stamps themselves: taking such an offset off takes the lag with it. Or the stamps are an LED
        reference or host arrivals, which no camera's clock made.
    """
    why_not = refusal("drift against the host", stamps.evidence)
    if why_not is not None:
        raise ValueError(f"no camera's clock made these stamps, so none can correct them: {why_not}")
    methods = set(clock["method"].astype(str))
    circular = methods - set(CALIBRATING)
    if circular:
        raise ValueError(
            f"clocks found by {', '.join(sorted(circular))} contain the lags of the cameras and can't calibrate their stamps; "
            f"it takes {' or '.join(CALIBRATING)}"
        )
    table = clock.reindex(list(stamps.camera_keys))
    theta, drift, t0 = (_numbers(table, name) for name in ("theta_s", "drift_ppm", "t0_s"))
    half = (_numbers(table, "theta_hi_s") - _numbers(table, "theta_lo_s")) / 2e-3
    wander = (_numbers(table, "drift_hi_ppm") - _numbers(table, "drift_lo_ppm")) / 2
    drift, t0, wander = np.nan_to_num(drift), np.nan_to_num(t0), np.nan_to_num(wander, nan=_DRIFT_PPM)
    remarks = tuple(
        f"{key}: {'its clock was not calibrated' if np.isnan(one) else 'how far its clock is known is not known'}, "
        "so its stamps are left out"
        for key, one, known in zip(stamps.camera_keys, theta, np.isfinite(half), strict=True)
        if np.isnan(one) or not known
    )
    on_host = np.where(np.isfinite(half), stamps.seconds - theta, np.nan)
    away = np.abs(on_host - t0)
    longest = np.where(np.isfinite(away), away, 0.0).max(axis=0, initial=0.0)
    return replace(
        stamps,
        seconds=t0 + (on_host - t0) / (1 + drift * 1e-6),
        evidence=CALIBRATED,
        uncertainty_ms=np.where(np.isfinite(theta + half), half + wander * longest * 1e-3, 0.0),
        remarks=stamps.remarks + remarks,
    )


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    """Read a column as float64; NaN where it has nothing, or is not there."""
    if name not in table:
        return np.full(len(table), np.nan)
    numbers: Floats = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers
