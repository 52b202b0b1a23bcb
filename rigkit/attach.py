"""How a notebook finds a recorder, starts one, and shows what it writes.

A recorder says where it is in ``journal/recorder.json`` of its session folder, and in a register of the user's by the publisher it
listens to. Both are data, and may be of a recorder that died: only its lock, which dies with it, says that it is there.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import msgspec

from rigkit.errors import RigError, SessionError
from rigkit.link.bell import ENDING_S, tell_to_stop
from rigkit.link.child import own_environment
from rigkit.record.folder import RECORDER_LOCK, is_owned
from rigkit.record.following import Follower
from rigkit.record.log import Log
from rigkit.record.whole import write_whole

__all__ = [
    "IDLE_S",
    "WRITER",
    "Notice",
    "RecorderFeed",
    "RecorderProcess",
    "Ticket",
    "announce",
    "dismiss",
    "recorder_in",
    "recorder_of",
    "same_publisher",
    "use_ticket",
    "void_ticket",
    "withdraw",
]

#: The recorder's series in the journal folder.
WRITER = "recorder"
#: A recorder that a notebook started ends when nobody listened to it and no event came for so long, s.
IDLE_S = 600.0
#: A recorder may take so long to come up: it is a new Python, and it asks for the state of everything, s.
_START_S = 20.0
#: A recorder that holds its lock has so long to say where it is, or to find that it may not go on, s.
_SETTLE_S = 20.0
_LOOK_S = 0.02
#: A notice is a few hundred bytes; whatever is larger is none.
_MOST_BYTES = 65536
_BELL = re.compile(r"tcp://127\.0\.0\.1:\d{1,5}")
_TOKEN = re.compile(r"[0-9a-f]{32}")

T = TypeVar("T", bound=msgspec.Struct)


class Notice(msgspec.Struct, kw_only=True):
    """Where a recorder is: what ``recorder.json`` holds.

    Attributes
    ----------
    pid : int
        Its process, for people; nothing is ever sent to it.
    request, publisher : str
        The endpoints of the application it listens to.
    bell, token : str
        The endpoint of its bell, and what it knows its own people by (32 hex digits).
    starter : {"hand", "connect"}
        Who started it: a person, who ends it too, or ``connect(recorder=True)``.
    rigkit_version : str
        What it is.
    started_wall_ns : int
        Since when, host wall clock.
    """

    kind: str = "rigkit recorder"
    pid: int
    request: str
    publisher: str
    bell: str
    token: str
    starter: Literal["hand", "connect"]
    rigkit_version: str
    started_wall_ns: int


class _Registered(msgspec.Struct):
    publisher: str
    folder: str


class Ticket(msgspec.Struct):
    """What a notebook leaves in the journal folder for the recorder that it starts; it is used up by the first that comes.

    A kernel may die while its recorder is still coming up. The next kernel voids the ticket before it looks whether a recorder is
    there, so one that comes late, and knows neither the folder's owner nor which numbers are taken, goes away again.

    Attributes
    ----------
    first : int
        Number of the first line.
    token : str
        What the recorder is to know its own people by; no other user may read it, so it is on no command line.
    request, publisher : str
        The application's endpoints.
    """

    first: int
    token: str
    request: str
    publisher: str


# -- saying where it is -----------------------------------------------------------------------------------------------------


def announce(folder: Path, notice: Notice) -> list[Path]:
    """Write a notice into the session folder and into the user's register; called by a recorder that holds its lock.

    Returns
    -------
    list of Path
        What was written. The register is left out where there is none: the recorder is then found by its folder only.
    """
    written = [_notice_path(folder)]
    write_whole(written[0], msgspec.json.format(msgspec.json.encode(notice), indent=2), private=True)
    register = _register()
    if register is not None:
        entry = register / f"{_name(notice.publisher)}-{notice.pid}.json"
        with contextlib.suppress(OSError):
            write_whole(entry, msgspec.json.encode(_Registered(notice.publisher, str(folder))), private=True)
            written.append(entry)
    return written


def withdraw(written: list[Path]) -> None:
    """Remove what :func:`announce` wrote."""
    for path in written:
        with contextlib.suppress(OSError):
            path.unlink()


def _notice_path(folder: Path) -> Path:
    return folder / "journal" / "recorder.json"


def _register() -> Path | None:
    """Return the user's own folder for registered recorders, made if need be; None: there is none that can be trusted."""
    folder = _runtime() / "rigkit" / "recorders"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid"):
            status = folder.stat()
            if status.st_uid != os.getuid() or status.st_mode & 0o022:
                return None
    except OSError:
        return None
    return folder


