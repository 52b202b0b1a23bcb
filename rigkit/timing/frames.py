"""Tables of results: every row with its evidence, the steps of its stamps and the instant meant, as columns that survive a merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.timing.evidence import Basis, evidence_dtype

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCHEMA_VERSION", "cells", "framed", "keyed", "shot_column", "text_dtype"]

#: Raised when a column is renamed, removed or changes its meaning.
SCHEMA_VERSION = 1


def text_dtype() -> pd.StringDtype[Any]:
    """Give the dtype of every column of text."""
    import pandas as pd

    return pd.StringDtype("pyarrow", na_value=pd.NA)


def keyed(name: str, keys: Iterable[Any]) -> pd.Index[Any]:
    """Make an index; shot ids keep their type, everything else is text."""
    import pandas as pd

    index: pd.Index[Any] = pd.Index(list(keys), name=name, dtype=None if name == "shot_id" else text_dtype())
    return index


def cells(shot_ids: Sequence[Any], camera_keys: Sequence[str]) -> pd.MultiIndex:
    """Make the index (shot_id, camera_key) with a row for every shot and camera."""
    import pandas as pd

    return pd.MultiIndex.from_product([keyed("shot_id", shot_ids), keyed("camera_key", camera_keys)])


def shot_column(shot_ids: Sequence[Any]) -> Any:
    """Make a column of shot ids, of which some may be None: Int64 where all are whole numbers, else objects."""
    import pandas as pd

    whole = all(one is None or isinstance(one, int | np.integer) for one in shot_ids)
    return pd.array(list(shot_ids), dtype="Int64" if whole else "object")


def framed(
    index: pd.Index[Any], columns: Mapping[str, Any], basis: Basis, reasons: Sequence[str] | None = None
) -> pd.DataFrame:
    """Make a table of results.

    Parameters
    ----------
    index : pandas.Index
        What the rows are about, see :func:`keyed` and :func:`cells`.
    columns : mapping of str to array_like
        The numbers, float64 with NaN for what can't be known, or integers.
    basis : Basis
        What they rest on.
    reasons : sequence of str or None
        One per row: why a number is missing, or what restricts it; empty: nothing. None: a table of findings, in which nothing is
        missing; it gets no such column.

    Returns
    -------
    pandas.DataFrame
        The columns, then ``evidence`` (ordered categorical), ``quantum_ms`` (float64), ``instant`` and ``reason`` (text).
        ``attrs["schema"]`` names the version, ``attrs["remarks"]`` holds what was resolved in the stamps.
    """
    import pandas as pd

    table = pd.DataFrame({title: pd.Series(values, index=index) for title, values in columns.items()}, index=index)
    table["evidence"] = pd.Categorical([basis.evidence] * len(index), dtype=evidence_dtype())
    table["quantum_ms"] = np.full(len(index), basis.quantum_ms, dtype=np.float64)
    table["instant"] = pd.array([basis.instant] * len(index), dtype=text_dtype())
    if reasons is not None:
        table["reason"] = pd.array(list(reasons), dtype=text_dtype())
    table.attrs["schema"] = f"rigkit.timing/{SCHEMA_VERSION}"
    table.attrs["remarks"] = list(basis.remarks)
    return table
