"""Grids: what is shown of each table, as rows of plain text, the same for a terminal, a notebook and a page.

Everything that came from outside passes `plain` on its way in. Pure: tables in, grids out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.errors import listed
from rigkit.record.causes import CAUSES, advice
from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LOW_BATTERY",
    "MOST_ROWS",
    "Cell",
    "Grid",
    "aligned",
    "because",
    "by_position",
    "camera_grid",
    "exposure_grid",
    "facts_grid",
    "grid_of",
    "instant",
    "label_of",
    "loss_grid",
    "missing_grid",
    "plain",
    "remedy_grid",
    "rows_of",
    "setting_grid",
    "shot_grid",
    "shot_label",
    "timing_grid",
]

#: More rows than these are folded (HTML) or counted (text).
MOST_ROWS = 30
#: Battery charge below which it is worth a glance, %.
LOW_BATTERY = 30


class Cell(NamedTuple):
    """A cell with a tone: ``good``, ``bad``, ``out`` (not counted; these three are marked, not only coloured) or ``quiet``."""

    text: str
    tone: str = ""


class Grid(NamedTuple):
    """A table to show: heads, rows, and the numbers of the columns that are aligned to the right."""

    heads: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    right: tuple[int, ...] = ()


def plain(value: Any, most: int = 40) -> str:
    """Text as one printable line of at most ``most`` characters; None gives the empty text."""
    text = "" if value is None else str(value)
    text = "".join(char if char.isprintable() else " " for char in text[: most + 1])
    return text.strip() if len(text) <= most else text[: most - 1].rstrip() + "…"


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


def rows_of(table: pd.DataFrame, *only: str) -> list[dict[str, Any]]:
    """Rows as dicts, index included, ``<NA>`` as None.

    Parameters
    ----------
    table : pandas.DataFrame
        One of the record's tables.
    *only : str
        The columns wanted; none named: all. A repr that is shown after every shot should not convert thirty.
    """
    import pandas as pd

    table = table.reset_index()
    names = only or tuple(map(str, table.columns))
    # NaN is the only value that differs from itself; NA and NaT must be asked for first, as NA answers no comparison.
    values = [
        [None if value is pd.NA or value is pd.NaT or value != value else value for value in table[name].tolist()]
        for name in names
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def label_of(row: Mapping[str, Any], most: int = 24) -> str:
    """Name a camera the way its user does: by position, by the key only where there is no position."""
    return plain(row.get("position"), most) or plain(row.get("camera_key"), most)


def by_position(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort rows by position, A2 before A10; what has none by its key."""
    return sorted(rows, key=lambda row: (natural(str(row.get("position") or row["camera_key"])), row["camera_key"]))


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


def camera_grid(cameras: pd.DataFrame) -> Grid:
    """Cameras as people look for them. The name is shown only where it differs from the position."""
    rows = []
    for row in by_position(rows_of(cameras)):
        status, battery = plain(row["status"]) or "unknown", row["battery_pct"]
        aside = row["expected"] is not None and not row["expected"]
        tone = "quiet" if aside else "good" if status == "Ready" else "bad"
        charge = "" if battery is None else f"{battery} %"
        rows.append(
            (
                label_of(row),
                "" if row["name"] == row["position"] else plain(row["name"], 24),
                plain(row["group"], 24),
                Cell(status + (", not expected" if aside else ""), tone),
                Cell(charge, "bad" if charge and battery < LOW_BATTERY else ""),
                plain(row["model"], 24),
                plain(row["serial"], 24),
            )
        )
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


def missing_grid(rows: Iterable[dict[str, Any]]) -> Grid:
    """One row per shot and reason: a failed hub is one line, not forty."""
    grouped: dict[tuple[int, str, bool], list[dict[str, Any]]] = {}
    for row in _troubled(rows):
        key = (row["shot_id"], because(row["cause"], row["detail"]), row["status"] == "missing")
        grouped.setdefault(key, []).append(row)
    cells = [
        (
            shot_label(shot_id, who[0]["pose"]),
            str(len(who)),
            listed(map(label_of, by_position(who)), most=40),
            Cell("no photo", "bad") if lost else Cell("photo taken, file not on disk"),
            reason,
        )
        for (shot_id, reason, lost), who in grouped.items()
    ]
    return grid_of(("shot", "n", "cameras", "what", "cause"), cells, right=("n",))


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


def setting_grid(settings: pd.DataFrame) -> Grid:
    """One row per property: the value most cameras share, and who deviates from it."""
    by_property: dict[str, dict[str, list[str]]] = {}
    for row in by_position(rows_of(settings)):
        values = by_property.setdefault(plain(row["property"]), {})
        values.setdefault(plain(row["value"]), []).append(label_of(row))
    cells: list[tuple[str, str, str, Cell]] = []
    for name in sorted(by_property):
        ranked = sorted(by_property[name].items(), key=lambda item: -len(item[1]))
        total, (common, sharing) = sum(len(who) for _, who in ranked), ranked[0]
        others = ranked[1:]
        if len(sharing) * 2 <= total and total > 1:
            common, sharing, others = f"{len(ranked)} different values", [], ranked
        told = [f"{value or 'none'}: {listed(who, most=6)}" for value, who in others]
        several = "; ".join(told[:4]) + (f"; and {len(told) - 4} more values" if len(told) > 4 else "")
        agree = f"{len(sharing)} of {total}" if sharing else ""
        cells.append((name, common or "none", agree, Cell(several, "bad" if sharing and several else "")))
    cells.sort(key=lambda row: row[3].tone != "bad")
    return grid_of(("property", "value", "cameras", "who deviates"), cells, right=("cameras",))


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
    return plain(f"can't be read in {count} place{'' if count == 1 else 's'}: {', '.join(named)}{more}", 2000)


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
