"""How well a statement about timing is founded, and which questions a kind of data can answer at all.

Four levels, weakest first. A question that needs more than there is gets a reason, never a number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CALIBRATED",
    "CAN_SAY",
    "COARSE_MS",
    "DRIFT_LIMIT_PPM",
    "FEWEST_SHOTS",
    "HOST_ARRIVAL",
    "LETTERS",
    "LEVELS",
    "REFERENCE",
    "UNCALIBRATED",
    "Basis",
    "Estimate",
    "Evidence",
    "Instant",
    "Question",
    "evidence_dtype",
    "refusal",
    "too_coarse",
]

Evidence = Literal["host arrival", "uncalibrated stamps", "calibrated stamps", "reference"]
#: Which instant of an exposure the stamps mean. "unknown": nobody has found out yet.
Instant = Literal["start", "middle", "end", "unknown"]
Question = Literal[
    "skew",
    "spread",
    "lag",
    "correctable spread",
    "latency",
    "residual spread",
    "jitter",
    "lateness",
    "drift",
    "clock step",
    "drift against the host",
]

HOST_ARRIVAL: Evidence = "host arrival"
UNCALIBRATED: Evidence = "uncalibrated stamps"
CALIBRATED: Evidence = "calibrated stamps"
REFERENCE: Evidence = "reference"

#: Weakest first, as the ordered categorical has them.
LEVELS: tuple[Evidence, ...] = (HOST_ARRIVAL, UNCALIBRATED, CALIBRATED, REFERENCE)
#: The letter a level goes by in findings.
LETTERS: dict[Evidence, str] = {REFERENCE: "A", CALIBRATED: "B", UNCALIBRATED: "C", HOST_ARRIVAL: "D"}

#: Level -> what it can say, what it can't.
CAN_SAY: dict[Evidence, tuple[str, str]] = {
    REFERENCE: (
        "the exposures themselves: skew, lag, jitter and spread, modulo the wrap of the counter",
        "release latency, unless the release starts the counter; differences of half a wrap and more",
    ),
    CALIBRATED: (
        "skew, lag, jitter and spread, as far as each clock's offset is known and all bodies stamp alike",
        "anything finer than the offsets are known; a single skew finer than the stamps' steps",
    ),
    UNCALIBRATED: (
        "changes against each camera's own usual value: lateness in one shot, jitter, clock steps, drift relative to the rig",
        "whether a camera is always late: its lag and the offset of its clock come only as their sum",
    ),
    HOST_ARRIVAL: (
        "who answered and in which order; beside stamps, drift against the host from the fastest arrivals",
        "when a shutter opened: the lag can't be told from the shortest transfer of that camera",
    ),
}

#: The weakest level that answers a question.
_NEEDS: dict[Question, Evidence] = {
    "skew": CALIBRATED,
    "spread": CALIBRATED,
    "lag": CALIBRATED,
    "correctable spread": CALIBRATED,
    "latency": CALIBRATED,
    "residual spread": UNCALIBRATED,
    "jitter": UNCALIBRATED,
    "lateness": UNCALIBRATED,
    "drift": UNCALIBRATED,
    "clock step": UNCALIBRATED,
    "drift against the host": UNCALIBRATED,
}
#: Questions about the cameras' clocks: stamps that were not made by them have no answer, however good they are.
_OF_CLOCKS: tuple[Question, ...] = ("drift", "clock step", "drift against the host")

#: Stamps in steps of this (ms) and more say nothing about what is shorter than a step. Finer ones average: shots fall anywhere
#: within a step, so 20 stamps in 10 ms steps give a lag to about 1 ms.
COARSE_MS = 100.0
#: Below, not even the extremes enclose a median with 95 %: 2 x 2^-5 of all samples of 5 lie on one side of it.
FEWEST_SHOTS = 6
#: Three standard deviations of what quartz clocks drift (prior 0 +- 10 ppm); 108 ms an hour.
DRIFT_LIMIT_PPM = 30.0


def evidence_dtype() -> pd.CategoricalDtype:
    """Give the dtype of every ``evidence`` column: an ordered categorical, weakest level first."""
    import pandas as pd

    return pd.CategoricalDtype(list(LEVELS), ordered=True)


def refusal(question: Question, evidence: Evidence) -> str | None:
    """Say why a question can't be answered at a level.

    Parameters
    ----------
    question : str
        One of the questions there are.
    evidence : str
        The level of the data.

    Returns
    -------
    str or None
        The reason; None: it can be answered.
    """
    if evidence == REFERENCE and question in _OF_CLOCKS:
        return f"{question} can't be known from {REFERENCE} ({LETTERS[REFERENCE]}), which shows the exposures, not the cameras' clocks"
    needed = _NEEDS[question]
    if LEVELS.index(evidence) >= LEVELS.index(needed):
        return None
    return (
        f"{question} can't be known from {evidence} ({LETTERS[evidence]}), which can't tell "
        f"{CAN_SAY[evidence][1]}; it takes {needed} ({LETTERS[needed]}) or better"
    )


def too_coarse(quantum_ms: float, what: str) -> str | None:
    """Say why stamps are too coarse for a question about milliseconds.

    Parameters
    ----------
    quantum_ms : float
        Steps of the stamps (ms); NaN: not known, which refuses nothing.
    what : str
        What was asked for, to be named in the reason.

    Returns
    -------
    str or None
        The reason; None: fine enough, steps below :data:`COARSE_MS`.
    """
    if not quantum_ms >= COARSE_MS:
        return None
    return f"the stamps come in steps of {quantum_ms:g} ms: a {what} below {quantum_ms:g} ms can't be known"


class Basis(NamedTuple):
    """What a table or a number rests on.

    Attributes
    ----------
    evidence : str
        The level.
    quantum_ms : float
        Steps of the stamps (ms); 0: none found down to 1 ms; NaN: not known.
    instant : str
        The instant of the exposure that is meant.
    remarks : tuple of str
        What was resolved or left out, and why.
    """

    evidence: Evidence
    quantum_ms: float = math.nan
    instant: Instant = "unknown"
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with all that is needed to judge it, or the reason why there is none.

    Attributes
    ----------
    what : str
        What is estimated, for example ``"lag"``.
    value, lo, hi : float
        The estimate and its interval, in ``unit``; NaN: can't be known, see ``reason``. Bounds may be known where the value is not.
    unit : str
        ``ms``, ``s``, ``ppm``, ...
    n : int
        How many stamps, shots or readings it rests on.
    evidence : str or None
        The level; None: it rests on no time stamps (counts).
    quantum_ms : float
        Steps of the stamps (ms); 0: none found down to 1 ms; NaN: not known.
    instant : str
        Whether start or middle of the exposure is meant.
    reason : str
        Why there is no value, or what restricts it; empty: nothing.
    """

    what: str
    value: float
    lo: float
    hi: float
    unit: str
    n: int
    evidence: Evidence | None
    quantum_ms: float = math.nan
    instant: Instant = "unknown"
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)

    def __str__(self) -> str:
        if not self.known:
            return f"{self.what}: can't be known: {self.reason}"
        basis = [] if self.evidence is None else [f"{LETTERS[self.evidence]}: {self.evidence}"]
        basis.append(f"n={self.n}")
        if self.evidence is not None and not math.isnan(self.quantum_ms):
            basis.append(f"stamps in {self.quantum_ms:g} ms steps" if self.quantum_ms else "stamps finer than 1 ms")
        if self.instant != "unknown":
            basis.append(f"{self.instant} of exposure")
        note = f"; {self.reason}" if self.reason else ""
        return f"{self.what} {self.value:.3g} {self.unit} [{self.lo:.3g}, {self.hi:.3g}] ({', '.join(basis)}){note}"
