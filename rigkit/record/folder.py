"""The session folder: its manifest, and the lock that says whose it is.

::

    session.json   what this is, written once        journal/   the record
    photos/ tables/ plots/ report.html truth/        made when there is something to put there

A folder is a session if, and only if, ``session.json`` in it says so. Anything else is left untouched.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from rigkit.errors import SessionError
from rigkit.record.whole import draft_of, write_whole

__all__ = ["RECORDER_LOCK", "RIG_LOCK", "FolderLock", "Manifest", "next_folder", "read_manifest", "write_manifest"]

_KIND = "rigkit session"
#: Which byte of a lock file Windows locks: far behind what the file holds.
_LOCKED_BYTE = 2**30
_DRAFT = draft_of(Path("session.json")).name
#: Below this a disk is short for a journal, bytes: one of 360 shots by 96 cameras takes about 0.2 GB.
ROOM_FOR_JOURNAL = 500_000_000
#: Locks in the journal folder: of the Rig that writes the session, and of the recorder beside it.
RIG_LOCK, RECORDER_LOCK = ".lock", ".recorder-lock"


class Manifest(msgspec.Struct, kw_only=True):
    """What ``session.json`` holds.

    Attributes
    ----------
    session_id : str
        8 hex digits, part of every tag that goes out as PhotoOrigin.
    created_wall_ns : int
        Host wall clock, nanoseconds of the Unix epoch.
    address, request_endpoint, publisher_endpoint : str
        What it was connected to.
    simulated : bool
        The far end is rigkit's own simulator.
    application, dialect : str
        NodeVersion as reported (empty: not reported), and the dialect spoken.
    folder : str
        Where the folder lay when it was made, to find its photos after it was moved.
    local : bool
        The application ran on the same computer, so that its paths are paths here.
    photos : dict of str to str
        The mapping from folders of the application's computer to local ones.
    subject : str
        Whose sitting it is, if it was begun by ``rig.begin``; empty: nobody's.
    sitting : int
        Which sitting of that subject, from 1; 0: it was not begun so.
    subject_rule : str
        Regular expression that every subject must match; empty: none.
    closed_wall_ns : int
        When it was closed, host wall clock; 0: it is open, or ended without being closed.
    lines, shots : int
        When it was closed, so many lines its journal had, and the number of its last shot: what is missing since shows.
    rigkit_version, python_version, platform : str
        What wrote it.
    """

    kind: str = _KIND
    schema: int = 1
    session_id: str = ""
    created_wall_ns: int = 0
    address: str = ""
    request_endpoint: str = ""
    publisher_endpoint: str = ""
    simulated: bool = False
    application: str = ""
    dialect: str = ""
    folder: str = ""
    local: bool = False
    photos: dict[str, str] = {}
    subject: str = ""
    sitting: int = 0
    subject_rule: str = ""
    closed_wall_ns: int = 0
    lines: int = 0
    shots: int = 0
    rigkit_version: str = ""
    python_version: str = ""
    platform: str = ""


def read_manifest(folder: Path) -> Manifest:
    """Read ``session.json``.

    Raises
    ------
    SessionError
        There is none, or it is not one of ours.
    """
    path = folder / "session.json"
    if not folder.exists():
        raise SessionError(folder, "there is no such folder")
    if not path.is_file():
        raise SessionError(folder, "not a rigkit session: it has no session.json. Nothing in it was touched")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise SessionError(folder, f"session.json can't be read ({exc}). Nothing was touched") from None
    if manifest.kind != _KIND:
        raise SessionError(folder, "session.json is of another program. Nothing in the folder was touched")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``session.json`` whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    write_whole(folder / "session.json", data + b"\n", sync=True)


def next_folder(parent: Path, name: str) -> Path:
    """Return ``parent/name``, or ``parent/name-2`` and on if that is taken. Nothing is made."""
    candidate = parent / name
    number = 2
    while candidate.exists():
        candidate = parent / f"{name}-{number}"
        number += 1
    return candidate


def claim_folder(folder: Path) -> str:
    """Say whether a folder can hold a session: ``"new"`` or ``"continue"``.

    Raises
    ------
    SessionError
        It holds something else; it was left as it was.
    """
    if not folder.exists():
        return "new"
    if not folder.is_dir():
        raise SessionError(folder, "is a file, not a folder. Give session= another path")
    if (folder / "session.json").is_file():
        read_manifest(folder)
        return "continue"
    if not _never_begun(folder):
        raise SessionError(
            folder, "is neither empty nor a rigkit session, so it was left untouched. Give session= another folder"
        )
    return "new"


def _never_begun(folder: Path) -> bool:
    """Whether a folder is empty, or holds only what a rigkit leaves that was killed before it had written ``session.json``."""
    return all(
        _only_locks(path) if path.name == "journal" and path.is_dir() else path.name == _DRAFT
        for path in folder.iterdir()
    )


def _only_locks(journal: Path) -> bool:
    return all(one.name in {RIG_LOCK, RECORDER_LOCK} for one in journal.iterdir())


def is_abandoned(folder: Path) -> bool:
    """Whether there is a journal folder in which nobody has written anything and nobody is about to."""
    if (
        (folder / "session.json").exists()
        or is_owned(folder, unsure=True)
        or is_owned(folder, RECORDER_LOCK, unsure=True)
    ):
        return False
    return _only_locks(folder / "journal")


class FolderLock:
    """One owner at a time; the operating system lets go of it when the process dies, however it dies.

    Parameters
    ----------
    folder : Path
        The session folder; it must exist.
    name : str
        Which lock: that of the rig, or that of a recorder.

    Raises
    ------
    SessionError
        Another process, or another Rig of this one, writes this session.
    """

    def __init__(self, folder: Path, name: str = RIG_LOCK) -> None:
        self._file = -1
        try:
            (folder / "journal").mkdir(parents=True, exist_ok=True)
            path = folder / "journal" / name
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as exc:
            raise SessionError(folder, f"can't be made ({exc.strerror}). Give session= another folder") from None
        try:
            _lock(self._file)
        except BaseException as exc:  # an interrupt, too: nobody else could let go of it
            self.release()
            if not isinstance(exc, OSError):
                raise
            who = _owner(path)
            raise SessionError(
                folder,
                f"another rigkit{who} writes this session right now. Close it there (rig.close()), or give session= another folder",
            ) from None
        with contextlib.suppress(OSError):  # only for people
            os.lseek(self._file, 0, os.SEEK_SET)
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let go. Twice does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _owner(lock: Path) -> str:
    """Say in words which process holds a lock, if it wrote that down; empty: it can't be read."""
    try:
        number = int(lock.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ""
    return " (this very Python, in another Rig)" if number == os.getpid() else f" (process {number})"


def is_owned(folder: Path, name: str = RIG_LOCK, *, unsure: bool = False) -> bool:
    """Whether some process writes this session right now; nothing in the folder is touched.

    Parameters
    ----------
    folder : Path
        The session folder.
    name : str
        Which lock.
    unsure : bool
        The answer where the lock is there and can't be looked at (too many open files, a share that is away).
    """
    try:
        file = os.open(folder / "journal" / name, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return unsure
    try:
        _lock(file)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _lock(file: int) -> None:
    """Take an exclusive lock or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(
            file, _LOCKED_BYTE, os.SEEK_SET
        )  # what is locked can't be read by others there: not the number of the process
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def environment() -> dict[str, Any]:
    """Say what wrote a session: versions and platform."""
    import platform

    return {"python_version": platform.python_version(), "platform": f"{platform.system()} {platform.release()}"}
