"""The report of a sitting: tables in, one page out."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rigkit.display.arrivals import TIMING_CAVEAT, timing_summary
from rigkit.display.counting import HOW_COUNTED, counted, shot_counts, standing, tally
from rigkit.display.day import PYTHON, SHELL, day_line, heard_at, how_it_stands, inside_line, journal_lines, to_look_at
from rigkit.display.grids import (
    Grid,
    facts_grid,
    grid_of,
    instant,
    loss_grid,
    plain,
    remedy_grid,
    rows_of,
    timing_grid,
)
from rigkit.display.rendering import render
from rigkit.display.sections import (
    account_grid,
    alike_line,
    body_grid,
    download_grid,
    file_grid,
    lost_grid,
    odd_grid,
    ranges,
    request_grid,
    unknown_list,
    warning_grid,
)
from rigkit.display.settings import setting_grid
from rigkit.record.columns import TABLES, empty
from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CAPTIONS", "EXPOSURE_COLUMNS", "counting_exposures", "report_html"]

#: What is looked at of the exposures: a sitting of 360 shots has 34 560 of them.
EXPOSURE_COLUMNS = (
    *("shot_id", "camera_key", "position", "serial", "status", "cause", "detail", "common_cause", "attempt"),
    *("pose", "on_disk_s", "duplicate", "confidence"),
)
#: Plots a report knows, and what is said of them.
CAPTIONS = {
    "completeness": "Which camera delivered in which shot; only shots that count.",
    "map": "Where in the rig photos are lacking: of how many of its expected exposures each camera delivered one.",
    "timeline": "The last shot that counts, camera by camera, as the host heard of it.",
    "spreads": "How far apart the exposures of each shot lay; where skews are not known, against each camera's own usual. Only shots "
    "that count.",
    "skews": "How late or early each camera was against the others of the shot; only shots that count.",
    "lateness": "How late or early each exposure was against its own camera's usual; a clock that is off does not show here.",
    "lags": "Where in the rig cameras are late or early.",
    "clocks": "How the cameras' clocks went against one another; a clock that is off moves no shutter.",
    "arrivals": "How long after the release the host heard of each photo and of its file; not the shutter.",
    "downloads": "How fast the files came.",
}
#: Plots that stand in the section on timing, and in that on what the host heard; all others stand with the account.
_OF_TIMING = ("spreads", "skews", "lateness", "lags", "clocks")
_OF_HOST = ("arrivals", "downloads")


def report_html(
    facts: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], figures: Mapping[str, bytes] | None = None
) -> str:
    """Make the report of a sitting: one page that needs nothing but itself, for the screen, the phone and A4.

    Parameters
    ----------
    facts : Mapping
        As ``rigkit.reporting.facts_of`` gives them, which says what there are. What is left out is not shown.
    tables : Mapping
        Tables by the names of ``rigkit.record.columns.TABLES``; one that is left out counts as empty.
    figures : Mapping or None
        PNG bytes by the names of ``CAPTIONS``, or any name to be its own caption; None: no plots.

    Returns
    -------
    str
        The page.
    """
    from rigkit.display.foundation import foundations  # here, as it imports numpy
    from rigkit.display.timing import timing_sections

    known = {name: tables[name] if name in tables else empty(name) for name in TABLES}
    shots = shot_counts(known["shots"], known["exposures"])
    sums, whens = tally(shots), heard_at(shots, known["photos"])
    exposures = rows_of(known["exposures"], *EXPOSURE_COLUMNS)
    counts_ids = {row["shot_id"] for row in counted(shots)}
    of_counted = [row for row in exposures if row["shot_id"] in counts_ids]
    # What was not fired is not missing, but what to do about it is worth a line.
    not_fired = {row["shot_id"] for row in shots if standing(row).word == "not fired"}
    untimed = {row["shot_id"] for row in shots if row.get("trigger") == "external"}
    things = to_look_at(facts, shots, of_counted, known["photos"], known["warnings"], known["loss"], known["findings"])
    loss, drawn = known["loss"], figures or {}
    times = foundations(known["shots"], known["exposures"], counts_ids)
    return render(
        "report.html.j2",
        title=f"Session {plain(facts.get('session_id'))}".strip(),
        line=day_line(facts, shots, sums, list(whens.values()), len(things)),
        things=[plain(one, 300) for one in things],
        under=[
            instant(facts.get("created")),
            plain(facts.get("address"), 80),
            how_it_stands(facts),
        ],
        inside=inside_line(facts, f"{PYTHON} in Python, {SHELL} in a shell"),
        simulated=bool(facts.get("simulated")),
        totals=sums,
        how_counted=HOW_COUNTED,
        lost_events=int(loss["n"].sum()) if len(loss) else 0,
        loss_known=not loss["n"].isna().any(),
        missing=lost_grid(of_counted),
        remedies=remedy_grid([row for row in exposures if row["shot_id"] in counts_ids or row["shot_id"] in not_fired]),
        shots=account_grid(shots, whens),
        alike=alike_line(shots),
        zone=next((f"{when:%Z}" for when in whens.values()), ""),
        left_out=_left_out(facts),
        figures=_pictures(drawn, [name for name in drawn if name not in (*_OF_TIMING, *_OF_HOST)]),
        time=timing_sections(known, times, facts.get("lags") or {}),
        time_figures=_pictures(drawn, _OF_TIMING),
        host_figures=_pictures(drawn, _OF_HOST),
        timing=timing_grid(timing_summary(_of_shots(known["exposures"], not_fired | untimed, keep=False))),
        caveat=TIMING_CAVEAT,
        **_troubles(facts, known, exposures),
        cameras=body_grid(known["cameras"], of_counted),
        settings=setting_grid(known["settings"], known["cameras"], facts.get("golden", {})),
        files=file_grid(known["photos"]),
        unknown=unknown_list(facts, shots, exposures, known["cameras"], loss, known["exposures"]["evidence"]),
        about=facts_grid(facts),
        folder=plain(facts.get("folder"), 300),
        version=plain(facts.get("rigkit_version")),
    )


def _pictures(figures: Mapping[str, bytes], names: Iterable[str]) -> list[tuple[str, str]]:
    """Give the caption and the picture of those there are, as the page holds it."""
    return [
        (CAPTIONS.get(name, plain(name, 80)), base64.b64encode(figures[name]).decode())
        for name in names
        if name in figures
    ]


def _troubles(
    facts: Mapping[str, Any], known: Mapping[str, pd.DataFrame], exposures: list[dict[str, Any]]
) -> dict[str, Any]:
    """Gather what went wrong besides missing exposures."""
    return {
        "warnings": warning_grid(known["warnings"]),
        "loss": loss_grid(known["loss"]),
        "journal": journal_lines(facts),
        "odd": odd_grid(exposures),
        "downloads": download_grid(known["requests"], known["photos"]),
        "requests": request_grid(known["requests"]),
    }


def _of_shots(exposures: pd.DataFrame, shot_ids: set[int], *, keep: bool) -> pd.DataFrame:
    """Keep, or drop, the exposures of these shots."""
    kept: pd.DataFrame = exposures[exposures.index.get_level_values("shot_id").isin(list(shot_ids)) == keep]
    return kept


def counting_exposures(shots: pd.DataFrame, exposures: pd.DataFrame) -> pd.DataFrame:
    """Give the part of the ``exposures`` table that belongs to shots that count."""
    return _of_shots(exposures, {row["shot_id"] for row in counted(shot_counts(shots, exposures))}, keep=True)


def _left_out(facts: Mapping[str, Any]) -> Grid:
    """Say who was left out by name, why, and in which shots."""
    alike: dict[tuple[str, str], list[int]] = {}
    for shot_id, position, reason in facts.get("left_out", ()):
        alike.setdefault((plain(position, 24), plain(reason, 200)), []).append(shot_id)
    ordered = sorted(alike.items(), key=lambda item: (natural(item[0][0]), item[0]))
    cells = [(position, reason, ranges(shots)) for (position, reason), shots in ordered]
    return grid_of(("left out", "why", "in shot"), cells)
