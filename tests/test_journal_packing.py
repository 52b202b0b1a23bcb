"""Compressing the journal of a closed session: at any moment there is one whole copy, and it is read once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.record import packing
from rigkit.record.folder import Manifest
from rigkit.record.following import Follower
from rigkit.record.journal import JournalWriter, journal_files
from rigkit.record.lines import Entry, write_line
from rigkit.record.log import Log
from rigkit.record.packing import pack_journal
from rigkit.record.reading import Reading, read_journal, unpack
from rigkit.session import Session
from tests.test_journal_damage import originals, write
from tests.test_lying_server import TABLES


@pytest.fixture
def journal(tmp_path: Path) -> tuple[Path, list[Entry]]:
    entries = originals(9)
    return write(tmp_path, entries)[0], entries


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "journal").iterdir())


def test_every_plain_file_is_compressed_and_both_kinds_are_read(tmp_path, journal):
    path, entries = journal
    more = originals(14)[9:]
    write(tmp_path, more, first=9)
    write(tmp_path, originals(2), "recorder")
    assert [one.name for one in pack_journal(path.parent, "rig")] == ["rig-000001.jsonl.zst", "rig-000002.jsonl.zst"]
    assert names(tmp_path) == ["recorder-000001.jsonl", "rig-000001.jsonl.zst", "rig-000002.jsonl.zst"]
    assert read_journal(tmp_path) == (entries + more + originals(2), [], {"rig": 14, "recorder": 2})
    with pytest.raises(ValueError, match="which number"):
        JournalWriter(path.parent, "rig")
    write(tmp_path, originals(15)[14:], first=14)
    assert names(tmp_path)[-1] == "rig-000003.jsonl"
    assert read_journal(tmp_path).next_number["rig"] == 15
    with pa.input_stream(str(tmp_path / "journal" / "rig-000001.jsonl.zst"), compression="zstd") as stream:
        assert stream.read().count(b"\n") == 9  # any tool that knows zstd reads it


class Crash(BaseException):
    """Nothing in the code expects this."""


STEPS = ("draft opened", "draft written", "draft synced", "compared", "renamed", "names synced")


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_moment_leaves_one_whole_copy(tmp_path, journal, monkeypatch, step):
    """The process ends without any clearing up; the next one reads everything once, and compresses what is left."""
    path, entries = journal
    calls = {
        "draft opened": (pa, "CompressedOutputStream", 1),
        "draft written": (packing, "_sync", 1),
        "draft synced": (packing, "_holds", 1),
        "compared": (Path, "replace", 1),
        "renamed": (packing, "_sync", 2),
        "names synced": (Path, "unlink", 1),
    }
    owner, name, nth = calls[step]
    real, real_unlink = getattr(owner, name), Path.unlink
    called: list[object] = []

    def unlink(file: Path) -> None:
        if len(called) < nth:  # a dead process removes nothing
            real_unlink(file)

    def crash(*args: object) -> object:
        called.append(args)
        if len(called) < nth:
            return real(*args)
        if step == "draft opened":
            Path(str(args[0])).write_bytes(b"\x28\xb5")
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        patch.setattr(owner, name, crash)
        with pytest.raises(Crash):
            pack_journal(path.parent, "rig")
    assert len(names(tmp_path)) == 2
    assert read_journal(tmp_path) == (entries, [], {"rig": 9})
    pack_journal(path.parent, "rig")
    assert names(tmp_path) == ["rig-000001.jsonl.zst"]
    assert read_journal(tmp_path) == (entries, [], {"rig": 9})


def test_of_two_copies_the_whole_one_is_read(tmp_path, journal):
    path, entries = journal
    plain = path.read_bytes()
    packed = pack_journal(path.parent, "rig")[0]
    good = packed.read_bytes()
    for one, other in [(plain[:-30], good), (b"", good), (plain, good[:-30]), (plain, b""), (plain, b"junk")]:
        path.write_bytes(one)
        packed.write_bytes(other)
        reading = read_journal(tmp_path)
        assert reading.entries == entries
        assert reading.unreadable == []
        pack_journal(path.parent, "rig")
        assert path.exists()  # they differ: neither is thrown away
    path.write_bytes(b"".join(reversed(plain.splitlines(keepends=True)))[:-30])
    packed.write_bytes(good[:-30])
    reading = read_journal(tmp_path)
    assert [one for one in entries if one in reading.entries] == reading.entries
    assert {one.why for one in reading.unreadable} >= {"torn"}
    assert "repeated" not in {one.why for one in reading.unreadable}


def test_a_damaged_compressed_file_gives_what_it_still_holds(tmp_path):
    entries = [Entry("pub", number, 0, os.urandom(3000).hex().encode()) for number in range(700)]
    path = write(tmp_path, entries)[0]
    packed = pack_journal(path.parent, "rig")[0]
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    reading = read_journal(tmp_path)
    assert 0 < len(reading.entries) < 700
    assert reading.entries == entries[: len(reading.entries)]
    assert (packed, 0, "torn") in reading.unreadable


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_what_does_not_work_leaves_the_plain_file(tmp_path, journal, monkeypatch, error):
    path, entries = journal

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(packing, "_sync", fail)
    assert pack_journal(path.parent, "rig") == []
    assert names(tmp_path) == [path.name]
    assert read_journal(tmp_path).entries == entries


def test_a_file_that_was_compressed_while_it_was_looked_for(tmp_path, journal, monkeypatch):
    path, entries = journal
    files = journal_files(path.parent)
    pack_journal(path.parent, "rig")
    listed = iter([files])
    monkeypatch.setattr("rigkit.record.reading.journal_files", lambda folder: next(listed, journal_files(folder)))
    assert read_journal(tmp_path) == (entries, [], {"rig": 9})


def test_closing_compresses_and_goes_on_later(tmp_path):
    for sitting in (1, 2):
        with rigkit.simulate(cameras=2, seed=1, photos="none", session=tmp_path / "s", speed=20.0) as rig:
            rig.shoot()
            live = rig.session
        assert names(tmp_path / "s") == [".lock", *(f"rig-{number:06d}.jsonl.zst" for number in range(1, sitting + 1))]
        again = rigkit.open(tmp_path / "s")
        assert again.log.since(0) == live.log.since(0)
        assert again.unreadable == []
    assert len(again.shots) == 2


def test_a_short_session_is_not_kept_waiting_for_an_import(tmp_path, journal):
    """Importing what compresses takes longer than closing: a small journal stays as it is where nobody has imported it."""
    path, _ = journal
    script = "import sys, pathlib; from rigkit.record.packing import pack_journal; pack_journal(pathlib.Path(sys.argv[1]), 'rig')"
    subprocess.run([sys.executable, "-c", script, str(path.parent)], check=True)
    assert names(tmp_path) == [path.name]


# -- what is written unparsed and is no JSON ----------------------------------------------------------------------------------

EVENT = b'{"msg_type":"Event","msg_id":"'
#: Events by their beginning and end, and no JSON in between.
BROKEN = [
    EVENT + tail
    for tail in [
        b'PhotoUpdated"}}',
        b'X","a":{}',
        b"}",
        b'PhotoUpdated","PhotoKey":"abc","a":NaN}',
        b'CameraUpdated","msg_seq_num":7,"CameraKey":"k1","CameraName":"cut off here}',
        b'X"}{"msg_type":"Event","msg_id":"X"}',
        b'X","a":"\x00"}',
        b'X"},"rk_base64":"AAAA"}',
        b'X","rk_mono_ns":1}{"rk_mono_ns":1,"rk_wall_ns":1,"rk_ch":"note","note":"heard","writer":"rig","upto":9}',
    ]
]
GOOD = EVENT + b'CameraUpdated","msg_seq_num":8,"CameraKey":"k1","CameraName":"A01"}'

_syntax = st.text('{}[]",:\\ \n\r\x000aLé', max_size=30).map(str.encode)
tails = st.binary(max_size=60) | _syntax
events = st.builds(lambda tail, end: EVENT + tail + end, tails, st.sampled_from([b"}", b"", b'"}', b"\n}"]))


def packed_lines(folder: Path) -> list[bytes]:
    return [
        line
        for one in journal_files(folder / "journal")
        for line in unpack(one.path)[0].splitlines(keepends=True)
        if one.packed
    ]


@given(st.lists(st.sampled_from([*BROKEN, GOOD]) | events, min_size=1, max_size=5), st.sampled_from(["pub", "rep"]))
def test_what_was_heard_is_read_back_plain_and_packed_and_packed_it_is_json(frames, channel):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = Log(JournalWriter(folder / "journal", "rig"))
        log.append([(channel, number, -number, frame) for number, frame in enumerate(frames[:-1])])
        log.append([(channel, 99, 99, frames[-1])])
        log.close()
        expected = Reading(log.since(0), [], {"rig": len(frames)})
        lines = [write_line(entry, number) for number, entry in enumerate(log.since(0))]
        assert (folder / "journal" / "rig-000001.jsonl").read_bytes() == b"".join(lines), "as from the backlog"
        for entry, frame in zip(log.since(0), frames, strict=True):
            if not set(frame) & set(b" \n\r"):  # else it may be put on one line, and what is behind its end is cut off
                assert entry.raw == frame or frame.startswith(EVENT + b"Liveview")
        assert read_journal(folder) == expected
        assert len(pack_journal(folder / "journal", "rig")) == 1
        assert read_journal(folder) == expected
        lines = packed_lines(folder)
        assert [json.loads(line)["rk_no"] for line in lines] == [*range(len(frames))]


@pytest.mark.parametrize("frame", BROKEN)
def test_an_event_that_is_no_json_is_a_bad_message_live_and_re_read(tmp_path, frame):
    journal = JournalWriter(tmp_path / "journal", "rig")
    live = Session(tmp_path, Manifest(session_id="0123abcd"), Log(journal))
    for number, raw in enumerate([GOOD, frame, GOOD, frame]):
        live.log.append([("pub", number, number, raw)])
    live.log.close()
    plain = journal.path.read_bytes()
    assert plain.count(frame[1:] + b"\n") == 2, "it is written as it came"
    assert live.events["bad"].sum() == live.state.bad == 2
    for packed in (False, True):
        reading = read_journal(tmp_path)
        assert [entry.raw for entry in reading.entries] == [GOOD, frame, GOOD, frame]
        assert reading.unreadable == []
        again = Session(tmp_path, live.manifest, Log(None, reading.entries))
        for table in TABLES:
            assert_frame_equal(getattr(again, table), getattr(live, table))
        assert again.state.bad == 2
        if not packed:
            pack_journal(tmp_path / "journal", "rig")
    lines = packed_lines(tmp_path)
    assert lines[::2] == plain.splitlines(keepends=True)[::2], "what is JSON stays as it is"
    assert all(json.loads(line) for line in lines)


def test_what_has_nothing_to_code_is_packed_as_it_is(tmp_path, journal):
    plain = journal[0].read_bytes()
    pack_journal(tmp_path / "journal", "rig")
    assert b"".join(packed_lines(tmp_path)) == plain


def test_a_damaged_line_gets_no_new_sum(tmp_path):
    path = write(tmp_path, [Entry("pub", number, number, BROKEN[0]) for number in range(3)])[0]
    first, second, third = path.read_bytes().splitlines(keepends=True)
    damaged = second.replace(b"Photo", b"Phota")
    path.write_bytes(first + damaged + third[:-1])
    pack_journal(path.parent, "rig")
    assert packed_lines(tmp_path)[1] == damaged
    reading = read_journal(tmp_path)
    assert [entry.mono_ns for entry in reading.entries] == [0, 2]
    assert [(one.line_no, one.why) for one in reading.unreadable] == [(2, "damaged")]


def test_a_crash_between_packing_and_removing_is_made_good_where_lines_were_coded(tmp_path):
    entries = [Entry("pub", number, number, BROKEN[number % 3]) for number in range(6)]
    path = write(tmp_path, entries)[0]
    plain = path.read_bytes()
    pack_journal(path.parent, "rig")
    path.write_bytes(plain)
    assert read_journal(tmp_path) == (entries, [], {"rig": 6})
    pack_journal(path.parent, "rig")
    assert names(tmp_path) == ["rig-000001.jsonl.zst"]
    assert read_journal(tmp_path) == (entries, [], {"rig": 6})


@pytest.mark.parametrize("read_before", range(9))
def test_who_follows_a_file_that_is_packed_meanwhile_misses_nothing(tmp_path, read_before):
    entries = [Entry("pub", number, number, GOOD if number % 3 else BROKEN[number % 9]) for number in range(9)]
    writer = JournalWriter(tmp_path, "recorder")
    follower = Follower(tmp_path, "recorder")
    writer.append(entries[:read_before])
    assert follower.read() == entries[:read_before]
    writer.append(entries[read_before:])
    writer.close()
    pack_journal(tmp_path, "recorder")
    assert follower.read() == entries[read_before:]
    assert follower.read() == []
