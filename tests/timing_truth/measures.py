"""What is measured in each simulated session. Every measure adds (hits, tries) to rows of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from rigkit.timing import (
    CALIBRATED,
    REFERENCE,
    UNCALIBRATED,
    Evidence,
    Stamps,
    camera_table,
    clock_table,
    compare,
    correctable_spread,
    host_clock_table,
    led_stamps,
    offset_bounds,
    review,
    shot_table,
    skew_table,
    tidy,
    two_way,
    within_limit,
)
from rigkit.timing.stamps import Floats
from tests.timing_truth.law import JITTERS, Law, Rig, as_stamps, drawn, known, rig, session

__all__ = ["MEASURES", "Counts"]

#: Row -> (sum, number): hits and tries, or the sum of values and their number.
Counts = dict[str, tuple[float, float]]

_WRAP_MS = 400.0
#: Steps of the stamps of sessions in which nothing is wrong.
_STEPS_MS = (1.0, 10.0, 1000.0)


def _covers(truth: Floats, table: pd.DataFrame, lo: str, hi: str) -> tuple[float, float]:
    low, high = table[lo].to_numpy(np.float64), table[hi].to_numpy(np.float64)
    tried = np.isfinite(low) & np.isfinite(high)
    inside = (low <= truth) & (truth <= high) & tried
    return float(inside.sum()), float(tried.sum())


def lag_and_jitter(rng: np.random.Generator) -> Counts:
    """Lag and jitter at the evidence levels that can tell them."""
    counts: Counts = {}
    for jitter in JITTERS:
        calibrated = Law(jitter, 10.0, CALIBRATED)
        of = rig(calibrated, rng)
        truth = known(calibrated, of, rng)
        stamps = session(calibrated, of, rng)
        table = camera_table(stamps)
        counts[f"cover/lag B 10 ms {jitter}"] = _covers(truth.lag, table, "lag_lo_ms", "lag_hi_ms")
        counts[f"cover/jitter B 10 ms {jitter}"] = _covers(truth.jitter, table, "jitter_lo_ms", "jitter_hi_ms")
        counts[f"info/lag B 10 ms {jitter}, truth before the cut"] = _covers(
            truth.uncut_lag, table, "lag_lo_ms", "lag_hi_ms"
        )
        spread = correctable_spread(stamps)
        counts[f"least/correctable spread B 10 ms {jitter}"] = (float(spread.lo <= np.ptp(truth.lag) <= spread.hi), 1.0)
        uncalibrated = camera_table(session(Law(jitter, 10.0), of, rng))
        counts[f"info/jitter C 10 ms {jitter}"] = _covers(truth.jitter, uncalibrated, "jitter_lo_ms", "jitter_hi_ms")
        for step_ms, kind in ((0.1, "cover"), (1.0, "info")):  # of a counter of 10 kHz, and of a coarse one
            reference = Law(jitter, step_ms, REFERENCE)
            truth = known(reference, of, rng)
            table = camera_table(_led(session(reference, of, rng), step_ms))
            counts[f"{kind}/lag A {step_ms:g} ms {jitter}"] = _covers(truth.lag, table, "lag_lo_ms", "lag_hi_ms")
            counts[f"{kind}/jitter A {step_ms:g} ms {jitter}"] = _covers(
                truth.jitter, table, "jitter_lo_ms", "jitter_hi_ms"
            )
    return counts


def _led(stamps: Stamps, step_ms: float) -> Stamps:
    """Show the exposures to a counter that wraps, and read it."""
    read = np.mod(np.round(stamps.seconds * 1e3 / step_ms) * step_ms, _WRAP_MS)
    return led_stamps(tidy(read, stamps, "reading_ms").reset_index(), _WRAP_MS, step_ms)


def drift(rng: np.random.Generator) -> Counts:
    """Drift relative to the rig, with unknown offsets, holes and outliers."""
    counts: Counts = {}
    for quantum in (1.0, 10.0):
        for jitter in JITTERS:
            law = Law(jitter, quantum, outliers=0.01)
            of = rig(law, rng)
            table = clock_table(session(law, of, rng), steps=[])
            truth = of.drifts - np.median(of.drifts)
            counts[f"cover/drift C {quantum:g} ms {jitter}"] = _covers(truth, table, "drift_lo_ppm", "drift_hi_ppm")
    return counts


def host(rng: np.random.Generator) -> Counts:
    """Drift against the host by the fastest arrivals, of cameras that were heard of in all, some or only the first shots."""
    law = Law(shots=40, missing=0.0)
    of = rig(law, rng)
    true, stamps = drawn(law, of, law.shots, rng)
    arrivals = (true + 180.0 + rng.gamma(2.0, 50.0, true.shape)) / 1e3
    shot = np.arange(law.shots)[:, None]
    heard = {
        "all 40 shots": np.ones(true.shape, dtype=bool),
        "39 of 40 shots, each camera others": rng.random(true.shape).argsort(axis=0) < 39,
        "half of the shots, each camera others": rng.random(true.shape).argsort(axis=0) < 20,
        "the first 12 of 40 shots, every third camera": (shot < 12) | (np.arange(law.cameras) % 3 > 0),
    }
    counts: Counts = {}
    for name, there in heard.items():
        table = host_clock_table(as_stamps(law, stamps), np.where(there, arrivals, np.nan))
        few = (there.sum(axis=0) < law.shots) | (name == "all 40 shots")
        counts[f"cover/drift against the host, {name}"] = _covers(
            of.drifts[few], table[few], "drift_lo_ppm", "drift_hi_ppm"
        )
    return counts


def offsets(rng: np.random.Generator) -> Counts:
    """Offset of a polled clock of 1 s."""
    inside = 0
    for _ in range(20):
        theta = rng.uniform(-60.0, 60.0)
        sent = np.sort(rng.uniform(0.0, 600.0, 20))
        read_at = sent + rng.uniform(0.0, 0.02, 20)
        bounds = offset_bounds(np.floor(read_at + theta), sent, sent + 0.02)
        inside += bounds.lo <= theta < bounds.hi
    return {"all/offset of a polled 1 s clock within its bounds": (float(inside), 20.0)}


def nothing_wrong(rng: np.random.Generator) -> Counts:
    """Sessions in which nothing is wrong: any finding is false."""
    counts: Counts = {}
    weak, strong = UNCALIBRATED, CALIBRATED
    cases: list[tuple[int, int, float, Evidence]] = [(60, 20, step, at) for step in _STEPS_MS for at in (weak, strong)]
    cases += [(24, 6, 1.0, strong), (24, 6, 10.0, weak), (24, 6, 10.0, strong), (8, 12, 10.0, strong)]
    for jitter in JITTERS:
        for cameras, shots, step, level in cases:
            law = Law(jitter, step, level, cameras, shots, lag_sd_ms=0.0)
            found = review(session(law, rig(law, rng), rng)).found
            counts[f"null/{cameras} x {shots}, {level} {step:g} ms {jitter}"] = (float(len(found) > 0), 1.0)
    return counts


def _stepped(stamps: Stamps, column: int, row: int, size_ms: float) -> Stamps:
    seconds = stamps.seconds.copy()
    seconds[row:, column] += size_ms / 1e3
    return replace(stamps, seconds=seconds)


def _once(law: Law, of: Rig, rng: np.random.Generator, late_ms: float) -> tuple[Stamps, int, int]:
    """Draw a session in which one camera is late in one shot: the exposure is late, then its stamp is cut."""
    true, stamps = drawn(law, of, law.shots, rng)
    row, column = int(rng.integers(law.shots)), int(rng.integers(law.cameras))
    clock = (true[row, column] + late_ms) * (1 + of.drifts[column] * 1e-6) + of.offsets[column]
    cut = np.floor(clock / law.quantum_ms) * law.quantum_ms
    stamps[rng.random(stamps.shape) < law.missing] = np.nan
    stamps[row, column] = cut
    return as_stamps(law, stamps), row, column


def power(rng: np.random.Generator) -> Counts:
    """Effects of the size that a clean session of the same law says would be found in 9 of 10 cases."""
    counts: Counts = {}
    law = Law(lag_sd_ms=0.0)
    of = rig(law, rng)
    sizes = review(session(law, of, rng)).checked["detectable"]
    column = int(rng.integers(law.cameras))
    key = f"C{column:03d}"

    def hit(rule: str, stamps: Stamps) -> tuple[float, float]:
        found = review(stamps).found
        return float(((found["rule"] == rule) & (found["camera_key"] == key)).any()), 1.0

    for late_ms, name in (
        (38.0, "once/38 ms late once, C 10 ms, unknown clocks"),
        (float(sizes["late_once"]), "power/late once"),
    ):
        stamps, row, other = _once(law, of, rng, late_ms)
        found = review(stamps).found
        seen = (found["rule"] == "late_once") & (found["camera_key"] == f"C{other:03d}") & (found["shot_id"] == row + 1)
        counts[name] = float(seen.any()), 1.0
    relative = float(sizes["drift"]) + np.median(of.drifts)
    shifted = of._replace(drifts=np.where(np.arange(law.cameras) == column, relative, of.drifts))
    counts["power/drift"] = hit("drift", session(law, shifted, rng))
    row = int(rng.integers(6, law.shots - 6))
    counts["power/clock step"] = hit(
        "clock_step", _stepped(session(law, of, rng), column, row, float(sizes["clock_step"]))
    )
    counts["power/unstable camera"] = hit(
        "unstable_camera", _unsteady(law, of, rng, column, float(sizes["unstable_camera"]))
    )
    calibrated = Law(evidence=CALIBRATED, lag_sd_ms=0.0)
    size = float(review(session(calibrated, of, rng)).checked["detectable"]["late_camera"])
    late = of._replace(lags=np.where(np.arange(law.cameras) == column, size, 0.0))
    counts["power/late camera"] = hit("late_camera", session(calibrated, late, rng))
    return counts


def _unsteady(law: Law, of: Rig, rng: np.random.Generator, column: int, times: float) -> Stamps:
    """Draw a session in which the stamps of one camera scatter so many times as widely as the others', cut included."""
    truth = known(replace(law, evidence=CALIBRATED), of, rng)
    stamps = session(law, of, rng)
    wanted = times * float(np.median(truth.jitter))
    seconds = stamps.seconds.copy()
    extra = np.sqrt(max(wanted**2 - float(np.median(truth.jitter)) ** 2, 0.0))
    seconds[:, column] += np.round(rng.normal(0.0, extra, len(seconds)) / law.quantum_ms) * law.quantum_ms / 1e3
    return replace(stamps, seconds=seconds)


