"""Tables that grow: equal to those made from scratch, and what was handed out stays as it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from rigkit.record.builder import TableBuilder
from rigkit.record.columns import TABLES, Column, frame

_EPOCH = datetime.fromisoformat("1970-01-01")
_TIMES = st.integers(0, 2**61)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.none() | st.sampled_from(["", "a", "é", "A01"]) | st.text(st.characters(codec="utf-8"), max_size=5),
    "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
    "number": st.none() | st.floats(allow_nan=False),
    "flag": st.none() | st.booleans(),
    "wall": st.none() | _TIMES,
    "local": st.none() | st.datetimes(min_value=_EPOCH.replace(year=1900), max_value=_EPOCH.replace(year=2200)),
    "camera": st.none() | st.datetimes(min_value=_EPOCH.replace(year=1900), max_value=_EPOCH.replace(year=2200)),
}
#: One column of each kind and one that is always missing, of the table with the most.
_SOME = (
    "shot_id",
    "position",
    "trigger",
    "location",
    "collided",
    "date_captured",
    "t_exif",
    "first_heard",
    "on_disk_mono_s",
    "hash",
)


def _value(column: Column) -> st.SearchStrategy[Any]:
    if column.kind in {"word", "level"}:
        return st.none() | st.sampled_from([*column.words, "a word nobody declared"])
    return _VALUES[column.kind]


_COLUMNS = {column.name: column for column in TABLES["photos"].all}
_ROW = st.fixed_dictionaries({name: _value(_COLUMNS[name]) for name in _SOME})
_STEPS: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(_ROW, max_size=6)),
        st.tuples(st.just("change"), st.lists(st.tuples(st.integers(0, 200), _ROW), min_size=1, max_size=4)),
        st.tuples(st.just("read"), st.just([])),
    ),
    max_size=8,
)


def by_column(rows: list[dict[str, Any]], names: list[str]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def fingerprint(table: pd.DataFrame) -> list[int]:
    hashes = pd.util.hash_pandas_object(table.reset_index(), index=True)
    return [*hashes, len(table), *map(len, table.columns)]


@settings(deadline=None, max_examples=20)
@given(_STEPS, st.sets(st.sampled_from(_SOME), min_size=1))
def test_a_grown_table_is_the_table_and_older_ones_stay(steps, touched):
    builder = TableBuilder("photos")
    rows: list[dict[str, Any]] = []
    handed_out: list[tuple[pd.DataFrame, list[int]]] = []
    for what, given_rows in [*steps, ("read", [])]:
        if what == "append":
            new = [{"photo_key": f"p{len(rows) + number}", **row} for number, row in enumerate(given_rows)]
            builder.append(by_column(new, ["photo_key", *_SOME]), len(new))
            rows += new
        elif what == "change" and rows:
            changes = {place % len(rows): row for place, row in given_rows}
            changed = {place: {name: changes[place][name] for name in touched} for place in sorted(changes)}
            builder.change(list(changed), by_column(list(changed.values()), sorted(touched)))
            for place, row in changed.items():
                rows[place] = {**rows[place], **row}
        elif what == "read":
            table = builder.frame()
            assert_frame_equal(table, frame("photos", rows))
            assert table.attrs == frame("photos", rows).attrs
            handed_out.append((table, fingerprint(table)))
    assert all(fingerprint(table) == before for table, before in handed_out)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_can_grow(name):
    rows = [
        {column.name: _EXAMPLES[column.kind](number, column) for column in TABLES[name].all} for number in range(150)
    ]
    builder = TableBuilder(name)
    names = [column.name for column in TABLES[name].all]
    for first in range(0, 150, 15):
        builder.append(by_column(rows[first : first + 15], names), 15)
        table = builder.frame()
        assert_frame_equal(table, frame(name, rows[: first + 15]))
        assert list(table.index.names) == list(frame(name, []).index.names)


_EXAMPLES: dict[str, Any] = {
    "text": lambda number, column: f"{column.name} {number * 7919 % 150:03d}",
    "whole": lambda number, column: number,
    "number": lambda number, column: number / 3,
    "flag": lambda number, column: number % 3 == 0,
    "wall": lambda number, column: 10**18 + number * 10**6,
    "local": lambda number, column: _EPOCH + timedelta(milliseconds=number * 1001),
    "camera": lambda number, column: _EPOCH + timedelta(microseconds=number * 1001),
    "word": lambda number, column: column.words[number % len(column.words)],
    "level": lambda number, column: column.words[number % len(column.words)],
}


def test_an_empty_table_can_be_shown():
    assert_frame_equal(TableBuilder("photos").frame(), frame("photos", []))


def test_labels_of_any_type_come_out_as_from_scratch():
    values: dict[str, list[Any]] = {"photo_key": ["p0", "p1"], "subject": [7, None], "rep": [None, 2.0]}
    builder = TableBuilder("photos")
    builder.append(values, 2)
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    assert_frame_equal(builder.frame(), frame("photos", rows))


def test_what_a_user_does_to_a_table_stays_with_the_user():
    builder = TableBuilder("photos")
    builder.append({"photo_key": ["p0", "p1"], "width": [1, 2], "name": ["a", "b"]}, 2)
    mine, other = builder.frame(), builder.frame()
    mine.loc["p0", "width"] = 99
    mine["name"] = "c"
    mine.index.name = "mine"
    for table in (other, builder.frame()):
        assert list(table["width"]) == [1, 2]
        assert list(table["name"]) == ["a", "b"]
        assert table.index.name == "photo_key"


def test_a_value_that_fits_no_column_leaves_the_table_as_it_was():
    builder = TableBuilder("photos")
    builder.append({"photo_key": ["p0"], "width": [1]}, 1)
    before = builder.frame()
    with pytest.raises(TypeError):
        builder.append({"photo_key": ["p1"], "width": [1.5]}, 1)
    assert_frame_equal(builder.frame(), before)
