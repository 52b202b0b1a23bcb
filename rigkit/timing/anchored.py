"""Uncalibrated stamps made comparable by lags that were measured otherwise: with a counter in view, today or last month.

Stamps alone tell a camera's lag and the offset of its clock only as their sum. Where the lag is known, the rest is the clock. So
each clock's offset and drift are found from the stamps, and the lag is put back. What it rests on is that lags do not change
by themselves from the measurement to these shots; the uncertainty of the lags is carried on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rigkit.timing.calibration import Calibration
from rigkit.timing.evidence import CALIBRATED, Instant
from rigkit.timing.fit import floor_of, robust_size
from rigkit.timing.stamps import Flags, Floats, Stamps
from rigkit.timing.steps import levelled
from rigkit.timing.usual import Fitted

__all__ = ["anchored"]

#: Farther from its camera's usual than so many sigma, a stamp is no jitter: 6 in 10 million normal values are.
_BEYOND = 5.0


def anchored(stamps: Stamps, calibration: Calibration, fit: Fitted) -> Stamps:
    """Take each clock's offset and drift off its stamps, and leave the known lags in them.

    Parameters
    ----------
    stamps : Stamps
        As the cameras wrote them.
    calibration : Calibration
        Lags by camera key, of these bodies.
    fit : Fitted
        Of the stamps: each epoch of a clock has an offset of its own.

    Returns
    -------
    Stamps
        Calibrated. Cameras whose lag is not known, or has no interval, are NaN, with a remark; so are epochs of fewer than
        4 stamps. ``uncertainty_ms``: half the interval of the lag and 1.96 standard errors of the clock's line at its worse end, in
        quadrature: the one comes from the counter, the other from the stamps.
    """
    times = levelled(stamps, fit.steps).shot_times_s()
    moved, uncertain = np.full(stamps.seconds.shape, np.nan), np.zeros(len(stamps.camera_keys))
    line_ms = _line_errors_ms(fit, times)
    beyond = _BEYOND * max(robust_size(fit.residuals_ms), floor_of(stamps.quantum_ms), 1e-6)
    remarks: list[str] = []
    for column, camera in enumerate(stamps.camera_keys):
        lag = calibration.lags.get(camera)
        if lag is None or not lag.is_bounded:
            remarks.append(f"{camera}: {calibration.why_not(camera)}; left out")
            continue
        half = (lag.hi_ms - lag.lo_ms) / 2
        for part in (place for place, whose in enumerate(fit.epochs.cameras) if whose == camera):
            if np.isfinite(line_ms[part]):
                there = np.isfinite(fit.epochs.stamps.seconds[:, part])
                odd = there & _at_an_end(there) & (np.abs(fit.residuals_ms[:, column]) > beyond)
                if odd.any():
                    shots = ", ".join(str(stamps.shot_ids[row]) for row in np.flatnonzero(odd))
                    remarks.append(f"{camera}: late in shot {shots}, or its clock was set there; left out")
                there &= ~odd
                moved[there, column] = fit.residuals_ms[there, column] + lag.lag_ms
                uncertain[column] = max(uncertain[column], float(np.hypot(half, 1.96 * line_ms[part])))
    instants: dict[str, Instant] = {"start": "start", "middle": "middle"}
    return replace(
        stamps,
        seconds=times[:, None] + moved / 1e3,
        evidence=CALIBRATED,
        instant=instants.get(calibration.instant, "unknown"),
        uncertainty_ms=uncertain,
        remarks=(*stamps.remarks, *remarks),
    )


def _at_an_end(there: Flags) -> Flags:
    """Mark the first two and the last two stamps: with fewer than three after it, a clock that was set looks like late exposures."""
    rows = np.flatnonzero(there)
    marked = np.zeros_like(there)
    marked[[*rows[:2], *rows[-2:]]] = True
    return marked


def _line_errors_ms(fit: Fitted, times: Floats) -> Floats:
    """Give the standard error (ms) of each epoch's line where it is known least, at an end; NaN below 4 stamps."""
    known = times[np.isfinite(times)]
    farthest = float(np.abs(known - fit.fit.t0).max()) if known.size else 0.0
    errors: Floats = np.hypot(fit.fit.offset_errors, fit.fit.drift_errors * farthest)
    return errors