def unknowable(rng: np.random.Generator) -> Counts:
    """Questions that have no answer: the answer is a reason, and no number."""
    counts: Counts = {}
    coarse = Law(quantum_ms=1000.0, evidence=CALIBRATED)
    of = rig(coarse, rng)
    stamps = session(coarse, of, rng)
    cameras, skews = camera_table(stamps), skew_table(stamps)
    refused = cameras["lag_ms"].isna() & cameras["jitter_ms"].isna() & cameras["reason"].str.contains("can't be known")
    small = skews["skew_ms"].abs() <= 1000
    shots = shot_table(stamps)
    counts["all/1 s stamps: lag and jitter can't be known"] = float(refused.sum()), float(len(refused))
    counts["all/1 s stamps: no skew below 1 s"] = float((~small).sum()), float(len(small))
    unresolved = shots["spread_ms"].isna() | (shots["spread_ms"] >= 1000)
    counts["all/1 s stamps: no spread below 1 s"] = float(unresolved.sum()), float(len(shots))
    law = Law(lag_sd_ms=0.0)
    of = rig(law, rng)
    late = of._replace(lags=np.where(np.arange(law.cameras) == 17, 38.0, 0.0))
    stamps = session(law, late, rng)
    seen = review(stamps)
    silent = not (seen.found["rule"] == "late_camera").any() and bool(camera_table(stamps)["lag_ms"].isna().all())
    told = "can't be known from uncalibrated stamps" in str(seen.checked["reason"]["late_camera"])
    counts["all/always 38 ms late, C: no claim, and why"] = float(silent and told), 1.0
    return counts


