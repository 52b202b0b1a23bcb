"""Everything that can be checked about a session's timing, under one budget of false findings.

Each rule says how many things it looked at and the smallest effect it would have found in 9 of 10 cases, so that "nothing found" is
a statement too; a rule that these data can't answer says why. The sentences are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.timing.cameras import camera_table
from rigkit.timing.clocks import clock_table
from rigkit.timing.decisions import (
    BUDGET,
    SHARES,
    adjusted,
    beyond_limit,
    detectable,
    least_limit_ms,
    shares,
    shots_needed,
    sign_reach,
)
from rigkit.timing.evidence import DRIFT_LIMIT_PPM, FEWEST_SHOTS, Question, refusal, too_coarse
from rigkit.timing.fit import floor_of
from rigkit.timing.frames import framed, keyed, shot_column, text_dtype
from rigkit.timing.late import Lateness, lateness, listed_lateness
from rigkit.timing.spread import FEWEST_CAMERAS, skews
from rigkit.timing.stamps import Floats, Stamps
from rigkit.timing.steps import LOOK, Step, clock_steps, without_stepped
from rigkit.timing.unstable import UNSTABLE_TIMES, unstable
from rigkit.timing.usual import Fitted, fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNSTABLE_TIMES", "Review", "joined_reviews", "review"]

#: A clock step has to pass two tests, and takes more than the 95 % of :func:`rigkit.timing.decisions.detectable` to be found in 9 of
#: 10 cases: 98.5 % of either are 97 % of both.
_EACH = 0.985


class Review(NamedTuple):
    """What was found and what was checked.

    Attributes
    ----------
    found : pandas.DataFrame
        A row per finding: ``rule``, ``camera_key`` (or "the whole rig"), ``shot_id`` (NA: all shots), ``effect`` with ``lo hi``
        (95 %), ``unit``, ``n`` (stamps it rests on), ``p_adj`` (below 0.05, its share of the budget included), ``evidence
        quantum_ms instant``.
    checked : pandas.DataFrame
        Index ``rule``: ``n`` things looked at, ``detectable`` (smallest effect found in 9 of 10 cases), ``unit``, ``evidence
        quantum_ms instant``, ``reason`` (why it could not be checked; empty: it was).
    steps : list of Step
        The clock steps that were taken out before everything else.
    fit : Fitted
        The fit with these steps taken out, from which the tables can be made without another.
    """

    found: pd.DataFrame
    checked: pd.DataFrame
    steps: list[Step]
    fit: Fitted


@dataclass
class _Rule:
    """What one rule did."""

    unit: str
    n: int = 0
    detectable: float = float("nan")
    reason: str = ""
    found: list[dict[str, Any]] = field(default_factory=list)


def review(
    stamps: Stamps,
    *,
    limit_ms: float | None = None,
    drift_limit_ppm: float = DRIFT_LIMIT_PPM,
    budget: float = BUDGET,
    rules: Collection[str] = tuple(SHARES),
) -> Review:
    """Check all rules, or some.

    Parameters
    ----------
    stamps : Stamps
        Of one session.
    limit_ms : float or None
        Lag that matters; None: 5 ms, or half a step of the stamps if that is more.
    drift_limit_ppm : float
        Drift relative to the rig that matters.
    budget : float
        Share of the sessions without anything wrong in which something may be found, over all rules here: less than 0.05 where other
        rules share it.
    rules : collection of str
        The rules to check, of :data:`rigkit.timing.decisions.SHARES`; these share the budget, and the others are not in the result.
    """
    reasons = {rule: _refused(rule, stamps) for rule in SHARES if rule in rules}
    open_rules = [rule for rule, why in reasons.items() if not why]
    share = {rule: part * budget / BUDGET for rule, part in shares(open_rules).items()}
    fit = fitted(stamps, clock_steps(stamps, share["clock_step"]) if "clock_step" in share else [])
    limit = least_limit_ms(stamps.quantum_ms) if limit_ms is None else limit_ms
    late = lateness(stamps, fit, share.get("late_once", 1.0))
    checks: dict[str, Callable[[float], _Rule]] = {
        "late_camera": lambda part: _late_camera(stamps, fit, limit, part),
        "late_once": lambda part: _late_once(stamps, late, part),
        "unstable_camera": lambda part: _unstable(stamps, fit, part),
        "drift": lambda part: _drift(stamps, fit, drift_limit_ppm, part),
        "clock_step": lambda part: _stepped(stamps, fit.steps, late.sigma_ms, part),
    }
    units = {"drift": "ppm", "unstable_camera": "times"}
    done = {
        rule: check(share[rule]) if rule in share else _Rule(units.get(rule, "ms"), reason=reasons[rule])
        for rule, check in checks.items()
        if rule in reasons
    }
    for rule in done.values():
        if not rule.n:
            rule.reason = rule.reason or "no camera has enough stamps"
    return Review(_found(stamps, done), _checked(stamps, done), fit.steps, fit)


def joined_reviews(first: Review, rest: Review) -> Review:
    """Put two reviews of one session, of different rules and stamps, into one; steps and fit are those of the second."""
    import pandas as pd

    found = [one.found for one in (first, rest) if len(one.found)]
    table = pd.concat(found, ignore_index=True) if found else rest.found
    return Review(table, pd.concat([first.checked, rest.checked]), rest.steps, rest.fit)


def _found(stamps: Stamps, done: dict[str, _Rule]) -> pd.DataFrame:
    import pandas as pd

    rows = [{"rule": name, "unit": rule.unit, **row} for name, rule in done.items() for row in rule.found]
    columns: dict[str, Any] = {
        "rule": pd.array([row["rule"] for row in rows], dtype=text_dtype()),
        "camera_key": pd.array([row["camera_key"] for row in rows], dtype=text_dtype()),
        "shot_id": shot_column([row["shot_id"] for row in rows]),
        **{name: np.array([row[name] for row in rows], dtype=np.float64) for name in ("effect", "lo", "hi")},
        "unit": pd.array([row["unit"] for row in rows], dtype=text_dtype()),
        "n": np.array([_stamps_of(stamps, row["camera_key"]) for row in rows], dtype=np.int64),
        "p_adj": np.array([row["p_adj"] for row in rows], dtype=np.float64),
    }
    return framed(pd.RangeIndex(len(rows)), columns, stamps.basis)


def _stamps_of(stamps: Stamps, camera: str) -> int:
    """Count the stamps that a statement about a camera rests on; of all clocks at once, the shots."""
    if camera not in stamps.camera_keys:
        return len(stamps.shot_ids)
    return int(np.isfinite(stamps.seconds[:, stamps.camera(camera)]).sum())


def _checked(stamps: Stamps, done: dict[str, _Rule]) -> pd.DataFrame:
    import pandas as pd

    columns = {
        "n": np.array([rule.n for rule in done.values()], dtype=np.int64),
        "detectable": np.array([rule.detectable for rule in done.values()], dtype=np.float64),
        "unit": pd.array([rule.unit for rule in done.values()], dtype=text_dtype()),
    }
    return framed(keyed("rule", done), columns, stamps.basis, [rule.reason for rule in done.values()])


#: What each rule has to know, and whether stamps in coarse steps can tell it.
_ASKS: dict[str, tuple[Question, bool]] = {
    "late_camera": ("lag", False),
    "late_once": ("lateness", True),
    "unstable_camera": ("jitter", False),
    "drift": ("drift", True),
    "clock_step": ("clock step", True),
}


def _refused(rule: str, stamps: Stamps) -> str:
    """Say why a rule can't be checked; empty: it can."""
    shots, cameras = stamps.seconds.shape
    if cameras < FEWEST_CAMERAS:
        return f"{cameras} camera{'' if cameras == 1 else 's'}: it takes {FEWEST_CAMERAS} to say which one is off"
    if shots < FEWEST_SHOTS:
        return f"{shots} shot{'' if shots == 1 else 's'}: it takes {FEWEST_SHOTS}"
    if not np.isfinite(stamps.seconds).any():
        return "there are no stamps"
    question, coarse_will_do = _ASKS[rule]
    too_weak = refusal(question, stamps.evidence)
    return too_weak or ("" if coarse_will_do else too_coarse(stamps.quantum_ms, question) or "")


