"""Grid of the settings: who deviates from the golden profile, or, where none holds, from what most cameras have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rigkit.account.conditions import same_value
from rigkit.display.grids import Cell, Grid, by_position, grid_of, label_of, plain, rows_of
from rigkit.errors import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Golden", "setting_grid"]

#: Camera key -> property -> group of the profile that holds for it (empty: all cameras), and its golden value.
Golden = Mapping[str, Mapping[str, tuple[str, str]]]

_Line = tuple[str, str, str, str, Cell]


def setting_grid(settings: pd.DataFrame, cameras: pd.DataFrame, golden: Golden) -> Grid:
    """One row per property and golden value; of the cameras without one, one per property, held against what most have.

    Parameters
    ----------
    settings, cameras : pandas.DataFrame
        The tables; cameras that are not expected are left out.
    golden : Mapping
        What the profiles say of each camera.
    """
    aside = {row["camera_key"] for row in rows_of(cameras, "camera_key", "expected") if row["expected"] is False}
    held: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    free: dict[str, list[dict[str, Any]]] = {}
    for row in by_position(one for one in rows_of(settings) if one["camera_key"] not in aside):
        wanted = golden.get(row["camera_key"], {}).get(row["property"])
        if wanted is None:
            free.setdefault(plain(row["property"]), []).append(row)
        elif row["value"] is not None:  # of what is not told nothing can be found wrong
            held.setdefault((plain(row["property"]), *wanted), []).append(row)
    lines = [*_against_profiles(held), *(_against_most(name, rows) for name, rows in free.items())]
    lines.sort(key=lambda line: (line[4].tone != "bad", line[0]))
    return grid_of(("property", "value", "by", "cameras", "who deviates"), lines, right=("cameras",))


def _against_profiles(held: Mapping[tuple[str, str, str], list[dict[str, Any]]]) -> Iterator[_Line]:
    for (name, group, wanted), rows in sorted(held.items()):
        others = _values(row for row in rows if not same_value(wanted, str(row["value"])))
        agreeing = len(rows) - sum(map(len, others.values()))
        whose = f"profile of {plain(group, 24) or 'all cameras'}"
        deviate = _told(others)
        yield name, plain(wanted), whose, f"{agreeing} of {len(rows)}", Cell(deviate, "bad" if deviate else "")


def _against_most(name: str, rows: list[dict[str, Any]]) -> _Line:
    values = _values(rows)
    sizes = Counter({value: len(who) for value, who in values.items()})
    (common, sharing), *_ = sizes.most_common(1)
    if 1 < len(rows) >= 2 * sharing:
        return name, f"{len(values)} different values", "", "", Cell(_told(values))
    deviate = _told({value: who for value, who in values.items() if value != common})
    agree = f"{sharing} of {len(rows)}"
    return name, common or "none", "", agree, Cell(deviate, "bad" if deviate else "")


def _values(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Say who has which value."""
    values: dict[str, list[str]] = {}
    for row in rows:
        values.setdefault(plain(row["value"]), []).append(label_of(row))
    return values


def _told(values: Mapping[str, list[str]]) -> str:
    """Name who has which value, that of most of them first; at most four values."""
    ranked = sorted(values.items(), key=lambda item: -len(item[1]))
    told = [f"{value or 'none'}: {listed(who, most=6)}" for value, who in ranked]
    return "; ".join(told[:4]) + (f"; and {len(told) - 4} more values" if len(told) > 4 else "")
