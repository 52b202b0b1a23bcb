"""The events table of a session that goes on: only what was heard since the last look becomes rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigkit.record.builder import TableBuilder
from rigkit.record.columns import TABLES
from rigkit.record.tables import event_row

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.account.book import Book
    from rigkit.record.lines import Entry

__all__ = ["LiveEvents"]

#: So many entries become rows together: their dictionaries are gone again before the next ones are made.
_PART = 2000


class LiveEvents:
    """The events table of one session.

    A row says what its own entry says, and nothing that comes later changes it.

    Parameters
    ----------
    book : Book
        The record, read.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._names = [column.name for column in TABLES["events"].all]
        self._begin()

    def _begin(self) -> None:
        self._builder = TableBuilder("events")
        self._beginning = self._book.beginning

    def frame(self, entries: list[Entry]) -> pd.DataFrame:
        """Return the table of all that the book has taken in.

        Parameters
        ----------
        entries : list of Entry
            Those that the book took in since this was asked last (``rows`` says from which number on), or more.
        """
        count = self._book.folded - self.rows
        for first in range(0, count, _PART):
            self._append(entries[first : min(first + _PART, count)])
        return self._builder.frame()

    @property
    def rows(self) -> int:
        """How many entries are rows already."""
        if self._beginning != self._book.beginning or not self._builder.whole:
            self._begin()  # the book, or an interrupt in the middle of a row, says so
        return len(self._builder)

    def _append(self, entries: list[Entry]) -> None:
        first = len(self._builder)
        rows = [
            event_row(number, entry, facts)
            for number, (entry, facts) in enumerate(zip(entries, self._book.facts(first, entries), strict=True), first)
        ]
        self._builder.append({name: [row[name] for row in rows] for name in self._names}, len(rows))