def _runtime() -> Path:
    """Return where the platform keeps such files of a user."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and Path(given).is_dir():
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _name(publisher: str) -> str:
    return hashlib.blake2b(_plain(publisher).encode(), digest_size=8).hexdigest()


def _plain(publisher: str) -> str:
    """Spell an endpoint in one way."""
    return publisher.strip().rstrip("/").replace("://localhost:", "://127.0.0.1:").replace("://[::1]:", "://127.0.0.1:")


def same_publisher(one: str, other: str) -> bool:
    """Whether two endpoints are the same by their spelling."""
    return _plain(one) == _plain(other)


def _ticket_path(folder: Path) -> Path:
    return folder / "journal" / ".recorder-ticket"


def void_ticket(folder: Path) -> None:
    """Call off a recorder that somebody has started here and that has not come up; called by whoever owns the session."""
    withdraw([_ticket_path(folder)])


def use_ticket(folder: Path, publisher: str) -> Ticket:
    """Take the ticket; called by a recorder that holds its lock.

    Raises
    ------
    SessionError
        There is none for it.
    """
    ticket = _decoded(_ticket_path(folder), Ticket)
    if ticket is None or not same_publisher(ticket.publisher, publisher):
        raise SessionError(folder, "whoever started this recorder is gone, or has given up on it")
    void_ticket(folder)
    return ticket


# -- finding it -------------------------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """A recorder that is alive, and its session folder."""

    notice: Notice
    folder: Path


def recorder_of(publisher: str) -> Found | None:
    """Find a recorder of this user that listens to a publisher; the youngest if there are several.

    Register entries of recorders that are no more are removed.

    Parameters
    ----------
    publisher : str
        The publisher's endpoint.
    """
    register = _register()
    found = []
    for path in register.glob(f"{_name(publisher)}-*.json") if register is not None else ():
        entry = _decoded(path, _Registered)
        if entry is not None and Path(entry.folder).is_absolute() and is_owned(Path(entry.folder), RECORDER_LOCK):
            folder = Path(entry.folder)
            notice = _notice(folder)
            if notice is not None and same_publisher(notice.publisher, publisher):
                found.append(Found(notice, folder))
        else:
            withdraw([path])
    return max(found, key=lambda one: one.notice.started_wall_ns, default=None)


def recorder_in(folder: Path) -> Notice | None:
    """Say which recorder writes a session; None: none does.

    Parameters
    ----------
    folder : Path
        The session folder.

    Raises
    ------
    SessionError
        One does, and does not say where it is.
    """
    deadline = time.monotonic() + _SETTLE_S
    while is_owned(folder, RECORDER_LOCK):
        notice = _notice(folder)
        if notice is not None and is_owned(folder, RECORDER_LOCK):
            return notice
        if time.monotonic() >= deadline:
            raise SessionError(
                folder,
                "a recorder writes this session, but journal/recorder.json, which says how to reach it, can't be read. Is it "
                "another user's? End that recorder, or give session= another folder",
            )
        time.sleep(_LOOK_S)
    return None


def _notice(folder: Path) -> Notice | None:
    notice = _decoded(_notice_path(folder), Notice)
    if notice is None or notice.kind != "rigkit recorder":
        return None
    return notice if _BELL.fullmatch(notice.bell) and _TOKEN.fullmatch(notice.token) else None


def _decoded(path: Path, kind: type[T]) -> T | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_BYTES), type=kind)
    except (OSError, ValueError, RecursionError):
        return None


def dismiss(folder: Path, notice: Notice) -> None:
    """End a recorder of this session that listens to something else than what is wanted now.

    Raises
    ------
    SessionError
        It was started by hand, and is left alone; or it does not end.
    """
    if notice.starter == "hand":
        raise SessionError(
            folder,
            f"a recorder (process {notice.pid}) writes this session, and listens to {notice.publisher}. End it there with Ctrl-C, or "
            "give session= another folder",
        )
    if not tell_to_stop(RecorderFeed(notice, folder, Log(None), 0)):
        raise SessionError(
            folder, f"its recorder (process {notice.pid}) does not end. End that process, then connect again"
        )


# -- starting it ------------------------------------------------------------------------------------------------------------


class RecorderProcess:
    """A recorder as a process that outlives this one: of its own group, with its output in ``journal/recorder.log``.

    Parameters
    ----------
    folder : Path
        The session folder, whose lock the caller holds, and no recorder.
    request, publisher : str
        The application's endpoints.
    first : int
        Number of the first line it writes.

    Raises
    ------
    RigError
        It did not come up; what it wrote is in the message.

    Attributes
    ----------
    notice : Notice
        Where it is.
    """

    def __init__(self, folder: Path, request: str, publisher: str, first: int) -> None:
        command = [sys.executable, "-m", "rigkit", "record", "--companion", "--idle", f"{IDLE_S:g}"]
        command += ["--address", request, "--publisher", publisher, "--session", str(folder)]
        withdraw([_notice_path(folder)])  # of one that died
        ticket = Ticket(first, secrets.token_hex(16), request, publisher)
        write_whole(_ticket_path(folder), msgspec.json.encode(ticket), private=True)
        self._output = folder / "journal" / "recorder.log"
        with self._output.open("ab") as output:
            began = output.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=own_environment(),
                start_new_session=sys.platform != "win32",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
                | getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        try:
            self.notice = self._wait_until_ready(folder, ticket, began)
        except BaseException:
            void_ticket(folder)
            self.kill()
            raise

    def _wait_until_ready(self, folder: Path, ticket: Ticket, began: int) -> Notice:
        """Wait for the recorder that has used the ticket; it may be one that a kernel before us had started."""
        deadline = time.monotonic() + _START_S
        while True:
            notice = _notice(folder)
            if notice is not None and notice.token == ticket.token and is_owned(folder, RECORDER_LOCK):
                return notice
            ended = True
            try:
                self._process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                ended = False
            if ended and not is_owned(folder, RECORDER_LOCK):
                raise RigError(f"the recorder did not start. {self._said(began) or 'It said nothing'}")
            if time.monotonic() >= deadline:
                raise RigError(
                    f"the recorder did not start within {_START_S:g} s: {self._said(began) or 'it said nothing'}"
                )

    def _said(self, began: int) -> str:
        with contextlib.suppress(OSError), self._output.open("rb") as file:
            file.seek(began)
            return file.read(_MOST_BYTES).decode("utf-8", "replace").strip().rpartition("Error: ")[2][-2000:]
        return ""

    def close(self) -> None:
        """Wait until a recorder that was told to stop is gone, and end it if it doesn't. Twice is fine."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_S)
            return
        self.kill()

    def kill(self) -> None:
        """End it at once; what it has written is on disk."""
        self._process.kill()
        self._process.wait()


