"""Layouts: who should stand where, from whatever a spreadsheet program saved."""

from __future__ import annotations

import contextlib
import json
import pickle
import warnings
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigkit import Layout, LayoutError
from rigkit.errors import UnknownName
from rigkit.record.layout import Place

PLACES = (
    Place("F01", "6181433", "A01", ("face", "left"), "hub1", "35mm", ("spare",)),
    Place("F02", "0042", "A02", ("face",), "hub1"),
    Place("B01", "", "A03", ("back",), "hub2", "50 mm, f/1.8"),
    Place("Rücken 2"),
)
RIG = Layout(PLACES)

#: What a label may hold: anything but control characters, line separators and halves of UTF-16 pairs.
TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30,
).map(str.strip)  # fmt: skip
WORD = TEXT.map(lambda text: text.replace(";", "").strip()).filter(bool)
SERIAL = st.from_regex(r"[0-9A-Z]{0,9}", fullmatch=True)
ANY_PLACE = st.builds(
    Place, TEXT.filter(bool), SERIAL, TEXT,
    st.lists(WORD, max_size=3, unique=True).map(tuple), TEXT, TEXT, st.lists(WORD, max_size=2, unique=True).map(tuple),
)  # fmt: skip


def no_two_alike(places: list[Place]) -> bool:
    bodies = [("serial", one.serial) if one.serial else ("name", one.name or one.position) for one in places]
    return len({one.position for one in places}) == len(set(bodies)) == len(places)


ANY_LAYOUT = st.lists(ANY_PLACE, min_size=1, max_size=6).filter(no_two_alike).map(Layout)


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(LayoutError) as caught:
        Layout.from_text(text, "rig.csv")
    assert caught.value.source == "rig.csv"
    assert str(caught.value).startswith("rig.csv: ")
    return caught.value.problems


# ---- files


@given(ANY_LAYOUT)
def test_what_save_writes_load_reads_back(tmp_path_factory, layout):
    path = tmp_path_factory.mktemp("layout") / "rig.csv"
    assert layout.save(path) == path
    assert Layout.load(path) == layout
    assert hash(Layout.load(path)) == hash(layout)
    assert [one.name for one in path.parent.iterdir()] == ["rig.csv"]


@given(ANY_LAYOUT)
def test_note_and_frame_say_the_same(layout):
    note = json.loads(json.dumps(layout.to_note()))
    assert all(all(place.values()) for place in note), "only what is said"
    assert Layout.from_note(note) == layout == Layout.from_frame(layout.to_frame())


def bytes_of(
    separator: str = ",", encoding: str = "utf-8", end: str = "\n", before: str = "", after: str = ""
) -> bytes:
    rows = [
        ["Position ", " SERIAL", "Name", "Group", "hub", "lens", "Tags", ""],
        ["F01", "6181433", "A01", '"face; left"', "hub1", "35mm", "spare", ""],
        [""] * 8,
        ["F02", "0042", "A02", "face", "hub1"],
        ["B01", "", "A03", "back", "hub2", '"50 mm, f/1.8"', "", "", ""],
        ["Rücken 2"],
    ]
    return (before + end.join(separator.join(row) for row in rows) + after).encode(encoding)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes_of(), id="commas"),
        pytest.param(bytes_of(";", "utf-8-sig", "\r\n", after="\r\n"), id="German Excel, CSV UTF-8"),
        pytest.param(bytes_of("\t", "utf-16", "\r\n", after="\r\n"), id="Excel, Unicode text"),
        pytest.param(bytes_of("\t", end="\r"), id="tabs, old Mac"),
        pytest.param(bytes_of(";", "utf-8-sig", "\r\n", before="sep=;\r\n"), id="sep="),
        pytest.param(bytes_of(end="\n\n", before="\n,,,\n  \n", after="\n,,,,\n\n"), id="blank lines"),
    ],
)
def test_every_habit_of_spreadsheets_reads_as_the_same(tmp_path, data):
    path = tmp_path / "rig.csv"
    path.write_bytes(data)
    assert Layout.load(path) == RIG


