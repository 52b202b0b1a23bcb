"""What a rig, a shot and a sitting look like as text, in a notebook and on a report page: tables in, text and HTML out.

Every text that came from outside (names, poses, paths, details) is data: control characters are dropped, what is long
is cut with an ellipsis, HTML is escaped by the templates. Nothing refers to a resource outside the page, and no script
is needed, so a saved notebook and a mailed report show what was seen. Pure: no clock, no files but the templates.

``grids`` says what is shown of each table; the templates (``rigkit/templates``) say how.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rigkit.display.grids import (
    MOST_ROWS,
    aligned,
    because,
    by_position,
    camera_grid,
    exposure_grid,
    facts_grid,
    instant,
    label_of,
    loss_grid,
    missing_grid,
    plain,
    remedy_grid,
    rows_of,
    setting_grid,
    shot_grid,
    shot_label,
    timing_grid,
)
from rigkit.errors import listed
from rigkit.record.columns import TABLES, empty

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

__all__ = [
    "missing_of",
    "report_html",
    "rig_html",
    "rig_text",
    "session_html",
    "session_text",
    "shot_html",
    "shot_text",
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

TIMING_CAVEAT = (
    "Seconds from sending the release to the news about the photo, on the host's monotonic clock (evidence level: host "
    "arrival). They contain the command, the shutter lag, the exposure and the transfer. The shutters themselves are not "
    "observed, so nothing here says how simultaneous the exposures were."
)

_CAPTIONS = {
    "completeness": "Which camera delivered in which shot.",
    "timeline": "One shot, camera by camera, as the host heard of it.",
    "arrivals": "How long after the release the host heard of each photo and of its file; not the shutter.",
}


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
    return _render("rig.html.j2", line=_rig_line(cameras, title, simulated), cameras=camera_grid(cameras))


def _delivered(row: Mapping[str, Any]) -> bool:
    return row["status"] in ("captured", "recovered")


def _shot_row(shot_id: int, shots: pd.DataFrame, of_shot: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Row of the shots table, its counts taken from the exposures where the row has none."""
    named = rows_of(shots[shots.index == shot_id])
    row = named[0] if named else {"shot_id": shot_id}
    counts = {
        "n_expected": len(of_shot),
        "n_exposed": sum(map(_delivered, of_shot)),
        "n_missing": sum(one["status"] == "missing" for one in of_shot),
        "n_on_disk": sum(one["on_disk_s"] is not None for one in of_shot),
        "pose": next((one["pose"] for one in of_shot), None),
    }
    return {**row, **{name: value for name, value in counts.items() if row.get(name) is None}}


def shot_text(shot_id: int, shots: pd.DataFrame, exposures: pd.DataFrame) -> str:
    """Give a shot's one-line account (`summary_line`) from the tables.

    Parameters
    ----------
    shot_id : int
        The shot. One that neither table knows has nothing expected.
    shots, exposures : pandas.DataFrame
        The tables, whole or only the rows of this shot.
    """
    return _shot_line(shot_id, shots, rows_of(_of_shot(shot_id, exposures), *_ACCOUNT))


def _of_shot(shot_id: int, exposures: pd.DataFrame) -> pd.DataFrame:
    return exposures[exposures.index.get_level_values("shot_id") == shot_id]


def _shot_line(shot_id: int, shots: pd.DataFrame, of_shot: Sequence[dict[str, Any]]) -> str:
    row = _shot_row(shot_id, shots, of_shot)
    label = shot_label(shot_id, row["pose"])
    return summary_line(label, row["n_expected"], row["n_exposed"], row["n_on_disk"], _missing_among(of_shot))


def shot_html(shot_id: int, shots: pd.DataFrame, exposures: pd.DataFrame) -> str:
    """Show a shot in a notebook: its account, what is missing with what to do about it, and the exposures, folded.

    Parameters
    ----------
    shot_id : int
        The shot.
    shots, exposures : pandas.DataFrame
        The tables, whole or only the rows of this shot.
    """
    of_shot = rows_of(_of_shot(shot_id, exposures))
    return _render(
        "shot.html.j2",
        line=_shot_line(shot_id, shots, of_shot),
        simulated=any(row["simulated"] for row in of_shot),
        remedies=remedy_grid(of_shot),
        exposures=exposure_grid(of_shot),
    )