class RecorderFeed:
    """What a recorder writes, for the reader thread of a client; see :class:`rigkit.link.bell.Feed`.

    Parameters
    ----------
    notice : Notice
        The recorder.
    folder : Path
        The session folder.
    log : Log
        Where its entries are shown; they are not journalled again.
    first : int
        Number of its first entry that the log does not hold yet.
    process : RecorderProcess or None
        If this process started it.
    outlives : bool
        At the end of the interpreter without a ``rig.close()`` (a kernel that is restarted) it goes on, also if it is ours.
    """

    def __init__(
        self,
        notice: Notice,
        folder: Path,
        log: Log,
        first: int,
        process: RecorderProcess | None = None,
        *,
        outlives: bool = False,
    ) -> None:
        self.bell = notice.bell
        self.token = notice.token.encode()
        self.ours = notice.starter == "connect"
        if outlives:
            atexit.register(self._let_live)  # runs before the Rig is closed, since that was registered before
        self._folder, self._log, self._process = folder, log, process
        self._told_to_stop = False
        self._follower = Follower(folder / "journal", WRITER, first)

    def take(self) -> None:
        """Show what is new."""
        while entries := self._follower.read():
            self._log.heard(WRITER, self._follower.next_number, entries)

    def leave(self) -> bytes:
        """Return the last word to the recorder."""
        self._told_to_stop = self.ours
        return b"stop" if self.ours else b"bye"

    def alive(self) -> bool:
        """Whether it still holds its lock: only then nothing is journalled twice if somebody else listens."""
        return is_owned(self._folder, RECORDER_LOCK, unsure=True)

    def close(self) -> None:
        """End a recorder of ours that has not been told so yet, and wait until it is gone. Twice is fine."""
        atexit.unregister(self._let_live)
        process, self._process = self._process, None
        if not self.ours:
            return
        if not self._told_to_stop and self.alive():
            tell_to_stop(self)
        if process is not None:
            process.close()

    def _let_live(self) -> None:
        self.ours = False