def test_only_positions_are_needed():
    assert Layout.from_text("position\nF01\nF02\n").positions == ("F01", "F02")


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "rig.csv"
    RIG.save(path)

    def full(self, *_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(LayoutError, match=r"rig\.csv: can't be written \(No space left on device\)"):
            RIG.swapped("F01", "F02").save(path)
    assert [one.name for one in tmp_path.iterdir()] == ["rig.csv"]
    assert Layout.load(path) == RIG
    with pytest.raises(LayoutError, match="can't be written"):
        RIG.save(tmp_path / "nowhere" / "rig.csv")
    with pytest.raises(LayoutError, match="no place"):
        Layout().save(path)
    assert Layout.load(path) == RIG


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "there is no such file"),
        (b"", "is empty"),
        (b";;;\r\n", "is empty"),
        (b"position,serial\n,\n", "only the headings"),
        (b"position,name\nF01,a\nR\xfccken,b\n", r"not text in UTF-8 in line 3 \(byte 0xfc\).*'CSV UTF-8'"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not text in UTF-8"),
        (b"position\0\0\nF01", "not text: it holds zero bytes"),
        (b"\xff\xfep\0o", "not text in UTF-16"),
        (b"\xff\xfep\0o\0", "its columns are: po. A layout begins with a line like position,serial,name"),
        (b"Standort;Seriennummer\nF01;1\n", "its columns are: Standort, Seriennummer"),
        (b'position,name\nF01,"A01\nF02,A02\n', "line 2: can't be split into cells .*a quote that is not closed"),
        (b"position,Position\nF01,F01\n", "more than one column means 'position'"),
        (b"position,group,groups\nF01,a,b\n", "more than one column means 'groups'"),
        (b"x" * 17_000_000, "is larger than 16 MB"),
    ],
)
def test_what_is_no_layout_is_refused_by_name(tmp_path, data, says):
    path = tmp_path / "rig.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(LayoutError, match=says) as caught:
        Layout.load(path)
    assert caught.value.source == str(path)
    assert isinstance(caught.value, ValueError)


def test_a_folder_is_no_layout(tmp_path):
    with pytest.raises(LayoutError, match="is a folder"):
        Layout.load(tmp_path)


