"""Rules about time: what the review of the stamps found, what a delay per camera would bring, and what the stamps can't tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.record.rows import rows_of
from rigkit.timing.decisions import BUDGET, SHARES, least_limit_ms
from rigkit.timing.evidence import COARSE_MS, FEWEST_SHOTS, LEVELS, Evidence, refusal, too_coarse
from rigkit.timing.fit import floor_of
from rigkit.timing.found import Found, Looked, Record
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats
from rigkit.timing.steps import RIG

if TYPE_CHECKING:
    from rigkit.record.stamps import Verdict
    from rigkit.timing.rules import Review

__all__ = ["coarse_stamps", "correctable_lag", "host_stamps", "reviewed"]

_UNITS = {"drift": "ppm", "unstable_camera": "times"}
_NO_STAMPS = "there are no stamps"


def reviewed(record: Record, review: Review | None) -> list[Looked]:
    """Take over what the review of the stamps found and looked at.

    Parameters
    ----------
    record : Record
        The tables: who stands where.
    review : Review or None
        None: there are no stamps.
    """
    if review is None:
        return [Looked(rule, unit=_UNITS.get(rule, "ms"), reason=_NO_STAMPS) for rule in SHARES]
    looked = {rule: Looked(rule, reason="the review did not look at it") for rule in SHARES}
    for row in rows_of(review.checked, "rule", "n", "detectable", "unit", "evidence", "reason"):
        looked[row["rule"]] = Looked(
            row["rule"],
            int(row["n"] or 0),
            detectable=row["detectable"],
            unit=row["unit"],
            evidence=row["evidence"],
            reason=row["reason"] or "",
        )
    for row in rows_of(review.found.reset_index(drop=True)):
        looked[row["rule"]].found.append(_found(record, row))
    return list(looked.values())


def _found(record: Record, row: dict[str, Any]) -> Found:
    key = None if row["camera_key"] == RIG else row["camera_key"]
    shot_id = None if row["shot_id"] is None else int(row["shot_id"])
    kind = "rig" if key is None else "exposure" if row["rule"] == "late_once" else "camera"
    return Found(
        row["rule"],
        "warn",
        kind,
        key,
        None if key is None else record.label(key),
        shot_id,
        effect=row["effect"],
        unit=row["unit"],
        lo=row["lo"],
        hi=row["hi"],
        n=int(row["n"]),
        p_adj=row["p_adj"],
        evidence=row["evidence"],
    )


# -- correctable lag ----------------------------------------------------------------------------------------------------


def correctable_lag(record: Record, limit_ms: float | None, share: float) -> Looked:
    """Find out whether the cameras' lags lie further apart than matters, which a delay per camera would correct.

    The largest of many lags less the smallest is large by itself. So all lags are given bounds that hold together (Bonferroni over
    the cameras, from each lag's own 95 % interval by Student's t), and the largest has to be beyond the smallest by more than the
    limit even so.

    Parameters
    ----------
    record : Record
        The tables; of ``lags`` each camera's, of ``shots`` the spreads.
    limit_ms : float or None
        What matters; None: 5 ms, or half a step of the stamps if that is more.
    share : float
        Of the budget of false findings, 0 to 1.
    """
    from scipy import stats

    wanted = ("camera_key", "n", "lag_ms", "lag_lo_ms", "lag_hi_ms", "evidence", "quantum_ms")
    rows = [row for row in record.rows("lags", *wanted) if row["evidence"] in LEVELS]
    told = [row for row in rows if _bounded(row)]
    quantum = max((float(row["quantum_ms"]) for row in told if row["quantum_ms"] is not None), default=math.nan)
    looked = Looked("correctable_lag", len(told), unit="ms")
    # What differs rests on the weakest; where nothing is known, the best there is says why.
    levels: list[Evidence] = [row["evidence"] for row in told or rows]
    looked.evidence = (min if told else max)(levels, key=LEVELS.index) if levels else None
    looked.reason = _no_lags(looked.evidence, quantum, len(told))
    if looked.reason:
        return looked
    lags, lows, highs = (np.array([float(row[name]) for row in told]) for name in ("lag_ms", "lag_lo_ms", "lag_hi_ms"))
    shots = np.array([float(row["n"]) for row in told])
    # Where the steps of the stamps hide the jitter, an interval may have no width; a lag is not known better than they average.
    least = max(floor_of(quantum), 1e-3) / np.sqrt(shots)
    errors = np.maximum((highs - lows) / 2 / stats.t.isf(0.025, shots - 1), least)
    limit = least_limit_ms(quantum) if limit_ms is None else limit_ms
    lost, freedom, sides = _inflation(np.sort(lags)), shots.min() - 1, 2 * len(told)
    apart = (lags[:, None] - lags[None, :] - lost - limit) / (errors[:, None] + errors[None, :])
    p_adj = min(1.0, sides * float(stats.t.sf(apart.max(), freedom)) / share)
    surely = float(stats.t.isf(BUDGET * share / sides, freedom))
    # Two cameras that differ: in 9 of 10 cases means 1.28 standard errors of a difference more than the test takes.
    looked.detectable = limit + float(np.median(errors)) * (2 * surely + 1.28 * math.sqrt(2))
    if p_adj < BUDGET:
        bounds = float(stats.t.isf(BUDGET / sides, freedom)) * errors
        found = Found(
            "correctable_lag",
            "info",
            "rig",
            effect=float(np.ptp(lags)) - lost,
            unit="ms",
            lo=max(0.0, float((lags - bounds).max() - (lags + bounds).min()) - lost),
            hi=float((lags + bounds).max() - (lags - bounds).min()) - lost,
            n=int(np.median(shots)),
            p_adj=p_adj,
            evidence=looked.evidence,
            more={"now": _median_of(record, "spread_ms"), "then": _median_of(record, "residual_spread_ms")},
        )
        looked.found.append(found)
    return looked


def _no_lags(evidence: Evidence | None, quantum_ms: float, cameras: int) -> str:
    """Say why lags can't be compared; empty: they can."""
    if evidence is None:
        return "there are no lags"
    reason = refusal("correctable spread", evidence) or too_coarse(quantum_ms, "difference of lags")
    if reason is None and cameras < FEWEST_CAMERAS:
        few = f"{cameras} camera{'' if cameras == 1 else 's'} with a lag and its interval"
        reason = f"{few}: it takes {FEWEST_CAMERAS}, and {FEWEST_SHOTS} shots of each"
    return reason or ""