def _late_camera(stamps: Stamps, fit: Fitted, limit: float, share: float) -> _Rule:
    """Find cameras whose lag lies beyond the limit."""
    steady = without_stepped(stamps, fit.steps)
    moved = skews(steady.ms)
    limits = limit + stamps.uncertainty_ms
    p = adjusted(beyond_limit(moved, limits), share)
    known = np.isfinite(p)
    n = int(known.sum())
    if not n:
        return _Rule("ms")
    cameras = camera_table(stamps, steps=fit)
    shots = int(np.quantile(np.isfinite(moved[:, known]).sum(axis=0), 0.1))  # of a camera that misses some
    needed = shots_needed(n, BUDGET * share)
    sigma = max(
        float(cameras["jitter_ms"][known].median()), floor_of(stamps.quantum_ms)
    )  # a MAD of cut stamps can be 0
    rule = _Rule("ms", n, float(np.median(limits[known])) + sigma * sign_reach(shots, n, BUDGET * share))
    if shots < needed:
        rule.reason = f"{shots} shots: one late camera among {n} takes {needed}"
    numbers = cameras[["lag_ms", "lag_lo_ms", "lag_hi_ms"]].to_numpy(dtype=np.float64)
    rule.found = _rows(stamps, p, *numbers.T)
    return rule


