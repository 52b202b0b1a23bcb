"""Reading another writer's series while it is written: only whole lines, each once, over all its files."""

from __future__ import annotations

import io
import os
from pathlib import Path

from rigkit.record.journal import journal_files
from rigkit.record.lines import Entry, read_numbered
from rigkit.record.reading import unpack

__all__ = ["Follower"]

#: So much is read at once; a bound on memory, and on how long news waits behind old lines.
_CHUNK = 4 * 2**20


class Follower:
    """A place in a series, which moves on with each reading.

    No file is kept open between two readings: the writer may compress and remove a file that it has done with.

    Parameters
    ----------
    folder : Path
        The ``journal`` folder.
    writer : str
        Whose series.
    first : int
        Number of the first line that is wanted.

    Attributes
    ----------
    next_number : int
        One more than the number of the last line read.
    """

    def __init__(self, folder: Path, writer: str, first: int = 0) -> None:
        self._folder, self._writer = folder, writer
        self.next_number = first
        self._offset = 0
        self._file = self._begin()

    def _begin(self) -> int:
        """Find the file in which the first wanted line is, or will be."""
        files = [one for one in journal_files(self._folder) if one.writer == self._writer]
        for file in reversed(files):
            line = self._data(file.number, 0).partition(b"\n")[0]
            read = read_numbered(line)
            if read is not None and read[0] <= self.next_number:
                return file.number
        return files[0].number if files else 1

    def read(self) -> list[Entry]:
        """Return what is new, in order; empty: nothing.

        A line that can't be read is stepped over here, and named when the session is opened.

        Raises
        ------
        OSError
            A file of the series can't be read.
        """
        limit = _CHUNK
        while True:
            data = self._data(self._file, self._offset, limit)
            end = data.rfind(b"\n") + 1
            if end:
                entries = self._lines(data[:end])
                if entries:
                    return entries
            elif len(data) == limit:  # one line that is longer: the state of a rig with very many photos
                limit *= 4
            elif not self._moved_on():
                return []

    def _lines(self, data: bytes) -> list[Entry]:
        self._offset += len(data)
        entries = []
        for line in io.BytesIO(data):
            read = read_numbered(line)
            if read is not None and read[0] >= self.next_number:
                self.next_number = read[0] + 1
                entries.append(read[1])
        return entries

    def _moved_on(self) -> bool:
        """Go to the next file, if the writer has: it writes nothing more into this one."""
        files = [one.number for one in journal_files(self._folder) if one.writer == self._writer]
        following = [number for number in files if number > self._file]
        if not following:
            return False
        if b"\n" in self._data(self._file, self._offset):  # written between the last look and now
            return True
        self._file, self._offset = min(following), 0
        return True

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._writer}-{number:06d}.jsonl"

    def _data(self, number: int, offset: int, limit: int = _CHUNK) -> bytes:
        """Return what a file holds from a place on; empty where there is nothing."""
        path = self._path(number)
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < offset:  # cut off, or begun anew after somebody removed it
                    self._offset = offset = 0
                file.seek(offset)
                return file.read(limit)
        except FileNotFoundError:
            pass
        # A place in the plain file is no later one in the packed file: what packing codes gets longer. So what was read may come once
        # more, and is known by its number; nothing is stepped over.
        try:
            return unpack(path.with_name(path.name + ".zst"))[0][offset : offset + limit]
        except FileNotFoundError:
            return b""
