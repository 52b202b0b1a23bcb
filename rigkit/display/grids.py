"""Grids: what is shown of each table, as rows of plain text, the same for a terminal, a notebook and a page.

Everything that came from outside passes `plain` on its way in. Pure: tables in, grids out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.account.conditions import LIMITS
from rigkit.errors import listed
from rigkit.record.causes import CAUSES, advice
from rigkit.record.rows import by_position, label_of, noun, plain, plural, rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MOST_ROWS",
    "Cell",
    "Grid",
    "aligned",
    "battery_cell",
    "because",
    "by_position",
    "camera_grid",
    "exposure_grid",
    "facts_grid",
    "grid_of",
    "instant",
    "label_of",
    "loss_grid",
    "noun",
    "plain",
    "plural",
    "remedy_grid",
    "rows_of",
    "shot_grid",
    "shot_label",
    "status_cell",
    "timing_grid",
]

#: More rows than these are folded (HTML) or counted (text).
MOST_ROWS = 30


class Cell(NamedTuple):
    """A cell with a tone: ``good``, ``bad``, ``out`` (not counted; these three are marked, not only coloured) or ``quiet``."""

    text: str
    tone: str = ""


class Grid(NamedTuple):
    """A table to show: heads, rows, and the numbers of the columns that are aligned to the right."""

    heads: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    right: tuple[int, ...] = ()


def _number(value: Any, digits: int = 2) -> str:
    return "" if value is None else f"{float(value):.{digits}f}"


def instant(value: Any, pattern: str = "%Y-%m-%d %H:%M") -> str:
    """Show a date, its zone named; a text is read as ISO 8601, and shown as it is where it is not."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return plain(value)
    return "" if value is None else f"{value:{pattern} %Z}".strip()


def shot_label(shot_id: int, pose: Any) -> str:
    """Name a shot: ``Shot 1 apose``."""
    return f"Shot {shot_id} {plain(pose, 24)}".strip()


def because(cause: Any, detail: Any) -> str:
    """Name a reason: ``not_ready (Lost)``; empty: none known."""
    cause, detail = plain(cause), plain(detail)
    return f"{cause} ({detail})" if cause and detail else cause or detail


def grid_of(heads: Sequence[str], rows: Iterable[Sequence[Cell | str]], right: Iterable[str] = ()) -> Grid:
    """Make a grid, leaving out the columns that are empty in every row."""
    cells = [tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows]
    kept = [at for at in range(len(heads)) if not cells or any(row[at].text for row in cells)]
    shown = tuple(heads[at] for at in kept)
    return Grid(
        shown,
        [tuple(row[at] for at in kept) for row in cells],
        tuple(shown.index(name) for name in right if name in shown),
    )


