"""Many sittings as one: what is found, what is left out and said, and tables that are those of the single sittings."""

from __future__ import annotations

import re
import shlex
import shutil
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal, assert_index_equal

import rigkit
from rigkit import display
from rigkit.cli import main
from rigkit.record.columns import OF_A_SESSION, TABLES, empty, frame

NAMES = [name for name in TABLES if hasattr(rigkit.Sessions, name)]


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """Three sittings: one of a day that is a session itself and has another one in it, as `begin` makes them; none damaged."""
    root: Path = tmp_path_factory.mktemp("sittings") / "scans"
    faults = {"faults": [{"kind": "misfire", "camera": "A02", "at": 1}]}
    for number, folder in enumerate(("2026-11-22", "2026-11-22/P001_ses-01", "2026-11-21/P002_ses-01")):
        with rigkit.simulate(3, seed=number, scenario=faults, session=root / folder, speed=20.0) as rig:
            for pose in ("apose", "tpose")[:number]:
                rig.shoot(subject=f"P00{number}", pose=pose, wait="files")
            _ = rig.session.exposures
    (root / "2026-11-22" / "Plots").mkdir()
    (root / "2026-11-22" / "P-list.txt").write_text("P001")
    return root


@pytest.fixture
def mine(scans, tmp_path) -> Path:
    """A copy that a test may spoil."""
    copy: Path = shutil.copytree(scans, tmp_path / "scans")
    return copy


def opened(*asked: str | Path) -> rigkit.Sessions:
    return rigkit.open(list(asked))


# -- what is found ----------------------------------------------------------------------------------------------------


def test_a_pattern_opens_many_in_the_order_they_were_begun(scans):
    sittings = rigkit.open(str(scans / "*" / "P*"))
    assert isinstance(sittings, rigkit.Sessions)
    assert [one.path.name for one in sittings] == ["P001_ses-01", "P002_ses-01"], "not by the name of the day"
    assert [one.path.name for one in opened(scans / "**")] == ["2026-11-22", "P001_ses-01", "P002_ses-01"]
    assert len(opened(scans / "*")) == 1, "also of one there are tables of many"


def test_one_folder_is_one_session(scans):
    assert isinstance(rigkit.open(str(scans / "2026-11-22")), rigkit.Session)
    assert isinstance(rigkit.open(scans / "2026-11-22" / "P001_ses-01"), rigkit.Session)


def test_a_sitting_is_named_by_place_id_or_folder(scans):
    sittings = opened(scans / "**")
    first, last = sittings[0], sittings[-1]
    assert sittings[first.id] is first
    assert sittings["P002_ses-01"] is last
    assert list(sittings[1:]) == list(sittings)[1:]
    assert list(sittings[::-1]) == list(sittings)[::-1]
    assert isinstance(sittings[1:], rigkit.Sessions)
    assert last in sittings
    with pytest.raises(IndexError):
        sittings[3]
    with pytest.raises(rigkit.UnknownName, match=r"Did you mean 'P002_ses-01 .* There is: 2026-11-22 \(\w{8}\), P001"):
        sittings["P002_ses-1"]


def test_a_folder_name_that_two_have_is_asked_back(mine):
    shutil.move(mine / "2026-11-22" / "P001_ses-01", mine / "2026-11-23" / "P002_ses-01")
    sittings = opened(mine / "*" / "P*")
    with pytest.raises(rigkit.SessionError, match=r"several sittings .*2026-11-23.*2026-11-21.*Give the id"):
        sittings["P002_ses-01"]
    assert sittings[sittings[0].id].path.parent.name == "2026-11-23"


def test_what_has_brackets_in_its_name_is_meant_as_it_is(mine):
    odd = mine.rename(mine.with_name("rig[1]"))
    assert isinstance(rigkit.open(shutil.copytree(odd / "2026-11-22", odd.with_name("d[2]"))), rigkit.Session)
    assert len(opened(odd / "*" / "P*")) == 2


def test_a_relative_pattern_is_looked_for_here(scans, monkeypatch):
    monkeypatch.chdir(scans / "2026-11-22")
    assert len(opened("P*")) == 1
    assert len(opened("../*/P*_ses-0[1-9]")) == 2
    assert len(opened("P*", "../*/P*", Path("P001_ses-01"))) == 2, "asked for three times, and no news"


# -- what is left out -------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_named_and_nothing_else_is_lost(mine):
    damaged = mine / "2026-11-22" / "P003_ses-01"
    damaged.mkdir()
    (damaged / "session.json").write_text('{"kind": "rigkit session", ')
    shutil.copytree(mine / "2026-11-22" / "P001_ses-01", mine / "2026-11-22" / "P001_ses-01 copy")
    with pytest.warns(RuntimeWarning) as told:
        sittings = opened(str(mine / "*" / "P*"))
    assert len(sittings) == 2
    assert sittings.exposures.index.is_unique
    copied, unread = sorted(str(one.message) for one in told)
    assert re.search(r"P001_ses-01 copy: has the same session id \w{8} as .*P001_ses-01, which is shown", copied)
    assert re.search(r"P003_ses-01: session.json can't be read \(Input data was truncated\)", unread)
    assert {one.filename for one in told} == {__file__}, "a warning points at the line that opened them"


