"""The append-only log of one session: in memory for whoever asks, on disk before that.

Two threads append (the link's reader and whoever sends a request); any thread may read. The lock here is the only one between
them, and the reason why this module imports ``threading`` at all: it starts no thread.

A journal that can't be written stops nothing: cameras that fire can't be asked to wait for a disk. What is heard then stays
visible and is kept in a backlog, which is written, before anything newer, as soon as writing works again. Whoever is at the
keyboard is told at once, by the logger ``rigkit``, which reaches standard error from any thread without being set up.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from rigkit.record.journal import JournalWriter
from rigkit.record.lines import Entry, prepared, unjournalled

__all__ = ["Clock", "Log"]

#: A journal that failed is tried again so often at most, s.
_AGAIN_S = 1.0
#: Entries of the backlog that are written at once.
_PART = 1000

_logger = logging.getLogger("rigkit")


class Clock(Protocol):
    """Both clocks of the host; the module ``time`` is one."""

    def monotonic(self) -> float:
        """Host monotonic clock, s."""

    def monotonic_ns(self) -> int:
        """Host monotonic clock, ns."""

    def time_ns(self) -> int:
        """Host wall clock, nanoseconds of the Unix epoch."""


class Log:
    """Entries in the order they were stamped, numbered from 0.

    Parameters
    ----------
    journal : JournalWriter or None
        Where each batch is written before it becomes visible; None: a log that was read from disk, or one without a folder.
    entries : sequence of Entry
        What is there already, for example from the sitting before a kernel restart.
    clock : Clock
        By which rigkit's own notes are stamped, and by which a sitting keeps time.
    keep : bool
        False: what is written is forgotten at once (a recorder's log, which nobody reads and which may run for days). Should
        somebody remove the file that is being written, its lines are then gone.
    """

    def __init__(
        self,
        journal: JournalWriter | None,
        entries: Sequence[Entry] = (),
        clock: Clock = time,
        *,
        keep: bool = True,
    ) -> None:
        self.clock = clock
        self._keep = keep
        #: Number that the journal's next line would have had; None: it is still written, or there is none.
        self.ended_at: int | None = None
        #: Held by whoever folds this log or builds tables of it; never while waiting for news.
        self.guard = threading.RLock()
        self._journal = journal
        self._entries: list[Entry] = list(entries)
        self._lock = threading.RLock()  # entered by its own name: doing so by the condition's costs 1 us more an event
        self._changed = threading.Condition(self._lock)
        #: Entry numbers that somebody waits for: nobody is woken for less.
        self._wanted: list[int] = []
        #: Visible, and not on disk: in order, and older than whatever is appended next.
        self._backlog: list[Entry] = []
        #: What the current file of the journal holds, should somebody remove it.
        self._in_file: list[Entry] = []
        #: Host monotonic clock before which a failed journal is not tried again, s; the same for looking whether it was removed.
        self._again = self._look_again = 0.0
        #: Since the last fsync something was written.
        self._unsynced = False
        self._trouble: str | None = None
        self._last_steps: list[Callable[[], object]] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def unsaved(self) -> int:
        """How many entries are in memory only, since the journal could not be written."""
        return len(self._backlog)

    def since(self, number: int) -> list[Entry]:
        """Entries from ``number`` on."""
        return self._entries[number:]

    def append(self, batch: Sequence[tuple[str, int, int, bytes]]) -> None:
        """Take frames as ``(channel, mono_ns, wall_ns, raw)``: journal them, then show them.

        If the journal can't be written they are shown all the same, and :attr:`unsaved` counts them. An interrupt is raised as
        it is; the batch is then visible if it is in the journal, and not if it isn't.
        """
        self._take((), batch)

    def _take(self, others: Sequence[Entry], batch: Sequence[tuple[str, int, int, bytes]]) -> None:
        """Journal frames, then show them, behind entries that somebody else has journalled."""
        entries, bodies = (unjournalled(batch), []) if self._journal is None else prepared(batch)
        shown = ([*others, *entries] if others else entries) if self._keep else []
        with self._lock:
            before = len(self._entries)
            try:
                if self._journal is not None:
                    self._journal.whole = False
                    self._write(self._journal, entries, bodies)
                self._entries.extend(shown)
            except BaseException:
                # An interrupt may come after the batch was written, or put aside: what is there must be visible too, and only that.
                if len(self._entries) == before and self._is_kept(entries):
                    self._entries.extend(shown)
                raise
            finally:
                if self._wanted and len(self._entries) > min(self._wanted):
                    self._changed.notify_all()

    def _is_kept(self, entries: list[Entry]) -> bool:
        """Whether the last batch is in the journal, or in the backlog."""
        if self._journal is None or not entries:
            return False
        return self._journal.whole or (bool(self._backlog) and self._backlog[-1] is entries[-1])

    def _write(self, journal: JournalWriter, entries: list[Entry], bodies: list[bytes]) -> None:
        """Write a batch behind the backlog, or put it there."""
        now = self.clock.monotonic()
        try:
            if now >= self._look_again:
                self._look_again = now + _AGAIN_S
                self._check_there(journal)
            if self._backlog:
                if now < self._again:
                    self._backlog.extend(entries)
                    return
                self._again = now + _AGAIN_S
                self._write_backlog(journal)
            journal.append(entries, bodies)
            self._written(journal, entries)
        except OSError as exc:
            if journal.whole:
                self._written(journal, entries)
            else:
                self._backlog.extend(entries)
                self._again = now + _AGAIN_S
                self._tell(journal, exc)

    def _check_there(self, journal: JournalWriter) -> None:
        """Put what was written into a file that somebody removed into the backlog, so that it is written once more."""
        try:
            journal.check_there()
        except FileNotFoundError as exc:
            if not self._keep:
                lines = journal.lines_in_file
                _logger.error("%s was removed while it was written; its %d messages are gone.", journal.path, lines)
                return
            journal.write_again()
            self._backlog, self._in_file = self._in_file + self._backlog, []
            self._again = 0.0
            self._tell(journal, exc)

    def _written(self, journal: JournalWriter, entries: Sequence[Entry]) -> None:
        self._unsynced = True
        if journal.lines_in_file == len(entries):  # the first of a new file
            self._in_file = []
        if self._keep:
            self._in_file.extend(entries)

    def _write_backlog(self, journal: JournalWriter) -> None:
        """Write what could not be written before.

        Raises
        ------
        OSError
            It still can't be; what was written of it is out of the backlog.
        """
        count = len(self._backlog)
        while self._backlog:
            part = self._backlog[:_PART]
            try:
                journal.append(part)
            finally:
                if journal.whole:
                    self._written(journal, part)
                    del self._backlog[: len(part)]
                    journal.whole = False  # that was this part; nothing is known of what comes behind it
        _logger.error(
            "The journal can be written again; the %d messages that were only in memory are on disk now.", count
        )
        self._trouble = None

    def _tell(self, journal: JournalWriter, exc: OSError) -> None:
        """Say once per trouble that the journal can't be written."""
        if self._trouble is None:
            self._trouble = (
                f"The journal can't be written ({exc.strerror or exc}: {journal.path}). Shooting goes on; what is heard is kept in "
                "memory and written as soon as that works again. Free some space or make the folder writable, and don't end this "
                "Python before"
            )
            _logger.error("%s.", self._trouble)

    def trouble(self) -> str | None:
        """Say what is wrong with the journal right now, in words for the user; None: nothing."""
        return self._trouble

    def note(self, kind: str, /, **fields: Any) -> None:
        """Append one of rigkit's own notes, stamped now."""
        self.append([self._note(kind, fields)])

    def show(self, entries: Sequence[Entry]) -> None:
        """Show entries that were written elsewhere, in a log that writes nothing itself."""
        self._take(entries, ())

    def heard(self, writer: str, upto: int, entries: Sequence[Entry]) -> None:
        """Show what another writer has journalled, and note how far it was heard: re-reading gives the same order.

        Parameters
        ----------
        writer : str
            Whose series the entries are in.
        upto : int
            One more than the number of the last of them.
        entries : sequence of Entry
            Its entries that were not shown yet, in order.
        """
        self._take(entries, [self._note("heard", {"writer": writer, "upto": upto})])

    def _note(self, kind: str, fields: dict[str, Any]) -> tuple[str, int, int, bytes]:
        raw = msgspec.json.encode({"note": kind, **fields})
        return ("note", self.clock.monotonic_ns(), self.clock.time_ns(), raw)

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
        """Put the journal onto the disk itself (fsync), if anything was written since the last time; trouble is told, not raised.

        Nobody who appends waits for it: a disk takes 0.2 to 100 ms, and what is heard meanwhile must be stamped in time.
        """
        with self._changed:
            if self._journal is None or not self._unsynced:
                return
            self._unsynced = False
            file = self._journal.duplicate()
        if file < 0:
            return
        try:
            os.fsync(file)
        except OSError as exc:
            self._unsynced = True
            _logger.error(
                "The journal is written but not safe from a power failure: the disk reports %s.", exc.strerror or exc
            )
        finally:
            os.close(file)

    def before_close(self, step: Callable[[], object]) -> None:
        """Have something done first when this is closed: whoever notes on a thread of its own must end before."""
        self._last_steps.append(step)

    def close(self) -> None:
        """Try the backlog a last time and close the journal; the entries stay readable. Twice does nothing."""
        try:
            while self._last_steps:
                self._last_steps.pop()()
        finally:
            self._close()

    def _close(self) -> None:
        with self._changed:
            journal, self._journal = self._journal, None
            if journal is None:
                return
            try:
                if self._backlog:
                    self._write_backlog(journal)
            except OSError as exc:
                _logger.error(
                    "%d messages of this session exist only in memory: the journal can't be written (%s: %s). They are lost when this "
                    "Python ends. Before that, save what you need: rig.session.events.to_csv(...) on another disk.",
                    len(self._backlog),
                    exc.strerror or exc,
                    journal.path,
                )
            finally:
                self.ended_at = journal.next_number
                try:
                    journal.close()
                except OSError as exc:
                    _logger.error("The journal may not be safe from a power failure: %s.", exc.strerror or exc)
