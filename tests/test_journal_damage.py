"""A journal that was damaged: whatever is whole is read, in order and as it was; the rest is named; nothing is made up."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rigkit.errors import SessionError
from rigkit.record.folder import Manifest, write_manifest
from rigkit.record.journal import JournalWriter, journal_files
from rigkit.record.lines import Entry, write_line
from rigkit.record.reading import Reading, merge, read_journal
from rigkit.session import open_folder

OLD = b'{"rk_mono_ns":%d,"rk_wall_ns":2,"rk_ch":"pub","n":%d}\n'


def originals(count: int) -> list[Entry]:
    bodies = (b'{"n":%d}', b'{"n":%d,"PhotoKey":"abc","PhotoBatchNum":31}', b"not json %d", b'{"n":%d,"a":"\xc3\xa4"}')
    return [
        Entry(("pub", "req", "rep", "note")[n % 4], n, -n, bodies[n // 4 % 4] % n, bom=n % 5 == 0) for n in range(count)
    ]


def write(folder: Path, entries: list[Entry], writer: str = "rig", **more: int) -> list[Path]:
    journal = JournalWriter(folder / "journal", writer, **more)
    for entry in entries:
        journal.append([entry])
    journal.close()
    return [one.path for one in journal_files(folder / "journal") if one.writer == writer]


@pytest.fixture
def journal(tmp_path: Path) -> tuple[Path, list[Entry]]:
    entries = originals(6)
    return write(tmp_path, entries)[0], entries


def whys(reading: Reading) -> list[tuple[int, str]]:
    return [(one.line_no, one.why) for one in reading.unreadable]


# -- one damage each ------------------------------------------------------------------------------------------------------


def test_a_torn_last_line_is_recovered_from(tmp_path, journal):
    path, entries = journal
    path.write_bytes(path.read_bytes()[:-20])
    assert read_journal(tmp_path) == (entries[:5], [(path, 6, "torn")], {"rig": 5})
    write(tmp_path, originals(8)[5:], first=5)
    again = read_journal(tmp_path)
    assert again.entries == originals(8)
    assert whys(again) == [(6, "torn")]


def test_only_the_last_newline_is_missing(tmp_path, journal):
    path, entries = journal
    path.write_bytes(path.read_bytes()[:-1])
    assert read_journal(tmp_path) == (entries, [], {"rig": 6})


@pytest.mark.parametrize("nuls", [1, 5000])
def test_a_tail_of_nuls_as_a_power_failure_leaves_it(tmp_path, journal, nuls):
    path, entries = journal
    path.write_bytes(path.read_bytes() + b"\0" * nuls)
    assert read_journal(tmp_path) == (entries, [(path, 7, "torn")], {"rig": 6})


def test_every_flipped_bit_is_found(tmp_path):
    entries = originals(3)
    path = write(tmp_path, entries)[0]
    good = path.read_bytes()
    for place in range(len(good)):
        for bit in range(8):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
            reading = read_journal(tmp_path)
            assert [one for one in entries if one in reading.entries] == reading.entries
            assert len(reading.entries) >= 2
            # Only a newline turned into something else, between two whole lines, costs nothing and needs no word.
            assert reading.unreadable or reading.entries == entries


def test_every_flipped_bit_of_a_single_line_is_found(tmp_path):
    """A file without any valid sum is read as an old one is; a line with number and sum must not pass for one."""
    path = write(tmp_path, originals(1))[0]
    good = path.read_bytes()
    for place in range(len(good) - 1):
        for bit in range(8):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
            reading = read_journal(tmp_path)
            assert reading.entries == []
            assert len(reading.unreadable) == 1


def test_lines_out_of_order_are_put_in_order(tmp_path, journal):
    path, entries = journal
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    assert read_journal(tmp_path) == (entries, [], {"rig": 6})


def test_files_that_changed_names_are_put_in_order(tmp_path):
    entries = originals(6)
    first, second = write(tmp_path, entries[:3]) + write(tmp_path, entries[3:], first=3)[1:]
    first.rename(tmp_path / "x")
    second.rename(first)
    (tmp_path / "x").rename(second)
    assert read_journal(tmp_path) == (entries, [], {"rig": 6})


def test_repeated_lines_are_read_once(tmp_path, journal):
    path, entries = journal
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[2], lines[0]]))
    reading = read_journal(tmp_path)
    assert reading.entries == entries
    assert whys(reading) == [(7, "repeated"), (8, "repeated")]
    shutil.copy(path, path.with_name("rig-000009.jsonl"))
    assert read_journal(tmp_path).entries == entries


def test_missing_files_are_named_by_the_numbers_of_their_lines(tmp_path):
    entries = originals(9)
    paths = write(tmp_path, entries[:3])
    paths = write(tmp_path, entries[3:6], first=3)
    paths = write(tmp_path, entries[6:], first=6)
    paths[1].unlink()
    assert read_journal(tmp_path) == (entries[:3] + entries[6:], [(paths[2], 1, "missing 3-5")], {"rig": 9})
    paths[0].unlink()
    assert read_journal(tmp_path) == (entries[6:], [(paths[2], 1, "missing 0-5")], {"rig": 9})
    paths[2].unlink()
    assert read_journal(tmp_path) == ([], [], {})


def test_one_number_that_is_missing(tmp_path, journal):
    path, entries = journal
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert read_journal(tmp_path) == (entries[:2] + entries[3:], [(path, 3, "missing 2")], {"rig": 6})


def test_foreign_files_and_lines(tmp_path, journal):
    path, entries = journal
    folder = path.parent
    (folder / "notes.txt").write_text("mine")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "rig-000001 (1).jsonl").write_bytes(path.read_bytes())
    (folder / "rig-000004.jsonl").write_text('{"a":1}\n{"b":2}\n')
    (folder / "rig-000005.jsonl").mkdir()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([b"# comment\n", *lines[:3], b'{"a":1}\n', OLD % (1, 1), b"\n", *lines[3:]]))
    reading = read_journal(tmp_path)
    assert reading.entries == entries
    assert whys(reading)[:4] == [(1, "foreign"), (5, "foreign"), (6, "damaged"), (0, "foreign")]
    assert reading.unreadable[4].file.name == "rig-000005.jsonl"
    assert reading.unreadable[4].why.startswith("can't be opened")
    assert len(reading.unreadable) == 5


def test_translated_line_ends_and_a_mark_of_an_editor(tmp_path, journal):
    path, entries = journal
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_journal(tmp_path) == (entries, [], {"rig": 6})


def test_lines_that_ran_together_are_all_read(tmp_path, journal):
    path, entries = journal
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(lines[:3]) + b"x" + lines[3] + b"\0\0\n" + lines[4] + b"\n\0\0\0" + lines[5] + b"\n")
    reading = read_journal(tmp_path)
    assert reading.entries == entries


def test_a_line_within_a_damaged_message_is_not_read(tmp_path):
    """A server may send what looks like a whole line of ours; damage around it must not set it free."""
    forged = write_line(Entry("note", 1, 1, b'{"note":"decided","shot_id":1,"causes":{}}'), 1)[:-1]
    path = write(tmp_path, [Entry("pub", 1, 1, b'{"a":' + forged + b"}"), Entry("pub", 2, 2, b"{}")])[0]
    path.write_bytes(path.read_bytes().replace(b'"a":', b'"b":'))
    assert read_journal(tmp_path).entries == [Entry("pub", 2, 2, b"{}")]


def test_messages_that_look_like_ours_come_back_as_they_were(tmp_path):
    entries = [
        Entry("pub", 1, 1, raw, bom)
        for raw in (b'{"rk_base64":"AAAA"}', b'{"rk_bom":true}', b'{"rk_bom":true,"a":1}', b'{"rk_no":5}', b"{}", b"")
        for bom in (False, True)
    ]
    write(tmp_path, entries)
    assert read_journal(tmp_path) == (entries, [], {"rig": 12})


# -- journals of an older rigkit --------------------------------------------------------------------------------------------


def test_a_journal_without_numbers_is_read_and_goes_on(tmp_path):
    path = tmp_path / "journal" / "rig-000001.jsonl"
    path.parent.mkdir()
    path.write_bytes(OLD % (0, 0) + b"junk\n" + OLD % (2, 2) + (OLD % (3, 3))[:-9])
    old = read_journal(tmp_path)
    assert [entry.mono_ns for entry in old.entries] == [0, 2]
    assert whys(old) == [(2, "foreign"), (4, "torn")]
    more = originals(2)
    write(tmp_path, more, first=old.next_number["rig"])
    both = read_journal(tmp_path)
    assert both.entries == old.entries + more
    assert both.unreadable == old.unreadable


# -- any damage -------------------------------------------------------------------------------------------------------------

FOREIGN = st.sampled_from([b"", b"x", b'{"a":1}', b"[1,2]", b"\0\0\0", b"\xff\xfe", b'{"rk_mono_ns":', b"}", b"# note"])


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, float, float, int, bytes]:
    kinds = ("truncate", "flip", "swap", "repeat", "foreign", "nul", "crlf", "cut", "insert", "lose", "copy")
    place = st.floats(0, 1)
    return draw(st.sampled_from(kinds)), draw(place), draw(place), draw(st.integers(0, 7)), draw(FOREIGN)


def damage(paths: list[Path], number: int, what: tuple[str, float, float, int, bytes]) -> None:
    """Do one damage to one of the files."""
    kind, one, other, bit, foreign = what
    path = paths[number % len(paths)]
    if not path.exists():
        return
    data = path.read_bytes()
    here, there = sorted((int(one * len(data)), int(other * len(data))))
    lines = data.splitlines(keepends=True)
    first, second = (int(share * max(0, len(lines) - 1)) for share in (one, other))
    if kind == "truncate":
        data = data[:here]
    elif kind == "flip" and here < len(data):
        data = data[:here] + bytes([data[here] ^ 1 << bit]) + data[here + 1 :]
    elif kind == "swap" and lines:
        lines[first], lines[second] = lines[second], lines[first]
        data = b"".join(lines)
    elif kind == "repeat" and lines:
        data = b"".join([*lines[:first], lines[second], *lines[first:]])
    elif kind == "foreign":
        data = b"".join([*lines[:first], foreign + b"\n", *lines[first:]])
    elif kind == "nul":
        data = data[:here] + b"\0" * (len(data) - here)
    elif kind == "crlf":
        data = data.replace(b"\n", b"\r\n")
    elif kind == "cut":
        data = data[:here] + data[there:]
    elif kind == "insert":
        data = data[:here] + foreign + data[here:]
    elif kind == "copy":
        path.with_name(f"rig-{number % 5 + 1:06d}.jsonl").write_bytes(data)
    if kind == "lose":
        path.unlink()
    else:
        path.write_bytes(data)


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 9), damages()), max_size=8))
@example(3, [(0, ("foreign", 0.0, 0.0, 0, b"}")), (0, ("cut", 0.2, 0.9, 0, b""))])
def test_whatever_is_done_to_it_nothing_is_made_up_and_the_rest_is_named(count, todo):
    entries = originals(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write(folder, entries, rotate_bytes=500)
        for number, what in todo:
            damage(paths, number, what)
        reading = read_journal(folder)
    numbers = [entries.index(entry) for entry in reading.entries]  # also: each is one of them, byte for byte
    assert numbers == sorted(set(numbers))
    named = [one.why for one in reading.unreadable]
    gone = {n for n in range(max(numbers, default=0)) if n not in numbers}
    for why in named:
        if span := re.fullmatch(r"missing (\d+)(?:-(\d+))?", why):
            missing = set(range(int(span[1]), int(span[2] or span[1]) + 1))
            assert missing <= gone
            gone -= missing
    assert len(gone) <= sum(why in {"torn", "damaged", "foreign"} for why in named)
    assert reading.next_number.get("rig", 0) == max(numbers, default=-1) + 1


@given(st.binary(max_size=300))
def test_a_file_of_anything_raises_nothing(data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "journal"
        folder.mkdir()
        for file in ("rig-000001.jsonl", "rig-000002.jsonl.zst", "recorder-000001.jsonl"):
            (folder / file).write_bytes(data)
        assert read_journal(Path(name)).entries == []


def test_a_damaged_session_opens_and_says_what_it_lacks(tmp_path, journal):
    path, entries = journal
    write_manifest(tmp_path, Manifest(session_id="0123abcd"))
    path.write_bytes(path.read_bytes()[:-9])
    session = open_folder(tmp_path)
    assert len(session.events) == len(entries) - 1
    assert session.unreadable == [(path, 6, "torn")]
    assert session.facts()["unreadable_lines"] == 1
    assert "rig-000001.jsonl line 6: torn" in repr(session)
    assert "rig-000001.jsonl line 6: torn" in session._repr_html_()


def test_a_journal_that_is_no_folder_is_a_session_error(tmp_path):
    write_manifest(tmp_path, Manifest(session_id="0123abcd"))
    (tmp_path / "journal").write_text("mine")
    with pytest.raises(SessionError, match="can't be read"):
        open_folder(tmp_path)


# -- several writers --------------------------------------------------------------------------------------------------------


def heard(writer: str, upto: int) -> Entry:
    return Entry("note", 0, 0, msgspec.json.encode({"note": "heard", "writer": writer, "upto": upto}))


def test_the_recorder_alone(tmp_path):
    entries = originals(4)
    write(tmp_path, entries, "recorder")
    assert read_journal(tmp_path) == (entries, [], {"recorder": 4})


@given(st.lists(st.integers(-1, 4), max_size=20), st.integers(0, 3))
def test_the_order_read_is_the_order_heard(steps, tail):
    """What the rig heard of its recorder, told by its notes; what came after the last note stands at the end."""
    live: list[Entry] = []
    rig: list[Entry] = []
    recorder: list[Entry] = []

    def recorded(count: int) -> list[Entry]:
        fresh = [Entry("pub", 1, 1, b'{"n":%d}' % (len(recorder) + n)) for n in range(count)]
        recorder.extend(fresh)
        return fresh

    for step in steps:
        if step < 0:
            rig.append(Entry("req", 2, 2, b'{"r":%d}' % len(rig)))
        else:
            live += recorded(step)
            rig.append(heard("recorder", len(recorder)))
        live.append(rig[-1])
    live += recorded(tail)
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), rig)
        write(Path(name), recorder, "recorder")
        reading = read_journal(Path(name))
    assert reading.entries == live
    assert reading.unreadable == []


def test_a_note_counts_numbers_so_that_a_lost_line_shifts_nothing():
    leader = [heard("recorder", 3), Entry("req", 1, 1, b"{}"), heard("nobody", 9), heard("recorder", 2)]
    others = {"recorder": [(number, Entry("pub", number, 0, b"{}")) for number in (0, 2, 3, 5)]}
    order = [entry.mono_ns if entry.channel == "pub" else entry.channel for entry in merge(leader, others)]
    assert order == [0, 2, "note", "req", "note", "note", 3, 5]


@pytest.mark.parametrize("note", [b'{"note":"heard"', b'{"note":"heard","writer":3}', b'{"note":"heard","upto":true}'])
def test_a_note_that_says_nothing_orders_nothing(note):
    others = {"recorder": [(0, Entry("pub", 7, 0, b"{}"))]}
    assert [entry.mono_ns for entry in merge([Entry("note", 1, 1, note)], others)] == [1, 7]
