"""Timing: estimates, evidence, decisions. Pure: tables in, tables out; no clock, no files, no sockets.

What can be known is decided by where the stamps come from (:mod:`rigkit.timing.evidence`): an LED reference, calibrated stamps,
uncalibrated stamps, host arrivals. What can't be known is refused with a reason; no number comes without its evidence, its n, the
steps of its stamps and the instant of the exposure that is meant. Names and units are those of section 4 of the timing reference:
skew, lag, jitter and spread in ms, offsets in s, drift in ppm.

::

    tidy table --stamps_of--> Stamps --fitted--> Fitted; both --> shot_table, skew_table, camera_table, clock_table, lateness_table
    LED readings --led_stamps--> Stamps (reference) --calibrate--> Calibration --propose--> delays
    Stamps --review--> what was found, what was checked, what could not be

Names are loaded on first use: most of these rooms need numpy, and whoever only connects to a rig needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rigkit.timing.calibration import Calibration, Lag, calibrate
    from rigkit.timing.cameras import (
        camera_table,
        correctable_spread,
        latency_table,
        limit_table,
        residual_spreads,
    )
    from rigkit.timing.clocks import clock_table, corrected, envelope, host_clock_table, offset_bounds
    from rigkit.timing.cohorts import compare
    from rigkit.timing.decisions import (
        BUDGET,
        adjusted,
        beyond_limit,
        completeness,
        least_limit_ms,
        shots_needed,
        within_limit,
    )
    from rigkit.timing.evidence import (
        CALIBRATED,
        CAN_SAY,
        HOST_ARRIVAL,
        LETTERS,
        LEVELS,
        REFERENCE,
        UNCALIBRATED,
        Basis,
        Estimate,
        Evidence,
        Instant,
        evidence_dtype,
        refusal,
    )
    from rigkit.timing.fit import Polished, TwoWay, median_polish, two_way
    from rigkit.timing.intervals import mad_interval, median_interval, wilson
    from rigkit.timing.late import Lateness, lateness, lateness_table
    from rigkit.timing.led import exposure_ms, led_stamps, wrapped
    from rigkit.timing.limits import (
        MOTIONS,
        FlashBudget,
        acceptable_skew_ms,
        blur_px,
        flash_budget,
        lateness_from_band_ms,
        shift_px,
    )
    from rigkit.timing.proposal import Proposal, propose
    from rigkit.timing.quantum import Quanta, quanta, quantum_of
    from rigkit.timing.rules import Review, review
    from rigkit.timing.spread import ShotStatistics, d2, shot_statistics, shot_table, skew_table, skews
    from rigkit.timing.stamps import Stamps, dense, stamps_of, tidy
    from rigkit.timing.steps import RIG, Epochs, Step, clock_steps, split, step_table, without_stepped
    from rigkit.timing.usual import Fitted, fitted

#: Public name -> module it lives in.
_HOMES = {
    name: module
    for module, names in {
        "calibration": "Calibration Lag calibrate",
        "cameras": "camera_table correctable_spread latency_table limit_table residual_spreads",
        "clocks": "clock_table corrected envelope host_clock_table offset_bounds",
        "cohorts": "compare",
        "decisions": "BUDGET adjusted beyond_limit completeness least_limit_ms shots_needed within_limit",
        "evidence": "CALIBRATED CAN_SAY HOST_ARRIVAL LETTERS LEVELS REFERENCE UNCALIBRATED Basis Estimate Evidence Instant "
        "evidence_dtype refusal",
        "fit": "Polished TwoWay median_polish two_way",
        "intervals": "mad_interval median_interval wilson",
        "late": "Lateness lateness lateness_table",
        "led": "exposure_ms led_stamps wrapped",
        "limits": "MOTIONS FlashBudget acceptable_skew_ms blur_px flash_budget lateness_from_band_ms shift_px",
        "proposal": "Proposal propose",
        "quantum": "Quanta quanta quantum_of",
        "rules": "Review review",
        "spread": "ShotStatistics d2 shot_statistics shot_table skew_table skews",
        "stamps": "Stamps dense stamps_of tidy",
        "steps": "RIG Epochs Step clock_steps split step_table without_stepped",
        "usual": "Fitted fitted",
    }.items()
    for name in names.split()
}

__all__ = [
    "BUDGET",
    "CALIBRATED",
    "CAN_SAY",
    "HOST_ARRIVAL",
    "LETTERS",
    "LEVELS",
    "MOTIONS",
    "REFERENCE",
    "RIG",
    "UNCALIBRATED",
    "Basis",
    "Calibration",
    "Epochs",
    "Estimate",
    "Evidence",
    "Fitted",
    "FlashBudget",
    "Instant",
    "Lag",
    "Lateness",
    "Polished",
    "Proposal",
    "Quanta",
    "Review",
    "ShotStatistics",
    "Stamps",
    "Step",
    "TwoWay",
    "acceptable_skew_ms",
    "adjusted",
    "beyond_limit",
    "blur_px",
    "calibrate",
    "camera_table",
    "clock_steps",
    "clock_table",
    "compare",
    "completeness",
    "correctable_spread",
    "corrected",
    "d2",
    "dense",
    "envelope",
    "evidence_dtype",
    "exposure_ms",
    "fitted",
    "flash_budget",
    "host_clock_table",
    "latency_table",
    "lateness",
    "lateness_from_band_ms",
    "lateness_table",
    "least_limit_ms",
    "led_stamps",
    "limit_table",
    "mad_interval",
    "median_interval",
    "median_polish",
    "offset_bounds",
    "propose",
    "quanta",
    "quantum_of",
    "refusal",
    "residual_spreads",
    "review",
    "shift_px",
    "shot_statistics",
    "shot_table",
    "shots_needed",
    "skew_table",
    "skews",
    "split",
    "stamps_of",
    "step_table",
    "tidy",
    "two_way",
    "wilson",
    "within_limit",
    "without_stepped",
    "wrapped",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rigkit.timing' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"rigkit.timing.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
