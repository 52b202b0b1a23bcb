"""The true steps of stamps, estimated from the stamps themselves.

The number of digits bounds the resolution and is not the step: a body may write three digits and count in tens of
milliseconds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rigkit.timing.stamps import Floats, Stamps

__all__ = ["Quanta", "quanta", "quantum_of"]

#: Steps that are looked for, ms. Coarse to fine; a decade is decided by few stamps, what lies between takes more.
_DECADES_MS = (1000.0, 100.0, 10.0, 1.0)
_BETWEEN = (5.0, 2.0)
#: Stamps must lie on the grid to this (s): a double holds Unix time to 0.24 us.
_NEAR_S = 2e-6
#: One stamp in twenty may be an odd one (a stamp made by another program).
_ODD = 0.05
#: By chance, 3 stamps of a step ten times finer all look coarse once in 1000; 10 stamps of one half as fine as often.
_FEWEST, _FEWEST_BETWEEN = 3, 10
#: A camera's stamps are called coarser than those of the rig when chance would make any camera look so in fewer rigs than this.
_BY_CHANCE = 1e-3


class Quanta(NamedTuple):
    """Steps of the stamps.

    Attributes
    ----------
    rig_ms : float
        The coarsest of all cameras, which limits what can be said of the rig; 0: none found down to 1 ms; NaN: not known.
    reason : str
        Why it is not known, or that the cameras differ; empty: nothing to say.
    """

    rig_ms: float
    reason: str = ""


def quantum_of(seconds: Floats) -> float:
    """Estimate the step of stamps.

    Parameters
    ----------
    seconds : numpy.ndarray
        float64, any shape, seconds since a whole second; NaN: no stamp.

    Returns
    -------
    float
        Step in ms: the coarsest of 1 s, 100, 10 and 1 ms, and 5 and 2 times these, on which all stamps lie but one in twenty;
        0: none found down to 1 ms; NaN: fewer than 3 stamps, or fewer than 3 different values below the second, from which a
        fine step can't be told from a coarse one.
    """
    known = np.asarray(seconds, dtype=np.float64).ravel()
    known = known[np.isfinite(known)]
    below = known - np.floor(known + _NEAR_S)
    different = len(np.unique(np.round(below / _NEAR_S)))
    if len(known) < _FEWEST:
        return float("nan")
    for decade in _DECADES_MS:
        if not _on_grid(known, decade):
            continue
        if decade < _DECADES_MS[0] and different < _FEWEST:
            return float("nan")
        finer = [decade * factor for factor in _BETWEEN if decade < _DECADES_MS[0]]
        return next((step for step in finer if len(known) >= _FEWEST_BETWEEN and _on_grid(known, step)), decade)
    return 0.0 if different >= _FEWEST else float("nan")


def _on_grid(seconds: Floats, step_ms: float) -> bool:
    step = step_ms / 1e3
    off = np.abs(seconds - np.round(seconds / step) * step) > _NEAR_S
    return bool(off.sum() <= _ODD * len(seconds))


def quanta(stamps: Stamps) -> Quanta:
    """Estimate the steps of the stamps of a rig: those of all stamps together, or of a camera whose own are coarser.

    The coarsest of many guesses from few stamps each would be wrong in many rigs, so a camera's own step counts only where so many
    stamps hardly lie on it by chance: of 200 cameras with stamps in 10 ms steps, 3 stamps on whole tenths of a second prove
    nothing, and 3 on whole seconds nearly do.

    Parameters
    ----------
    stamps : Stamps
        As the cameras wrote them: corrected stamps lie on no grid any more.
    """
    together = quantum_of(stamps.seconds)
    if np.isnan(together):
        return Quanta(together, "too few different stamps to tell their steps")
    own = {together}
    cameras = stamps.seconds.shape[1]
    for column in stamps.seconds.T:
        step, n = quantum_of(column), int(np.isfinite(column).sum())
        if step > together and cameras * (max(together, 1.0) / step) ** n < _BY_CHANCE:
            own.add(step)
    differ = f"cameras differ: steps of {', '.join(f'{one:g}' for one in sorted(own))} ms" if len(own) > 1 else ""
    return Quanta(max(own), differ)