# ---- bad rows


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("F01,1,\nF01,2,", "line 3 (F01): position F01 is in line 2 (F01) already"),
        ("F01,1,\n\nF02,1,", "line 4 (F02): serial 1 is in line 2 (F01) already"),
        ("F01,,A\nF02,,A", "line 3 (F02): name A is in line 2 (F01) already, and neither has a serial"),
        ("F01,,F02\nF02,,", "line 3 (F02): name F02 is in line 2 (F01) already"),
        (",77,", "line 2: there is no position (serial 77)"),
        ('"F\n1",7,', "line 2 (F 1): position 'F 1' contains a line break"),
        ("F\x071,7,", "line 2 (F 1): position 'F 1' contains a line break or another control character"),
        ("F01,7,a\u2028b", "line 2 (F01): name 'a b' contains a line break"),
        ("F" * 10_000 + ",7,", f"line 2 ({'F' * 39}…): position '{'F' * 39}…' has 10000 characters"),
        ("F01,6.18143E+06,", "line 2 (F01): serial 6.18143E+06 was made a number and its last digits are gone"),
        ('F01,"6,18E+06",', "line 2 (F01): serial 6,18E+06 was made a number"),
        ("F01,1234567890123456.0,", "line 2 (F01): serial 1234567890123456.0 was made a number"),
        ("F01,7,A01,,x", "line 2 (F01): it has 5 cells and there are 3 headings (without one: x)"),
        ('F01,"7\n8",\nF01,,', "line 4 (F01): position F01 is in line 2 (F01) already"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_position(text, problem):
    problems = problems_of(f"position,serial,name\n{text}\n")
    assert any(one.startswith(problem) for one in problems), problems


def test_a_name_may_be_there_twice_where_serials_tell_them_apart():
    assert len(Layout.from_text("position,serial,name\nF01,1,A\nF02,2,A\nF03,,A\n")) == 3


@pytest.mark.parametrize("group", ["a\nb", "x" * 201])
def test_a_bad_group_is_named(group):
    with pytest.raises(LayoutError, match=r"place 2 \(F02\): groups '[ax]"):
        Layout([Place("F01", groups=("face",)), Place("F02", groups=(group,))])


def test_all_problems_are_told_together_and_twelve_are_spelt_out():
    rows = ["F01,1"] * 8 + [f"P{n},1" for n in range(8)]
    problems = problems_of("position,serial\n" + "\n".join(rows))
    assert [one.split(" ")[1] for one in problems] == [str(n) for n in range(3, 18)], "in the order of the file"
    with pytest.raises(LayoutError) as caught:
        Layout.from_text("position,serial\n" + "\n".join(rows), "rig.csv")
    lines = str(caught.value).splitlines()
    assert lines[0] == "rig.csv: 15 problems"
    assert len(lines) == 1 + 12 + 1 + 1
    assert lines[-2:] == ["  and 3 more", "Correct this and load it again; nothing was taken over."]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


@given(st.text(max_size=200))
def test_any_text_is_a_layout_or_a_clear_error(text):
    for whole in (text, f"position,serial\n{text}"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            with contextlib.suppress(LayoutError):  # anything else it may raise is a failure
                layout = Layout.from_text(whole)
                assert len(layout) > 0
                assert all(layout.positions)
                assert Layout.from_note(layout.to_note()) == layout


# ---- warnings


def test_serials_that_a_spreadsheet_made_numbers_are_read_with_a_warning():
    with pytest.warns(UserWarning, match=r"rig\.csv: .*line 2 \(F01\): 6181433\.0, line 3 \(F02\): 7,00\.") as told:
        layout = Layout.from_text('position,serial\nF01,6181433.0\nF02,"7,00"\nF03,8\n', "rig.csv")
    assert [place.serial for place in layout] == ["6181433", "7", "8"]
    assert [Path(one.filename).name for one in told] == [Path(__file__).name], "once, and told where it was called"


def test_unknown_columns_are_named_with_what_was_probably_meant_and_kept_out():
    with pytest.warns(
        UserWarning, match=r"not used: 'Seriel' \(is 'serial' meant\?\), 'Colour'\. Known are position"
    ) as told:
        layout = Layout.from_text("position,Seriel,Colour\nF01,618,red\n")
    assert layout.places == (Place("F01"),)
    assert len(told) == 1


def test_what_stands_under_no_heading_is_told():
    with pytest.warns(UserWarning, match=r"column 2 has no heading, so what it says is not used \(line 3\)"):
        layout = Layout.from_text("position,,name\nF01,,a\nF02,x,b\n")
    assert [place.name for place in layout] == ["a", "b"]


# ---- frames and notes


def test_a_frame_with_floats_is_read_as_whole_numbers():
    table = pd.DataFrame({"Position": ["F01", "F02", "F03"], "serial": [6181433, None, 42], "hub": [1, None, 2.0]})
    assert table["serial"].dtype == float
    with pytest.warns(UserWarning, match=r"DataFrame: .*row 1 \(F01\): 6181433\.0, row 3 \(F03\): 42\.0\.") as told:
        layout = Layout.from_frame(table)
    assert [(place.serial, place.hub) for place in layout] == [("6181433", "1"), ("", ""), ("42", "2")]
    assert [Path(one.filename).name for one in told] == [Path(__file__).name]


def test_a_frame_of_whole_numbers_and_lists_is_read_silently():
    table = pd.DataFrame({"serial": [7, 8], "groups": [["a", "b"], None]}, index=pd.Index([1, 2], name="position"))
    assert Layout.from_frame(table).places == (Place("1", "7", groups=("a", "b")), Place("2", "8"))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"position": ["a", "a"]}, r"row 2 \(a\): position a is in row 1 \(a\)"),
        ({"position": ["a", None], "serial": ["1", "2"]}, r"row 2: there is no position \(serial 2\)"),
        ({"position": ["a", "b"], "serial": [1e20, 2]}, r"row 1 \(a\): serial 1e\+20 was made a number"),
        ({"serial": [1]}, "there is no column 'position'; its columns are: serial"),
        ({}, "there is no column 'position'; its columns are: none"),
        ({"position": []}, "only the headings"),
    ],
)
def test_a_bad_frame_is_refused(columns, says):
    with pytest.raises(LayoutError, match=says):
        Layout.from_frame(pd.DataFrame(columns))


def test_a_position_both_as_index_and_as_column_is_refused():
    table = pd.DataFrame({"position": ["a"]}, index=pd.Index(["b"], name="position"))
    with pytest.raises(LayoutError, match="more than one column means 'position'"):
        Layout.from_frame(table)


@pytest.mark.parametrize(
    ("note", "says"),
    [
        ({"position": "a"}, "Expected `array`"),
        ([{"serial": "1"}], r"missing required field `position` - at `\$\[0\]`"),
        ([{"position": "a"}, {"position": "b", "serial": 1}], r"Expected `str`, got `int` - at `\$\[1\]\.serial`"),
        ([{"position": "a", "groups": "face"}], r"at `\$\[0\]\.groups`"),
        ([{"position": "a"}, {"position": "a"}], "position a is in place 1"),
        (None, "Expected `array`"),
    ],
)
def test_a_bad_note_is_refused(note, says):
    with pytest.raises(LayoutError, match=says):
        Layout.from_note(note)


def test_a_note_of_a_later_rigkit_is_read():
    assert Layout.from_note([{"position": "a", "height_mm": 1200}]).places == (Place("a"),)
    assert RIG.to_note()[3] == {"position": "Rücken 2"}


# ---- what it answers