def fit(rng: np.random.Generator) -> Counts:
    """Error of the offsets of the robust fit over the noise floor: 1000 shots, 200 cameras, noise of 0.3 ms."""
    shots, cameras, noise = 1000, 200, 0.3
    times = np.sort(rng.uniform(0.0, 14_400.0, shots))
    offsets, drifts = rng.normal(0.0, 500.0, cameras), rng.normal(0.0, 5e-3, cameras)
    values = offsets + np.outer(times - times.mean(), drifts) + rng.normal(0.0, 3.0, (shots, 1))
    values += rng.normal(0.0, noise, values.shape)
    hit = rng.random(values.shape) < 0.01
    values[hit] += rng.choice([-500.0, 38.0, 100.0, 1000.0], int(hit.sum()))
    values[rng.random(values.shape) < 0.02] = np.nan
    fitted = two_way(values, times)
    errors = fitted.offsets - (offsets + drifts * (fitted.t0 - times.mean()))
    ratio = float(np.std(errors) / (noise / np.sqrt(shots)))
    return {"ratio/robust fit, 2 % missing, 1 % outliers: rmse / floor": (ratio, 1.0)}


def decisions(rng: np.random.Generator) -> Counts:
    """Comparison of equal cohorts, and "within limit" of a camera that lies on the limit."""
    law = Law(evidence=CALIBRATED)
    of = rig(law, rng)
    found = compare(session(law, of, rng), session(law, of, rng), resamples=499)
    edge = rng.normal(5.0, 3.0, (20, 60))
    return {
        "null/compare() of two equal cohorts, spread": (float(found["p"]["spread_ms"] <= 0.05), 1.0),
        "null/'within limit' of a camera on the limit": (float((within_limit(edge, 5.0) < 0.05).sum()), 60.0),
    }


MEASURES: dict[str, Callable[[np.random.Generator], Counts]] = {
    "lag and jitter": lag_and_jitter,
    "drift": drift,
    "host": host,
    "offsets": offsets,
    "nothing wrong": nothing_wrong,
    "power": power,
    "unknowable": unknowable,
    "fit": fit,
    "decisions": decisions,
}
