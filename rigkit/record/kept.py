"""Tables kept beside the journal of a closed session, so that next week's look need not fold it anew.

The journal is the truth and these are only its consequence. So they count only while all of it is as it was when they were made:
the bytes of every journal file, the bytes of the table, and the versions that decide what a table looks like. Anything else, or
any doubt, and the journal is folded as if they were not there.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from xxhash import xxh3_128, xxh3_128_hexdigest

from rigkit.record.columns import SCHEMA_VERSION, TABLES, dtype_of
from rigkit.record.journal import journal_files
from rigkit.record.whole import write_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KEPT", "KeptTables", "keep_tables"]

#: The tables that are worth it; events are in the journal itself, and photos are kept where their places are sure.
KEPT = ("cameras", "settings", "shots", "exposures", "requests", "loss", "warnings", "clock", "lags", "reference")

_LIST = "kept.json"
#: Read at once when files are summed, bytes.
_PIECE = 2**20


class _List(msgspec.Struct):
    """What ``tables/kept.json`` holds.

    Attributes
    ----------
    made_by : str
        What decides how a table looks besides the journal: rigkit's version, the session, the table declarations.
    journal : dict of str to str
        Name of each journal file -> XXH3 (128 bit) of its bytes.
    tables : dict of str to str
        Name of each table -> the same of its parquet file.
    """

    made_by: str
    journal: dict[str, str]
    tables: dict[str, str]


def keep_tables(folder: Path, tables: Iterable[tuple[str, pd.DataFrame]], made_by: str) -> None:
    """Write tables of a closed session as ``tables/<name>.parquet``, which any tool reads.

    Parameters
    ----------
    folder : Path
        The session folder; nobody writes to its journal any more.
    tables : iterable of (str, pandas.DataFrame)
        What is kept.
    made_by : str
        What they depend on besides the journal and their declaration.

    Raises
    ------
    OSError, ValueError, TypeError
        They can't be written; what is there is not taken for valid.
    """
    where = folder / "tables"
    where.mkdir(exist_ok=True)
    (where / _LIST).unlink(missing_ok=True)
    sums = {}
    for name, table in tables:
        data = io.BytesIO()
        table.to_parquet(data, compression="zstd")
        write_whole(where / f"{name}.parquet", data.getvalue())
        sums[name] = xxh3_128_hexdigest(data.getvalue())
    write_whole(where / _LIST, msgspec.json.encode(_List(_full(made_by), _journal_sums(folder), sums)) + b"\n")


def _full(made_by: str) -> str:
    return f"{made_by}, tables {SCHEMA_VERSION}"


def _journal_sums(folder: Path) -> dict[str, str]:
    sums = {}
    for one in journal_files(folder / "journal"):
        sums[one.path.name] = _sum(one.path)
    return sums


def _sum(path: Path) -> str:
    total = xxh3_128()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            total.update(piece)
    return total.hexdigest()


class KeptTables:
    """The kept tables of one session, as far as they can be trusted.

    Parameters
    ----------
    folder : Path
        The session folder.
    made_by : str
        As for :func:`keep_tables`.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        self._where = folder / "tables"
        self._sums = self._trusted(folder, made_by)

    @property
    def outdated(self) -> bool:
        """Whether tables were kept, and are not those of the journal as it is now."""
        return not self._sums and (self._where / _LIST).is_file()

    def __bool__(self) -> bool:
        return bool(self._sums)

    def _trusted(self, folder: Path, made_by: str) -> Mapping[str, str]:
        try:
            kept = msgspec.json.decode((self._where / _LIST).read_bytes(), type=_List)
            if kept.made_by == _full(made_by) and kept.journal and kept.journal == _journal_sums(folder):
                return kept.tables
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        return {}

    def read(self, name: str) -> pd.DataFrame | None:
        """Return a table as it was kept; None: it wasn't, or it is not as it was.

        Parameters
        ----------
        name : str
            A key of ``TABLES``.
        """
        if name not in self._sums:
            return None
        try:
            data = (self._where / f"{name}.parquet").read_bytes()
        except OSError:
            return None
        return _table(name, data) if xxh3_128_hexdigest(data) == self._sums[name] else None


def _table(name: str, data: bytes) -> pd.DataFrame | None:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pd.StringDtype("pyarrow", na_value=pd.NA)
    types: dict[Any, Any] = {
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): text,
        pa.large_string(): text,
    }
    try:
        table: pd.DataFrame = pq.read_table(pa.BufferReader(data)).to_pandas(types_mapper=types.get)
    except (pa.ArrowException, ValueError, TypeError):
        return None
    declared = TABLES[name]
    if list(table.columns) != [one.name for one in declared.columns]:
        return None
    for column in declared.columns:
        if table[column.name].dtype != dtype_of(column):  # a column of words without any forgets which there could be
            table[column.name] = table[column.name].astype(dtype_of(column))
    return table