def test_a_folder_that_was_named_and_is_no_session_is_said_to_be_none(scans):
    with pytest.warns(RuntimeWarning) as told:
        assert len(opened(scans / "2026-11-22", scans / "2026-11-22" / "Plots", scans / "*" / "Q*")) == 1
    unfit, unmatched = (str(one.message) for one in told)
    assert "Plots: not a rigkit session: it has no session.json" in unfit
    assert "Q*: nothing matches" in unmatched


def test_where_nothing_matches_it_is_said_what_is_there(scans, tmp_path):
    for asked, said in {
        scans
        / "*"
        / "Q*": r"Q\*: nothing matches\. In \S+2026-11-21, \S+2026-11-22 there is: P001_ses-01, P002_ses-01, ",
        scans / "2027*" / "P*": r"nothing matches\. In \S+scans there is: 2026-11-21, 2026-11-22$",
        tmp_path / "nowhere" / "P*": r"nothing matches\. There is no folder \S+nowhere$",
        scans / "*" / "P*s*t": r"none of what matches is a session \(a folder with session.json\): \S+P-list\.txt$",
        tmp_path / "P*": rf"nothing matches\. In {re.escape(str(tmp_path))} there is: none$",
    }.items():
        with pytest.raises(rigkit.SessionError, match=said):
            rigkit.open(str(asked))
    with pytest.raises(rigkit.SessionError, match="Nothing was given"):
        rigkit.open([])
    with pytest.raises(
        rigkit.SessionError, match=r"no session can be opened\. .*Plots: not a .*, .*nosuch: there is no"
    ):
        opened(scans / "2026-11-22" / "Plots", scans / "nosuch")


# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_table_is_that_of_the_single_sittings(scans, name):
    sittings = opened(scans / "**")
    whole = getattr(sittings, name)
    keys = [column.name for column in TABLES[name].keys]
    assert whole.index.names == ["session_id", *keys]
    assert whole.index.is_unique
    assert "session_id" not in whole.columns
    assert whole.attrs == getattr(sittings[0], name).attrs
    assert list(whole.index.get_level_values("session_id").unique()) == [
        one.id for one in sittings if len(getattr(one, name))
    ]
    for one in sittings:
        single = getattr(one, name).drop(columns="session_id", errors="ignore")
        part = whole[whole.index.get_level_values("session_id") == one.id].droplevel("session_id")
        assert_frame_equal(part, single)
        for key in keys:
            assert whole.index.get_level_values(key).dtype == single.index.get_level_values(key).dtype
    assert whole.index.get_level_values("session_id").dtype == empty("shots")["session_id"].dtype


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_happened_tables_have_their_dtypes_all_the_same(scans, name):
    for sittings in (opened(scans / "2026-11-22"), rigkit.Sessions([])):
        whole, expected = getattr(sittings, name), empty(name).drop(columns="session_id", errors="ignore")
        assert_frame_equal(whole.iloc[:0].droplevel("session_id"), expected)
        assert_index_equal(whole.columns, expected.columns)
        assert whole.attrs == expected.attrs


def test_tables_that_were_kept_need_no_journal(scans):
    sittings = opened(scans / "*" / "P*")
    assert len(sittings.exposures) == 9
    assert list(sittings.shots.xs(sittings["P002_ses-01"].id)["pose"]) == ["apose", "tpose"]
    assert set(sittings.photos["path_state"].dropna()) == {"here"}
    assert "2 sittings" in repr(sittings)
    assert "2 sittings" in sittings._repr_html_()
    assert [one._log for one in sittings] == [None, None]


def test_a_sitting_that_goes_on_is_shown_as_it_is_now(mine):
    with rigkit.simulate(2, seed=7, session=mine / "2026-11-23" / "P009_ses-01", speed=20.0) as rig:
        rig.shoot(pose="seated", wait="files")
        sittings = opened(mine / "*" / "P*")
        assert list(sittings.shots["pose"]) == ["apose", "apose", "tpose", "seated"]
        assert re.search(r"^P009_ses-01 .* open$", repr(sittings), re.MULTILINE)
        assert repr(sittings).count(" open") == 1
        rig.shoot(pose="kneeling")
    assert list(opened(mine / "*" / "P*").shots["pose"])[-2:] == ["seated", "kneeling"]


# -- what they look like ----------------------------------------------------------------------------------------------


