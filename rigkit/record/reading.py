"""Reading a journal back, also one that was damaged: whatever is whole is read, the rest is named.

Several writers may have written into one folder, each a series of files with numbers of its own. Their total order is what the
rig itself heard: its note ``{"note":"heard","writer":"recorder","upto":N}`` says that the recorder's entries below ``N`` which
did not come yet come right before this note. What the recorder wrote beyond the last such note comes at the end, and behind that
what was added afterwards.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from rigkit.errors import SessionError
from rigkit.record.folder import read_manifest
from rigkit.record.journal import JournalFile, journal_files
from rigkit.record.lines import Entry, read_line, read_numbered

__all__ = ["AFTERWARDS", "LEADER", "Reading", "Unreadable", "in_order", "merge", "read_entries", "read_journal"]

#: The writer whose notes put the others' entries in order.
LEADER = "rig"
#: Who adds notes to a session that nobody writes.
AFTERWARDS = "afterwards"

_MARK = b'{"rk_mono_ns":'
_CLAIM = re.compile(rb'\{"rk_mono_ns":[^,]*,"rk_wall_ns":[^,]*,"rk_ch":"[^"]*","rk_no":(\d{1,18})')
#: A NUL hole (a file system after power loss), or the byte order mark of an editor, in front of a line that is whole.
_BLANK = b"\0 \t\r\n\xef\xbb\xbf"
#: A line that swallowed more others than this is given up; a bound on the work that a hostile file makes.
_MOST_PIECES = 64
#: No journal file is larger when it is unpacked; a bound on what a hostile one makes of memory.
_MOST_BYTES = 2**30


class Unreadable(NamedTuple):
    """A place of the journal that could not be read.

    Attributes
    ----------
    file : Path
        The file.
    line_no : int
        Line number in it, from 1; of numbers that are missing: the line before which they should stand; 0: the whole file.
    why : str
        ``torn`` (the end of a file, cut off in a write), ``damaged`` (one of ours that is not as it was written), ``foreign``
        (not one of ours), ``repeated`` (its number was read before; nothing is lost), ``missing 17-20`` (the numbers of lines that
        are nowhere), or ``can't be opened (...)``.
    """

    file: Path
    line_no: int
    why: str


class Reading(NamedTuple):
    """What a journal holds.

    Attributes
    ----------
    entries : list of Entry
        Everything that can be read, in order.
    unreadable : list of Unreadable
        Everything else.
    next_number : dict of str to int
        By writer: one more than the highest number read.
    """

    entries: list[Entry]
    unreadable: list[Unreadable]
    next_number: dict[str, int]


class _Line(NamedTuple):
    """A line that can be read. ``number`` is -1 for a line without one."""

    number: int
    entry: Entry
    line_no: int


class _Bad(NamedTuple):
    """A line that can't. ``claim``: the number it says it has; -1: it doesn't say. ``after``: that of the last line before it."""

    line_no: int
    why: str
    claim: int
    after: int


class _Content(NamedTuple):
    """One file, read."""

    file: Path
    lines: list[_Line]
    bad: list[_Bad]
    #: Unreadable as a whole, or torn while it was unpacked.
    trouble: list[Unreadable]

    @property
    def intact(self) -> bool:
        return not (self.bad or self.trouble)


def read_journal(folder: Path) -> Reading:
    """Read a session's journal.

    Parameters
    ----------
    folder : Path
        The session folder.

    Raises
    ------
    OSError
        The folder can't be listed. A file in it that can't be opened is named in ``unreadable``.
    """
    for last in (False, False, True):
        with contextlib.suppress(
            _Vanished
        ):  # compressed and removed just now, by whoever writes this session: look again
            return _read_once(folder, last)
    raise AssertionError("the last time nothing vanishes")


class _Vanished(Exception):
    """A file was listed and is not there."""


def _read_once(folder: Path, last: bool) -> Reading:
    series: dict[str, list[tuple[int, Entry]]] = {}
    unreadable: list[Unreadable] = []
    files = sorted(journal_files(folder / "journal"), key=lambda one: (one.writer, one.number, one.packed))
    for writer, group in groupby(files, key=lambda one: one.writer):
        series[writer], bad = _read_series(list(group), last)
        unreadable += bad
    next_number = {writer: lines[-1][0] + 1 if lines else 0 for writer, lines in series.items()}
    leader = series.pop(LEADER, [])
    return Reading([*merge((entry for _, entry in leader), series)], unreadable, next_number)


def merge(leader: Iterable[Entry], others: dict[str, list[tuple[int, Entry]]]) -> Iterator[Entry]:
    """Put the entries of several writers into the order in which the rig heard of them.

    Parameters
    ----------
    leader : iterable of Entry
        The rig's own, in order.
    others : dict of str to list of tuple
        By writer: numbers and entries, ascending.
    """
    places = dict.fromkeys(in_order(others), 0)
    for entry in leader:
        heard = heard_of(entry) if places else None
        if heard is not None and heard[0] in places:
            writer, upto = heard
            lines, place = others[writer], places[writer]
            while place < len(lines) and lines[place][0] < upto:
                yield lines[place][1]
                place += 1
            places[writer] = place
        yield entry
    for writer, place in places.items():
        for _, entry in others[writer][place:]:
            yield entry


def in_order(writers: Iterable[str]) -> list[str]:
    """Sort writers: what was added afterwards speaks of what the others wrote, so it comes behind them."""
    return sorted(writers, key=lambda one: (one == AFTERWARDS, one))


class _Heard(msgspec.Struct):
    note: str
    writer: str
    upto: int


def heard_of(entry: Entry) -> tuple[str, int] | None:
    """Return writer and upper number (exclusive) of a note that says how far another writer was heard; None: another entry."""
    if entry.channel != "note" or not entry.raw.startswith(b'{"note":"heard"'):
        return None
    try:
        note = msgspec.json.decode(entry.raw, type=_Heard)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return note.writer, note.upto


# -- one series -------------------------------------------------------------------------------------------------------------


def _read_series(files: list[JournalFile], last: bool) -> tuple[list[tuple[int, Entry]], list[Unreadable]]:
    """Read all files of one writer: numbers and entries, ascending; and what can't be read."""
    lines: dict[int, tuple[Entry, Path, int]] = {}
    unreadable: list[Unreadable] = []
    claimed: set[int] = set()
    highest = -1
    for _, twins in groupby(files, key=lambda one: one.number):
        own: set[int] = set()
        for content in _best(list(twins), last):
            # Lines without numbers count on from what was there before them, those that can't be read included.
            base = highest + 1
            for number, entry, line_no in content.lines:
                place = base + line_no - 1 if number < 0 else number
                if place not in lines:
                    lines[place] = (entry, content.file, line_no)
                    own.add(place)
                elif (
                    place not in own or lines[place][1] == content.file
                ):  # else its twin, compressed or not, was read before
                    unreadable.append(Unreadable(content.file, line_no, "repeated"))
                highest = max(highest, place)
            for bad in content.bad:
                unreadable.append(Unreadable(content.file, bad.line_no, bad.why))
                if bad.why != "foreign":
                    claimed.add(bad.claim if bad.claim >= 0 else bad.after + 1)
            if content.lines and content.lines[0].number < 0:
                claimed.update(base + bad.line_no - 1 for bad in content.bad)
            unreadable += content.trouble
    numbers = sorted(lines)
    for before, number in pairwise([-1, *numbers]):
        unreadable += _missing(before + 1, number, claimed, *lines[number][1:])
    return [(number, lines[number][0]) for number in numbers], unreadable


