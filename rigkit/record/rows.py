"""Rows of the tables, and how what is in them is named for people: one printable line, positions before keys, A2 before A10.

Everything that came from outside passes :func:`plain` on its way into a sentence or a grid. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["by_position", "label_of", "noun", "plain", "plural", "rows_of"]


def plain(value: Any, most: int = 40) -> str:
    """Text as one printable line of at most ``most`` characters; None gives the empty text."""
    text = "" if value is None else str(value)
    text = "".join(char if char.isprintable() else " " for char in text[: most + 1])
    return text.strip() if len(text) <= most else text[: most - 1].rstrip() + "…"


def noun(count: int, one: str, several: str = "") -> str:
    """Give the form that a noun has after a count: ``shot`` after 1, ``shots`` after 2."""
    return one if count == 1 else several or one + "s"


def plural(count: int, one: str, several: str = "") -> str:
    """Count a noun: ``1 shot``, ``2 shots``, ``1 body``, ``2 bodies``."""
    return f"{count} {noun(count, one, several)}"


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
