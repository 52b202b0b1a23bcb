"""How simultaneous the exposures of each shot were.

Names, definitions and units are those of the field. All of it from one sort of the dense array.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rigkit.timing.evidence import CALIBRATED, LEVELS, refusal, too_coarse
from rigkit.timing.frames import cells, framed, keyed
from rigkit.timing.intervals import MAD_TO_SIGMA, median_deviation
from rigkit.timing.stamps import Counts, Flags, Floats, Stamps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEWEST_CAMERAS", "ShotStatistics", "d2", "shot_statistics", "shot_table", "skew_table", "skews"]

#: With fewer cameras in a shot, the reference without the camera itself is one or two others: whose skew is it then?
FEWEST_CAMERAS = 4


class ShotStatistics(NamedTuple):
    """Per shot, arrays of shape (K,) in the unit of the input; NaN: no such number from so few stamps.

    Attributes
    ----------
    n : numpy.ndarray
        int64, cameras with a stamp. Spread grows with it: never compare spreads of different n without ``sigma``.
    first, last, median : numpy.ndarray
        Of the stamps.
    spread : numpy.ndarray
        Last less first; needs 2 stamps.
    spread_p90 : numpy.ndarray
        95th less 5th percentile, linear between order statistics; needs 2.
    rms : numpy.ndarray
        Root of the mean square of the differences to the median; needs 2.
    sigma : numpy.ndarray
        1.4826 x MAD, which does not grow with n; needs 4.
    sigma_range : numpy.ndarray
        Spread / d2(n): what sigma would be if the stamps were normal; needs 2.
    """

    n: Counts
    first: Floats
    last: Floats
    median: Floats
    spread: Floats
    spread_p90: Floats
    rms: Floats
    sigma: Floats
    sigma_range: Floats


@functools.cache
def d2(n: int) -> float:
    """Give the expected range of n normal values in standard deviations: 3.08 for 10, 4.50 for 50, 5.49 for 200.

    Tippett 1925, Biometrika 17:364: the integral of 1 - F^n - (1 - F)^n.
    """
    from scipy.special import ndtr

    if n < 2:
        return float("nan")
    x = np.linspace(-9.0, 9.0, 3601)
    return float(np.trapezoid(1 - ndtr(x) ** n - ndtr(-x) ** n, x))


def shot_statistics(values: Floats) -> ShotStatistics:
    """Describe each shot.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N), for example milliseconds; NaN: missing.
    """
    k, cameras = values.shape
    if not cameras:
        values, cameras = np.full((k, 1), np.nan), 1
    ordered = np.sort(values, axis=1)  # NaN go last
    missing = np.isnan(ordered)
    n = cameras - missing.sum(axis=1, dtype=np.int64)
    rows = np.arange(k)
    last_place = np.maximum(n - 1, 0)
    first, last = ordered[:, 0].copy(), ordered[rows, last_place]
    median = (ordered[rows, last_place // 2] + ordered[rows, np.minimum(n // 2, cameras - 1)]) / 2
    deviations = ordered - median[:, None]
    np.copyto(deviations, 0.0, where=missing)
    with np.errstate(invalid="ignore", divide="ignore"):
        rms = np.sqrt(np.einsum("ij,ij->i", deviations, deviations) / n)
    several = n >= 2
    spread = np.where(several, last - first, np.nan)
    between = _quantile(ordered, last_place, 0.95) - _quantile(ordered, last_place, 0.05)
    counts = np.unique(n)
    expected = np.array([d2(int(one)) for one in counts])[np.searchsorted(counts, n)]
    flat, start = ordered.ravel(), rows * cameras
    mad = median_deviation(lambda place: flat[start + place], median, n)
    return ShotStatistics(
        n,
        first,
        last,
        median,
        spread,
        np.where(several, between, np.nan),
        np.where(several, rms, np.nan),
        np.where(n >= FEWEST_CAMERAS, MAD_TO_SIGMA * mad, np.nan),
        spread / expected,
    )


def _quantile(ordered: Floats, last_place: Counts, share: float) -> Floats:
    """Quantile of the first ``last_place + 1`` values of each row, linear in between."""
    place = last_place * share
    below = place.astype(np.int64)
    rows = np.arange(len(ordered))
    low = ordered[rows, below]
    high = ordered[rows, np.minimum(below + 1, last_place)]
    quantiles: Floats = low + (place - below) * (high - low)
    return quantiles


def skews(values: Floats) -> Floats:
    """Difference of each stamp to the median of the *other* cameras of its shot; positive: late.

    With itself in the median, a late camera hides part of its lateness in small groups.

    Parameters
    ----------
    values : numpy.ndarray
        float64, shape (K, N); NaN: missing.

    Returns
    -------
    numpy.ndarray
        float64, shape (K, N), in the unit of the values; NaN: missing, or fewer than 4 stamps in that shot.
    """
    k, cameras = values.shape
    if cameras < FEWEST_CAMERAS:
        return np.full((k, cameras), np.nan)
    ordered = np.sort(values, axis=1)
    n = cameras - np.isnan(ordered).sum(axis=1)
    rows, middle = np.arange(k), np.maximum(n, 1) // 2
    odd = n % 2 == 1
    below = ordered[rows, np.maximum(middle - 1, 0)]
    at = ordered[rows, middle.clip(max=cameras - 1)]
    above = ordered[rows, np.where(odd, np.minimum(middle + 1, np.maximum(n - 1, 0)), middle.clip(max=cameras - 1))]
    # Without a value of the lower half the median moves up, without one of the upper half down.
    if_low = np.where(odd, (at + above) / 2, at)
    if_high = np.where(odd, (below + at) / 2, below)
    if_middle = np.where(odd, (below + above) / 2, at)
    pivot = np.where(odd, at, (below + at) / 2)[:, None]
    reference = np.where(values < pivot, if_low[:, None], if_high[:, None])
    reference = np.where(values == pivot, if_middle[:, None], reference)
    return np.where((n >= FEWEST_CAMERAS)[:, None], values - reference, np.nan)


def shot_table(stamps: Stamps) -> pd.DataFrame:
    """Say how simultaneous each shot was, as far as these stamps can tell.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better; from weaker evidence every row says why it holds no number. Leave cameras whose clocks were set out
        first (:func:`rigkit.timing.steps.without_stepped`).

    Returns
    -------
    pandas.DataFrame
        Index ``shot_id``: ``n`` (int64), ``spread_ms`` with ``spread_lo_ms`` and ``spread_hi_ms`` (bounds by the steps of the
        stamps and the uncertainty of the clocks, not a confidence interval), ``spread_p90_ms`` (P95-P5), ``rms_skew_ms``,
        ``robust_sigma_ms``, ``sigma_range_ms``, ``evidence``, ``quantum_ms``, ``instant``, ``reason``. Spread below a step: NaN,
        with bounds.
    """
    found = shot_statistics(stamps.ms)
    shots = len(stamps.shot_ids)
    refused = refusal("spread", stamps.evidence)
    slack = _spread_slack_ms(stamps)
    lo, hi = np.maximum(found.spread - slack, 0.0), found.spread + slack
    below = np.zeros(shots, dtype=bool)
    if refused is None:
        below = (found.spread < stamps.quantum_ms) & (found.n >= 2)
    reasons = []
    for n, hidden, upper in zip(found.n, below, hi, strict=True):
        if refused is not None:
            reasons.append(refused)
        elif n < 2:
            reasons.append(f"{n} stamp{'' if n == 1 else 's'} in this shot: a spread takes 2 cameras")
        elif hidden:
            step = f"{stamps.quantum_ms:g} ms"
            reasons.append(f"below the steps of the stamps ({step}): anything from 0 to {upper:.3g} ms")
        else:
            reasons.append("" if n >= FEWEST_CAMERAS else f"{n} stamps: no robust sigma below {FEWEST_CAMERAS}")
    hide = below | (refused is not None)
    columns: dict[str, object] = {"n": found.n, "spread_ms": _hidden(found.spread, hide)}
    columns |= {"spread_lo_ms": lo, "spread_hi_ms": hi} if refused is None else dict.fromkeys(
        ("spread_lo_ms", "spread_hi_ms"), np.full(shots, np.nan)
    )  # fmt: skip
    columns["spread_p90_ms"] = _hidden(found.spread_p90, hide)
    columns["rms_skew_ms"] = _hidden(found.rms, hide)
    columns["robust_sigma_ms"] = _hidden(found.sigma, hide)
    columns["sigma_range_ms"] = _hidden(found.sigma_range, hide)
    return framed(keyed("shot_id", stamps.shot_ids), columns, stamps.basis, reasons)


def skew_table(stamps: Stamps) -> pd.DataFrame:
    """Skew of each camera in each shot, with bounds.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better; from weaker evidence all is NaN and every row says why. Leave cameras whose clocks were set out first
        (:func:`rigkit.timing.steps.without_stepped`).

    Returns
    -------
    pandas.DataFrame
        Index (shot_id, camera_key), a row for every cell: ``skew_ms``, ``skew_lo_ms``, ``skew_hi_ms`` (float64; bounds by the
        steps of the stamps and the uncertainty of the clocks: a stamp is cut, so the difference of two may be off by up to one
        step either way), ``evidence quantum_ms instant reason``.
    """
    known = skews(stamps.ms)
    reason = refusal("skew", stamps.evidence) or too_coarse(stamps.quantum_ms, "skew") or ""
    slack = _skew_slack_ms(stamps)
    lo, hi = known - slack, known + slack
    if stamps.evidence in LEVELS[: LEVELS.index(CALIBRATED)]:
        known, lo, hi = (np.full_like(known, np.nan) for _ in range(3))
    elif reason:
        # Coarse stamps still tell who is late by more than a step.
        known = np.where((lo > 0) | (hi < 0), known, np.nan)
    missing = ~np.isfinite(stamps.seconds)
    few = (~missing).sum(axis=1) < FEWEST_CAMERAS
    why = np.where(
        missing,
        "no stamp",
        np.where(few[:, None], f"fewer than {FEWEST_CAMERAS} stamps in this shot: a skew takes {FEWEST_CAMERAS}", ""),
    )
    if reason:
        why = np.where(np.isfinite(known), "", reason)
    columns = {"skew_ms": known.ravel(), "skew_lo_ms": lo.ravel(), "skew_hi_ms": hi.ravel()}
    return framed(cells(stamps.shot_ids, stamps.camera_keys), columns, stamps.basis, why.ravel().tolist())


def _spread_slack_ms(stamps: Stamps) -> float:
    """Bound of the error of the difference between any two stamps: one step, and both clocks' uncertainty, be they the worst two."""
    return float(_step_ms(stamps) + 2 * np.max(stamps.uncertainty_ms, initial=0.0))


def _skew_slack_ms(stamps: Stamps) -> Floats:
    """Half-width of each camera's skew, shape (K, N): one step, and the uncertainty of its clock and of the reference's.

    The reference is a median over the shot: of independent errors u (95 %) its own is 1.25 u / sqrt(n).
    """
    own = stamps.uncertainty_ms
    n = np.maximum(np.isfinite(stamps.seconds).sum(axis=1), 1)
    usual = float(np.median(own)) if own.size else 0.0
    slack: Floats = _step_ms(stamps) + np.hypot(own[None, :], (1.2533 * usual / np.sqrt(n))[:, None])
    return slack


def _step_ms(stamps: Stamps) -> float:
    return stamps.quantum_ms if np.isfinite(stamps.quantum_ms) else 0.0


def _hidden(values: Floats, hide: Flags | bool) -> Floats:
    return np.where(hide, np.nan, values)
