"""The layout of a rig: who should stand where, as a table that people keep in a spreadsheet.

::

    position,serial,name,groups,hub,lens,tags
    F03,6181433,A03,face;left,hub1,35mm,

Position, serial and name are three things: the position is the place on the rig and stays; the serial is of the body that
stands there today; the name is what the application calls that body. Only the position is required.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from rigkit.errors import LayoutError, UnknownName
from rigkit.record.columns import Column, array_of
from rigkit.record.places import ALIASES, NAMES, Place, Row, as_texts, checked, column_of, read_places
from rigkit.record.sheet import read_sheet, sheet_of, sheet_text
from rigkit.record.whole import write_whole

if TYPE_CHECKING:
    import os

    import pandas as pd

__all__ = ["Layout", "Place"]

_COLUMNS = tuple(Column(name, "text", "as in Place") for name in NAMES)
#: Headings that tell which separator a file uses.
_HEADINGS = (*NAMES, *ALIASES)


class _Noted(msgspec.Struct):
    """A Place as it stands in the journal; members that a later rigkit adds are skipped."""

    position: str
    serial: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()
    hub: str = ""
    lens: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, init=False, repr=False)
class Layout:
    """Who should stand where. Immutable; two layouts of the same places in the same order are equal.

    Parameters
    ----------
    places : iterable of Place
        In the order they are to be shown. Blanks around texts are dropped, and groups and tags are split at ``;``, as in
        a file.

    Raises
    ------
    LayoutError
        Something is wrong with the places; it lists all of it.
    """

    places: tuple[Place, ...]

    def __init__(self, places: Iterable[Place] = ()) -> None:
        tidy, remarks = checked([Row(f"place {n}", place) for n, place in enumerate(places, 1)], "layout")
        _warn("layout", remarks, stacklevel=3)
        object.__setattr__(self, "places", tidy)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Layout:
        """Read a CSV or TSV file, in any of the habits of spreadsheet programs (see :mod:`rigkit.record.sheet`).

        Parameters
        ----------
        path : str or PathLike
            The file. Its header names the columns, in any order: ``position`` and, where they are known, ``serial``,
            ``name``, ``groups`` and ``tags`` (several in a cell are parted by ``;``), ``hub``, ``lens``. A column of
            another name is not used, and a warning says so.

        Raises
        ------
        LayoutError
            It can't be read, or something in it is wrong: all problems are listed, with line and position.
        """
        return cls._of_text(sheet_text(Path(path)), str(path))

    @classmethod
    def from_text(cls, text: str, source: str = "layout") -> Layout:
        """Read the text of such a file; ``source`` is what errors call it. Raises as :meth:`load` does."""
        return cls._of_text(text, source)

    @classmethod
    def _of_text(cls, text: str, source: str) -> Layout:
        sheet = read_sheet(text, _HEADINGS, source)
        places, remarks = read_places(sheet.headings, sheet.rows, source)
        _warn(source, remarks, stacklevel=4)
        return cls(places)

    @classmethod
    def from_frame(cls, df: pd.DataFrame) -> Layout:
        """Read a DataFrame with the columns of such a file; ``position`` may be its index.

        Parameters
        ----------
        df : pandas.DataFrame
            One row per place; missing values (NaN, None, NA) mean: not said. Whole numbers that pandas turned into floats,
            because values are missing among them, are whole numbers again; of serials, with a warning.

        Raises
        ------
        LayoutError
            As :meth:`load` does.
        """
        table = df.reset_index(allow_duplicates=True) if column_of(df.index.name) else df
        cells = [_texts_in(table.iloc[:, n], column_of(heading)) for n, heading in enumerate(table.columns)]
        rows = [(f"row {n}", row) for n, row in enumerate(zip(*cells, strict=True), 1)]
        places, remarks = read_places([str(heading).strip() for heading in table.columns], rows, "DataFrame")
        _warn("DataFrame", remarks, stacklevel=3)
        return cls(places)

    @classmethod
    def from_note(cls, note: object) -> Layout:
        """Read what :meth:`to_note` gave; members that are not known are skipped.

        Raises
        ------
        LayoutError
            It is not a list of such places.
        """
        try:
            noted = msgspec.convert(note, list[_Noted])
        except msgspec.ValidationError as exc:
            raise LayoutError("noted layout", (str(exc),), "Load the layout from its file instead.") from None
        return cls(Place(*msgspec.structs.astuple(one)) for one in noted)

    def to_note(self) -> list[dict[str, Any]]:
        """Give the places as plain data, for the journal: only what is said of each."""
        return [
            {name: list(said) if isinstance(said, tuple) else said for name, said in place._asdict().items() if said}
            for place in self.places
        ]

    def to_frame(self) -> pd.DataFrame:
        """Give a table: index ``position``; serial, name, groups, hub, lens, tags as text, ``<NA>`` where not said.

        Groups and tags are joined by ``;``.
        """
        import pandas as pd

        rows = [as_texts(place) for place in self.places]
        texts = {column.name: array_of(column, [row[n] or None for row in rows]) for n, column in enumerate(_COLUMNS)}
        return pd.DataFrame(texts).set_index("position")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a CSV file (commas, UTF-8), whole or not at all; :meth:`load` reads it back equal.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        LayoutError
            It can't be written there, or there is no place to write. What was there is as it was.
        """
        if not self.places:
            raise LayoutError(path, ("the layout has no place to write",), "Nothing was written.")
        target = Path(path)
        try:
            write_whole(target, sheet_of([NAMES, *map(as_texts, self.places)]).encode())
        except OSError as exc:
            problem = f"can't be written ({exc.strerror})"
            raise LayoutError(path, (problem,), "Give another path; what was there is as it was.") from None
        return target

    @property
    def positions(self) -> tuple[str, ...]:
        """All positions, in the order of the places."""
        return tuple(place.position for place in self.places)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, sorted."""
        return tuple(sorted({group for place in self.places for group in place.groups}))

    @property
    def hubs(self) -> tuple[str, ...]:
        """Names of the hubs, sorted."""
        return tuple(sorted({place.hub for place in self.places if place.hub}))

    def in_group(self, name: str) -> tuple[str, ...]:
        """Positions of one group, in the order of the places.

        Raises
        ------
        UnknownName
            No place is in such a group.
        """
        found = tuple(place.position for place in self.places if name in place.groups)
        if not found:
            raise UnknownName("group", name, self.groups, where="the layout")
        return found

    def place_of(self, serial: str, name: str) -> Place | None:
        """Say which place a camera stands at.

        Parameters
        ----------
        serial : str
            Its CameraSerialNumber; empty: not known. Leading zeros, which spreadsheets eat, count only where two places
            differ in nothing else.
        name : str
            Its CameraName. It decides only among places that have no serial: one that has no name either goes by its
            position.

        Returns
        -------
        Place or None
            None: the layout has no place for this camera.
        """
        serial = serial.strip()
        by_serial = self._by_serial.get(serial) or self._by_digits.get(_digits(serial))
        return by_serial or self._by_name.get(name.strip())

    @cached_property
    def _by_position(self) -> dict[str, Place]:
        return {place.position: place for place in self.places}

    @cached_property
    def _by_serial(self) -> dict[str, Place]:
        return {place.serial: place for place in self.places if place.serial}

    @cached_property
    def _by_digits(self) -> dict[str, Place]:
        """Places by what is left of the serial without leading zeros, where that is of one place only."""
        places = {serial: place for serial, place in self._by_serial.items() if _digits(serial)}
        shared = Counter(map(_digits, places))
        return {_digits(serial): place for serial, place in places.items() if shared[_digits(serial)] == 1}

    @cached_property
    def _by_name(self) -> dict[str, Place]:
        return {place.goes_by: place for place in self.places if not place.serial}

    def replaced(self, position: str, serial: str) -> Layout:
        """Give the layout in which another body stands at a position. Everything else stays with the position.

        The name stays too: the application remembers names by serial, so it has to be told that of the new body.

        Raises
        ------
        UnknownName
            There is no such position.
        LayoutError
            That body stands elsewhere on the rig, or no serial was given.
        """
        place, serial = self[position], str(serial).strip()
        if not serial:
            hint = f'Give that of the new body: rig.replace("{position}", serial="6181433").'
            raise LayoutError("layout", (f"there is no serial for {position}",), hint)
        there = self.place_of(serial, "")
        if there is not None and there.position != position:
            raise LayoutError(
                "layout",
                (f"serial {serial} can't stand at {position} as well: it stands at {there.position}",),
                f'rig.swap("{position}", "{there.position}") exchanges the two. Nothing was changed.',
            )
        return self._with({position: place._replace(serial=serial)})

    def swapped(self, a: str, b: str) -> Layout:
        """Give the layout in which the bodies at two positions are exchanged: serials and names, nothing else.

        Raises
        ------
        UnknownName
            There is no such position.
        """
        one, other = self[a], self[b]
        return self._with({a: _with_body_of(one, other), b: _with_body_of(other, one)})

    def _with(self, changed: Mapping[str, Place]) -> Layout:
        return Layout(changed.get(place.position, place) for place in self.places)

    def __getitem__(self, position: str) -> Place:
        try:
            return self._by_position[position]
        except KeyError:
            raise UnknownName("position", position, self.positions, where="the layout") from None

    def __contains__(self, position: object) -> bool:
        return position in self.positions

    def __iter__(self) -> Iterator[Place]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        counts = {"place": len(self), "group": len(self.groups), "hub": len(self.hubs)}
        return "Layout of " + ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counts.items())

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.to_frame().to_html(na_rep='', max_rows=60)}"


def _digits(serial: str) -> str:
    """Drop the leading zeros of a serial; empty: it is not all digits, or nothing is left."""
    return serial.lstrip("0") if serial.isascii() and serial.isdigit() else ""


def _with_body_of(place: Place, other: Place) -> Place:
    """Give a place the body of another; a body known only by where it stood takes that along as its name."""
    return place._replace(serial=other.serial, name=other.name if other.serial else other.goes_by)


def _texts_in(values: pd.Series[Any], column: str) -> list[str]:
    """Cells of a column of a DataFrame as a file would have them."""
    import pandas as pd

    # Serials are left as they came, so that the check of texts sees which of them were numbers.
    if pd.api.types.is_float_dtype(values.dtype) and column != "serial" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    # Groups may be given as lists, and come as arrays from Parquet.
    return [
        ";".join(map(str, value)) if pd.api.types.is_list_like(value) else "" if pd.isna(value) else str(value).strip()
        for value in values
    ]


def _warn(source: str, remarks: Iterable[str], stacklevel: int) -> None:
    for remark in remarks:
        warnings.warn(f"{source}: {remark}", UserWarning, stacklevel=stacklevel)
