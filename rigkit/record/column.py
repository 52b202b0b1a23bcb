"""What a table is declared with: its columns, and what each holds."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Column", "Table"]


class Column(NamedTuple):
    """One column.

    Attributes
    ----------
    name : str
        snake_case, the unit as suffix.
    kind : str
        ``text``, ``whole`` (Int64), ``number`` (Float64), ``flag`` (boolean), ``wall`` (UTC), ``local`` (no zone, ms), ``camera``
        (a camera's own clock, no zone, us), ``word`` (one of ``words``), ``level`` (likewise, in order).
    about : str
        What it holds and where it comes from.
    words : tuple of str
        For ``word`` and ``level``: the values there can be, in their natural order.
    """

    name: str
    kind: str
    about: str
    words: tuple[str, ...] = ()


class Table(NamedTuple):
    """One table: its index columns and its other columns."""

    about: str
    keys: tuple[Column, ...]
    columns: tuple[Column, ...]

    @property
    def all(self) -> tuple[Column, ...]:
        """Index and columns."""
        return (*self.keys, *self.columns)
