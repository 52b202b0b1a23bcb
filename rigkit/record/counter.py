"""Readings of a counter in view as people enter them: a CSV template, and what they wrote into it, checked row by row.

A row is one camera in one shot. ``reading_ms`` is what the counter showed; of several lit LEDs ``lit_first_ms`` and
``lit_last_ms`` are the first and the last. Empty rows are no readings: whoever reads photos skips the blurred ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit.errors import LayoutError, SheetError
from rigkit.record.sheet import read_sheet, sheet_of, sheet_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HEADINGS", "Row", "check_counter", "checked_readings", "rows_of_file", "rows_of_table", "template_text"]

#: Columns of the template; a camera is named by its position, its name or its key.
HEADINGS = ("shot_id", "camera", "photo", "reading_ms", "lit_first_ms", "lit_last_ms")
_NUMBERS = HEADINGS[3:]
_ALSO_CAMERA = ("camera", "position", "camera_key", "name")

#: Where a row stands, and its cells by heading.
Row = tuple[str, dict[str, Any]]


def template_text(rows: Iterable[tuple[int, str, str]]) -> str:
    """Write a sheet to be filled in.

    Parameters
    ----------
    rows : iterable of (int, str, str)
        Shot, position, and the name of the photo to look at.
    """
    return sheet_of([HEADINGS, *((str(shot), position, photo, "", "", "") for shot, position, photo in rows)])


def rows_of_file(path: Path) -> list[Row]:
    """Read a sheet that was filled in, as spreadsheets save it.

    Raises
    ------
    SheetError
        It can't be read.
    """
    try:
        sheet = read_sheet(sheet_text(path), HEADINGS, str(path))
    except LayoutError as exc:
        raise SheetError(exc.source, exc.problems, exc.hint) from None
    headings = [one.casefold() for one in sheet.headings]
    return [(where, dict(zip(headings, cells, strict=False))) for where, cells in sheet.rows]


def rows_of_table(table: pd.DataFrame) -> list[Row]:
    """Read a table with the same columns; shot and camera may be its index."""
    plain = table.reset_index() if any(table.index.names) else table
    cells = plain.astype(object).where(plain.notna(), None)
    return [
        (f"row {number}", {str(name): cell for name, cell in row.items()})
        for number, row in enumerate(cells.to_dict("records"))
    ]


def check_counter(source: str, wrap_ms: float, step_ms: float) -> None:
    """Refuse a counter that can't be.

    Raises
    ------
    SheetError
        Its step is not between 0 and its wrap.
    """
    if not (math.isfinite(wrap_ms) and 0 < step_ms < wrap_ms):
        problem = f"steps of {step_ms:g} ms in a counter that wraps after {wrap_ms:g} ms: 0 < step < wrap is needed"
        raise SheetError(source, (problem,), "Say what the counter shows; nothing was taken over.")


def checked_readings(
    rows: Iterable[Row],
    source: str,
    shots: Mapping[int, Any],
    key_of: Callable[[str], str],
    wrap_ms: float,
    step_ms: float,
) -> list[tuple[int, str, float | None, float | None, float | None]]:
    """Check every row; either all of them are good, or nothing is taken over.

    Parameters
    ----------
    rows : iterable of Row
        As they were entered.
    source : str
        What they are called in errors.
    shots : mapping of int
        Shots by id: the camera keys that were expected in each.
    key_of : callable
        From a position, name or key to the camera key; raises ValueError.
    wrap_ms, step_ms : float
        Of the counter.

    Returns
    -------
    list of (int, str, float or None, float or None, float or None)
        Shot, camera key, reading, first and last lit.

    Raises
    ------
    SheetError
        All that is wrong, by row.
    """
    check_counter(source, wrap_ms, step_ms)
    good: dict[tuple[int, str], tuple[float | None, float | None, float | None]] = {}
    problems: list[str] = []
    for where, cells in rows:
        try:
            read = _numbers(cells, wrap_ms + step_ms)
            if read is None:
                continue
            shot, key = _which(cells, shots, key_of)
            if (shot, key) in good:
                raise ValueError(f"shot {shot}, {_camera(cells)} stands here a second time")
            good[shot, key] = read
        except ValueError as exc:
            problems.append(f"{where}: {exc}")
    if not problems and not good:
        problems.append(f"no reading in it; fill in {_NUMBERS[0]}, or {_NUMBERS[1]} and {_NUMBERS[2]}")
    if problems:
        raise SheetError(source, problems)
    return [(shot, key, *read) for (shot, key), read in good.items()]


def _numbers(cells: Mapping[str, Any], most: float) -> tuple[float | None, float | None, float | None] | None:
    """Read the numbers of a row; None: none was entered."""
    single, first, last = (_number(cells.get(name), name, most) for name in _NUMBERS)
    if (first is None) != (last is None):
        raise ValueError("of the lit LEDs it takes the first and the last; where one is lit, both are the same")
    return None if single is None and first is None else (single, first, last)


def _number(value: Any, name: str, most: float) -> float | None:
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    try:
        number = float(text.replace(",", ".")) if text.count(",") == 1 and "." not in text else float(text)
    except ValueError:
        raise ValueError(f"{name} is no number: {text[:40]!r}") from None
    if not 0 <= number < most:  # the last LED may stand for the wrap itself
        raise ValueError(f"{name} is {text[:40]}, which the counter can't show: it runs from 0 to {most:g} ms")
    return number


def _camera(cells: Mapping[str, Any]) -> str:
    given = next((str(cells[name]).strip() for name in _ALSO_CAMERA if cells.get(name) not in {None, ""}), "")
    if not given:
        raise ValueError("no camera is named; the column is called camera")
    return given


def _which(cells: Mapping[str, Any], shots: Mapping[int, Any], key_of: Callable[[str], str]) -> tuple[int, str]:
    """Find shot and camera of a row."""
    text = str(cells.get("shot_id") or "").strip()
    try:
        shot = int(float(text))
    except (ValueError, OverflowError):
        raise ValueError(f"shot_id is no number: {text[:40]!r}") from None
    if shot not in shots:
        raise ValueError(f"there is no shot {shot}")
    camera = _camera(cells)
    key = key_of(camera)
    if key not in shots[shot]:
        raise ValueError(f"{camera} was not expected in shot {shot}")
    return shot, key
