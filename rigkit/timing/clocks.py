"""Offset and drift of the cameras' clocks: relative to the rig, against the host, and from polled readings.

An offset from stamps alone contains the lag of the camera; only a clock that was read by other means (polled, or an LED in view)
calibrates stamps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rigkit.timing.evidence import CALIBRATED, REFERENCE, Estimate, evidence_dtype, refusal
from rigkit.timing.fit import floor_of, two_way
from rigkit.timing.frames import framed
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, Stamps
from rigkit.timing.steps import Epochs, Step, clock_steps, split

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CALIBRATING", "METHODS", "clock_table", "corrected", "envelope", "host_clock_table", "offset_bounds"]

#: How the offset and drift of a clock were found.
METHODS = ("lp", "two-way", "poll", "led")
#: The methods that do not rest on the shutters themselves, so that stamps corrected by them may tell lags.
CALIBRATING = ("poll", "led")
#: Simulated sessions behind the interval of an envelope, and their seed.
_DRAWS, _SEED = 400, 20260104
#: Shapes of gamma laws that are tried: from most delays near the least one to nearly normal.
_SHAPES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0, 32.0, 64.0)


def clock_table(stamps: Stamps, steps: list[Step] | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """Offset and drift of each clock relative to the rig, by the two-way fit.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    steps : list of Step or None
        Where clocks were set; None: looked for.
    confidence : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        Index (camera_key, epoch from 1): ``theta_s theta_lo_s theta_hi_s`` (relative to the median of the rig in the middle of the
        session; from stamps alone it contains the lag), ``drift_ppm drift_lo_ppm drift_hi_ppm`` (relative to the median drift),
        ``n`` and ``used`` (int64: stamps, and those that were no outliers), ``method`` ("two-way"), ``quantum_ms``, ``step_at``
        (shot id of the first shot of a later epoch, else NA), ``evidence``, ``reason``. NaN: can't be known, see ``reason``.
    """
    import pandas as pd
    from scipy import stats

    steps = clock_steps(stamps) if steps is None else steps
    epochs = split(stamps, steps)
    seconds, times = epochs.stamps.seconds, stamps.shot_times_s()
    reason = refusal("drift", stamps.evidence) or ""
    if not reason and len(stamps.camera_keys) < FEWEST_CAMERAS:
        reason = f"{len(stamps.camera_keys)} cameras: relative to the rig takes {FEWEST_CAMERAS}"
    fitted = two_way((seconds - times[:, None]) * 1e3, times, floor=floor_of(stamps.quantum_ms))
    quantile = stats.t.ppf((1 + confidence) / 2, np.maximum(fitted.used - 2, 1))
    hide = np.nan if reason else 1.0
    theta, drift = fitted.offsets / 1e3 * hide, fitted.drifts * 1e3 * hide
    theta_error, drift_error = quantile * fitted.offset_errors / 1e3, quantile * fitted.drift_errors * 1e3
    text = pd.StringDtype("pyarrow", na_value=pd.NA)
    table = pd.DataFrame(
        {
            "theta_s": theta,
            "theta_lo_s": theta - theta_error,
            "theta_hi_s": theta + theta_error,
            "drift_ppm": drift,
            "drift_lo_ppm": drift - drift_error,
            "drift_hi_ppm": drift + drift_error,
            "n": fitted.n.astype(np.int64),
            "used": fitted.used.astype(np.int64),
            "method": pd.Categorical(["two-way"] * len(fitted.n), categories=list(METHODS)),
            "quantum_ms": stamps.quantum_ms,
            "step_at": _first_shots(epochs),
        },
        index=_keys(epochs),
    )
    table["evidence"] = pd.Categorical([stamps.evidence] * len(table), dtype=evidence_dtype())
    few = [
        reason
        or (
            f"{n} stamps: a drift with an interval takes 4"
            if n < 4
            else "no time between its stamps"
            if np.isnan(one)
            else ""
        )
        for n, one in zip(fitted.n, fitted.drifts, strict=True)
    ]
    table["reason"] = pd.array(few, dtype=text)
    return table


def _first_shots(epochs: Epochs) -> pd.Series[Any]:
    """Give the first shot of each epoch but the first ones; NA there."""
    import pandas as pd

    shots = epochs.stamps.shot_ids
    whole = all(isinstance(one, int | np.integer) for one in shots)
    firsts = []
    for number, column in zip(epochs.numbers, epochs.stamps.seconds.T, strict=True):
        rows = np.flatnonzero(np.isfinite(column))
        firsts.append(shots[rows[0]] if number > 1 and len(rows) else None)
    return pd.Series(pd.array(firsts, dtype="Int64" if whole else "object")).set_axis(_keys(epochs))


def _keys(epochs: Epochs) -> pd.MultiIndex:
    import pandas as pd

    text = pd.StringDtype("pyarrow", na_value=pd.NA)
    columns = [pd.Index(epochs.cameras, dtype=text), pd.Index(epochs.numbers, dtype="int64")]
    return pd.MultiIndex.from_arrays(columns, names=["camera_key", "epoch"])


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
    return _envelope(t - t.mean(), y)


def _envelope(t: Floats, y: Floats) -> tuple[float, float]:
    """Solve the linear programme at times whose mean is 0: its optimum is the edge of the lower hull above 0.

    That edge is the pair, one left and one right of 0, whose chord is lowest at 0; the values of chords are all compared at
    once, block by block.
    """
    left, right = np.flatnonzero(t <= 0), np.flatnonzero(t > 0)
    best = (np.inf, 0.0)
    for part in np.array_split(left, 1 + len(left) * len(right) // 1_000_000):
        if not len(part):
            continue
        slopes = (y[right] - y[part][:, None]) / (t[right] - t[part][:, None])
        heights = y[part][:, None] - slopes * t[part][:, None]
        place = np.unravel_index(int(np.argmin(heights)), heights.shape)
        best = min(best, (float(heights[place]), float(slopes[place])))
    return best


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
        Of the interval, which is simulated: gamma delays of the shape that the residuals of all cameras have, at the same times.

    Returns
    -------
    pandas.DataFrame
        Index ``camera_key``: ``drift_ppm drift_lo_ppm drift_hi_ppm`` (positive: the camera's clock gains on the host's),
        ``offset_upto_s`` (offset of the clock less the shortest delay of that camera, which is all that can be known of the offset:
        it is at least this), ``n``, ``method`` ("lp"), ``evidence quantum_ms instant reason``.

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
    delays = arrivals_s - stamps.seconds
    times = stamps.shot_times_s()
    n = np.isfinite(delays).sum(axis=0)
    lines = np.array([envelope(times, column) for column in delays.T]).reshape(len(n), 2)
    middles = _column_means(np.where(np.isfinite(delays), times[:, None], np.nan))
    excess = delays - lines[:, 0] - (times[:, None] - middles) * lines[:, 1]
    counted = np.where(n > 2, np.nansum(excess, axis=0) / np.maximum(n - 2, 1), np.nan)
    step = stamps.quantum_ms / 1e3 if np.isfinite(stamps.quantum_ms) else 0.0
    typical = float(np.median(counted[np.isfinite(counted)])) if np.isfinite(counted).any() else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = excess / counted
    low, high = _envelope_pivot(times, relative, step / max(typical, 1e-9), confidence)
    drift = -lines[:, 1] * 1e6
    columns: dict[str, Any] = {
        "drift_ppm": drift,
        "drift_lo_ppm": drift + low * counted * 1e6,
        "drift_hi_ppm": drift + high * counted * 1e6,
        "offset_upto_s": -lines[:, 0],
        "n": n.astype(np.int64),
        "method": pd.Categorical(["lp"] * len(n), categories=list(METHODS)),
    }
    reasons = ["" if one >= 8 else f"{one} arrivals: an envelope with an interval takes 8" for one in n]
    columns["drift_lo_ppm"][n < 8] = columns["drift_hi_ppm"][n < 8] = np.nan
    return framed("camera_key", stamps.camera_keys, columns, stamps, reasons)


def _column_means(values: Floats) -> Floats:
    """Mean of each column, passing over NaN; NaN where a column has no value."""
    n = np.isfinite(values).sum(axis=0)
    return np.where(n > 0, np.nansum(values, axis=0) / np.maximum(n, 1), np.nan)


def _envelope_pivot(times: Floats, excess: Floats, step: float, confidence: float) -> tuple[float, float]:
    """Simulate quantiles of (slope found - slope) / mean excess, with gamma delays at the same times and stamps cut by ``step``.

    The step is in mean excesses, too. The shape is taken from the residuals of all cameras together, without the two points that
    each line touches.
    """
    t = times[np.isfinite(times)]
    seen = _shape_of(excess[np.isfinite(excess) & (excess > 1e-9)])
    if np.isnan(seen) or len(t) < 4 or np.ptp(t) == 0:
        return float("nan"), float("nan")
    t = t[:: max(1, len(t) // 200)]  # 200 of the shots: the interval is then a little too wide, never too narrow
    since, rng = t - t.mean(), np.random.default_rng(_SEED)
    # What is left above a line that touches two points is more skewed than the delays were: find the law that leaves as much.
    left = [_shape_of(np.concatenate([_left_over(since, shape, step, rng)[1] for _ in range(40)])) for shape in _SHAPES]
    shape = float(np.interp(seen, np.maximum.accumulate(left), _SHAPES))
    slopes = [
        slope / (rest.sum() / (len(t) - 2))
        for slope, rest in (_left_over(since, shape, step, rng) for _ in range(_DRAWS))
    ]
    low, high = np.quantile(slopes, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _shape_of(excess: Floats) -> float:
    """Estimate the shape of a gamma law by its first two moments; NaN: too few values."""
    return float(excess.mean() ** 2 / excess.var()) if len(excess) >= 8 and excess.var() > 0 else float("nan")


def _left_over(since: Floats, shape: float, step: float, rng: np.random.Generator) -> tuple[float, Floats]:
    """Draw delays of which the true envelope is 0; return the slope found for it, and what is left above it."""
    y = rng.gamma(shape, 1.0 / shape, len(since)) + rng.uniform(0.0, max(step, 1e-12), len(since))
    height, slope = _envelope(since, y)
    rest = y - height - slope * since
    return slope, rest[rest > 1e-9]


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
        Index ``camera_key``; ``theta_s theta_lo_s theta_hi_s`` (clock less host), ``drift_ppm`` (0 if missing), ``t0_s`` (when
        these hold, seconds since the stamps' origin; 0 if missing) and ``method``, one that does not rest on the shutters.

    Returns
    -------
    Stamps
        Calibrated, on the host's clock, with the half-width of the bounds as uncertainty. Cameras without a calibration are
        NaN, with a remark.

    Raises
    ------
    ValueError
        The clocks were found from the stamps themselves: taking such an offset off takes the lag with it.
    """
    methods = set(clock["method"].astype(str))
    circular = methods - set(CALIBRATING)
    if circular:
        raise ValueError(
            f"clocks found by {', '.join(sorted(circular))} contain the lags of the cameras and can't calibrate their stamps; "
            f"it takes {' or '.join(CALIBRATING)}"
        )
    table = clock.reindex(list(stamps.camera_keys))
    theta = table["theta_s"].to_numpy(dtype=np.float64, na_value=np.nan)
    drift = table["drift_ppm"].to_numpy(dtype=np.float64, na_value=0.0) if "drift_ppm" in table else 0.0 * theta
    t0 = table["t0_s"].to_numpy(dtype=np.float64, na_value=0.0) if "t0_s" in table else np.zeros(len(theta))
    half = (table["theta_hi_s"] - table["theta_lo_s"]).to_numpy(dtype=np.float64, na_value=np.nan) / 2e-3
    unknown = [key for key, one in zip(stamps.camera_keys, theta, strict=True) if np.isnan(one)]
    remarks = tuple(f"{key}: its clock was not calibrated, so its stamps are left out" for key in unknown)
    on_host = stamps.seconds - theta
    seconds = t0 + (on_host - t0) / (1 + np.nan_to_num(drift) * 1e-6)
    return replace(
        stamps,
        seconds=seconds,
        evidence=stamps.evidence if stamps.evidence == REFERENCE else CALIBRATED,
        uncertainty_ms=np.nan_to_num(half),
        remarks=stamps.remarks + remarks,
    )
