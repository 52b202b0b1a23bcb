"""What is known about time in a sitting, for its report: a sentence with its evidence, what was found, lags, clocks, readings.

No number is shown without what it rests on, and what can't be known is said with its reason and what to do about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.display.foundation import (
    Foundation,
    Rows,
    instant_text,
    lags_text,
    letter,
    named,
    stamps_text,
    steps_text,
)
from rigkit.display.grids import Cell, Grid, by_position, grid_of, label_of, noun, plain, plural, rows_of
from rigkit.display.sections import ranges
from rigkit.errors import listed
from rigkit.timing.evidence import (
    CALIBRATED,
    CAN_SAY,
    FEWEST_SHOTS,
    HOST_ARRIVAL,
    REFERENCE,
    UNCALIBRATED,
    too_coarse,
)
from rigkit.timing.sentences import number, quantity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["counts_line", "known_text", "timing_line", "timing_sections", "todo_text"]

#: Of many cameras the worst so many are shown at once, the others folded.
_WORST = 10
#: A table that is not longer than this is shown whole: it fits a screen beside its heading.
_SHORT = 12
#: Findings that are shown at once.
_MOST_FOUND = 20

# -- in sentences ---------------------------------------------------------------------------------------------------------


def _median(values: Iterable[Any]) -> float | None:
    from statistics import median

    known = [float(value) for value in values if value is not None]
    return median(known) if known else None


def _range(values: Iterable[Any]) -> str:
    """Spell the least and the largest: ``22 to 24``."""
    known = sorted(value for value in values if value is not None)
    low, high = number(float(known[0])), number(float(known[-1]))
    return low if low == high else f"{low} to {high}"


def known_text(found: Sequence[Foundation], lags: Mapping[str, Any]) -> list[str]:
    """Say what is known about the time of exposures, and what can't be; a few sentences.

    Parameters
    ----------
    found : sequence of Foundation
        Of the sitting.
    lags : mapping
        See :func:`rigkit.display.foundation.lags_text`.
    """
    if not found:
        return ["Nothing is known about the time of any exposure: no photo was heard of."]
    told = [_of_level(one, lags) for one in found if one.evidence != HOST_ARRIVAL]
    if found[0].evidence in (REFERENCE, CALIBRATED):
        known, total = _shots_known(found)
        return [
            f"How simultaneous the exposures were is known in {known} of {plural(total, 'shot')}.",
            *told,
            *_silent(found),
        ]
    reason = _reason(found)
    return [f"How simultaneous the exposures of a shot were is not known{reason}.", *told, *_silent(found)]


def _shots_known(found: Sequence[Foundation]) -> tuple[int, int]:
    """Count the shots with a spread, and all of them."""
    shots = [row for one in found for row in one.shots]
    return sum(row["spread_ms"] is not None for row in shots), len(shots)


def _reason(found: Sequence[Foundation]) -> str:
    """Say why no skew is known, in the words of the shots."""
    reasons = Counter(plain(row["timing_reason"], 400) for one in found for row in one.shots if row["timing_reason"])
    return f": {reasons.most_common(1)[0][0]}" if reasons else ""


def _of_level(one: Foundation, lags: Mapping[str, Any]) -> str:
    """Say what one kind of stamps tells."""
    cameras = len({row["camera_key"] for row in one.exposures})
    shots = {row["shot_id"] for row in one.exposures}
    how = f" made comparable by {lags_text(lags)}" if one.evidence == CALIBRATED else ""
    what = (
        f"{named(one.evidence)} ({stamps_text(one.exposures)};{how}{';' if how else ''} {instant_text(one.exposures)})"
    )
    many = f"{plural(len(one.exposures), 'exposure')} of {plural(cameras, 'camera')} in {plural(len(shots), 'shot')}"
    if one.evidence == UNCALIBRATED:
        return f"{what}: {many}. They tell {CAN_SAY[UNCALIBRATED][0]}{_coarse(one)}.{_residual(one)}"
    spreads = [row for row in one.shots if row["spread_ms"] is not None]
    text = f"{what}: {many}."
    if spreads:
        median, n = _median(row["spread_ms"] for row in spreads), _range(row["n_stamps"] for row in spreads)
        text += f" Median spread of a shot {quantity(median or 0.0, 'ms')} (last less first of {n} cameras; "
        text += (
            f"{_range(row['spread_ms'] for row in spreads)} ms in {plural(len(spreads), 'shot')}{_within(spreads)})."
        )
    return text


def _within(shots: Rows) -> str:
    """Say how well a single spread is known."""
    low, high = (_median(row[name] for row in shots) for name in ("spread_lo_ms", "spread_hi_ms"))
    if low is None or high is None:
        return ""
    return f"; for the steps of the stamps and the clocks a single one may be {number(low)} to {number(high)} ms, medians of the bounds"


def _residual(one: Foundation) -> str:
    rests = [row for row in one.shots if row["residual_spread_ms"] is not None]
    if len(rests) < FEWEST_SHOTS or _coarse(
        one
    ):  # of fewer, offset and drift of each clock take up most of what varied
        return ""
    median = _median(row["residual_spread_ms"] for row in rests)
    least = f"{_range(row['residual_spread_ms'] for row in rests)} ms in {plural(len(rests), 'shot')}"
    return f" Against each camera's own usual, a shot lay within {quantity(median or 0.0, 'ms')} (median; {least})."


def _coarse(one: Foundation) -> str:
    """Say what coarse stamps can't tell; empty: they are fine enough."""
    steps = [row["quantum_ms"] for row in one.exposures if row["quantum_ms"] is not None]
    refused = too_coarse(float(max(steps)), "difference") if steps else None
    return f"; but {refused}" if refused else ""


