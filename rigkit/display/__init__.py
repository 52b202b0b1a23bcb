"""What a rig, a shot and a sitting look like as text, in a notebook and on a report page: tables in, text and HTML out.

Every text that came from outside (names, poses, paths, details) is data: control characters are dropped, what is long
is cut with an ellipsis, HTML is escaped by the templates. Nothing refers to a resource outside the page, and no script
is needed, so a saved notebook and a mailed report show what was seen. Pure: no clock, no files but the templates.

``grids`` and ``sections`` say what is shown of each table, ``counting`` which shots count; the templates (``rigkit/templates``)
say how. ``report`` is the page of a sitting, ``day`` its one sentence, ``timing`` what it says about time and ``foundation`` what
that rests on, ``show`` the same for a terminal, ``methods`` the paragraphs for a paper, and ``claims`` what these may say about
time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rigkit.display.arrivals import TIMING_CAVEAT, timing_summary
from rigkit.display.counting import apart, shot_counts, tally
from rigkit.display.day import PYTHON, how_it_stands, inside_line, journal_lines
from rigkit.display.grids import (
    MOST_ROWS,
    aligned,
    because,
    by_position,
    camera_grid,
    exposure_grid,
    instant,
    label_of,
    plain,
    plural,
    remedy_grid,
    rows_of,
    shot_grid,
    shot_label,
)
from rigkit.display.methods import Recorded, methods_text
from rigkit.display.rendering import render
from rigkit.display.report import CAPTIONS, counting_exposures, report_html
from rigkit.display.sections import lost_grid
from rigkit.display.show import show_text
from rigkit.display.sittings import MOST_SITTINGS, sitting_grid, sittings_line
from rigkit.errors import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CAPTIONS",
    "TIMING_CAVEAT",
    "Recorded",
    "counting_exposures",
    "methods_text",
    "missing_of",
    "report_html",
    "rig_html",
    "rig_text",
    "session_html",
    "session_text",
    "sessions_html",
    "sessions_text",
    "shot_html",
    "show_text",
    "summary_line",
    "timing_summary",
    "verdict_line",
]

#: A missing camera: its label, the cause and more on the cause (None: not known).
Missing = tuple[str, str | None, str | None]

#: Missing cameras that are named in one line of text.
MOST_NAMED = 8

#: The columns of the exposures that a one-line account needs.
_ACCOUNT = ("shot_id", "camera_key", "position", "status", "cause", "detail", "on_disk_s", "pose")
_NO_SHOT = {"pose": None, "n_expected": 0, "n_exposed": 0, "n_on_disk": 0}


def summary_line(
    label: str,
    n_expected: int,
    n_exposed: int,
    n_on_disk: int,
    missing: Sequence[Missing] = (),
) -> str:
    """Give the account of a shot in one line.

    Parameters
    ----------
    label : str
        The shot: ``Shot 1 apose``.
    n_expected, n_exposed, n_on_disk : int
        Cameras expected, of these with a photo heard of, of these with the file on the application's disk.
    missing : sequence of (label, cause, detail)
        The missing cameras. The first eight are named, neighbours with the same reason together.

    Returns
    -------
    str
        ``Shot 6: 23/24 exposed, 23/24 on disk; A07 missing: not_ready (Lost)``
    """
    counts = f"{n_exposed}/{n_expected} exposed, {n_on_disk}/{n_expected} on disk"
    return f"{plain(label, 60)}: {counts}{_named(missing)}"


def verdict_line(label: str, n_expected: int, n_exposed: int, missing: Sequence[Missing] = ()) -> str:
    """Say whether a shot is complete, and who is missing: ``Shot 6: 23/24; A07 missing: not_ready (Lost)``.

    Parameters as `summary_line`.
    """
    return f"{plain(label, 60)}: {n_exposed}/{n_expected}{_named(missing)}"


def _named(missing: Sequence[Missing]) -> str:
    """Name the first missing cameras, neighbours with the same reason together."""
    line, reasons = "", dict[str, list[str]]()
    for camera, cause, detail in missing[:MOST_NAMED]:
        reasons.setdefault(because(cause, detail), []).append(plain(camera, 24))
    for reason, cameras in reasons.items():
        line += f"; {', '.join(cameras)} missing" + (f": {reason}" if reason else "")
    return line + (f"; and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else "")


def missing_of(exposures: pd.DataFrame) -> list[Missing]:
    """List what is missing as (label, cause, detail), in the natural order of positions, as `summary_line` wants it."""
    return _missing_among(rows_of(exposures, *_ACCOUNT))


def _missing_among(rows: Iterable[dict[str, Any]]) -> list[Missing]:
    missing = by_position(row for row in rows if row["status"] == "missing")
    return [(label_of(row), row["cause"], row["detail"]) for row in missing]


def _rig_line(cameras: pd.DataFrame, title: str, simulated: bool) -> str:
    rows = [row for row in by_position(rows_of(cameras)) if row["expected"] is None or row["expected"]]
    states: dict[str, list[str]] = {}
    for row in rows:
        states.setdefault(plain(row["status"]) or "unknown", []).append(label_of(row))
    ready = len(states.pop("Ready", ()))
    line = f"{plain(title, 60)}: " + (f"{ready} of {len(rows)} Ready" if rows else "no camera")
    line += " (simulated)" if simulated else ""
    return line + "".join(f"; {listed(who)} {state}" for state, who in states.items())


def rig_text(cameras: pd.DataFrame, title: str, simulated: bool) -> str:
    """Show a rig as text: a line that names whoever is not Ready, and a table.

    Parameters
    ----------
    cameras : pandas.DataFrame
        The ``cameras`` table. Those marked as not expected are listed but not counted.
    title : str
        What it is called: ``Rig sim:24``.
    simulated : bool
        Say so.
    """
    grid = camera_grid(cameras)
    return "\n".join([_rig_line(cameras, title, simulated), *(aligned(grid) if grid.rows else ())])


def rig_html(cameras: pd.DataFrame, title: str, simulated: bool) -> str:
    """Show a rig in a notebook; parameters as `rig_text`. Beyond 30 cameras the table is folded."""
    return render("rig.html.j2", line=_rig_line(cameras, title, simulated), cameras=camera_grid(cameras))


def _shot_line(row: Mapping[str, Any], of_shot: Iterable[dict[str, Any]]) -> str:
    """Give the line of a shot from its row of `shot_counts` and the rows of its exposures."""
    label = shot_label(row["shot_id"], row["pose"])
    return summary_line(label, row["n_expected"], row["n_exposed"], row["n_on_disk"], _missing_among(of_shot))


def shot_html(shot_id: int, shots: pd.DataFrame, exposures: pd.DataFrame) -> str:
    """Show a shot in a notebook: its account, what is missing with what to do about it, and the exposures, folded.

    Parameters
    ----------
    shot_id : int
        The shot. One that neither table knows has nothing expected.
    shots, exposures : pandas.DataFrame
        The tables, whole or only the rows of this shot.
    """
    exposures = exposures[exposures.index.get_level_values("shot_id") == shot_id]
    rows = shot_counts(shots[shots.index == shot_id], exposures) or [_NO_SHOT | {"shot_id": shot_id}]
    of_shot = rows_of(exposures)
    return render(
        "shot.html.j2",
        line=_shot_line(rows[0], of_shot),
        simulated=any(row["simulated"] for row in of_shot),
        remedies=remedy_grid(of_shot),
        exposures=exposure_grid(of_shot),
    )


def _session_lines(facts: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say what a sitting is, where it lies, and what its shots come to: three lines."""
    sums = tally(rows)
    head = f"Session {plain(facts.get('session_id')) or '?'} of {instant(facts.get('created')) or 'unknown date'}"
    head += " (simulated)" if facts.get("simulated") else ""
    head += f", subject {plain(facts['subject'])}" if facts.get("subject") else ""
    head += f", {how_it_stands(facts)}"
    count = plural(sums.shots, "shot") + apart(sums)
    if sums.expected:
        count += f": {sums.exposed}/{sums.expected} exposed, {sums.on_disk}/{sums.expected} on disk"
    count += f", {sums.missing} missing" if sums.missing else ""
    place = f"{plain(facts.get('address'), 80)} in {plain(facts.get('folder'), 120)}"
    return [head, place, count]


