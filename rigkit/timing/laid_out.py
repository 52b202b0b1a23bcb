"""Between dense arrays, declared tables and statements: small steps that every table of a sitting takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.record.columns import Column, dtype_of
from rigkit.timing.evidence import HOST_ARRIVAL, Estimate, Instant
from rigkit.timing.stamps import Floats, Stamps, tidy

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells", "declared", "estimate_of", "is_known", "levels", "or_none", "records", "unknown"]


def cells(values: Floats, stamps: Stamps, index: pd.MultiIndex | pd.Index) -> pd.Series[float]:
    """Lay dense values out over an index of exposures."""
    return tidy(values, stamps, "cell").reindex(index)


def levels(arrivals: pd.Series) -> pd.Series:
    """Say what is known where nothing but arrivals is."""
    import pandas as pd

    heard = [HOST_ARRIVAL if one else None for one in arrivals.notna()]
    return pd.Series(heard, index=arrivals.index, dtype=object)


def declared(wanted: Iterable[Column], columns: Mapping[str, Any], index: pd.Index) -> pd.DataFrame:
    """Make a table of declared columns, in their order and dtypes."""
    import pandas as pd

    made = {}
    for column in wanted:
        values = columns[column.name]
        series = values if isinstance(values, pd.Series) else pd.Series(values, index=index)
        made[column.name] = series.astype(dtype_of(column)).array
    return pd.DataFrame(made, index=index, copy=False)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a table with its index, by column name."""
    return [{str(name): cell for name, cell in row.items()} for row in table.reset_index().to_dict("records")]


def or_none(value: Any) -> Any:
    """Turn a NaN or NA into None."""
    import pandas as pd

    return None if pd.isna(value) else value


def is_known(value: Any) -> bool:
    """Whether it is neither NaN nor NA nor None."""
    return or_none(value) is not None


def estimate_of(what: str, row: Any, name: str, n: int, unit: str = "ms") -> Estimate:
    """Take a number out of a table as a statement."""
    value, lo, hi = (
        float(row[one]) if is_known(row[one]) else np.nan
        for one in (f"{name}_{unit}", f"{name}_lo_{unit}", f"{name}_hi_{unit}")
    )
    reason = row["timing_reason"] if "timing_reason" in row.index else row["reason"]
    quantum = float(row["quantum_ms"]) if is_known(row["quantum_ms"]) else np.nan
    instant: Instant = row["instant"] if "instant" in row.index and is_known(row["instant"]) else "unknown"
    said = str(reason) if is_known(reason) else ""
    if np.isnan(value) and not said:
        said = "too few stamps"
    if name == "jitter":  # the row's first reason is why its lag is not known
        said = "" if not np.isnan(value) else said.rpartition("; ")[2]
    return Estimate(what, value, lo, hi, unit, n, or_none(row["evidence"]), quantum, instant, said)


def unknown(what: str, unit: str, reason: str) -> Estimate:
    """Say that something can't be known."""
    return Estimate(what, np.nan, np.nan, np.nan, unit, 0, None, reason=reason)
