"""The recorder: the client's reader as a process of its own, which stamps and journals while a kernel is busy or dead.

It writes the series ``recorder-000001.jsonl`` of a session's journal and keeps nothing in memory. A notebook that is attached
shows what it wrote, and notes in its own series how far it heard, which is the order for re-reading (see
:mod:`rigkit.record.reading`). Requests and notes stay in the notebook's own series; the recorder asks once for the state of
everything, so that a recording without any notebook opens with its cameras.

Of a notebook and a recorder that begin at the same moment each takes its own lock first and then looks at the other's, so at least
one of the two sees the other.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import __version__
from rigkit.attach import WRITER, Notice, announce, use_ticket, withdraw
from rigkit.errors import BadMessage, SessionError
from rigkit.founding import first_state, found_session, is_simulator, remove_made
from rigkit.link.bell import Bell
from rigkit.link.client import Client, Frame
from rigkit.record.folder import (
    RECORDER_LOCK,
    FolderLock,
    claim_folder,
    is_owned,
    read_manifest,
    write_manifest,
)
from rigkit.record.following import Follower
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.record.loss import Losses
from rigkit.record.packing import pack_journal
from rigkit.session import open_folder
from rigkit.sitting import STATE_S
from rigkit.wire import decode_frame

if TYPE_CHECKING:
    from rigkit.address import Address

__all__ = ["Recorder", "Tally", "until_signalled"]

#: The main thread looks after things so often at least, s: it sees a signal that late.
_SLICE_S = 0.2
#: What was written is brought to the disk itself so often, and a journal that could not be written is tried again, s.
_SYNC_S, _AGAIN_S = 2.0, 1.0
#: The lock may be held for a moment by somebody who only looks whether it is; tried so often, so far apart, s.
_TRIES, _APART_S = 10, 0.02


class _Sink:
    """What the client's reader hands to: the journal, and then the bell."""

    def __init__(self, log: Log, bell: Bell) -> None:
        self._log, self._bell = log, bell
        #: When something other than a ping was heard last, host monotonic clock, s.
        self.last_event = time.monotonic()

    def append(self, batch: Sequence[Frame], /) -> None:
        self._log.append(batch)
        self._bell.ring()
        if any(b"NetworkPing" not in raw[:200] for channel, _, _, raw in batch if channel == "pub"):
            self.last_event = time.monotonic()

    def note(self, kind: str, /, **fields: Any) -> None:
        self._log.note(kind, **fields)
        self._bell.ring()

    def wake(self) -> None:
        self._bell.ring()