def _totals(shots: pd.DataFrame, exposures: pd.DataFrame) -> dict[str, int]:
    """Count what happened. Without exposures the counts of the shots are added up."""
    if len(exposures):
        status = exposures["status"].astype(object)
        return {
            "shots": max(len(shots), exposures.index.get_level_values("shot_id").nunique()),
            "expected": len(exposures),
            "exposed": int(status.isin(["captured", "recovered"]).sum()),
            "missing": int((status == "missing").sum()),
            "waiting": int((status == "waiting").sum()),
            "on_disk": int(exposures["on_disk_s"].notna().sum()),
        }
    names = {"expected": "n_expected", "exposed": "n_exposed", "missing": "n_missing", "on_disk": "n_on_disk"}
    return {"shots": len(shots), "waiting": 0, **{name: int(shots[column].sum()) for name, column in names.items()}}


def _session_lines(facts: Mapping[str, Any], totals: Mapping[str, int]) -> list[str]:
    head = f"Session {plain(facts.get('session_id')) or '?'} of {instant(facts.get('created')) or 'unknown date'}"
    head += " (simulated)" if facts.get("simulated") else ""
    head += f", subject {plain(facts['subject'])}" if facts.get("subject") else ""
    head += ", closed" if facts.get("closed") else ", open"
    count = f"{totals['shots']} shot{'' if totals['shots'] == 1 else 's'}"
    if totals["expected"]:
        count += f": {totals['exposed']}/{totals['expected']} exposed, {totals['on_disk']}/{totals['expected']} on disk"
    count += f", {totals['missing']} missing" if totals["missing"] else ""
    place = f"{plain(facts.get('address'), 80)} in {plain(facts.get('folder'), 120)}"
    return [head, place, count, *_journal_lines(facts)]


def _journal_lines(facts: Mapping[str, Any]) -> list[str]:
    """Say what of the journal is not on disk, or can't be read; nothing where all is well."""
    lines = []
    if unsaved := facts.get("not_on_disk"):
        which = "1 message is" if unsaved == 1 else f"{unsaved} messages are"
        lines.append(f"{which} not on disk: the journal can't be written")
    if count := facts.get("unreadable_lines"):
        places = [
            plain(f"{file} line {line_no}: {why}" if line_no else f"{file}: {why}", 80)
            for file, line_no, why in facts.get("unreadable", ())
        ]
        more = f"; … and {count - 3} more in session.unreadable" if count > 3 else ""
        named = f": {'; '.join(places[:3])}" if places else ""
        lines.append(f"{count} place{'' if count == 1 else 's'} of the journal can't be read{named}{more}")
    return lines


def session_text(facts: Mapping[str, Any], shots: pd.DataFrame, exposures: pd.DataFrame | None = None) -> str:
    """Show a sitting as text: what, where, how much, and a line per shot (of many, the last thirty).

    Parameters
    ----------
    facts : Mapping
        As for `report_html`; what is not known may be left out.
    shots : pandas.DataFrame
        The ``shots`` table.
    exposures : pandas.DataFrame or None
        The ``exposures`` table; None: the lines count the missing cameras without naming them.
    """
    by_shot: dict[int, list[dict[str, Any]]] = {}
    for row in [] if exposures is None else rows_of(exposures, *_ACCOUNT):
        by_shot.setdefault(row["shot_id"], []).append(row)
    lines = _session_lines(facts, _totals(shots, empty("exposures") if exposures is None else exposures))
    rows = rows_of(shots)
    if len(rows) > MOST_ROWS:
        lines.append(f"  … {len(rows) - MOST_ROWS} earlier shots")
    for row in rows[-MOST_ROWS:]:
        expected, exposed, on_disk = (int(row[name] or 0) for name in ("n_expected", "n_exposed", "n_on_disk"))
        named = _missing_among(by_shot.get(row["shot_id"], ()))
        line = summary_line(shot_label(row["shot_id"], row["pose"]), expected, exposed, on_disk, named)
        unnamed = exposures is None and row["n_missing"]
        lines.append(f"  {line}" + (f"; {row['n_missing']} missing" if unnamed else ""))
    return "\n".join(lines)


def session_html(facts: Mapping[str, Any], shots: pd.DataFrame, exposures: pd.DataFrame) -> str:
    """Show a sitting in a notebook; parameters as `session_text`."""
    return _render(
        "session.html.j2",
        lines=_session_lines(facts, _totals(shots, exposures)),
        shots=shot_grid(shots),
        missing=missing_grid(rows_of(exposures)),
    )