def aligned(grid: Grid, most: int = MOST_ROWS) -> list[str]:
    """Lines of a text table, at most ``most`` rows."""
    texts = [grid.heads, *(tuple(cell.text for cell in row) for row in grid.rows[:most])]
    widths = [max(len(row[at]) for row in texts) for at in range(len(grid.heads))]
    lines = [
        "  ".join(
            text.rjust(width) if at in grid.right else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in texts
    ]
    more = len(grid.rows) - most
    return [*lines, f"… and {more} more"] if more > 0 else lines


def status_cell(camera: Mapping[str, Any]) -> Cell:
    """Show the status a camera was last heard in; one that is not expected says so, and is no trouble."""
    status = plain(camera.get("status")) or "unknown"
    if camera.get("expected") is not None and not camera["expected"]:
        return Cell(f"{status}, not expected", "quiet")
    return Cell(status, "good" if status == "Ready" else "bad")


def battery_cell(camera: Mapping[str, Any]) -> Cell:
    """Show the charge last heard; bad from where on the rig is warned of it. On mains a low charge is no trouble."""
    charge = camera.get("battery_pct")
    if charge is None:
        return Cell("")
    low = charge < LIMITS.battery_warn_pct and camera.get("power") != "AC"
    return Cell(f"{charge} %", "bad" if low else "")


def camera_grid(cameras: pd.DataFrame) -> Grid:
    """Cameras as people look for them. The name is shown only where it differs from the position."""
    rows = [
        (
            label_of(row),
            "" if row["name"] == row["position"] else plain(row["name"], 24),
            plain(row["group"], 24),
            status_cell(row),
            battery_cell(row),
            plain(row["model"], 24),
            plain(row["serial"], 24),
        )
        for row in by_position(rows_of(cameras))
    ]
    return grid_of(("position", "name", "group", "status", "battery", "model", "serial"), rows, right=("battery",))


def exposure_grid(rows: Iterable[dict[str, Any]]) -> Grid:
    """One row per exposure: what became of it and when the host heard of it."""
    rows = list(rows)
    unit, scale = ("MB", 1e6) if max((row["size_bytes"] or 0 for row in rows), default=0) >= 1e6 else ("kB", 1e3)
    cells = [
        (
            label_of(row),
            Cell(plain(row["status"]), "bad" if row["status"] == "missing" else ""),
            because(row["cause"], row["detail"]),
            _number(row["arrival_s"]),
            _number(row["on_disk_s"]),
            "" if row["size_bytes"] is None else f"{row['size_bytes'] / scale:.1f}",
        )
        for row in by_position(rows)
    ]
    heads = ("position", "status", "cause", "first news (s)", "on disk (s)", f"size ({unit})")
    return grid_of(heads, cells, right=heads[3:])


def shot_grid(shots: pd.DataFrame) -> Grid:
    """One row per shot: who, what, how complete, how fast."""
    cells = []
    for row in rows_of(shots):
        expected, exposed, on_disk = (int(row[name] or 0) for name in ("n_expected", "n_exposed", "n_on_disk"))
        n_missing = int(row["n_missing"] or 0)
        cells.append(
            (
                str(row["shot_id"]),
                plain(row["pose"], 24),
                "" if row["rep"] is None else str(row["rep"]),
                plain(row["subject"], 24),
                plain(row["trigger"]),
                "" if row["outcome"] == "accepted" else plain(row["outcome"]),
                instant(row["requested"], "%H:%M:%S"),
                f"{exposed}/{expected}",
                Cell(str(n_missing), "bad" if n_missing else "quiet"),
                f"{on_disk}/{expected}",
                _number(row["last_arrival_s"]),
                _number(row["on_disk_s"]),
                {None: "", True: "accepted", False: "rejected"}[row["accepted"]],
                plain(row["note"], 60),
            )
        )
    who = ("shot", "pose", "rep", "subject", "trigger", "outcome", "released")
    heads = (*who, "exposed", "missing", "on disk", "last news (s)", "last on disk (s)", "verdict", "note")
    numeric = ("shot", "rep", "exposed", "missing", "on disk", "last news (s)", "last on disk (s)")
    return grid_of(heads, cells, right=numeric)


def _troubled(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Exposures without a photo, or whose file is not on the computer."""
    return [row for row in rows if row["status"] == "missing" or row["cause"]]


def remedy_grid(rows: Iterable[dict[str, Any]]) -> Grid:
    """One row per cause that occurred: how often, where, and what to do."""
    troubled = _troubled(rows)
    counts = Counter(row["cause"] for row in troubled if row["cause"])
    cells = []
    for cause in CAUSES:
        if counts[cause]:
            where = {label_of(row): None for row in by_position(row for row in troubled if row["cause"] == cause)}
            cells.append((cause, str(counts[cause]), listed(where), advice(cause)))
    return grid_of(("cause", "n", "cameras", "what it means: what to do"), cells, right=("n",))


def loss_grid(loss: pd.DataFrame) -> Grid:
    """One row per loss of events."""
    cells = [
        (
            instant(row["t"], "%H:%M:%S"),
            plain(row["where"]),
            "not known" if row["n"] is None else str(row["n"]),
            "" if row["first_seq"] is None else str(row["first_seq"]),
            "" if row["last_seq"] is None else str(row["last_seq"]),
            plain(row["recovered_by"]) or Cell("not yet", "bad"),
        )
        for row in rows_of(loss)
    ]
    heads = ("noticed", "where", "events", "first number", "last number", "brought up to date by")
    return grid_of(heads, cells, right=heads[2:5])


def timing_grid(summary: pd.DataFrame) -> Grid:
    """One row per shot of a timing summary."""
    cells = [
        (
            shot_label(row["shot_id"], row["pose"]),
            f"{row['n_heard']}/{row['n_expected']}",
            *(_number(row[name], 3) for name in ("first_arrival_s", "median_arrival_s", "last_arrival_s")),
            f"{row['n_on_disk']}/{row['n_expected']}",
            _number(row["last_on_disk_s"], 3),
        )
        for row in rows_of(summary)
    ]
    heads = ("shot", "n heard", "first news (s)", "median (s)", "last (s)", "n on disk", "last on disk (s)")
    return grid_of(heads, cells, right=heads[1:])


def _unreadable(facts: Mapping[str, Any]) -> str:
    """Say where the journal can't be read; empty where it can be as a whole."""
    count, places = facts.get("unreadable_lines"), facts.get("unreadable", ())
    if not count:
        return ""
    named = [f"{file} line {line_no} ({why})" if line_no else f"{file} ({why})" for file, line_no, why in places]
    more = f", and {count - len(named)} more" if count > len(named) else ""
    return plain(f"can't be read in {plural(count, 'place')}: {', '.join(named)}{more}", 2000)


def facts_grid(facts: Mapping[str, Any]) -> Grid:
    """Say how the session was recorded; what is not known is left out."""
    rows = [
        ("session", plain(facts.get("session_id"))),
        ("folder", plain(facts.get("folder"), 200)),
        ("address", plain(facts.get("address"), 200) + (" (simulated)" if facts.get("simulated") else "")),
        ("application", plain(facts.get("application")) or "version not reported"),
        ("External API dialect", plain(facts.get("dialect"))),
        ("journal", _unreadable(facts)),
        ("rigkit", plain(facts.get("rigkit_version"))),
        ("Python", plain(facts.get("python_version"))),
        ("platform", plain(facts.get("platform"), 80)),
        ("dates", "wall clock of the computer that ran rigkit, in the zone named beside them"),
        ("durations", "monotonic clock of the same computer, in seconds after the release was sent"),
    ]
    return Grid(("what", "value"), [(Cell(name), Cell(value)) for name, value in rows if value])
