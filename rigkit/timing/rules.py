"""Everything that can be checked about a session's timing, under one budget of false findings.

Each rule says how many things it looked at and the smallest effect it would have found in 9 of 10 cases, so that "nothing found" is
a statement too; a rule that these data can't answer says why. The sentences are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.timing.cameras import FEWEST_SHOTS, camera_table
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
)
from rigkit.timing.evidence import REFERENCE, evidence_dtype, refusal, too_coarse
from rigkit.timing.fit import floor_of
from rigkit.timing.intervals import MAD_TO_SIGMA
from rigkit.timing.late import lateness
from rigkit.timing.spread import FEWEST_CAMERAS, skews
from rigkit.timing.stamps import Floats, Stamps
from rigkit.timing.steps import LOOK, Step, clock_steps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DRIFT_LIMIT_PPM", "UNSTABLE_TIMES", "Review", "review"]

#: Three standard deviations of what quartz clocks drift (prior 0 +- 10 ppm); 108 ms an hour.
DRIFT_LIMIT_PPM = 30.0
#: A camera is called unstable when its jitter is more than so many times that of the rig.
UNSTABLE_TIMES = 3.0
#: Standard deviation of the logarithm of a MAD of n normal values, times sqrt(n).
_LOG_MAD = 1.17
#: The fit's weights follow an unsteady camera a little and make it look steadier: sizes of 98 % by the normal law are found in 88 %
#: (standard error 2 %) of simulated sessions.
_SKEWED = 0.98
#: A clock step has to pass two tests: 97.5 % of either are 95 % of both.
_EACH = 0.975


class Review(NamedTuple):
    """What was found and what was checked.

    Attributes
    ----------
    found : pandas.DataFrame
        A row per finding: ``rule``, ``camera_key`` (or "the whole rig"), ``shot_id`` (NA: all shots), ``effect`` with ``lo hi``
        (95 %), ``unit``, ``p_adj`` (below 0.05, its share of the budget included), ``evidence``.
    checked : pandas.DataFrame
        Index ``rule``: ``n`` things looked at, ``detectable`` (smallest effect found in 9 of 10 cases), ``unit``, ``evidence``,
        ``reason`` (why it could not be checked; empty: it was).
    steps : list of Step
        The clock steps that were taken out before everything else.
    """

    found: pd.DataFrame
    checked: pd.DataFrame
    steps: list[Step]


@dataclass
class _Rule:
    """What one rule did."""

    unit: str
    n: int = 0
    detectable: float = float("nan")
    reason: str = ""
    found: list[dict[str, Any]] = field(default_factory=list)


def review(
    stamps: Stamps, *, limit_ms: float | None = None, drift_limit_ppm: float = DRIFT_LIMIT_PPM, budget: float = BUDGET
) -> Review:
    """Check all rules.

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
    """
    import pandas as pd

    reasons = {rule: _refused(rule, stamps) for rule in SHARES}
    share = {
        rule: part * budget / BUDGET
        for rule, part in shares([rule for rule, why in reasons.items() if not why]).items()
    }
    steps = clock_steps(stamps, share["clock_step"]) if "clock_step" in share else []
    limit = least_limit_ms(stamps.quantum_ms) if limit_ms is None else limit_ms
    cameras = camera_table(stamps)
    rules: dict[str, Callable[[float], _Rule]] = {
        "late_camera": lambda part: _late_camera(stamps, cameras, limit, part),
        "late_once": lambda part: _late_once(stamps, steps, part),
        "unstable_camera": lambda part: _unstable(stamps, cameras, part),
        "drift": lambda part: _drift(stamps, steps, drift_limit_ppm, part),
        "clock_step": lambda part: _stepped(stamps, steps, part),
    }
    units = {"drift": "ppm", "unstable_camera": "times"}
    done = {
        rule: check(share[rule]) if rule in share else _Rule(units.get(rule, "ms"), reason=reasons[rule])
        for rule, check in rules.items()
    }
    for rule in done.values():
        if not rule.n:
            rule.reason = rule.reason or "no camera has enough stamps"
    text = pd.StringDtype("pyarrow", na_value=pd.NA)
    level = evidence_dtype()
    found = pd.DataFrame(
        [{"rule": name, **row} for name, rule in done.items() for row in rule.found], columns=list(_FOUND)
    )
    found = found.astype({name: kind or text for name, kind in _FOUND.items() if name != "shot_id"})
    found["evidence"] = pd.Categorical([stamps.evidence] * len(found), dtype=level)
    checked = pd.DataFrame(
        {
            "n": [rule.n for rule in done.values()],
            "detectable": [rule.detectable for rule in done.values()],
            "unit": pd.array([rule.unit for rule in done.values()], dtype=text),
            "evidence": pd.Categorical([stamps.evidence] * len(done), dtype=level),
            "reason": pd.array([rule.reason for rule in done.values()], dtype=text),
        },
        index=pd.Index(list(done), name="rule"),
    )
    return Review(found, checked, steps)


_FOUND = {
    **dict.fromkeys(("rule", "camera_key", "shot_id"), ""),
    **dict.fromkeys(("effect", "lo", "hi"), "float64"),
    "unit": "",
    "p_adj": "float64",
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
    if rule == "late_camera":
        return refusal("lag", stamps.evidence) or too_coarse(stamps.quantum_ms, "lag") or ""
    if rule == "unstable_camera":
        return refusal("jitter", stamps.evidence) or too_coarse(stamps.quantum_ms, "jitter") or ""
    if rule == "late_once":
        return refusal("lateness", stamps.evidence) or ""
    if stamps.evidence == REFERENCE:
        return "an LED reference shows the exposures, not the cameras' clocks"
    return refusal("drift" if rule == "drift" else "clock step", stamps.evidence) or ""


def _late_camera(stamps: Stamps, cameras: pd.DataFrame, limit: float, share: float) -> _Rule:
    """Find cameras whose lag lies beyond the limit."""
    slack = float(stamps.uncertainty_ms.max(initial=0.0))
    p = adjusted(beyond_limit(skews(stamps.ms), limit + slack), share)
    n = int(np.isfinite(p).sum())
    shots = int(cameras["n"].quantile(0.1))  # of a camera that misses some
    needed = shots_needed(n, BUDGET * share)
    sigma = float(np.nanmedian(cameras["jitter_ms"])) if cameras["jitter_ms"].notna().any() else float("nan")
    rule = _Rule("ms", n, limit + slack + sigma * _sign_reach(shots, n, BUDGET * share))
    if shots < needed:
        rule.reason = f"{shots} shots: one late camera among {n} takes {needed}"
    numbers = cameras[["lag_ms", "lag_lo_ms", "lag_hi_ms"]].to_numpy(dtype=np.float64)
    rule.found = _rows(stamps, p, numbers[:, 0], numbers[:, 1], numbers[:, 2], "ms")
    return rule


def _sign_reach(shots: int, cameras: int, level: float) -> float:
    """How many sigma beyond the limit a median has to lie to be found by sign tests in 9 of 10 cases; NaN: it never is."""
    from scipy import stats

    counts = np.arange(shots + 1)
    enough = np.flatnonzero(2 * stats.binom.sf(counts - 1, shots, 0.5) <= level / max(cameras, 1))
    if not len(enough):
        return float("nan")
    least = int(enough[0])
    probability = stats.beta.ppf(
        0.95, least, shots - least + 1
    )  # P(at least so many of the shots) = 0.95, see detectable()
    return float(stats.norm.ppf(probability))


def _late_once(stamps: Stamps, steps: list[Step], share: float) -> _Rule:
    """Find exposures that were later or earlier than their camera's usual."""
    told = lateness(stamps, steps, share)
    p = adjusted(told.p, share)
    rule = _Rule("ms", int(np.isfinite(p).sum()), told.detectable_ms, told.reason)
    with np.errstate(invalid="ignore"):
        cells = np.argwhere(p < BUDGET)
    for row, column in cells:
        late, half = float(told.residuals_ms[row, column]), 1.96 * float(told.sigma_ms[column])
        of = {"camera_key": stamps.camera_keys[column], "shot_id": stamps.shot_ids[row]}
        rule.found.append(
            {**of, "effect": late, "lo": late - half, "hi": late + half, "unit": "ms", "p_adj": float(p[row, column])}
        )
    return rule


