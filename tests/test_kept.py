"""Tables kept beside the journal: what a session opened next week shows is what folding its journal shows, always."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.record.columns import TABLES

#: Events are not kept: they are the journal.
NAMES = [name for name in TABLES if name != "events" and isinstance(getattr(rigkit.Session, name, None), property)]


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("kept") / "s"
    faults = {"faults": [{"kind": "misfire", "camera": "A02", "at": 1}]}
    with rigkit.simulate(4, seed=1, scenario=faults, session=folder, speed=5.0) as rig:
        rig.shoot(pose="apose", wait="files")
        rig.shoot(pose="tpose")
        _ = rig.session.exposures
    return folder


@pytest.fixture
def folder(original, tmp_path) -> Path:
    copy: Path = shutil.copytree(original, tmp_path / "moved")
    return copy


def folded(folder: Path) -> rigkit.Session:
    """Open it as if nothing had been kept."""
    session = rigkit.open(folder)
    session.refresh()
    return session


def test_what_was_kept_is_what_the_journal_says(folder):
    kept, again = rigkit.open(folder), folded(folder)
    assert kept._log is None
    for name in NAMES:
        table, expected = getattr(kept, name), getattr(again, name)
        assert_frame_equal(table, expected)
        assert table.attrs == expected.attrs
    assert kept._log is None
    assert_frame_equal(kept.events, again.events)


def test_a_look_at_the_tables_reads_no_journal(folder):
    session = rigkit.open(folder)
    assert len(session.exposures) == 8
    assert set(session.photos["path_state"].dropna()) == {"here"}, "the second shot was not waited for"
    assert all(Path(path).is_relative_to(folder) for path in session.photos["path"].dropna())
    assert session._log is None
    assert "Shot" in repr(session) or session.id in repr(session)
    assert session._log is not None


def test_files_are_looked_for_where_they_are_now(folder):
    session = rigkit.open(folder)
    gone = Path(session.photos["path"].iloc[0])
    gone.unlink()
    again = rigkit.open(folder)
    assert list(again.photos["path_state"]).count("missing") == 1
    assert_frame_equal(again.photos, folded(folder).photos)
    assert again._log is None


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("what", ["journal", "table", "list", "version", "no table"])
def test_what_is_not_as_it_was_is_folded_anew(folder, what, monkeypatch):
    expected = folded(folder).exposures
    if what == "journal":
        (folder / "journal" / "rig-000009.jsonl").write_bytes(b"")
    elif what == "table":
        flip(folder / "tables" / "exposures.parquet")
    elif what == "list":
        kept = folder / "tables" / "kept.json"
        kept.write_bytes(kept.read_bytes()[:-10])
    elif what == "version":
        monkeypatch.setattr("rigkit.tables.__version__", "0.0.9")
    else:
        (folder / "tables" / "exposures.parquet").unlink()
    session = rigkit.open(folder)
    assert_frame_equal(session.exposures, expected)
    assert session._log is not None


def test_what_the_caller_does_to_a_kept_table_stays_with_the_caller(folder):
    session = rigkit.open(folder)
    exposures, photos = session.exposures, session.photos
    exposures["position"] = "nobody"
    del photos["path"]
    assert list(session.exposures["position"][:4]) == ["A01", "A02", "A03", "A04"]
    assert "path" in session.photos


def test_a_session_that_goes_on_is_kept_anew(folder):
    with pytest.warns(RuntimeWarning, match="another rig"):
        rig = rigkit.simulate(4, seed=2, session=folder, speed=5.0)
    with rig:
        rig.shoot(pose="seated").check()
        live = rig.session
    session = rigkit.open(folder)
    assert list(session.shots["pose"]) == ["apose", "tpose", "seated"]
    assert session._log is None
    assert_frame_equal(session.exposures, live.exposures)


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path):
    with rigkit.simulate(2, seed=1, session=tmp_path / "s", speed=5.0) as rig:
        rig.shoot(wait="files").check()
        (tmp_path / "s" / "tables").write_text("in the way")
    assert len(rigkit.open(tmp_path / "s").exposures) == 2