def timing_summary(exposures: pd.DataFrame) -> pd.DataFrame:
    """Say per shot when the host heard of the photos.

    This is not a skew: the shutters are not observed. Each row names its clock and its evidence level.

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table.

    Returns
    -------
    pandas.DataFrame
        Index ``shot_id``; ``pose``; ``n_expected``, ``n_heard``, ``n_on_disk`` (Int64); ``first_arrival_s``,
        ``median_arrival_s``, ``last_arrival_s`` and ``last_on_disk_s`` (Float64, seconds after the release; ``<NA>``:
        nothing heard); ``clock`` and ``evidence``. ``attrs["caveat"]`` says what the numbers contain.
    """
    import pandas as pd

    text, number, whole = pd.StringDtype("pyarrow", na_value=pd.NA), pd.Float64Dtype(), pd.Int64Dtype()
    grouped = exposures.groupby(level="shot_id", sort=True)
    arrival, on_disk = grouped["arrival_s"], grouped["on_disk_s"]
    summary = pd.DataFrame(
        {
            "pose": grouped["pose"].first().astype(text),
            "n_expected": grouped.size().astype(whole),
            "n_heard": arrival.count().astype(whole),
            "first_arrival_s": arrival.min().astype(number),
            "median_arrival_s": arrival.median().astype(number),
            "last_arrival_s": arrival.max().astype(number),
            "n_on_disk": on_disk.count().astype(whole),
            "last_on_disk_s": on_disk.max().astype(number),
        }
    )
    summary["clock"] = pd.array(["host monotonic"] * len(summary), dtype=text)
    summary["evidence"] = pd.array(["host arrival"] * len(summary), dtype=text)
    summary.attrs["caveat"] = TIMING_CAVEAT
    return summary


def report_html(
    facts: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], figures: Mapping[str, bytes] | None = None
) -> str:
    """Make the report of a sitting: one page that needs nothing but itself, for the screen, the phone and A4.

    Parameters
    ----------
    facts : Mapping
        ``session_id``, ``folder``, ``created`` (ISO 8601 text), ``address``, ``simulated`` (bool), ``rigkit_version``,
        ``python_version``, ``application`` (NodeVersion, or None: not reported), ``dialect``, ``subject`` (or None),
        ``closed`` (bool). What is left out is not shown.
    tables : Mapping
        Tables by the names of ``rigkit.record.columns.TABLES``; one that is left out counts as empty.
    figures : Mapping or None
        PNG bytes by name: ``completeness``, ``timeline``, ``arrivals``, or any name to be its own caption;
        None: no plots.

    Returns
    -------
    str
        The page.
    """
    known = {name: tables[name] if name in tables else empty(name) for name in TABLES}
    exposures, shots, loss = known["exposures"], known["shots"], known["loss"]
    rows, totals = rows_of(exposures), _totals(shots, exposures)
    return _render(
        "report.html.j2",
        title=f"Session {plain(facts.get('session_id'))}".strip(),
        created=instant(facts.get("created")),
        subject=plain(facts.get("subject")),
        address=plain(facts.get("address"), 80),
        closed=bool(facts.get("closed")),
        simulated=bool(facts.get("simulated")),
        totals=totals,
        lost_events=int(loss["n"].sum()) if len(loss) else 0,
        loss_known=not loss["n"].isna().any(),
        missing=missing_grid(rows),
        remedies=remedy_grid(rows),
        shots=shot_grid(shots),
        figures=[
            (_CAPTIONS.get(name, plain(name, 80)), base64.b64encode(picture).decode())
            for name, picture in (figures or {}).items()
        ],
        timing=timing_grid(timing_summary(exposures)),
        caveat=TIMING_CAVEAT,
        rig=_rig_line(known["cameras"], "Cameras", False),
        cameras=camera_grid(known["cameras"]),
        settings=setting_grid(known["settings"]),
        loss=loss_grid(loss),
        about=facts_grid(facts),
        version=plain(facts.get("rigkit_version")),
    )


@functools.cache
def _templates() -> jinja2.Environment:
    import jinja2

    # Escaping is on for every template, whatever its suffix; a name that is not passed is an error, not an empty text.
    return jinja2.Environment(
        loader=jinja2.PackageLoader("rigkit"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(most_rows=MOST_ROWS, **values)