def _unstable(stamps: Stamps, cameras: pd.DataFrame, share: float) -> _Rule:
    """Find cameras whose jitter is far above that of the rig.

    The logarithms of the jitters are compared with their own scatter over the cameras, but at least with that of normal values.
    """
    from scipy import stats

    jitter, lo, hi, n = (
        cameras[name].to_numpy(np.float64) for name in ("jitter_ms", "jitter_lo_ms", "jitter_hi_ms", "n")
    )
    known = np.isfinite(jitter) & np.isfinite(lo)
    if known.sum() < FEWEST_CAMERAS:
        return _Rule("times", reason="fewer than 4 cameras have a jitter")
    floor = max(floor_of(stamps.quantum_ms), 1e-6)
    logs = np.log(np.maximum(jitter, floor))
    middle = float(np.median(logs[known]))
    scatter = MAD_TO_SIGMA * float(np.median(np.abs(logs[known] - middle)))
    widths = np.maximum(scatter, _LOG_MAD / np.sqrt(np.maximum(n, 1)))
    p = adjusted(np.where(known, stats.norm.sf((logs - middle) / widths), np.nan), share)
    p[known & (logs - middle < np.log(UNSTABLE_TIMES))] = 1.0
    usual = np.exp(middle)
    least = np.maximum(stats.norm.isf(BUDGET * share / known.sum()) * widths[known], np.log(UNSTABLE_TIMES))
    rule = _Rule("times", int(known.sum()), float(np.exp(detectable(least, widths[known], _SKEWED))))
    rule.found = _rows(stamps, p, jitter / usual, lo / usual, hi / usual, "times")
    return rule