def session_text(facts: Mapping[str, Any], shots: pd.DataFrame, exposures: pd.DataFrame | None = None) -> str:
    """Show a sitting as text: what, where, how much, and a line per shot (of many, the last thirty).

    Parameters
    ----------
    facts : Mapping
        As `rigkit.reporting.facts_of` gives them; what is not known may be left out.
    shots : pandas.DataFrame
        The ``shots`` table.
    exposures : pandas.DataFrame or None
        The ``exposures`` table; None: the lines count the missing cameras without naming them.
    """
    by_shot: dict[int, list[dict[str, Any]]] = {}
    for row in [] if exposures is None else rows_of(exposures, *_ACCOUNT):
        by_shot.setdefault(row["shot_id"], []).append(row)
    rows = shot_counts(shots, exposures)
    inside = inside_line(facts, PYTHON)
    lines = [*_session_lines(facts, rows), *journal_lines(facts), *([inside] if inside else [])]
    if len(rows) > MOST_ROWS:
        lines.append(f"  … {len(rows) - MOST_ROWS} earlier shots")
    for row in rows[-MOST_ROWS:]:
        unnamed = exposures is None and row["n_missing"]
        line = _shot_line(row, by_shot.get(row["shot_id"], ()))
        lines.append(f"  {line}" + (f"; {row['n_missing']} missing" if unnamed else ""))
    return "\n".join(lines)


def session_html(facts: Mapping[str, Any], shots: pd.DataFrame, exposures: pd.DataFrame) -> str:
    """Show a sitting in a notebook; parameters as `session_text`."""
    return render(
        "session.html.j2",
        lines=_session_lines(facts, shot_counts(shots, exposures)),
        inside=inside_line(facts, PYTHON),
        troubles=journal_lines(facts),
        shots=shot_grid(shots),
        missing=lost_grid(rows_of(exposures)),
    )


def sessions_text(sittings: Sequence[Mapping[str, Any]], shots: pd.DataFrame) -> str:
    """Show many sittings as text: the totals, and a line per sitting (of many, the first sixty).

    Parameters
    ----------
    sittings : sequence of Mapping
        As for `rigkit.display.sittings.sitting_grid`.
    shots : pandas.DataFrame
        The ``shots`` table of all of them, ``session_id`` a level of its index.
    """
    grid = sitting_grid(sittings, shots)
    return "\n".join([sittings_line(sittings, shots), *(aligned(grid, MOST_SITTINGS) if grid.rows else ())])


def sessions_html(sittings: Sequence[Mapping[str, Any]], shots: pd.DataFrame) -> str:
    """Show many sittings in a notebook; parameters as `sessions_text`. Beyond sixty the table is folded."""
    line, grid = sittings_line(sittings, shots), sitting_grid(sittings, shots)
    return render("sessions.html.j2", line=line, sittings=grid, most_sittings=MOST_SITTINGS)
