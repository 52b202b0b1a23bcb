"""The journal: one JSON line per message, written before anybody can see the message.

A line is the message as it came with three members spliced in front, so that any tool can read it::

    {"rk_mono_ns":81273,"rk_wall_ns":1795340112000000000,"rk_ch":"pub","msg_type":"Event",…}

The prefix is read back by position, not by name: a server that puts ``rk_ch`` into its own messages can't pass for us. What
is not a JSON object goes in as ``"rk_base64"``; a byte order mark is dropped and noted as ``"rk_bom":true``; the picture of a
live-view frame is left out and its length noted (``"rk_left_out"``). Each batch is one ``os.write``: after kill -9 all that
was visible is in the file.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from rigkit.wire import BOM

__all__ = ["CHANNELS", "Entry", "JournalWriter", "journal_files", "read_journal", "read_line", "write_line"]

#: Publisher, our requests, their replies, and rigkit's own notes.
CHANNELS = ("pub", "req", "rep", "note")

#: A journal file is closed and a new one begun beyond this size, so that no single file grows past what editors open.
ROTATE_BYTES = 64 * 2**20

_PREFIX = re.compile(rb'\{"rk_mono_ns":(-?\d{1,19}),"rk_wall_ns":(-?\d{1,19}),"rk_ch":"(pub|req|rep|note)"')
_BASE64 = re.compile(rb',"rk_base64":"([A-Za-z0-9+/=]*)"\}$')
_BOM_MARK = b',"rk_bom":true'
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Anything(msgspec.Struct):
    """A JSON object of which nothing is kept."""


#: Raises for what is not one JSON object; six times as fast as ``_object``, and it reads every frame on the reader's thread.
_check_object = msgspec.json.Decoder(_Anything).decode


class Entry(NamedTuple):
    """One line of the record: a frame with its stamps.

    Attributes
    ----------
    channel : str
        One of ``CHANNELS``.
    mono_ns, wall_ns : int
        Host monotonic and host wall clock (Unix epoch), nanoseconds.
    raw : bytes
        The frame as it came, without byte order mark.
    bom : bool
        It came with one.
    """

    channel: str
    mono_ns: int
    wall_ns: int
    raw: bytes
    bom: bool = False


def entry_of(channel: str, mono_ns: int, wall_ns: int, raw: bytes) -> Entry:
    """Make an entry of a received frame: the byte order mark off, live-view pictures out.

    Parameters
    ----------
    channel : str
        One of ``CHANNELS``.
    mono_ns, wall_ns : int
        The stamps.
    raw : bytes
        The frame.
    """
    bom = raw[:3] == BOM
    if bom:
        raw = raw[3:]
    # The id stands within the first fields of every frame seen so far; looking further would cost more than it saves.
    if b'"LiveviewUpdated' in raw[:200]:
        raw = _without_picture(raw)
    return Entry(channel, mono_ns, wall_ns, raw, bom)


def _without_picture(raw: bytes) -> bytes:
    try:
        members = _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return raw
    picture = members.pop("CameraLiveviewImage", None)
    if picture is None:
        return raw
    members["rk_left_out"] = msgspec.Raw(str(len(bytes(picture))).encode())
    return msgspec.json.encode(members)


def write_line(entry: Entry) -> bytes:
    """Spell one entry as a journal line, newline included."""
    head = b'{"rk_mono_ns":%d,"rk_wall_ns":%d,"rk_ch":"%s"%s' % (
        entry.mono_ns,
        entry.wall_ns,
        entry.channel.encode(),
        _BOM_MARK if entry.bom else b"",
    )
    body = _object_line(entry.raw)
    if body is None:
        return head + b',"rk_base64":"' + base64.b64encode(entry.raw) + b'"}\n'
    return head + (b"," if body != b"{}" else b"") + body[1:] + b"\n"


def _object_line(raw: bytes) -> bytes | None:
    """Return a JSON object on one line, or None if it is none."""
    try:
        _check_object(raw)
        if not raw.isascii():
            raw.decode()  # the check steps over texts without looking at their UTF-8
        if b"\n" in raw or b"\r" in raw:
            raw = msgspec.json.format(raw, indent=-1)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    raw = raw.strip()
    if raw[1:-1].isspace() or raw == b"{}":
        return b"{}"
    return raw


def read_line(line: bytes) -> Entry | None:
    """Read one journal line back.

    Parameters
    ----------
    line : bytes
        A line, with or without its newline.

    Returns
    -------
    Entry or None
        None if it is not a line of a rigkit journal.
    """
    line = line.rstrip(b"\r\n")
    match = _PREFIX.match(line)
    if match is None or not line.endswith(b"}"):
        return None
    mono_ns, wall_ns, channel = int(match[1]), int(match[2]), match[3].decode()
    rest = line[match.end() :]
    bom = rest.startswith(_BOM_MARK)
    if bom:
        rest = rest[len(_BOM_MARK) :]
    coded = _BASE64.fullmatch(rest)
    if coded is not None:
        try:
            return Entry(channel, mono_ns, wall_ns, base64.b64decode(coded[1], validate=True), bom)
        except binascii.Error:
            return None
    if rest == b"}":
        return Entry(channel, mono_ns, wall_ns, b"{}", bom)
    if not rest.startswith(b","):
        return None
    raw = b"{" + rest[1:]
    try:
        _check_object(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Entry(channel, mono_ns, wall_ns, raw, bom)


class JournalWriter:
    """Appends batches to ``<folder>/<writer>-000001.jsonl`` and on.

    Parameters
    ----------
    folder : Path
        The session's ``journal`` folder; made if it isn't there.
    writer : str
        Who writes; one file series each.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder = folder
        self._writer = writer
        folder.mkdir(parents=True, exist_ok=True)
        numbers = [
            int(path.stem.rpartition("-")[2])
            for path in folder.glob(f"{writer}-??????.jsonl")
            if path.stem[-6:].isdigit()
        ]
        self._number = max(numbers, default=0)
        self._file = -1
        self._size = 0
        #: Whether the last batch is in the file.
        self.whole = True
        self._open_next()

    def _open_next(self) -> None:
        self._number += 1
        self.path = self._folder / f"{self._writer}-{self._number:06d}.jsonl"
        flags = (
            os.O_WRONLY
            | os.O_CREAT
            | os.O_EXCL
            | os.O_APPEND
            | getattr(os, "O_BINARY", 0)
            | getattr(os, "O_CLOEXEC", 0)
        )
        fresh = os.open(self.path, flags, 0o644)
        if self._file >= 0:
            os.close(self._file)
        self._file = fresh
        self._size = 0

    def append(self, entries: Iterable[Entry]) -> bool:
        """Write a batch; when it returns, the batch survives kill -9 of this process.

        Returns
        -------
        bool
            True. An interrupt that comes while writing is raised as it is; :attr:`whole` then says whether the batch is in
            the file: it is there as a whole or not at all.

        Raises
        ------
        OSError
            The file can't be written; it was put back to where it was, so that no half line is left.
        """
        data = memoryview(b"".join([write_line(entry) for entry in entries]))
        self.whole = False
        if self._size and self._size + len(data) > ROTATE_BYTES:
            self._open_next()
        before, left = self._size, data
        try:
            while left:
                left = left[os.write(self._file, left) :]
            self._size = before + len(data)
        except BaseException:
            if os.fstat(self._file).st_size >= before + len(data):
                self._size, self.whole = before + len(data), True
            else:
                os.ftruncate(self._file, before)
            raise
        self.whole = True
        return True

    def sync(self) -> None:
        """Ask the operating system to put what was written onto the disk itself (survives power loss)."""
        if self._file >= 0:
            os.fsync(self._file)

    def close(self) -> None:
        """Sync and close. Closing twice does nothing."""
        if self._file >= 0:
            try:
                os.fsync(self._file)
            finally:
                os.close(self._file)
                self._file = -1


def journal_files(folder: Path) -> list[Path]:
    """Journal files of a session in the order they were written."""
    return sorted(
        (folder / "journal").glob("*-??????.jsonl"), key=lambda path: (path.stem.rpartition("-")[2], path.stem)
    )


def read_journal(folder: Path) -> Iterator[tuple[Path, int, Entry | None]]:
    """Read all lines of a session's journal in the order they were written.

    Parameters
    ----------
    folder : Path
        The session folder.

    Yields
    ------
    path : Path
        The file.
    line_no : int
        Line number in it, from 1.
    entry : Entry or None
        None: the line can't be read (torn by a crash, damaged, or foreign).
    """
    for path in journal_files(folder):
        with path.open("rb") as file:
            for line_no, line in enumerate(file, 1):
                yield path, line_no, read_line(line)
