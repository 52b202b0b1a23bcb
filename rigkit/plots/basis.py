"""What a picture of timing rests on, and why there is none, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from rigkit.plots.drawing import numbers
from rigkit.timing.evidence import LETTERS, LEVELS, Evidence, Question, refusal, too_coarse

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["basis", "plural", "steps_text", "unknown"]


def plural(n: int, what: str) -> str:
    """Count: ``1 shot``, ``2 shots``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def steps_text(table: pd.DataFrame) -> str:
    """Say in which steps the stamps of a table were cut; empty: not known."""
    steps = numbers(table, "quantum_ms")
    steps = steps[np.isfinite(steps)]
    if not len(steps):
        return ""
    low, high = float(steps.min()), float(steps.max())
    if not high:
        return "stamps finer than 1 ms"
    return f"stamps in {high:g} ms steps" if low == high else f"stamps in steps of {_step(low)} to {high:g} ms"


def _step(step_ms: float) -> str:
    return f"{step_ms:g}" if step_ms else "under 1"


def basis(table: pd.DataFrame) -> str:
    """Say what the numbers of some rows rest on: evidence, steps of the stamps, the instant that is meant.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of the ``exposures`` or the ``shots`` table, only those that are drawn.
    """
    levels = Counter(table["evidence"].dropna().astype(str).tolist())
    named = [f"{LETTERS[level]}: {level}" for level in reversed(LEVELS) if levels[level]]
    parts = ["evidence " + ", ".join(named) if named else "evidence not said"]
    if len(named) > 1:
        parts[0] += " (mixed)"
    if steps := steps_text(table):
        parts.append(steps)
    instants = sorted(set(table["instant"].dropna().astype(str).tolist()) - {"unknown"})
    parts.append(f"{' or '.join(instants)} of the exposure" if instants else "start or middle: not known")
    return "; ".join(parts)


def unknown(table: pd.DataFrame, question: Question) -> str:
    """Say why no row of a table holds an answer.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of the ``exposures`` or the ``shots`` table, of which none has the number.
    question : str
        What was asked, in the words of :mod:`rigkit.timing.evidence`.
    """
    if not len(table):
        return "Nothing to draw: no shot yet."
    told = set(table["evidence"].dropna().astype(str).tolist())
    best: Evidence | None = next((level for level in reversed(LEVELS) if level in told), None)
    if best is None:
        return (
            "Nothing to draw: nothing is known about the time of any of these exposures; no photo was heard of, or no stamp is "
            "read yet."
        )
    if refused := refusal(question, best):
        return f"Nothing to draw: {refused}."
    steps = numbers(table, "quantum_ms")
    coarsest = float(np.nanmax(steps)) if np.isfinite(steps).any() else float("nan")
    if coarse := too_coarse(coarsest, question):
        return f"Nothing to draw: {coarse}."
    return (
        f"Nothing to draw: none of these {plural(len(table), 'row')} has a {question} ({LETTERS[best]}: {best}). It takes stamps of at "
        "least 4 cameras in a shot, and for what is usual for a camera several shots."
    )
