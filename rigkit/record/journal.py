"""The journal: one JSON line per message (see :mod:`rigkit.record.lines`), written before anybody can see the message.

Each writer of a session has a series of files, ``rig-000001.jsonl`` and on. Each batch is one ``os.write``: after kill -9 all that
was visible is in the file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from rigkit.record.lines import Entry, body_of, spelt

__all__ = ["ROTATE_BYTES", "JournalFile", "JournalWriter", "journal_files"]

#: A journal file is closed and a new one begun beyond this size, so that no single file grows past what editors open.
ROTATE_BYTES = 64 * 2**20

_FILE_NAME = re.compile(r"(?P<writer>\w[\w-]*)-(?P<number>\d{6})\.jsonl(?P<packed>\.zst)?")


class JournalFile(NamedTuple):
    """A journal file by its name.

    Attributes
    ----------
    path : Path
        Where.
    writer : str
        Whose series it belongs to.
    number : int
        Its place in it, from 1.
    packed : bool
        Compressed (``.zst``).
    """

    path: Path
    writer: str
    number: int
    packed: bool


def journal_files(folder: Path) -> list[JournalFile]:
    """List the files of a ``journal`` folder in the order they were begun; whatever has another name is not looked at.

    Raises
    ------
    OSError
        The folder can't be listed. One that does not exist has no files.
    """
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            match = _FILE_NAME.fullmatch(path.name)
            if match is not None:
                found.append(JournalFile(path, match["writer"], int(match["number"]), bool(match["packed"])))
    return sorted(found, key=lambda one: (one.number, one.writer, one.packed))


class JournalWriter:
    """Appends batches to ``<folder>/<writer>-000001.jsonl`` and on. Each writer object begins a file of its own.

    Parameters
    ----------
    folder : Path
        The session's ``journal`` folder; made if it isn't there.
    writer : str
        Who writes; one file series each.
    first : int or None
        Number of the first line: one more than the highest in the series (``Reading.next_number``). None: a new series.
    rotate_bytes : int
        A new file is begun beyond this size.

    Attributes
    ----------
    next_number : int
        Number of the next line.
    lines_in_file : int
        How many lines the current file holds.
    path : Path
        The current file.
    whole : bool
        The last batch is in the file. An interrupt may come after it was written.

    Raises
    ------
    OSError
        The first file can't be made.
    ValueError
        The series has files, and ``first`` was not given: numbers that are used twice would be taken for repetitions.
    """

    def __init__(
        self, folder: Path, writer: str, *, first: int | None = None, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        self._folder = folder
        self._writer = writer
        self._rotate_bytes = rotate_bytes
        self._file = -1
        self._size = 0
        #: A half line may stand at the end of the current file: nothing is written behind it.
        self._spoilt = False
        self.next_number = first or 0
        self.lines_in_file = 0
        self.whole = True
        self.path = folder
        if first is None and any(one.writer == writer for one in journal_files(folder)):
            raise ValueError(f"{folder} has files of {writer!r}: say which number comes next (first=)")
        self._begin_file()

    def _begin_file(self) -> None:
        """Begin the next file of the series. Each sitting begins one: a torn line at the end of an old file stays alone."""
        self._folder.mkdir(parents=True, exist_ok=True)
        taken = [one.number for one in journal_files(self._folder) if one.writer == self._writer]
        self.path = self._folder / f"{self._writer}-{max(taken, default=0) + 1:06d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        fresh = os.open(self.path, flags | getattr(os, "O_BINARY", 0), 0o644)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self.lines_in_file, self._spoilt = fresh, 0, 0, False

    def append(self, entries: Sequence[Entry], bodies: Iterable[bytes] | None = None) -> None:
        """Write a batch; when it returns, the batch survives kill -9 of this process.

        An interrupt that comes while writing is raised as it is; :attr:`whole` then says whether the batch is in the file: it
        is there as a whole or not at all.

        Parameters
        ----------
        entries : sequence of Entry
            What.
        bodies : iterable of bytes or None
            The bodies of their lines (see :func:`prepared`); None: made here.

        Raises
        ------
        OSError
            The file can't be written; it was put back to where it was, so that no half line is left, or is left alone from now
            on. Nothing written before was harmed.
        """
        self.whole = False
        first = self.next_number
        data = spelt(entries, map(body_of, entries) if bodies is None else bodies, first)
        if self._spoilt or (self._size and self._size + len(data) > self._rotate_bytes):
            self._begin_file()
        before, lines = self._size, self.lines_in_file
        try:
            written = os.write(self._file, data)
            while written < len(data):
                written += os.write(self._file, memoryview(data)[written:])
            self._size, self.lines_in_file = before + len(data), lines + len(entries)
            self.next_number, self.whole = first + len(entries), True
        except BaseException:
            if self._put_back(before, before + len(data)):
                self._size, self.lines_in_file = before + len(data), lines + len(entries)
                self.next_number, self.whole = first + len(entries), True
            raise

    def _put_back(self, before: int, after: int) -> bool:
        """Cut off a half batch; say whether the batch is whole."""
        try:
            size = os.fstat(self._file).st_size
            if size >= after:
                return True
            if size > before:
                os.ftruncate(self._file, before)
        except OSError:
            self._spoilt = True
        return False

    def check_there(self) -> None:
        """Look whether the current file still has a name: what is written into a removed file is gone when it is closed.

        Raises
        ------
        FileNotFoundError
            It was removed. The next batch goes into a new file; :attr:`lines_in_file` is how many lines are gone with it.
        """
        if self._file >= 0 and os.fstat(self._file).st_nlink == 0:
            self._spoilt = True
            raise FileNotFoundError(errno.ENOENT, "the journal file was removed while it was written", str(self.path))

    def write_again(self) -> None:
        """Take the numbers of the current file's lines back, since the file was removed: they will be written once more."""
        self.next_number -= self.lines_in_file
        self.lines_in_file = 0

    def duplicate(self) -> int:
        """Return another descriptor of the current file, for an fsync that nobody has to wait for; -1: closed.

        Whoever gets it closes it.
        """
        return os.dup(self._file) if self._file >= 0 else -1

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