def _bounded(row: dict[str, Any]) -> bool:
    """Whether a camera has a lag with an interval."""
    told = all(row[name] is not None for name in ("n", "lag_ms", "lag_lo_ms", "lag_hi_ms"))
    return told and row["n"] >= 2 and all(math.isfinite(row[name]) for name in ("lag_ms", "lag_lo_ms", "lag_hi_ms"))


def _inflation(lags: Floats) -> float:
    """Say by how much the lags lie further apart than the cameras, as each is taken against the others without itself.

    Without a camera of the upper half the median is the one below the middle, and the other way round. Exact where there is no
    jitter; of 60 cameras next to nothing.

    Parameters
    ----------
    lags : numpy.ndarray
        float64, shape (N,), sorted.
    """
    middle = len(lags) // 2
    if len(lags) % 2:
        return float(lags[middle + 1] - lags[middle - 1]) / 3
    return float(lags[middle] - lags[middle - 1]) / 2


def _median_of(record: Record, name: str) -> float | None:
    known = [float(row[name]) for row in record.shots if row[name] is not None]
    return float(np.median(known)) if known else None


# -- what the stamps can't tell -----------------------------------------------------------------------------------------


def coarse_stamps(record: Record, quantum_ms: float, evidence: Evidence | None) -> Looked:
    """Say that the stamps come in steps too coarse for a skew."""
    looked = Looked("coarse_stamps", _stamped(record), evidence=evidence)
    if not math.isfinite(quantum_ms):
        looked.reason = "the steps of the stamps are not known" if looked.n else _NO_STAMPS
    elif quantum_ms >= COARSE_MS:
        found = Found(
            "coarse_stamps", "info", "session", effect=quantum_ms, unit="ms", n=looked.n or None, evidence=evidence
        )
        looked.found.append(found)
    return looked


def _stamped(record: Record) -> int:
    """Count the exposures with a stamp; where the table does not tell, the stamps of the shots."""
    if record.has("exposures", "stamp"):
        return len(record.rows("exposures", "stamp", where=lambda table: table["stamp"].notna()))
    counts: Sequence[Any] = [row["n_stamps"] for row in record.rows("shots", "n_stamps")]
    return sum(int(count) for count in counts if count is not None)


def host_stamps(verdict: Verdict | None) -> Looked:
    """Say that the computer made the capture times.

    Parameters
    ----------
    verdict : Verdict or None
        On all photos together, from :func:`rigkit.record.stamps.classify_origin`; None: nobody looked.
    """
    if verdict is None:
        return Looked("host_stamps", reason="whose clock made PhotoDateCaptured was not looked at")
    looked = Looked("host_stamps", verdict.n)
    if verdict.origin == "host":
        looked.found.append(Found("host_stamps", "info", "session", n=verdict.n, more={"why": verdict.reason}))
    elif verdict.origin == "unknown":
        looked.reason = f"whose clock made PhotoDateCaptured is not known: {verdict.reason}"
    return looked
