"""Tables of results: every row with its evidence, the steps of its stamps, the instant meant and the reason for what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rigkit.timing.evidence import evidence_dtype
from rigkit.timing.stamps import Stamps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCHEMA_VERSION", "framed"]

#: Raised when a column is renamed, removed or changes its meaning.
SCHEMA_VERSION = 1


def framed(
    name: str, keys: Sequence[Any], columns: Mapping[str, Any], stamps: Stamps, reasons: Sequence[str]
) -> pd.DataFrame:
    """Make a table of results.

    Parameters
    ----------
    name : {"shot_id", "camera_key"}
        What a row is about; the name of the index.
    keys : sequence
        One per row.
    columns : mapping of str to array_like
        The numbers, float64 with NaN for what can't be known, or integers.
    stamps : Stamps
        What they rest on.
    reasons : sequence of str
        One per row: why a number is missing, or what restricts it; empty: nothing.

    Returns
    -------
    pandas.DataFrame
        The columns, then ``evidence`` (ordered categorical), ``quantum_ms``, ``instant`` and ``reason``. ``attrs["remarks"]``
        holds what was resolved in the stamps.
    """
    import pandas as pd

    text = pd.StringDtype("pyarrow", na_value=pd.NA)
    index = pd.Index(list(keys), name=name, dtype=text if name == "camera_key" else None)
    table = pd.DataFrame({title: pd.Series(values, index=index) for title, values in columns.items()}, index=index)
    table["evidence"] = pd.Categorical([stamps.evidence] * len(index), dtype=evidence_dtype())
    table["quantum_ms"] = stamps.quantum_ms
    table["instant"] = pd.array([stamps.instant] * len(index), dtype=text)
    table["reason"] = pd.array(list(reasons), dtype=text)
    table.attrs["schema"] = f"rigkit.timing/{SCHEMA_VERSION}"
    table.attrs["remarks"] = list(stamps.remarks)
    return table