def test_it_says_what_it_holds():
    assert RIG.positions == ("F01", "F02", "B01", "Rücken 2")
    assert (RIG.groups, RIG.hubs) == (("back", "face", "left"), ("hub1", "hub2"))
    assert RIG.in_group("face") == ("F01", "F02")
    assert repr(RIG) == "Layout of 4 places, 3 groups, 2 hubs"
    assert repr(Layout([Place("a")])) == "Layout of 1 place, 0 groups, 0 hubs"
    assert (len(RIG), "F01" in RIG, "F09" in RIG, list(RIG)) == (4, True, False, list(PLACES))
    assert RIG["F02"].serial == "0042"


def test_names_nobody_goes_by_are_answered_with_a_near_one():
    with pytest.raises(UnknownName, match=r"no position 'F1'.*Did you mean 'F01'\?"):
        RIG["F1"]
    with pytest.raises(UnknownName, match=r"no group 'faces'.*Did you mean 'face'\?"):
        RIG.in_group("faces")
    with pytest.raises(UnknownName, match="position"):
        RIG.replaced("F9", "1")
    with pytest.raises(UnknownName, match="position"):
        RIG.swapped("F01", "F9")


def test_the_table_has_na_where_nothing_is_said():
    table = RIG.to_frame()
    assert list(table.columns) == ["serial", "name", "groups", "hub", "lens", "tags"]
    assert table.index.name == "position"
    assert table.loc["F01", "groups"] == "face;left"
    assert table.loc["Rücken 2"].isna().all()
    assert list(Layout().to_frame().dtypes) == list(table.dtypes)


def test_html_is_escaped():
    html = Layout([Place("<script>alert(1)</script>", groups=("<b>",))])._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_it_can_not_be_changed():
    with pytest.raises(AttributeError):
        RIG.places = ()  # type: ignore[misc]
    assert len({RIG, Layout(list(PLACES))}) == 1


def test_groups_may_be_given_as_in_a_file():
    (place,) = Layout([Place(" a ", groups="face; left;;face", tags=("x;y",))])  # type: ignore[arg-type]
    assert place == Place("a", groups=("face", "left"), tags=("x", "y"))


@pytest.mark.parametrize(
    ("serial", "name", "position"),
    [
        ("6181433", "A01", "F01"),
        ("6181433", "A02", "F01"),  # the serial counts, whatever the name
        ("42", "", "F02"),  # as a spreadsheet leaves 0042
        ("00042", "", "F02"),
        ("9", "A01", None),  # a name of a place with a serial says nothing: another body stands there
        ("", "A01", None),
        ("9", "A03", "B01"),
        ("9", "Rücken 2", "Rücken 2"),
        ("", "Rücken 2", "Rücken 2"),
        ("9", "B01", None),  # it has a name, and that is A03
        ("", "", None),
        ("0", "", None),
    ],
)
def test_where_a_camera_stands(serial, name, position):
    place = RIG.place_of(serial, name)
    assert (place and place.position) == position


def test_zeros_count_where_two_serials_differ_in_nothing_else():
    layout = Layout([Place("a", "042"), Place("b", "42"), Place("c", "X7")])
    found = [layout.place_of(serial, "") for serial in ("042", "42", "0042", "0X7")]
    assert [place and place.position for place in found] == ["a", "b", None, None]


def test_another_body_leaves_everything_but_the_serial():
    layout = RIG.replaced("F01", "777")
    assert layout["F01"] == PLACES[0]._replace(serial="777")
    assert layout.places[1:] == PLACES[1:]
    assert RIG["F01"].serial == "6181433"
    assert RIG.replaced("F01", "6181433") == RIG


@pytest.mark.parametrize("serial", ["0042", "42"])
def test_a_body_can_not_stand_at_two_places(serial):
    with pytest.raises(LayoutError, match=rf"serial {serial} can't stand at F01 as well: it stands at F02\. rig\.swap"):
        RIG.replaced("F01", serial)
    with pytest.raises(LayoutError, match="there is no serial for F01"):
        RIG.replaced("F01", " ")


@given(ANY_LAYOUT, st.data())
def test_swapped_bodies_are_found_at_each_others_places(layout, data):
    a, b = (data.draw(st.sampled_from(layout.positions)) for _ in range(2))
    swapped = layout.swapped(a, b)
    moved = {a: b, b: a}
    assert swapped.positions == layout.positions
    for before in layout:
        after = swapped.place_of(before.serial, before.name or before.position)
        assert after is not None
        assert after.position == moved.get(before.position, before.position)
        there = swapped[before.position]
        assert (there.groups, there.hub, there.lens, there.tags) == before[3:]