def _late_once(stamps: Stamps, late: Lateness, share: float) -> _Rule:
    """Find exposures that were later or earlier than their camera's usual."""
    table = listed_lateness(stamps, late, share)
    rule = _Rule("ms", table.attrs["n"], late.detectable_ms, late.reason)
    told = zip(*(table[name] for name in ("shot_id", "camera_key", "late_ms", "lo_ms", "hi_ms", "p_adj")), strict=True)
    names = ("shot_id", "camera_key", "effect", "lo", "hi", "p_adj")
    rule.found = [dict(zip(names, row, strict=True)) for row in told]
    return rule


def _unstable(stamps: Stamps, fit: Fitted, share: float) -> _Rule:
    """Find cameras whose jitter is far above that of the rig."""
    told = unstable(fit.residuals_ms, stamps.quantum_ms, share)
    rule = _Rule("times", told.n, told.detectable, told.reason)
    rule.found = _rows(stamps, told.p, told.times, told.lo, told.hi)
    return rule


def _drift(stamps: Stamps, fit: Fitted, limit: float, share: float) -> _Rule:
    """Find clocks that drift from the rig by more than the limit."""
    from scipy import stats

    clocks = clock_table(stamps, fit).reset_index()
    drift, lo, hi = (clocks[name].to_numpy(np.float64) for name in ("drift_ppm", "drift_lo_ppm", "drift_hi_ppm"))
    freedom = np.maximum(clocks["used"].to_numpy(np.float64) - 2, 1)
    errors = (hi - lo) / 2 / stats.t.ppf(0.975, freedom)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = adjusted(np.minimum(2 * stats.t.sf((np.abs(drift) - limit) / errors, freedom), 1.0), share)
    known = np.isfinite(p)
    rule = _Rule("ppm", int(known.sum()))
    if not known.any():
        rule.reason = "no clock has enough stamps for a drift"
        return rule
    at = stats.t.isf(BUDGET * share / known.sum() / 2, freedom[known])
    rule.detectable = detectable(limit + at * errors[known], errors[known])
    for row in np.flatnonzero(known & (np.nan_to_num(p, nan=1.0) < BUDGET)):
        of = {"camera_key": str(clocks["camera_key"][row]), "shot_id": None, "p_adj": float(p[row])}
        rule.found.append({**of, "effect": float(drift[row]), "lo": float(lo[row]), "hi": float(hi[row])})
    return rule


def _stepped(stamps: Stamps, steps: Sequence[Step], sigma: Floats, share: float) -> _Rule:
    """List the clock steps."""
    from scipy import stats

    shots, cameras = stamps.seconds.shape
    rule = _Rule("ms", cameras)
    # In the middle of the session: by the test, and by the look at neighbours that comes before it.
    surely = float(stats.norm.isf(BUDGET * share / cameras / max(shots - 5, 1) / 2))
    tested = detectable(surely * sigma * 4 / np.sqrt(shots), sigma * 4 / np.sqrt(shots), _EACH)
    looked = detectable(LOOK * np.sqrt(2) * sigma, np.sqrt(2) * sigma, _EACH)
    rule.detectable = float(np.nanmax([tested, looked, stamps.quantum_ms])) if np.isfinite(tested) else float("nan")
    for one in steps:
        of = {"camera_key": one.camera_key, "shot_id": stamps.shot_ids[one.row]}
        rule.found.append({**of, "effect": one.step_ms, "lo": one.lo_ms, "hi": one.hi_ms, "p_adj": one.p})
    return rule


def _rows(stamps: Stamps, p: Floats, effect: Floats, lo: Floats, hi: Floats) -> list[dict[str, Any]]:
    with np.errstate(invalid="ignore"):
        columns = np.flatnonzero(p < BUDGET)
    return [
        {
            "camera_key": stamps.camera_keys[column],
            "shot_id": None,
            "effect": float(effect[column]),
            "lo": float(lo[column]),
            "hi": float(hi[column]),
            "p_adj": float(p[column]),
        }
        for column in columns
    ]
