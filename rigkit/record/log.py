"""The append-only log of one session: in memory for whoever asks, on disk before that.

Two threads append (the link's reader and whoever sends a request); any thread may read. The lock here is the only one between
them, and the reason why this module imports ``threading`` at all: it starts no thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from rigkit.record.journal import Entry, JournalWriter, entry_of

__all__ = ["Log"]


class Log:
    """Entries in the order they were stamped, numbered from 0.

    Parameters
    ----------
    journal : JournalWriter or None
        Where each batch is written before it becomes visible; None: a log that was read from disk, or one without a folder.
    entries : sequence of Entry
        What is there already, for example from the sitting before a kernel restart.
    """

    def __init__(self, journal: JournalWriter | None, entries: Sequence[Entry] = ()) -> None:
        #: Held by whoever folds this log or builds tables of it; never while waiting for news.
        self.guard = threading.RLock()
        self._journal = journal
        self._entries: list[Entry] = list(entries)
        self._changed = threading.Condition()
        #: Entry numbers that somebody waits for: nobody is woken for less.
        self._wanted: list[int] = []

    def __len__(self) -> int:
        return len(self._entries)

    def since(self, number: int) -> list[Entry]:
        """Entries from ``number`` on."""
        return self._entries[number:]

    def append(self, batch: Sequence[tuple[str, int, int, bytes]]) -> None:
        """Take frames as ``(channel, mono_ns, wall_ns, raw)``: journal them, then show them.

        Raises
        ------
        OSError
            The journal can't be written; nothing of the batch became visible.
        """
        entries = [entry_of(*frame) for frame in batch]
        with self._changed:
            before = len(self._entries)
            try:
                if self._journal is not None:
                    self._journal.whole = False
                    self._journal.append(entries)
                self._entries.extend(entries)
            except BaseException:
                # An interrupt may come after the batch was written: what is on disk must be visible too, and only that.
                if self._journal is not None and self._journal.whole and len(self._entries) == before:
                    self._entries.extend(entries)
                raise
            finally:
                if self._wanted and len(self._entries) > min(self._wanted):
                    self._changed.notify_all()

    def note(self, kind: str, /, **fields: Any) -> None:
        """Append one of rigkit's own notes, stamped now."""
        raw = msgspec.json.encode({"note": kind, **fields})
        self.append([("note", time.monotonic_ns(), time.time_ns(), raw)])

    def wake(self) -> None:
        """Let everybody who waits look around."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, number: int, timeout: float) -> bool:
        """Wait until there is an entry ``number``, or somebody calls :meth:`wake`.

        Parameters
        ----------
        number : int
            The first entry not seen yet, or a later one if it takes more than one to matter.
        timeout : float
            At most so long, in seconds. Keep it to slices of about 0.2 s: an interrupt is seen between slices.

        Returns
        -------
        bool
            Whether there is news.
        """
        with self._changed:
            self._wanted.append(number)
            try:
                if len(self._entries) <= number:
                    self._changed.wait(timeout)
            finally:
                self._wanted.remove(number)
            return len(self._entries) > number

    def sync(self) -> None:
        """Put the journal onto the disk itself."""
        with self._changed:
            if self._journal is not None:
                self._journal.sync()

    def close(self) -> None:
        """Close the journal; the entries stay readable."""
        with self._changed:
            if self._journal is not None:
                self._journal.close()
                self._journal = None