def _missing(begin: int, end: int, claimed: set[int], file: Path, line_no: int) -> list[Unreadable]:
    """Name the numbers from ``begin`` up to ``end`` (exclusive) that no damaged line accounts for."""
    found = []
    for taken in [*sorted(one for one in claimed if begin <= one < end), end] if begin < end else []:
        if taken > begin:
            numbers = f"{begin}" if taken == begin + 1 else f"{begin}-{taken - 1}"
            found.append(Unreadable(file, line_no, f"missing {numbers}"))
        begin = taken + 1
    return found


def _best(twins: list[JournalFile], last: bool) -> list[_Content]:
    """Read a file that may be there twice, plain and compressed, if a crash came between compressing and removing.

    Returns
    -------
    list of _Content
        The one that is whole; both where none is.
    """
    contents = []
    for twin in sorted(twins, key=lambda one: not one.packed):
        content = _read_file(twin, last)
        if content.intact and content.lines:
            return [content]
        contents.append(content)
    if len(contents) == 2 and any(content.lines and content.lines[0].number < 0 for content in contents):
        return [max(contents, key=lambda one: len(one.lines))]  # without numbers they can't be laid over each other
    return contents


# -- one file ---------------------------------------------------------------------------------------------------------------


def _read_file(file: JournalFile, last: bool) -> _Content:
    trouble: list[Unreadable] = []
    try:
        data, whole = unpack(file.path) if file.packed else (file.path.read_bytes(), True)
    except OSError as exc:
        if isinstance(exc, FileNotFoundError) and not last:
            raise _Vanished from None
        return _Content(file.path, [], [], [Unreadable(file.path, 0, f"can't be opened ({exc.strerror or exc})")])
    lines, bad = _read_numbered_lines(data)
    if not lines:
        plain, odd = _read_plain_lines(data)
        if plain or not bad:
            lines, bad = plain, odd
    if not lines and len(bad) > 1 and all(one.why == "foreign" for one in bad):
        return _Content(file.path, [], [], [Unreadable(file.path, 0, "foreign")])
    if not whole:
        trouble.append(Unreadable(file.path, 0, "torn"))
    return _Content(file.path, lines, bad, trouble)


