"""The journal and the session folder: what was said is on disk, whole, whatever it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rigkit.errors import SessionError
from rigkit.record.folder import (
    FolderLock,
    Manifest,
    claim_folder,
    next_folder,
    read_manifest,
    write_manifest,
)
from rigkit.record.journal import JournalWriter, journal_files
from rigkit.record.lines import CHANNELS, Entry, entry_of, read_line, write_line
from rigkit.record.log import Log
from rigkit.record.mapping import local_path
from rigkit.record.reading import read_journal

channels = st.sampled_from(CHANNELS)
stamps = st.integers(-(2**62), 2**62)
frames = st.one_of(
    st.binary(max_size=120),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4).map(
        lambda one: json.dumps(one).encode()
    ),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=4).map(lambda one: json.dumps(one, indent=2).encode()),
)


@given(channels, stamps, stamps, frames, st.booleans())
@example("pub", 0, 0, b"\xef\xbb\xbf", True)
def test_every_frame_comes_back_and_every_line_is_json(channel, mono_ns, wall_ns, raw, bom):
    entry = entry_of(channel, mono_ns, wall_ns, (b"\xef\xbb\xbf" if bom else b"") + raw)
    line = write_line(entry)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    read = read_line(line)
    assert read is not None
    assert (read.channel, read.mono_ns, read.wall_ns, read.bom) == (entry.channel, mono_ns, wall_ns, entry.bom)
    assert read.raw == entry.raw
    try:
        expected = json.loads(raw)
    except (ValueError, UnicodeDecodeError):
        expected = None
    if isinstance(expected, dict):
        assert json.loads(read.raw) == expected
    else:
        assert read.raw == (raw if bom else raw.removeprefix(b"\xef\xbb\xbf")), "one byte order mark is dropped"
    assert json.loads(line)["rk_mono_ns"] == mono_ns


@given(st.binary(max_size=200))
def test_reading_a_foreign_line_never_raises(line):
    entry = read_line(line)
    assert entry is None or isinstance(entry, Entry)


@given(st.data())
def test_a_torn_line_is_never_read_as_something_else(data):
    line = write_line(Entry("pub", 1, 2, b'{"msg_id":"PhotoUpdated","PhotoKey":"abc","PhotoBatchNum":31}'))
    cut = data.draw(st.integers(0, len(line) - 2))
    assert read_line(line[:cut]) is None


def test_a_message_cannot_pass_for_one_of_our_notes():
    forged = b'{"rk_ch":"note","rk_mono_ns":5,"note":"decided","shot_id":1,"causes":{}}'
    read = read_line(write_line(Entry("pub", 1, 2, forged)))
    assert read == Entry("pub", 1, 2, forged)


def test_live_view_pictures_are_left_out():
    raw = (
        b'{"msg_type":"Event","msg_id":"LiveviewUpdated","CameraKey":"k","CameraLiveviewImage":"'
        + b"A" * 50_000
        + b'"}'
    )
    entry = entry_of("pub", 1, 2, raw)
    assert len(entry.raw) < 200
    assert json.loads(entry.raw) == {
        "msg_type": "Event",
        "msg_id": "LiveviewUpdated",
        "CameraKey": "k",
        "rk_left_out": 50_002,
    }


def test_the_writer_begins_a_new_file_each_time_and_beyond_its_size(tmp_path):
    entries = [Entry("pub", number, number, b'{"n":%d}' % number) for number in range(12)]
    writer = JournalWriter(tmp_path / "journal", "rig", rotate_bytes=300)
    for entry in entries[:6]:
        writer.append([entry])
    writer.close()
    with pytest.raises(ValueError, match="which number comes next"):
        JournalWriter(tmp_path / "journal", "rig")
    again = JournalWriter(tmp_path / "journal", "rig", first=6, rotate_bytes=300)
    again.append(entries[6:])
    again.close()
    assert again.next_number == 12
    assert read_journal(tmp_path) == (entries, [], {"rig": 12})
    assert len(journal_files(tmp_path / "journal")) > 2


def test_unreadable_lines_are_named_and_the_rest_is_read(tmp_path):
    writer = JournalWriter(tmp_path / "journal", "rig")
    writer.append([Entry("pub", 1, 1, b'{"n":1}'), Entry("pub", 2, 2, b'{"n":2}')])
    writer.close()
    path = journal_files(tmp_path / "journal")[0].path
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"junk\n" + second[:-9])
    reading = read_journal(tmp_path)
    assert reading.entries == [Entry("pub", 1, 1, b'{"n":1}')]
    assert reading.unreadable == [(path, 2, "foreign"), (path, 3, "torn")]
    assert reading.next_number == {"rig": 1}


def test_what_is_visible_is_on_disk(tmp_path):
    log = Log(JournalWriter(tmp_path / "journal", "rig"))
    log.append([("pub", 1, 2, b'{"n":1}'), ("pub", 3, 4, b"not json")])
    log.note("shot", shot_id=1)
    assert read_journal(tmp_path).entries == log.since(0)
    log.close()


@pytest.mark.parametrize("written", [0, 7, 10_000])
def test_an_interrupted_batch_is_neither_visible_nor_half_there(tmp_path, monkeypatch, written):
    """An interrupt in the middle of writing: disk and memory agree, and no line is torn."""
    log = Log(JournalWriter(tmp_path / "journal", "rig"))
    log.append([("pub", 1, 2, b'{"n":1}')])
    real_write = os.write

    def fail(file: int, data: bytes) -> int:
        real_write(file, data[:written])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(KeyboardInterrupt):
            log.append([("pub", 3, 4, b'{"n":2}')])
    log.append([("pub", 5, 6, b'{"n":3}')])
    assert read_journal(tmp_path) == (log.since(0), [], {"rig": len(log)})
    assert len(log) == (3 if written > 200 else 2)
    log.close()


def test_the_manifest_says_what_a_session_is(tmp_path):
    folder = tmp_path / "a session"
    write_manifest(folder, Manifest(session_id="0123abcd", simulated=True))
    assert read_manifest(folder).session_id == "0123abcd"
    assert claim_folder(folder) == "continue"
    assert claim_folder(tmp_path / "absent") == "new"
    assert not (tmp_path / "absent").exists()


def test_any_other_folder_is_left_untouched(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SessionError, match="untouched"):
        claim_folder(tmp_path)
    with pytest.raises(SessionError, match="not a rigkit session"):
        read_manifest(tmp_path)
    (tmp_path / "session.json").write_text('{"kind": "browser session"}')
    with pytest.raises(SessionError, match="another program"):
        claim_folder(tmp_path)
    (tmp_path / "session.json").write_text("{")
    with pytest.raises(SessionError, match="can't be read"):
        claim_folder(tmp_path)
    with pytest.raises(SessionError, match="no such folder"):
        read_manifest(tmp_path / "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session.json", "thesis.txt"]


def test_names_of_folders_never_collide(tmp_path):
    assert next_folder(tmp_path, "2026-11-22").name == "2026-11-22"
    (tmp_path / "2026-11-22").mkdir()
    (tmp_path / "2026-11-22-2").mkdir()
    assert next_folder(tmp_path, "2026-11-22").name == "2026-11-22-3"


def test_one_owner_at_a_time_and_the_lock_dies_with_its_process(tmp_path):
    script = textwrap.dedent("""
        import sys, pathlib
        from rigkit.record.folder import FolderLock
        lock = FolderLock(pathlib.Path(sys.argv[1]))
        print("locked", flush=True)
        sys.stdin.read()
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"locked\n"
    with pytest.raises(SessionError, match="another rigkit"):
        FolderLock(tmp_path)
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    lock = FolderLock(tmp_path)
    lock.release()
    lock.release()


@pytest.mark.parametrize(
    ("filename", "mapping", "expected"),
    [
        ("D:\\scans\\a\\b.jpg", {"D:/scans": "/mnt/rig"}, "/mnt/rig/a/b.jpg"),
        ("d:/Scans/a.jpg", {"D:\\scans": "/mnt/rig"}, "/mnt/rig/a.jpg"),
        ("\\\\nas\\share\\a.jpg", {"\\\\nas\\share": "/mnt/nas"}, "/mnt/nas/a.jpg"),
        ("/Users/x/Pictures/a.jpg", {"/Users/x/Pictures": "/mnt/p"}, "/mnt/p/a.jpg"),
        ("/Users/x/Pictures2/a.jpg", {"/Users/x/Pictures": "/mnt/p"}, None),
        ("/a/b/c.jpg", {"/a": "/x", "/a/b": "/y"}, "/y/c.jpg"),
        ("/a/../../etc/passwd", {"/a": "/x"}, None),
        ("", {"/": "/"}, None),
    ],
)
def test_paths_of_another_computer_are_found_here(filename, mapping, expected):
    found = local_path(filename, mapping)
    assert (None if found is None else found.as_posix()) == expected