def _drift(stamps: Stamps, steps: list[Step], limit: float, share: float) -> _Rule:
    """Find clocks that drift from the rig by more than the limit."""
    from scipy import stats

    clocks = clock_table(stamps, steps).reset_index()
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
        of = {"camera_key": str(clocks["camera_key"][row]), "shot_id": None, "unit": "ppm", "p_adj": float(p[row])}
        rule.found.append({**of, "effect": float(drift[row]), "lo": float(lo[row]), "hi": float(hi[row])})
    return rule


def _stepped(stamps: Stamps, steps: list[Step], share: float) -> _Rule:
    """List the clock steps."""
    from scipy import stats

    sigma = lateness(stamps, steps, share).sigma_ms
    shots, cameras = stamps.seconds.shape
    rule = _Rule("ms", cameras)
    # In the middle of the session: by the test, and by the look at neighbours that comes before it.
    surely = float(stats.norm.isf(BUDGET * share / cameras / max(shots - 5, 1) / 2))
    tested = detectable(surely * sigma * 4 / np.sqrt(shots), sigma * 4 / np.sqrt(shots), _EACH)
    looked = detectable(LOOK * np.sqrt(2) * sigma, np.sqrt(2) * sigma, _EACH)
    rule.detectable = float(np.nanmax([tested, looked, stamps.quantum_ms])) if np.isfinite(tested) else float("nan")
    for one in steps:
        of = {"camera_key": one.camera_key, "shot_id": stamps.shot_ids[one.row]}
        rule.found.append({**of, "effect": one.step_ms, "lo": one.lo_ms, "hi": one.hi_ms, "unit": "ms", "p_adj": one.p})
    return rule


def _rows(stamps: Stamps, p: Floats, effect: Floats, lo: Floats, hi: Floats, unit: str) -> list[dict[str, Any]]:
    with np.errstate(invalid="ignore"):
        columns = np.flatnonzero(p < BUDGET)
    return [
        {
            "camera_key": stamps.camera_keys[column],
            "shot_id": None,
            "effect": float(effect[column]),
            "lo": float(lo[column]),
            "hi": float(hi[column]),
            "unit": unit,
            "p_adj": float(p[column]),
        }
        for column in columns
    ]
