"""A sitting for a terminal of 100 columns: ``rigkit show FOLDER``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rigkit.display.counting import counted, shot_counts, tally
from rigkit.display.day import SHELL, day_line, heard_at, inside_line, to_look_at
from rigkit.display.grids import Cell, Grid, aligned, by_position, label_of, plain, remedy_grid, rows_of
from rigkit.display.report import EXPOSURE_COLUMNS
from rigkit.display.sections import account_grid, alike_line, lost_grid
from rigkit.record.columns import TABLES, empty

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show_text"]

#: Columns of the terminal that a table fits into.
WIDTH = 100
#: A column is not cut below so many characters, the ellipsis included.
_LEAST = 12
#: Shots of one sitting are all shown up to a long day's number.
_MOST_SHOTS = 400


def show_text(facts: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """Show a sitting in a terminal: its sentence, the shots, who is missing and why, and the warnings that are not over.

    Parameters
    ----------
    facts, tables : Mapping
        As for ``report_html``.
    """
    known = {name: tables[name] if name in tables else empty(name) for name in TABLES}
    shots = shot_counts(known["shots"], known["exposures"])
    whens, counts_ids = heard_at(shots, known["photos"]), {row["shot_id"] for row in counted(shots)}
    exposures = [row for row in rows_of(known["exposures"], *EXPOSURE_COLUMNS) if row["shot_id"] in counts_ids]
    things = to_look_at(facts, shots, exposures, known["photos"], known["warnings"], known["loss"], known["findings"])
    inside = inside_line(facts, SHELL)
    parts = [
        [*_wrapped(day_line(facts, shots, tally(shots), list(whens.values()), len(things)))],
        [line for thing in things for line in _wrapped(plain(thing, 300), "  ! ")],
        [*_wrapped(alike_line(shots)), *aligned(_fitted(_without_notes(shots, whens), WIDTH), _MOST_SHOTS)]
        if shots
        else [],
        _missing(exposures),
        _warnings(known["warnings"]),
        _timing(known, counts_ids),
        [inside] if inside else [],  # not wrapped: it is there to be copied
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _without_notes(shots: Sequence[dict[str, Any]], whens: Mapping[int, datetime]) -> Grid:
    """Give the table of the shots; notes are sentences, and would cut everything else short."""
    return account_grid([{**row, "note": None} for row in shots], whens)


def _wrapped(text: str, lead: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead) or "  ")


def _missing(exposures: list[dict[str, Any]]) -> list[str]:
    lost = lost_grid(exposures)
    if not lost.rows:
        return []
    lines = ["Missing", *aligned(_fitted(lost, WIDTH))]
    for cause, *_, advice in remedy_grid([row for row in exposures if row["status"] == "missing"]).rows:
        lines += _wrapped(f"{cause.text}: {advice.text}", "  ")
    return lines


def _warnings(warnings: pd.DataFrame) -> list[str]:
    """Warnings that were not over at the end, the same one of many cameras as one line."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for row in by_position(rows_of(warnings[warnings["over"].isna()])):
        found = f"{plain(row['found'], 60)}, should be {plain(row['wanted'], 60)}"
        alike.setdefault((plain(row["rule"]).replace("_", " "), found, plain(row["todo"], 200)), []).append(
            label_of(row)
        )
    if not alike:
        return []
    lines = ["Warnings that are not over"]
    for (rule, found, todo), who in alike.items():
        lines += _wrapped(f"{', '.join(dict.fromkeys(who))}: {rule} ({found}). {todo}", "  ")
    return lines


def _timing(known: Mapping[str, pd.DataFrame], counting: set[int]) -> list[str]:
    """Say whether skews are known, and where the findings are."""
    from rigkit.display.foundation import foundations  # here, as it imports numpy
    from rigkit.display.timing import timing_line

    lines = _wrapped(timing_line(foundations(known["shots"], known["exposures"], counting)))
    # To look for findings takes longer than to read on.
    return [*lines, "Findings: --table findings lists them; the report says what to do, too."] if lines else []


def _fitted(grid: Grid, width: int) -> Grid:
    """Cut the widest columns of text, so that the table fits.

    Parameters
    ----------
    grid : Grid
        The table; columns aligned to the right are numbers and stay whole.
    width : int
        Characters of a line, two between columns.
    """
    texts = [grid.heads, *(tuple(cell.text for cell in row) for row in grid.rows)]
    widths = [max(len(row[at]) for row in texts) for at in range(len(grid.heads))]
    texts_at = [at for at in range(len(widths)) if at not in grid.right]
    for _ in range(sum(widths) + 2 * (len(widths) - 1) - width if texts_at else 0):
        widest = max(texts_at, key=lambda at: widths[at])
        widths[widest] = max(widths[widest] - 1, min(widths[widest], _LEAST))
    rows = [
        tuple(Cell(plain(cell.text, most), cell.tone) for cell, most in zip(row, widths, strict=True))
        for row in grid.rows
    ]
    heads = tuple(plain(head, most) for head, most in zip(grid.heads, widths, strict=True))
    return Grid(heads, rows, grid.right)
