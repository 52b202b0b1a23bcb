"""What people think of shots: while they shoot, after closing, next week, by whoever opens the session; nothing is ever lost."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.errors import RigError, SessionError, UnknownName
from rigkit.record.afterwards import append_note
from rigkit.record.folder import FolderLock
from rigkit.record.journal import journal_files
from rigkit.record.lines import Entry, write_line
from rigkit.record.packing import pack_journal
from rigkit.record.reading import merge
from tests.test_account import Bench, S

#: Small journals are compressed only by whoever has imported it already.
assert pa.__version__
TABLES = ("events", "requests", "cameras", "settings", "shots", "exposures", "photos", "loss")


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("verdicts") / "s"
    with rigkit.simulate(3, seed=1, session=folder, speed=10.0) as rig:
        for pose in ("apose", "tpose"):
            rig.shoot(pose=pose, subject="P017", wait="files")
        _ = rig.session.exposures
    return folder


@pytest.fixture
def folder(original, tmp_path) -> Path:
    copy: Path = shutil.copytree(original, tmp_path / "s")
    return copy


@pytest.fixture
def rig(tmp_path) -> Iterator[rigkit.Rig]:
    with rigkit.simulate(3, seed=1, session=tmp_path / "live", speed=10.0) as one:
        yield one


def verdicts(session: rigkit.Session) -> list[tuple[bool | None, str | None]]:
    return [(shot.accepted, shot.reason) for shot in (session.shot(number) for number in session.shots.index)]


def afterwards(folder: Path) -> list[str]:
    return [one.path.name for one in journal_files(folder / "journal") if one.writer == "afterwards"]


def check_equal(one: rigkit.Session, other: rigkit.Session) -> None:
    for name in TABLES:
        assert_frame_equal(getattr(one, name), getattr(other, name))


# -- live, closed, re-opened ------------------------------------------------------------------------------------------


def test_verdicts_and_labels_while_shooting_and_after_closing_are_those_of_the_reopened_session(rig):
    one, two = rig.shoot(pose="one", wait="files"), rig.shoot(pose="two", wait="files")
    assert (one.accepted, one.reason) == (None, None)
    assert one.reject("blinked") is one
    assert two.reject("moved").accept("is fine") is two
    one.label(pose="uno", rep=2, note="was\nmislabelled")
    live = rig.session
    assert list(live.exposures["accepted"]) == [False] * 3 + [True] * 3
    assert set(live.photos["pose"]) == {"uno", "two"}
    rig.close()
    assert verdicts(rigkit.open(live.path)) == [(False, "blinked"), (True, "is fine")]
    check_equal(rigkit.open(live.path), live)
    two.reject("flash missed").label(pose=None)
    assert verdicts(live) == [(False, "blinked"), (False, "flash missed")]
    again = rigkit.open(live.path)
    check_equal(again, live)
    assert again.unreadable == []
    assert again.shots["pose"].isna().to_list() == [False, True]


def test_a_session_of_last_week_is_judged_and_goes_on_with_that(folder):
    session = rigkit.open(folder)
    session.shot(1).reject("blinked")
    session.shot().accept().label(note="the good one")
    assert afterwards(folder) == ["afterwards-000001.jsonl"]
    with rigkit.simulate(3, seed=1, session=folder, speed=10.0) as rig:
        assert verdicts(rig.session) == [(False, "blinked"), (True, None)]
        shot = rig.shoot(pose="seated", wait="files")
        assert shot.id == 3
        rig.shot(1).accept("after all")
        live = rig.session
    check_equal(rigkit.open(folder), live)
    shot.reject("too late")
    check_equal(rigkit.open(folder), live)
    assert verdicts(rigkit.open(folder)) == [(True, "after all"), (True, None), (False, "too late")]
    with rigkit.simulate(3, seed=1, session=folder, speed=10.0) as rig:
        assert verdicts(rig.session)[2] == (False, "too late")


def test_tables_that_were_kept_are_kept_anew(folder):
    session = rigkit.open(folder)
    assert session.shots is not None
    assert session._log is None, "kept when it was closed"
    session.shot(1).reject("blinked")
    first = rigkit.open(folder)
    assert first._log is not None, "what was kept does not know of the verdict"
    second = rigkit.open(folder)
    assert list(second.shots["reason"].fillna("")) == ["blinked", ""]
    assert_frame_equal(second.exposures, first.exposures)
    assert_frame_equal(second.photos, first.photos)
    assert second._log is None, "kept anew by whoever opened it first"


def test_what_was_never_kept_is_not_kept_by_a_look(folder):
    shutil.rmtree(folder / "tables")
    assert len(rigkit.open(folder).shots) == 2
    assert not (folder / "tables").exists()


def test_many_sittings_show_a_verdict(folder):
    rigkit.open(folder).shot(2).reject("blinked")
    sittings = rigkit.open([folder])
    assert list(sittings.shots["accepted"].fillna(True)) == [True, False]
    sittings[0].shot(1).reject("moved")
    assert list(sittings.shots["reason"]) == ["moved", "blinked"]


# -- what can't be ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["", "  ", None, 7, "a\0b", "x" * 20_001])
def test_a_rejection_says_why(folder, reason):
    session = rigkit.open(folder)
    with pytest.raises(ValueError, match=r"Shot 1: say why|so no verdict was written"):
        session.shot(1).reject(reason)
    assert afterwards(folder) == []


def test_what_can_be_no_label_changes_nothing(folder):
    shot = rigkit.open(folder).shot(1)
    for labels in ({}, {"posture": "a"}, {"pose": "a\nb"}, {"rep": 1.5}):
        with pytest.raises(ValueError, match=r"a label is one of|so nothing was changed"):
            shot.label(**labels)
    assert afterwards(folder) == []
    with pytest.raises(UnknownName, match="There is: 1, 2"):
        rigkit.open(folder).shot(9)


def test_a_long_reason_in_any_script_comes_back_as_it_was(folder):
    reason = "geblinzelt 🙈\n\t" + "é" * 19_000
    rigkit.open(folder).shot(1).reject(reason)
    rigkit.open(folder).shot(2).reject(reason)
    assert verdicts(rigkit.open(folder)) == [(False, reason)] * 2
    assert rigkit.open(folder).unreadable == []


def _own(folder: str, told: multiprocessing.synchronize.Event, ended: multiprocessing.synchronize.Event) -> None:
    lock = FolderLock(Path(folder))
    told.set()
    ended.wait(30.0)
    lock.release()


def test_a_session_that_another_process_writes_is_judged_there(folder):
    session = rigkit.open(folder)
    context = multiprocessing.get_context("spawn")
    told, ended = context.Event(), context.Event()
    other = context.Process(target=_own, args=(str(folder), told, ended))
    other.start()
    try:
        assert told.wait(30.0)
        with pytest.raises(SessionError, match=r"written by another rigkit right now, so nothing was noted"):
            session.shot(1).reject("blinked")
        assert verdicts(session)[0] == (None, None), "nothing is shown that is not on disk"
    finally:
        ended.set()
        other.join()
    session.shot(1).reject("blinked")
    assert verdicts(rigkit.open(folder))[0] == (False, "blinked")


def test_a_live_session_that_is_opened_beside_is_judged_where_it_lives(rig):
    rig.shoot(wait="files")
    beside = rigkit.open(rig.session.path)
    with pytest.raises(SessionError, match="another rigkit"):
        beside.shot(1).reject("blinked")
    rig.shot(1).reject("blinked")
    assert verdicts(rigkit.open(rig.session.path)) == [(False, "blinked")]


@pytest.mark.parametrize("what", ["lock", "file"])
def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_shown(folder, what):
    session = rigkit.open(folder)
    if what == "lock":  # as on a read-only share, whoever runs this
        (folder / "journal" / ".lock").unlink(missing_ok=True)
        (folder / "journal" / ".lock").mkdir()
    else:
        (folder / "journal" / "afterwards-000001.jsonl").mkdir()
    with pytest.raises(SessionError, match=r"can't be (written|read).*"):
        session.shot(1).reject("blinked")
    assert session.shot(1).accepted is None


# -- the file of what was added ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 20, 400])
def test_a_torn_last_line_harms_nothing_before_and_nothing_after(folder, cut):
    session = rigkit.open(folder)
    session.shot(1).reject("blinked")
    session.shot(2).reject("x" * 500)
    path = folder / "journal" / "afterwards-000001.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    torn = rigkit.open(folder)
    assert verdicts(torn)[0] == (False, "blinked")
    lost = verdicts(torn)[1] == (None, None)
    assert lost == (cut > 1), "without its newline a line is whole"
    torn.shot(2).reject("moved")
    assert len(afterwards(folder)) == 2
    again = rigkit.open(folder)
    assert verdicts(again) == [(False, "blinked"), (False, "moved")]
    assert [one.why for one in again.unreadable] == (["torn"] if lost else [])
    again.shot(1).accept()
    assert verdicts(rigkit.open(folder)) == [(True, None), (False, "moved")]


def test_a_file_with_nothing_in_it_is_no_trouble(folder):
    (folder / "journal" / "afterwards-000001.jsonl").touch()
    rigkit.open(folder).shot(1).reject("blinked")
    assert verdicts(rigkit.open(folder))[0] == (False, "blinked")


def test_compressed_journals(folder):
    rigkit.open(folder).shot(1).reject("blinked")
    for writer in ("rig", "afterwards"):
        pack_journal(folder / "journal", writer)
    assert afterwards(folder) == ["afterwards-000001.jsonl.zst"]
    session = rigkit.open(folder)
    assert verdicts(session)[0] == (False, "blinked")
    session.shot(2).reject("moved")
    assert afterwards(folder) == ["afterwards-000001.jsonl.zst", "afterwards-000002.jsonl"]
    assert verdicts(rigkit.open(folder)) == [(False, "blinked"), (False, "moved")]


def test_two_who_write_at_once_take_turns(folder):
    sessions = [rigkit.open(folder) for _ in range(2)]
    refused = []

    def judge(session: rigkit.Session, number: int) -> None:
        for again in range(20):
            try:
                session.shot(number).reject(f"{again}")
            except SessionError as exc:
                refused.append(str(exc))

    threads = [threading.Thread(target=judge, args=(one, number)) for number, one in enumerate(sessions, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = rigkit.open(folder)
    assert again.unreadable == []
    written = [one for one in again.log.since(0) if b'"note":"verdict"' in one.raw]
    assert len(written) + len(refused) == 40
    assert all("so nothing was noted" in one for one in refused)


def test_what_was_added_speaks_of_what_others_wrote_so_it_comes_behind_them():
    def entries(writer: str) -> list[tuple[int, Entry]]:
        return [(n, Entry("note", n, n, f'{{"note":"{writer}{n}"}}'.encode())) for n in range(2)]

    heard = Entry("note", 5, 5, b'{"note":"heard","writer":"recorder","upto":1}')
    others = {name: entries(name) for name in ("afterwards", "recorder")}
    said = [one.raw.decode().split('"')[3] for one in merge([heard], others)]
    assert said == ["recorder0", "heard", "recorder1", "afterwards0", "afterwards1"]


def test_a_note_that_nobody_knows_is_kept_and_harms_nothing(folder):
    append_note(folder, "verdict", {"shot_id": 99, "accepted": True})
    append_note(folder, "verdict", {"shot_id": 1})
    append_note(folder, "of a later rigkit", {"shot_id": 1})
    for odd in ({"accepted": "perhaps"}, {"accepted": True, "reason": 7}, {"accepted": True, "superseded_by": "2"}):
        append_note(folder, "verdict", {"shot_id": 1, **odd})
    odd_labels: list[object] = [{"rep": "two"}, {"rep": 2**70}, {"pose": {}}, ["pose"], None]
    for labels in odd_labels:
        append_note(folder, "labels", {"shot_id": 1, "labels": labels})
    journal = folder / "journal" / "afterwards-000001.jsonl"
    journal.write_bytes(journal.read_bytes() + write_line(Entry("note", 1, 1, b'{"note":"verdict","shot_id":[]}'), 11))
    session = rigkit.open(folder)
    assert verdicts(session) == [(None, None)] * 2
    assert (len(session.shots), len(session.exposures), len(session.photos)) == (2, 6, 6)
    assert (session.state.bad, session.unreadable) == (10, [])
    session.shot(1).reject("blinked")
    assert verdicts(rigkit.open(folder))[0] == (False, "blinked")


# -- the same once more -----------------------------------------------------------------------------------------------


def test_a_retake_has_the_labels_and_supersedes(rig):
    first = rig.shoot(pose="one", rep=3, subject="P017", wait="files").reject("blinked")
    second = first.retake(wait="files")
    assert (second.id, second.ok) == (2, True)
    shots = rig.session.shots
    assert shots.loc[2, ["pose", "rep", "subject"]].to_list() == ["one", 3, "P017"]
    assert shots["superseded_by"].fillna(0).to_list() == [2, 0]
    assert (first.accepted, first.reason) == (False, "blinked")
    first.accept()
    assert rig.session.shots["superseded_by"].fillna(0).to_list() == [2, 0]
    check_equal(rigkit.open(rig.session.path), rig.session)


def test_a_retake_of_what_was_left_out_leaves_it_out(rig):
    shot = rig.without("A02", reason="lens").shoot(wait="files")
    again = shot.retake(wait="files")
    assert again.expected == ["A01", "A03"]
    assert rig.session.shots["n_excluded"].to_list() == [1, 1]


def test_what_somebody_else_released_is_not_retaken(rig):
    with rig.expect(timeout=0.2) as shot:
        pass
    with pytest.raises(RigError, match="released by somebody else, so nothing was fired"):
        shot.retake()
    assert len(rig.session.shots) == 1


def test_verdicts_in_virtual_time():
    bench = Bench()
    bench.fire()
    bench.note("verdict", 2 * S, shot_id=1, accepted=False, reason="blinked", superseded_by=2)
    bench.note("verdict", 3 * S, shot_id=1, accepted=True)
    bench.note("verdict", 3 * S, shot_id=7, accepted=True)
    bench.note("labels", 3 * S, shot_id=1, labels={"pose": "b"})
    bench.note("labels", 3 * S, shot_id=7, labels={"pose": "c"})
    shot = bench.account.shots[1]
    assert (shot.accepted, shot.reason, shot.superseded_by, shot.labels) == (
        True,
        None,
        2,
        {"subject": None, "pose": "b", "rep": None, "note": None},
    )
    assert bench.account.tick(0) == []


def test_of_several_takes_only_the_last_counts(tmp_path):
    with rigkit.simulate(2, seed=1, session=tmp_path / "s", speed=10, photos="none") as rig:
        first = rig.shoot()
        second = first.retake()
        third = first.retake()
        assert (second.id, third.id) == (2, 3)
        assert rig.session.shots["superseded_by"].fillna(0).tolist() == [3, 3, 0]
