"""The law of section 4 of the timing reference, drawn directly: rigs, their sessions, and what is true of them.

Nothing of rigkit is used to draw or to know the truth; only the result is handed over as stamps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rigkit.timing import CALIBRATED, REFERENCE, Evidence, Stamps
from rigkit.timing.stamps import Floats

__all__ = ["JITTERS", "Known", "Law", "Rig", "drawn", "known", "rig", "session"]

#: What a release adds to the lag (ms), as the simulator's three laws have it.
JITTERS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "gaussian": lambda rng, shape: rng.normal(0.0, 3.0, shape),
    "frame-uniform": lambda rng, shape: rng.uniform(0.0, 16.0, shape),
    "bimodal": lambda rng, shape: rng.normal(0.0, 1.0, shape) + 20.0 * (rng.random(shape) < 0.2),
}
#: Shots from which the truth about a law is taken.
_MANY = 4000


@dataclass(frozen=True)
class Law:
    """What a session is like."""

    jitter: str = "gaussian"
    quantum_ms: float = 10.0
    evidence: Evidence = "uncalibrated stamps"
    cameras: int = 60
    shots: int = 20
    lag_sd_ms: float = 5.0
    drift_sd_ppm: float = 5.0
    span_s: float = 3600.0
    missing: float = 0.02
    outliers: float = 0.0


class Rig(NamedTuple):
    """What does not change within a session: lags (ms), clock offsets (ms), drifts (ppm), arrays of shape (N,)."""

    lags: Floats
    offsets: Floats
    drifts: Floats


class Known(NamedTuple):
    """What is true of each camera, arrays of shape (N,), ms: by many shots of the same rig.

    ``lag`` and ``jitter`` are of the law as its stamps show it, after they are cut; ``uncut_lag`` before.
    """

    lag: Floats
    jitter: Floats
    uncut_lag: Floats


def rig(law: Law, rng: np.random.Generator) -> Rig:
    """Draw a rig: clocks anywhere within a minute of each other."""
    return Rig(
        rng.normal(0.0, law.lag_sd_ms, law.cameras) if law.lag_sd_ms else np.zeros(law.cameras),
        rng.uniform(0.0, 60_000.0, law.cameras),
        rng.normal(0.0, law.drift_sd_ppm, law.cameras),
    )


def drawn(law: Law, of: Rig, shots: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw true starts of exposure and cut stamps, ms, shape (shots, N); calibrated stamps are corrected by the true clocks."""
    released = (np.arange(shots) + rng.random(shots))[:, None] * (1e3 * law.span_s / shots)
    true = released + 60.0 + of.lags + JITTERS[law.jitter](rng, (shots, law.cameras))
    if law.evidence == REFERENCE:
        return true, np.floor(true / law.quantum_ms) * law.quantum_ms
    clock = of.offsets + of.drifts * 1e-6 * true
    stamps = np.floor((true + clock) / law.quantum_ms) * law.quantum_ms
    if law.evidence == CALIBRATED:
        stamps = (stamps - of.offsets) / (1 + of.drifts * 1e-6)
    return true, stamps


def session(law: Law, of: Rig, rng: np.random.Generator) -> Stamps:
    """Draw a session."""
    _, stamps = drawn(law, of, law.shots, rng)
    hit = rng.random(stamps.shape) < law.outliers
    stamps[hit] += rng.choice([-500.0, 38.0, 100.0, 1000.0], int(hit.sum()))
    stamps[rng.random(stamps.shape) < law.missing] = np.nan
    return as_stamps(law, stamps)


def as_stamps(law: Law, stamps_ms: Floats) -> Stamps:
    """Hand stamps over."""
    keys = tuple(f"C{number:03d}" for number in range(stamps_ms.shape[1]))
    shots = tuple(range(1, len(stamps_ms) + 1))
    return Stamps(stamps_ms / 1e3, shots, keys, law.evidence, quantum_ms=law.quantum_ms, instant="start")


def _against_others(stamps: Floats) -> Floats:
    """Difference to the median of all other cameras, of which there is an odd number."""
    ordered = np.sort(stamps, axis=1)
    half = stamps.shape[1] // 2
    assert stamps.shape[1] == 2 * half
    lower, upper = ordered[:, half - 1, None], ordered[:, half, None]
    return stamps - np.where(stamps <= lower, upper, lower)


def known(law: Law, of: Rig, rng: np.random.Generator) -> Known:
    """Find out what is true, by many shots."""
    true, stamps = drawn(law, of, _MANY, rng)
    skews, uncut = (_against_others(one) for one in (stamps, true))
    lag = np.median(skews, axis=0)
    return Known(lag, 1.4826 * np.median(np.abs(skews - lag), axis=0), np.median(uncut, axis=0))