def _silent(found: Sequence[Foundation]) -> list[str]:
    """Count the exposures of which only the news is known."""
    silent = sum(len(one.exposures) for one in found if one.evidence == HOST_ARRIVAL)
    total = sum(len(one.exposures) for one in found)
    if not silent or silent == total:
        return []
    return [
        f"Of {silent} of {plural(total, 'exposure')} only their arrival at the host is known ({named(HOST_ARRIVAL)})."
    ]


def todo_text(found: Sequence[Foundation]) -> str:
    """Say what to do to know more; empty: skews are known."""
    if found and found[0].evidence in (REFERENCE, CALIBRATED):
        known, total = _shots_known(found)
        if known == total or not any(one.evidence == UNCALIBRATED for one in found):
            return ""
        return (
            f"Readings of every camera in {FEWEST_SHOTS} shots or more give lags with an interval, and these make the stamps of all "
            "other shots comparable."
        )
    led = f"Put an LED counter in view of all cameras for {FEWEST_SHOTS} shots or more, read it off the photos and enter the readings: "
    led += "session.timing.reference_template() writes the sheet, session.timing.add_reference() takes it."
    if found and found[0].evidence == UNCALIBRATED:
        return (
            f"{led} Lags that were measured before make the stamps comparable, too: session.timing.use_calibration()."
        )
    return f"{led} Where rigkit can read the photo files, session.timing.read_files() reads the cameras' own stamps."


def timing_line(found: Sequence[Foundation]) -> str:
    """Say in one line whether skews are known; empty: there is no exposure to know anything of."""
    strong = [one for one in found if one.evidence in (REFERENCE, CALIBRATED)]
    if not found:
        return ""
    if not strong:
        return f"Timing: skew is not known{_reason(found)}."
    spreads = [row for one in strong for row in one.shots if row["spread_ms"] is not None]
    levels = ", ".join(named(one.evidence) for one in strong)
    median = _median(row["spread_ms"] for row in spreads)
    spread = "" if median is None else f"; median spread {quantity(median, 'ms')} over {plural(len(spreads), 'shot')}"
    return f"Timing: skews are known ({levels}; {steps_text(row for one in strong for row in one.exposures)}){spread}."


_SEVERITIES = {"error": ("error", "errors"), "warn": ("warning", "warnings"), "info": ("note", "notes")}


def counts_line(findings: pd.DataFrame) -> str:
    """Count findings: ``1 error, 3 warnings``; empty: none."""
    counts = Counter(row["severity"] for row in rows_of(findings, "severity"))
    return ", ".join(plural(counts[one], *words) for one, words in _SEVERITIES.items() if counts[one])


# -- in tables ------------------------------------------------------------------------------------------------------------


class Folded(NamedTuple):
    """A table of which the first rows are shown, and the rest on demand."""

    first: Grid
    rest: Grid