def unpack(path: Path) -> tuple[bytes, bool]:
    """Unpack a compressed journal file as far as it goes, and say whether it went to the end.

    Raises
    ------
    OSError
        It can't be opened.
    """
    import pyarrow as pa

    with path.open("rb") as file:
        data = file.read()
    chunks: list[bytes] = []
    size = 0
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            while chunk := stream.read(2**20):
                chunks.append(chunk)
                size += len(chunk)
                if size > _MOST_BYTES:
                    return b"".join(chunks), False
    except (OSError, pa.ArrowException):
        return b"".join(chunks), False
    return b"".join(chunks), True


def _read_numbered_lines(data: bytes) -> tuple[list[_Line], list[_Bad]]:
    """Read lines with numbers and sums; whatever has none, or a wrong one, is bad."""
    lines: list[_Line] = []
    bad: list[_Bad] = []
    for line_no, line in enumerate(io.BytesIO(data), 1):
        read = read_numbered(line)
        if read is not None:
            lines.append(_Line(*read, line_no))
            continue
        pieces, rest = _run_together(line)
        lines += [_Line(*piece, line_no) for piece in pieces]
        if rest:
            bad.append(_judged(rest, line_no, last=not line.endswith(b"\n"), after=lines[-1].number if lines else -1))
    return lines, bad


def _read_plain_lines(data: bytes) -> tuple[list[_Line], list[_Bad]]:
    """Read lines of an older rigkit, or of somebody's hand."""
    lines: list[_Line] = []
    bad: list[_Bad] = []
    for line_no, line in enumerate(io.BytesIO(data), 1):
        entry = read_line(line)
        if entry is not None:
            lines.append(_Line(-1, entry, line_no))
        elif line.strip():
            bad.append(_judged(line, line_no, last=not line.endswith(b"\n"), after=-1))
    return lines, bad


def _run_together(line: bytes) -> tuple[list[tuple[int, Entry]], bytes]:
    """Read lines that lost the newline between them; return what is left over from the first that can't be read.

    Only from the beginning and without a gap: a line of ours that a server smuggled into a message must never be read on its own
    because the message around it was damaged.
    """
    rest = line.strip(_BLANK)
    found: list[tuple[int, Entry]] = []
    while rest.startswith(_MARK) and len(found) < _MOST_PIECES:
        ends = [match.start() for match in re.finditer(re.escape(_MARK), rest)][1:_MOST_PIECES]
        for end in [*ends, len(rest)]:
            piece = rest[:end]
            read = read_numbered(piece[: piece.rfind(b"}") + 1])
            if read is not None:
                found.append(read)
                rest = rest[end:].strip(_BLANK)
                break
        else:
            break
    return found, rest if rest or found else line.strip()


def _judged(line: bytes, line_no: int, *, last: bool, after: int) -> _Bad:
    """Say what a line is that can't be read."""
    claim = _CLAIM.match(line.lstrip(_BLANK))
    ours = claim is not None or any(
        mark in line[:120] for mark in (b"rk_mono_ns", b"rk_wall_ns", b'"rk_ch"', b"rk_sum")
    )
    why = "torn" if last and (ours or not line.strip(_BLANK)) else "damaged" if ours or b"\0" in line else "foreign"
    return _Bad(line_no, why, -1 if claim is None else int(claim[1]), after)


def read_entries(folder: Path) -> Reading:
    """Read a session's journal: its entries, what can't be read, and which numbers come next.

    Raises
    ------
    SessionError
        The folder can't be listed.
    """
    try:
        reading = read_journal(folder)
    except OSError as exc:
        raise SessionError(folder, f"its journal can't be read ({exc.strerror or exc})") from exc
    there, lines = reading.next_number.get(LEADER, 0), read_manifest(folder).lines
    if there < lines:  # whole files, or the end of the last one: nothing in the journal itself tells
        reading.unreadable.append(Unreadable(folder / "journal", 0, f"missing {there}-{lines - 1}"))
        reading.next_number[LEADER] = lines
    return reading