def many(count: int) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Some sittings of one shot each, the first of two subjects, and one camera missing in the second."""
    began = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    sittings = [
        {
            "session_id": f"{at:08x}",
            "name": f"P{at:03d}",
            "created": began,
            "subject": "",
            "simulated": at == 0,
            "open": False,
        }
        for at in range(count)
    ]
    rows = [
        {
            "session_id": one["session_id"],
            "shot_id": 1,
            "subject": one["name"],
            "n_expected": 4,
            "n_exposed": 4 - (one["name"] == "P001"),
            "n_missing": int(one["name"] == "P001"),
            "complete": one["name"] != "P001",
        }
        for one in sittings
    ]
    rows.append({**rows[0], "shot_id": 2, "subject": "<b>Jane</b>\n"})
    table = frame("shots", rows)
    return sittings, table.set_index("session_id", append=True).swaplevel()


def test_a_line_per_sitting_and_the_totals():
    sittings, shots = many(3)
    sittings[2]["subject"] = "P002 as begun"
    lines = display.sessions_text(sittings, shots).splitlines()
    assert lines[0] == (
        "3 sittings, 4 shots, 3 of them complete: 15/16 exposed, 1 missing (1 of the sittings simulated)"
    )
    assert lines[1].split() == [
        "sitting",
        "id",
        "begun",
        "subject",
        "shots",
        "complete",
        "exposed",
        "missing",
        "cameras",
    ]
    assert [line.split()[0] for line in lines[2:]] == ["P000", "P001", "P002"]
    assert "P000, <b>Jane</b> " in lines[2]
    assert lines[2].endswith("8/8        0  simulated")
    assert lines[3].split()[-4:] == ["1", "0", "3/4", "1"]
    assert "P002 as begun, P002 " in lines[4], "who it was begun for, and whom a shot was labelled with"


def test_sixty_are_spelt_out_and_the_rest_is_counted():
    lines = display.sessions_text(*many(73)).splitlines()
    assert len(lines) == 2 + 60 + 1
    assert lines[-1] == "… and 13 more"
    assert "<summary>73 sittings</summary>" in display.sessions_html(*many(73))
    assert "<summary>" not in display.sessions_html(*many(60))


def test_what_came_from_outside_is_escaped():
    page = display.sessions_html(*many(2))
    assert "&lt;b&gt;Jane" in page
    assert "<b>" not in page


# -- the command ------------------------------------------------------------------------------------------------------


def shown(*arguments: object) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        return CliRunner().invoke(main, ["show", *map(str, arguments)])


def test_show_takes_a_pattern_or_several_folders(scans):
    told = shown(scans / "*" / "P*")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("2 sittings, 3 shots, ")
    assert told.stderr == ""
    told = shown(scans / "2026-11-22" / "P001_ses-01", scans / "2026-11-22" / "Plots", scans / "2026-11-22")
    assert told.stdout.startswith("2 sittings, 1 shot, ")
    assert re.match(r"Warning: left out: \S+Plots: not a rigkit session", told.stderr)
    told = shown(scans / "*" / "Q*")
    assert told.exit_code == 1
    assert "nothing matches" in told.stderr


def test_of_a_day_folder_it_is_said_how_its_sittings_are_opened(scans):
    day = scans / "2026-11-22"
    told = shown(day).stdout
    assert "nothing to look at" in told
    line = next(line for line in told.splitlines() if line.startswith("1 sitting lies in this folder: "))
    *command, pattern = shlex.split(line.partition(": ")[2])
    assert command == ["rigkit", "show"]
    assert shown(pattern).stdout.startswith("1 sitting, 1 shot")
    line = next(line for line in repr(rigkit.open(day)).splitlines() if line.startswith("1 sitting lies in "))
    assert line.endswith(f': rigkit.open(r"{pattern}")')


def test_show_names_every_table_of_a_session():
    assert set(OF_A_SESSION) == set(NAMES)
    assert all(name in CliRunner().invoke(main, ["show", "--help"]).stdout for name in NAMES)


def test_show_prints_a_table_of_all(scans):
    lines = shown(scans / "*" / "P*", "--table", "exposures").stdout.splitlines()
    assert lines[0].startswith("session_id,shot_id,camera_key,position,serial,status")
    assert len(lines) == 1 + 9
    assert len({line.split(",")[0] for line in lines[1:]}) == 2
    assert shown(scans / "*", "--table", "nosuch").exit_code == 1


def test_show_writes_the_report_of_each(scans, monkeypatch):
    monkeypatch.setattr(rigkit.Session, "report", lambda session: session.path / "report.html")
    told = shown(scans / "*" / "P*", "--report").stdout.splitlines()
    assert [Path(line.partition(" ")[2]).parent.name for line in told[-2:]] == ["P001_ses-01", "P002_ses-01"]