def timing_sections(
    tables: Mapping[str, pd.DataFrame], found: Sequence[Foundation], lags: Mapping[str, Any]
) -> dict[str, Any]:
    """Gather what the report says about time, for its template.

    Parameters
    ----------
    tables : mapping
        Tables of ``rigkit.record.columns.TABLES``.
    found : sequence of Foundation
        Of the sitting.
    lags : mapping
        See :func:`rigkit.display.foundation.lags_text`.
    """
    n_checked = sum(not row["reason"] for row in rows_of(tables["checked"], "reason"))
    return {
        "known": known_text(found, lags) if len(tables["exposures"]) else [],
        "todo": todo_text(found),
        "findings": _split(finding_grid(tables["findings"]), _MOST_FOUND),
        "checked": checked_grid(tables["checked"]),
        "n_checked": n_checked,
        "n_unchecked": len(tables["checked"]) - n_checked,
        "lags": _split(lag_grid(tables["lags"])),
        "lags_on": _alike_text(tables["lags"], "lag_ms", "jitter_ms"),
        "lags_known": bool(tables["lags"]["lag_ms"].notna().any()),
        "clocks": _split(clock_grid(tables["clock"])),
        "clocks_on": _alike_text(tables["clock"], "theta_s", "drift_ppm", "theta_lo_s"),
        "clocks_hold": _clock_text(tables["clock"]),
        "readings": readings_text(tables["reference"]),
    }


def _split(grid: Grid, most: int = _WORST) -> Folded:
    whole = len(grid.rows) <= max(most, _SHORT)
    at = len(grid.rows) if whole else most
    return Folded(grid._replace(rows=grid.rows[:at]), grid._replace(rows=grid.rows[at:]))


def finding_grid(findings: pd.DataFrame) -> Grid:
    """One row per finding, the gravest first."""
    tones = {"error": "bad", "warn": "", "info": "quiet"}
    cells = [
        (
            Cell(_SEVERITIES.get(row["severity"], ("",))[0], tones.get(row["severity"], "")),
            label_of({"position": row["position"], "camera_key": row["key"]}),
            plain(row["text"], 1000),
            plain(row["suggestion"], 400),
        )
        for row in rows_of(findings, "severity", "position", "key", "text", "suggestion")
    ]
    return grid_of(("severity", "where", "what was found", "what to do"), cells)


def checked_grid(checked: pd.DataFrame) -> Grid:
    """One row per rule: what it asks, what it found, and what it would have found."""
    cells = []
    for row in rows_of(checked):
        counted = not row["reason"] and row["detectable"] is None
        least = "every case" if counted else ""
        if row["detectable"] is not None and not row["reason"]:
            least = f"{quantity(row['detectable'], row['unit'])} or more"
        cells.append(
            (
                plain(row["question"], 200),
                str(row["n"]) if row["n"] else "",
                "" if row["reason"] else str(row["found"] or 0),
                least,
                letter(row["evidence"]),
                plain(row["reason"], 400),
            )
        )
    heads = ("question", "looked at", "found", "would have been found", "evidence", "why it could not be checked")
    return grid_of(heads, cells, right=("looked at", "found"))


def _with_interval(value: Any, low: Any, high: Any, digits: int | None = None) -> str:
    """Spell a number and its bounds: ``38 [31, 44]``; empty: not known."""

    def spelt(one: Any) -> str:
        # Bounds that differ from 0 by rounding alone are 0.
        return number(round(float(one), 3)) if digits is None else f"{float(one):.{digits}f}"

    if value is None:
        return f"at least {spelt(low)}" if low is not None else ""
    return spelt(value) + ("" if low is None or high is None else f" [{spelt(low)}, {spelt(high)}]")


def _basis(row: Mapping[str, Any]) -> str:
    """Say what a row rests on: ``A: reference, in steps of 1 ms, start of the exposure``."""
    if row["evidence"] is None:
        return ""
    parts = [named(row["evidence"]), steps_text([row])]
    parts += [instant_text([row])] if "instant" in row else []
    return ", ".join(part for part in parts if part)


def _telling(table: pd.DataFrame, *columns: str) -> list[dict[str, Any]]:
    """Rows in which any of these numbers is known."""
    return [row for row in rows_of(table) if any(row[name] is not None for name in columns)]


def _alike_text(table: pd.DataFrame, *columns: str) -> str:
    """Say what all rows rest on, where that is the same; empty: it differs, and each row says so."""
    bases = {_basis(row) for row in _telling(table, *columns)}
    return bases.pop() if len(bases) == 1 else ""