class Recorder:
    """Listens to one application and writes one session folder.

    Parameters
    ----------
    where : Address
        A running application, with both endpoints.
    folder : Path
        The session folder: made if it is absent or empty, continued if it is a session.
    by_hand : bool
        False: started by a notebook, which holds the session's lock, has written its manifest, and has left a ticket.
    timeout : float
        Seconds for each step of connecting.

    Raises
    ------
    NoReply
        Nobody answers there. Nothing was created.
    SessionError
        The folder is something else, or a notebook or another recorder writes it.
    """

    def __init__(self, where: Address, folder: Path, *, by_hand: bool = True, timeout: float = 5.0) -> None:
        self.folder = folder
        new = claim_folder(folder) == "new"
        ours: list[FolderLock] = []
        with contextlib.ExitStack() as undo:
            if new:
                undo.callback(remove_made, folder, ours)
            self._client = Client(where.request, where.publisher, timeout=timeout)
            undo.callback(self._client.close)
            node = first_state(self._client)
            self._lock = _lock(folder)
            undo.callback(self._lock.release)
            if by_hand and is_owned(folder):
                raise SessionError(
                    folder,
                    "a notebook writes this session right now and listens itself. Start its recorder from there: "
                    "connect(..., recorder=True); or give --session another folder",
                )
            if new and (folder / "session.json").exists():
                raise SessionError(folder, "was made by another rigkit just now; give another folder")
            ours.append(self._lock)
            token = secrets.token_hex(16)
            #: Number of its first entry.
            self.first = 0
            if by_hand:
                founded = found_session(folder, where, self._client, node, new=new, simulated=is_simulator(node))
                self.first = founded.reading.next_number.get(WRITER, 0)
            else:
                ticket = use_ticket(folder, where.publisher)
                self.first, token = ticket.first, ticket.token
            self._journal = JournalWriter(folder / "journal", WRITER, first=self.first)
            self._log = Log(self._journal, keep=False)
            undo.callback(self._log.close)
            self._bell = Bell(token.encode())
            undo.callback(self._bell.close)
            self._sink = _Sink(self._log, self._bell)
            self._sink.note("recording", what="begun", request=where.request, publisher=where.publisher)
            self._client.start(self._sink)
            undo.callback(self._client.close)  # first of all: nobody may ring a bell that is closed
            if self._client.dialect.state_on_publisher:
                self._client.request("Synchronise", {})
                if by_hand:
                    self._find_out_kind()
            notice = Notice(
                pid=os.getpid(),
                request=where.request,
                publisher=where.publisher,
                bell=self._bell.endpoint,
                token=token,
                starter="hand" if by_hand else "connect",
                rigkit_version=__version__,
                started_wall_ns=time.time_ns(),
            )
            self._announced = announce(folder, notice)
            undo.pop_all()
        self._last_attached = self._next_sync = time.monotonic()
        self._next_try = 0.0
        self._closed = False

    def _find_out_kind(self) -> None:
        """Say in the manifest that the far end is a simulator, where only its events tell."""
        follower = Follower(self.folder / "journal", WRITER, self.first)
        deadline = time.monotonic() + STATE_S
        while time.monotonic() < deadline:
            if any(entry.channel == "pub" and b"NodeName" in entry.raw for entry in follower.read()):
                break
            self._bell.attend(_APART_S, self._state)
        node = open_folder(self.folder).state.node
        manifest = read_manifest(self.folder)
        manifest.simulated, manifest.application = is_simulator(node), str(node.get("NodeVersion", ""))
        write_manifest(self.folder, manifest)

    @property
    def recorded(self) -> int:
        """How many messages and notes it has written."""
        return self._journal.next_number - self.first

    def _state(self) -> dict[str, Any]:
        return {"next": self._journal.next_number, "trouble": self._log.trouble()}

    def run(
        self, ended: Callable[[], bool], *, idle_s: float | None = None, each_slice: Callable[[], None] | None = None
    ) -> None:
        """Record until it is time to end.

        Parameters
        ----------
        ended : callable
            Asked several times a second.
        idle_s : float or None
            End after so many seconds with nobody attached and no event; None: never.
        each_slice : callable or None
            Called as often, for whoever watches.

        Raises
        ------
        RigError
            Listening has stopped; the reason is chained.
        """
        while not ended():
            if self._bell.attend(_SLICE_S, self._state):
                return
            self._client.check()
            self._look_after_journal()
            if each_slice is not None:
                each_slice()
            now = time.monotonic()
            if self._bell.attached:
                self._last_attached = now
            if idle_s is not None and now - max(self._last_attached, self._sink.last_event) > idle_s:
                return

    def _look_after_journal(self) -> None:
        now = time.monotonic()
        if self._log.unsaved and now >= self._next_try:
            self._next_try = now + _AGAIN_S
            self._sink.append([])  # tries what could not be written
        if now >= self._next_sync:
            self._next_sync = now + _SYNC_S
            self._log.sync()

    def close(self) -> None:
        """Stop listening, bring the journal to the disk, let go of the session. Twice is fine."""
        if self._closed:
            return
        self._closed = True
        # Each of these is done even if one before it fails: the last one first.
        with contextlib.ExitStack() as steps:
            steps.callback(self._lock.release)
            steps.callback(self._bell.close)
            steps.callback(withdraw, self._announced)
            steps.callback(self._pack)
            steps.callback(self._log.close)
            steps.callback(self._log.note, "recording", what="ended")
            steps.callback(self._client.close)

    def _pack(self) -> None:
        """Compress the series, unless somebody waits for this to end to listen himself."""
        if not self._bell.attached:
            pack_journal(self.folder / "journal", WRITER)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _lock(folder: Path) -> FolderLock:
    for left in range(_TRIES, 0, -1):
        try:
            return FolderLock(folder, RECORDER_LOCK)
        except SessionError as exc:
            if left == 1:
                if not is_owned(folder, RECORDER_LOCK):
                    raise
                problem = "another recorder writes this session right now. End it with Ctrl-C, or give another folder"
                raise SessionError(folder, problem) from exc
        time.sleep(_APART_S)
    raise AssertionError("tried at least once")


def until_signalled() -> Callable[[], bool]:
    """Take SIGINT, SIGTERM, a closed terminal and Windows' Ctrl-Break as the wish to end; return whether one has come."""
    come: list[int] = []
    for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"):
        number = getattr(signal, name, None)
        # Whoever ignores the end of the terminal (nohup) means it; a shell that starts something behind has it ignore Ctrl-C.
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            signal.signal(number, lambda got, _: come.append(got))
    return lambda: bool(come)


class Tally:
    """What a recorder has written, counted for whoever watches it: read back from the file, so that the reader is not held up.

    Parameters
    ----------
    recorder : Recorder
        Whose.
    every_s : float
        How it stands is said so often, s.
    say : callable
        Whom it is said to.
    """

    def __init__(self, recorder: Recorder, every_s: float, say: Callable[[str], None]) -> None:
        self._every_s, self._say = every_s, say
        self._next = time.monotonic() + every_s
        self._follower = Follower(recorder.folder / "journal", WRITER, recorder.first)
        self._losses = Losses()
        self._photos: set[str] = set()
        self._events = self._bad = 0

    def __call__(self) -> None:
        """Say how it stands if it is time to."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every_s
            with contextlib.suppress(OSError):  # nobody reads any more: no reason to stop recording
                self._say(f"{time.strftime('%H:%M:%S')} {self.line()}")

    def line(self) -> str:
        """Count on, and say how it stands."""
        while entries := self._follower.read():
            for entry in entries:
                if entry.channel == "pub":
                    self._count(entry.raw, entry.wall_ns)
        lost = sum(loss.n or 0 for loss in self._losses.rows)
        restarts = sum(loss.where == "restart" for loss in self._losses.rows)
        gaps = f"{lost} lost in {sum(loss.where == 'gap' for loss in self._losses.rows)} gaps" if lost else "no gap"
        odd = f", {self._bad} that can't be read" if self._bad else ""
        again = f", {restarts} restarts of the publisher" if restarts else ""
        return f"{self._events} events, {len(self._photos)} photos, {gaps}{again}{odd}"

    def _count(self, raw: bytes, wall_ns: int) -> None:
        self._events += 1
        try:
            body, _ = decode_frame(raw)
        except BadMessage:
            self._bad += 1
            return
        seq, key = body.get("msg_seq_num"), body.get("PhotoKey")
        if isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq < 2**32:
            self._losses.count(seq, wall_ns)
        if isinstance(key, str):
            self._photos.add(key)
