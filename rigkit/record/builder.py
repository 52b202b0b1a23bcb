"""Tables that grow: what was handed out stays as it is, and what is new costs what is new.

Numbers, times, flags and words lie in numpy buffers with room behind; a frame is a view of the front of them, so rows can be
put behind it. Texts lie in Arrow chunks; eight of about one length are merged, so each text is copied three or four times until
there are a million, in some thirty chunks. A change to a row that was handed out copies the columns it touches first. The
finished frame equals ``columns.frame`` of the same rows, dtype by dtype.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rigkit.record.columns import SCHEMA_VERSION, TABLES, Column, array_of, dtype_of

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["TableBuilder"]

#: By kind: how numpy keeps it, and whether an array of flags beside it says what is missing.
_KEPT: dict[str, tuple[Any, bool]] = {
    "whole": (np.int64, True),
    "number": (np.float64, True),
    "flag": (np.bool_, True),
    "wall": (np.int64, False),
    "local": (np.int64, False),
    "camera": (np.int64, False),
}
_NO_TIME = np.iinfo(np.int64).min
_TEXT = pa.large_string()
_SMALLEST = 64
_EPOCH = datetime.fromisoformat("1970-01-01")
#: Kinds of times: what numpy takes the whole numbers for (None: as they are), and the unit of those without a zone.
_TIMES = {"wall": None, "local": "M8[ms]", "camera": "M8[us]"}
_UNITS = {"local": timedelta(milliseconds=1), "camera": timedelta(microseconds=1)}
#: So many chunks become one.
_FAN = 8
_VERSIONS = itertools.count()


class _Buffer:
    """A column of numbers: values, and what is missing among them.

    Parameters
    ----------
    column : Column
        Which.
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        if column.kind in {"word", "level"}:
            # The width that pandas itself would choose: any other is copied whenever a Categorical is made of it.
            kept, masked = np.min_scalar_type(-max(len(column.words), 1)), False
        else:
            kept, masked = _KEPT[column.kind]
        self._values: npt.NDArray[Any] = np.empty(0, kept)
        self._missing: npt.NDArray[np.bool_] | None = np.empty(0, np.bool_) if masked else None
        self._codes = {word: code for code, word in enumerate(column.words)}
        self._shown = 0
        self._times: Any = None

    def convert(self, values: Sequence[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """Turn values into arrays as they are kept; whatever is out of the ordinary goes the way of ``columns.frame``."""
        kind = self.column.kind
        if kind in {"word", "level"}:
            code = self._codes.get
            return np.array([code(value, -1) for value in values], self._values.dtype), None
        if kind == "wall":
            stamps = [_NO_TIME if value is None else value // 1000 for value in values]
            return np.array(stamps, np.int64), None
        types = set(map(type, values))
        if kind in _UNITS and types <= _DATES:
            # numpy takes 15 us to look at one datetime.
            unit = _UNITS[kind]
            stamps = [_NO_TIME if value is None else (value - _EPOCH) // unit for value in values]
            return np.array(stamps, np.int64), None
        if types <= _PLAIN.get(kind, frozenset()):
            missing = np.zeros(len(values), np.bool_)
            if type(None) in types:
                missing[:] = [value is None for value in values]
                values = [_FILL[kind] if value is None else value for value in values]
            made = np.array(values, self._values.dtype)
            return made, np.isnan(made) if kind == "number" else missing
        made = array_of(self.column, list(values))
        if kind in _UNITS:
            return np.asarray(made).view(np.int64), None
        return made._data, made._mask  # the two halves of a masked array have no public name

    def append(self, rows: int, new: tuple[Any, Any]) -> None:
        """Put rows behind the ``rows`` there are."""
        self._reserve(rows, rows + len(new[0]))
        self._values[rows : rows + len(new[0])] = new[0]
        if self._missing is not None:
            self._missing[rows : rows + len(new[0])] = new[1]

    def change(self, rows: int, at: npt.NDArray[np.int64], new: tuple[Any, Any]) -> None:
        """Overwrite rows; what was handed out keeps the arrays it has."""
        same = self._values[at] == new[0]
        if self._missing is not None:
            same = (same | new[1]) & (self._missing[at] == new[1])
        if same.all():
            return
        if at.min() < self._shown:
            self._move(rows, len(self._values))
        self._values[at] = new[0]
        if self._missing is not None:
            self._missing[at] = new[1]

    def _reserve(self, rows: int, needed: int) -> None:
        if needed > len(self._values):
            self._move(rows, max(needed, _SMALLEST, rows + rows // 4))

    def _move(self, rows: int, room: int) -> None:
        values = np.empty(room, self._values.dtype)
        values[:rows] = self._values[:rows]
        if self._missing is not None:
            missing = np.empty(room, np.bool_)
            missing[:rows] = self._missing[:rows]
            self._missing = missing
        self._values, self._times, self._shown = values, None, 0

    def array(self, rows: int) -> Any:
        """Show the first ``rows`` as a pandas array, without copying them."""
        self._shown = max(self._shown, rows)
        values, kind = self._values[:rows], self.column.kind
        if kind in {"word", "level"}:
            return pd.Categorical.from_codes(values, dtype=dtype_of(self.column), validate=False)
        if kind in _TIMES:
            if self._times is None:
                # Of whole numbers, times are made without a copy; of numpy's own times they are not.
                unit = _TIMES[kind]
                whole = self._values if unit is None else self._values.view(unit)
                self._times = pd.array(whole, dtype=dtype_of(self.column), copy=False)
            return self._times[:rows]
        assert self._missing is not None
        return _MASKED[kind](values, self._missing[:rows])

    @property
    def nbytes(self) -> int:
        """Bytes held, unused room included."""
        return int(self._values.nbytes) + (0 if self._missing is None else int(self._missing.nbytes))


_NONE = frozenset({type(None)})
_DATES = frozenset({datetime}) | _NONE
_PLAIN = {"whole": frozenset({int}) | _NONE, "number": frozenset({float}) | _NONE, "flag": frozenset({bool}) | _NONE}
#: What pandas puts where a value is missing.
_FILL: dict[str, Any] = {"whole": 1, "number": np.nan, "flag": False}
_MASKED: dict[str, Any] = {
    "whole": pd.arrays.IntegerArray,
    "number": pd.arrays.FloatingArray,
    "flag": pd.arrays.BooleanArray,
}


class _Texts:
    """A column of texts, in Arrow chunks."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self._chunks: list[Any] = []
        self._shown: Any = None

    def convert(self, values: Sequence[Any]) -> Any:
        """Turn values into one Arrow array."""
        try:
            return pa.array(values, _TEXT)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
            return array_of(self.column, list(values)).__arrow_array__().combine_chunks()

    def append(self, rows: int, new: Any) -> None:
        """Put rows behind those there are."""
        self._shown = None
        chunks = [*self._chunks, new]
        while len(chunks) >= _FAN and len(chunks[-_FAN]) < _FAN * len(chunks[-1]):
            chunks[-_FAN:] = [pa.concat_arrays(chunks[-_FAN:])]
        self._chunks = chunks

    def change(self, rows: int, at: npt.NDArray[np.int64], new: Any) -> None:
        """Put new chunks in the place of those that hold the rows."""
        chunks, begin, changed = list(self._chunks), 0, False
        for number, chunk in enumerate(chunks):
            end = begin + len(chunk)
            here = np.flatnonzero((at >= begin) & (at < end))
            if len(here):
                places = at[here] - begin
                values = new.take(pa.array(here))
                if not chunk.take(pa.array(places)).equals(values):
                    mask = np.zeros(len(chunk), np.bool_)
                    mask[places] = True
                    chunks[number] = pc.replace_with_mask(chunk, pa.array(mask), values)
                    changed = True
            begin = end
        if changed:
            self._chunks, self._shown = chunks, None

    def array(self, rows: int) -> Any:
        """Show all rows as a pandas array, without copying them."""
        if self._shown is None:
            self._shown = pd.arrays.ArrowStringArray(pa.chunked_array(self._chunks, _TEXT))
        return self._shown

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(chunk.nbytes for chunk in self._chunks)


class TableBuilder:
    """One table that grows.

    Parameters
    ----------
    name : str
        A key of ``TABLES``.
    left_out : sequence of Column
        Columns that somebody else puts in.
    """

    def __init__(self, name: str, left_out: Sequence[Column] = ()) -> None:
        self.name = name
        declared = TABLES[name]
        self._table = declared._replace(columns=tuple(one for one in declared.columns if one not in left_out))
        self._columns: dict[str, _Buffer | _Texts] = {
            column.name: (_Texts if column.kind == "text" else _Buffer)(column) for column in self._table.all
        }
        self._rows = 0
        self._frame: pd.DataFrame | None = None
        #: False while rows are put in: an interrupt then leaves columns of different lengths.
        self.whole = True
        #: Another number whenever something in it may have changed; no other table ever has the same one.
        self.version = next(_VERSIONS)

    def __len__(self) -> int:
        return self._rows

    @property
    def nbytes(self) -> int:
        """Bytes held by all columns, unused room included."""
        return sum(column.nbytes for column in self._columns.values())

    def append(self, values: Mapping[str, Sequence[Any]], count: int) -> None:
        """Put rows behind those there are.

        Parameters
        ----------
        values : mapping of str to sequence
            Column by column, as ``columns.frame`` takes them row by row; a column that is not there is ``<NA>``.
        count : int
            How many rows.
        """
        if not count:
            return
        made = {name: column.convert(values.get(name) or [None] * count) for name, column in self._columns.items()}
        self.whole = False
        for name, column in self._columns.items():
            column.append(self._rows, made[name])
        self._rows += count
        self._frame, self.version = None, next(_VERSIONS)
        self.whole = True

    def change(self, at: Sequence[int], values: Mapping[str, Sequence[Any]]) -> None:
        """Overwrite rows.

        Parameters
        ----------
        at : sequence of int
            Which, ascending.
        values : mapping of str to sequence
            New values of the columns that may have changed; the other columns stay.
        """
        if not len(at):
            return
        where = np.asarray(at, np.int64)
        made = {name: self._columns[name].convert(new) for name, new in values.items()}
        self.whole = False
        for name, new in made.items():
            self._columns[name].change(self._rows, where, new)
        self._frame, self.version = None, next(_VERSIONS)
        self.whole = True

    def frame(self) -> pd.DataFrame:
        """Return the table; what the caller does to it, and what comes later, changes nothing in it for anybody else."""
        if self._frame is None:
            arrays = {name: column.array(self._rows) for name, column in self._columns.items()}
            keys = [arrays.pop(column.name) for column in self._table.keys]
            index = _index(keys, [column.name for column in self._table.keys])
            self._frame = pd.DataFrame(arrays, index=index, copy=False)
            self._frame.attrs["schema"] = f"rigkit.{self.name}/{SCHEMA_VERSION}"
        return self._frame.copy(deep=False)


def _index(keys: list[Any], names: list[str]) -> Any:
    if len(keys) == 1:
        return pd.Index(keys[0], name=names[0])
    return pd.MultiIndex.from_arrays(keys, names=names)