def lag_grid(lags: pd.DataFrame) -> Grid:
    """One row per camera of which lag or jitter is known, the latest or earliest first; without lags the least steady."""
    told = _telling(lags, "lag_ms", "jitter_ms")
    alike = _alike_text(lags, "lag_ms", "jitter_ms")
    shared = {row["reason"] for row in told}
    rows = sorted(by_position(told), key=lambda row: -_size(row))
    cells = [
        (
            label_of(row),
            _with_interval(row["lag_ms"], row["lag_lo_ms"], row["lag_hi_ms"]) if row["lag_ms"] is not None else "",
            _with_interval(row["jitter_ms"], row["jitter_lo_ms"], row["jitter_hi_ms"]),
            str(row["n"] or 0),
            "" if alike else _basis(row),
            plain(row["reason"], 300) if len(shared) > 1 else "",
        )
        for row in rows
    ]
    heads = ("camera", "lag (ms)", "jitter (ms)", "n", "evidence", "remark")
    return grid_of(heads, cells, right=("lag (ms)", "jitter (ms)", "n"))


def _size(row: Mapping[str, Any]) -> float:
    return abs(float(row["lag_ms"])) if row["lag_ms"] is not None else float(row["jitter_ms"] or 0.0) / 1e6


_METHODS = {
    "two-way": "stamps against the rig",
    "led": "stamps less the measured lags, against the rig",
    "lp": "fastest arrivals, against the host",
    "poll": "clock read",
}


def clock_grid(clock: pd.DataFrame) -> Grid:
    """One row per clock and setting of it: those that were set first, then by drift."""
    told = _telling(clock, "theta_s", "drift_ppm", "theta_lo_s")
    alike, methods = _alike_text(clock, "theta_s", "drift_ppm", "theta_lo_s"), {row["method"] for row in told}
    stepped = {row["camera_key"] for row in told if row["step_at"] is not None}
    drifts: dict[str, float] = {}
    for row in told:
        drifts[row["camera_key"]] = max(drifts.get(row["camera_key"], 0.0), abs(row["drift_ppm"] or 0.0))
    rows = sorted(by_position(told), key=lambda row: (row["camera_key"] not in stepped, -drifts[row["camera_key"]]))
    cells = [
        (
            label_of(row),
            (f"set before shot {row['step_at']}" if row["step_at"] is not None else "as it began")
            if row["camera_key"] in stepped
            else "",
            _with_interval(row["theta_s"], row["theta_lo_s"], row["theta_hi_s"], digits=3),
            _with_interval(row["drift_ppm"], row["drift_lo_ppm"], row["drift_hi_ppm"])
            if row["drift_ppm"] is not None
            else "",
            str(row["n"] or 0),
            _METHODS.get(row["method"], "") if len(methods) > 1 else "",
            "" if alike else _basis(row),
            plain(row["reason"], 300),
        )
        for row in rows
    ]
    heads = ("camera", "clock", "offset (s)", "drift (ppm)", "n", "by", "evidence", "remark")
    return grid_of(heads, cells, right=("offset (s)", "drift (ppm)", "n"))


def _clock_text(clock: pd.DataFrame) -> str:
    """Say what offsets and drifts are relative to."""
    methods = {row["method"] for row in _telling(clock, "theta_s", "drift_ppm", "theta_lo_s")}
    told = ["1 ppm is 3.6 ms an hour."]
    if "lp" in methods:
        told.append("Against the host, an offset contains the shortest transfer.")
    elif methods:
        hidden = "" if methods == {"led"} else ", with the camera's lag in it where that is not measured"
        told.insert(0, f"Against the median of the rig, in the middle of the sitting{hidden}.")
    return " ".join(told)


def readings_text(reference: pd.DataFrame) -> str:
    """Say what was read from a counter in view; empty: nothing."""
    rows = rows_of(reference)
    if not rows:
        return ""
    cameras, shots = {row["camera_key"] for row in rows}, [row["shot_id"] for row in rows]
    readers = list(dict.fromkeys(plain(row["reader"], 40) for row in rows if row["reader"]))
    last = rows[-1]
    text = f"{plural(len(rows), 'reading')} of {plural(len(cameras), 'camera')} in {noun(len(set(shots)), 'shot')} {ranges(shots)}"
    text += f", read by {listed(readers, most=4)}" if readers else "; who read them was not noted"
    text += f". One LED stands for {last['step_ms'] or 0:g} ms, and the counter starts again after {last['wrap_ms'] or 0:g} ms: "
    text += (
        f"differences of {(last['wrap_ms'] or 0) / 2:g} ms and more can't be told. Meant is the {instant_text(rows)}."
    )
    return text + (" The release starts the counter." if last["from_trigger"] else "")
