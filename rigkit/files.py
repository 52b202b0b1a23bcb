"""Photo files as they arrive: their checksums and EXIF times, read in the background, and a word where none of them can be reached.

The one thread of rigkit that is neither a socket's nor a widget's. It belongs to one session, touches nothing that others fold (it
reads the log, which never changes what it holds, and folds for itself), and writes nothing but notes. It rests while the rig is busy:
from the release of a shot until nothing was heard of any photo for a second.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from rigkit.errors import BadMessage
from rigkit.record.checksums import Unsummed, Wanted, sum_file
from rigkit.record.exif import exif_note, read_exif
from rigkit.record.mapping import folder_of, local_path
from rigkit.record.state import photo_parts, text_of
from rigkit.record.whereabouts import Whereabouts
from rigkit.wire import Message, decode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigkit.record.lines import Entry
    from rigkit.session import Session

__all__ = ["BackgroundSums", "tell_unreached"]

_logger = logging.getLogger("rigkit")

#: The log is looked at so often, s; the thread costs some 20 us each time.
_LOOK_S = 0.25
#: The rig is busy until nothing was heard of a shot or a photo for so long, ns: files of one shot come within fractions of a second
#: of each other.
_QUIET_NS = 1_000_000_000
#: A file that is not here yet is looked for again after this, and after twice that each time, s.
_FIRST_S, _LAST_S = 0.5, 60.0
#: A file that can't be read, or changes meanwhile, is read again so often at most; after so long, and twice that each time, s.
_TRIES, _AGAIN_S = 3, 1.0
#: So long is waited at most for the thread to end, s: a read from a share that is away can't be called off.
_END_S = 2.0
#: How long closing a session waits for the checksums that are still to be taken, s: some eighty photos of 25 MB on a local disk.
_FINISH_S = 2.0
#: So many entries are decoded at once, which takes some 5 ms: then others have their turn.
_PART = 250


class _EndedError(Exception):
    """The session is being closed."""


@dataclass(slots=True)
class _Attempt:
    """How often a file was looked for or read in vain, and when that is done again, host monotonic clock, s."""

    wanted: Wanted
    due: float
    wait_s: float = _FIRST_S
    failed: int = 0
    left: bool = False


class BackgroundSums:
    """Takes the checksum of every photo file that is here, once, and notes it; starts its thread at once.

    Parameters
    ----------
    session : Session
        A live one; closing its log ends the thread first.
    """

    def __init__(self, session: Session) -> None:
        self._log = session.log
        self._files = Whereabouts(session.path, session.manifest)
        self._unsummed = Unsummed()
        with self._log.guard:
            self._read_to = session.refresh()
            for photo in session.state.photos.values():
                # What the application holds of other sittings is theirs: on a long day that is most of it.
                self._unsummed.begin(photo, ours=not photo.before or photo.key in session.account.shot_of)
        #: So many entries were looked through and all files they tell of read; how often somebody asked, and was answered.
        self._done_to = self._asked = self._answered = 0
        self._unread: list[Entry] = []
        self._busy_until_ns = 0
        self._attempts: dict[str, _Attempt] = {}
        self._lock = threading.Lock()
        self._ended = self._in_a_hurry = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rigkit-checksums", daemon=True)
        self._log.before_close(self.close)
        self._thread.start()

    def ask(self) -> Callable[[], bool]:
        """Have files that were not here looked for again, at once; return what says whether all that are here have been read."""
        self._asked += 1
        entries, asked = len(self._log), self._asked
        self._wake.set()
        return lambda: not self._thread.is_alive() or (self._done_to >= entries and self._answered >= asked)

    def finish(self) -> None:
        """Have what is here read now, however busy the rig is, and wait for that; a slow share keeps nobody longer than 2 s."""
        self._in_a_hurry = True
        done, deadline = self.ask(), time.monotonic() + _FINISH_S
        while not done() and time.monotonic() < deadline:
            self._thread.join(0.01)

    def close(self) -> None:
        """End the thread; no note is written any more when this returns. Twice is fine."""
        with self._lock:
            self._ended = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_END_S)
            if self._thread.is_alive():
                _logger.info("A photo file is still being read, which can't be called off; it is left to itself")

    # -- on the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                self._pause(_LOOK_S)
                self._look()
        except _EndedError:
            pass
        except Exception:
            _logger.exception("No checksums are taken any more in this session; everything else goes on")

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()
        self._check_ended()

    def _check_ended(self) -> None:
        if self._ended:
            raise _EndedError

    def _rest(self) -> None:
        """Wait while the rig is busy, before each piece of a file."""
        self._check_ended()
        while self._is_busy():
            self._pause(_LOOK_S)

    def _is_busy(self) -> bool:
        """Look at what was recorded since, without decoding it, and say whether photos are taken or come right now."""
        if len(self._log) > self._read_to:
            news = self._log.since(self._read_to)
            self._read_to += len(news)
            for entry in news:
                self._notice(entry)
        return self._log.clock.monotonic_ns() < self._busy_until_ns and not self._in_a_hurry

    def _notice(self, entry: Entry) -> None:
        if entry.channel == "note":
            kind = entry.raw[:24]
            if kind.startswith((b'{"note":"shot"', b'{"note":"attempt"', b'{"note":"fired"')):
                self._busy_until_ns = max(self._busy_until_ns, entry.mono_ns + _QUIET_NS + _allowance_ns(entry))
        elif b"PhotoKey" in entry.raw and entry.channel != "req":
            self._busy_until_ns = max(self._busy_until_ns, entry.mono_ns + _QUIET_NS)
            self._unread.append(entry)

    def _look(self) -> None:
        """Find out what is new, and read what is here and due."""
        if self._is_busy():
            return
        while self._unread:
            part, self._unread = self._unread[:_PART], self._unread[_PART:]
            for entry in part:
                _hear(self._unsummed, entry)
            self._pause(0.005)
        read_to, asked = self._read_to, self._asked
        self._plan(time.monotonic())
        if asked != self._answered:
            for attempt in self._attempts.values():
                if not attempt.failed:
                    attempt.due, attempt.wait_s = 0.0, _FIRST_S
        if self._work(time.monotonic()) and not self._unread:
            self._done_to, self._answered = read_to, asked

    def _plan(self, now: float) -> None:
        """Have an attempt for each photo that wants one, and none for others."""
        wanted = self._unsummed.wanted
        for key in [key for key, one in self._attempts.items() if wanted.get(key) != one.wanted]:
            del self._attempts[key]
        for key, one in wanted.items():
            if key not in self._attempts:
                self._attempts[key] = _Attempt(one, now)

    def _work(self, now: float) -> bool:
        """Read every file that is due and here; whether nothing that is here is left for later."""
        due = [one for one in self._attempts.values() if one.due <= now and not one.left]
        places = self._files.locate_all([one.wanted.filename for one in due], [one.wanted.size for one in due])
        for attempt, (path, state) in zip(due, places, strict=True):
            if state == "here" and path is not None:
                self._try(attempt, path)
            else:
                attempt.wait_s = min(2 * attempt.wait_s, _LAST_S)
                attempt.due = now + attempt.wait_s
        return not any(one.failed > 0 and not one.left for one in self._attempts.values())

    def _try(self, attempt: _Attempt, path: str) -> None:
        wanted = attempt.wanted
        try:
            found = sum_file(path, self._rest)
            stamp = read_exif(path)
            if wanted.size is not None and found.size != wanted.size:
                raise OSError("it changed since it was looked at")
        except OSError as exc:
            attempt.failed += 1
            attempt.left = attempt.failed > _TRIES or self._in_a_hurry  # there will be no later
            attempt.due = time.monotonic() + _AGAIN_S * 2.0 ** (attempt.failed - 1)
            if attempt.left:
                _logger.info("No checksum is taken of %s: %s", path, exc.strerror or exc)
            return
        with self._lock:  # once close() has taken it, nothing is noted any more
            self._check_ended()
            self._log.note(
                "checksum",
                photo_key=wanted.photo_key,
                sha256=found.sha256,
                size=found.size,
                filename=wanted.filename,
                **exif_note(stamp),
            )
        self._unsummed.summed(wanted.photo_key, found.size)
        del self._attempts[wanted.photo_key]


def _allowance_ns(entry: Entry) -> int:
    """How long the shutters of a shot stay open, ns, as its note says; 0 where somebody else releases, and nobody knows when."""
    try:
        note = msgspec.json.decode(entry.raw)
        return 0 if note.get("awaited") else int(1e9 * min(float(note.get("allowance_s", 0.0)), 3600.0))
    except (msgspec.DecodeError, TypeError, ValueError, AttributeError):
        return 0


def _hear(unsummed: Unsummed, entry: Entry) -> None:
    """Take in what a message says of photos, if it is one."""
    try:
        body, dialect = decode_frame(entry.raw)
        message = Message(body, entry.channel, entry.mono_ns, entry.wall_ns, dialect, 0)
        for key, said in photo_parts(message):
            unsummed.hear(key, said)
    except BadMessage:
        return
    except Exception as exc:  # noqa: BLE001 - whatever a server says, the files of other photos are still to be read
        _logger.debug("Not understood while looking for files: %s", exc)


# -- a word where no file can be reached ---------------------------------------------------------------------------------


def tell_unreached(session: Session, shot_id: int) -> None:
    """Warn, once in a sitting, if a file of this shot is on the application's disk and nothing says where that is here.

    Parameters
    ----------
    session : Session
        A live one.
    shot_id : int
        A shot that was waited for.
    """
    manifest = session.manifest
    if session.told_unreached or manifest.local:
        return
    photos = session.state.photos
    exposures = session.account.shots[shot_id].exposures.values()
    keys = [key for one in exposures for key, on_disk in one.photos.items() if on_disk and key in photos]
    filename = session.files.unreached([name for key in keys if (name := text_of(photos[key].get("PhotoFilename")))])
    if filename is None:
        return
    session.told_unreached = True
    download = text_of(session.state.options.get("DownloadPath")) or ""
    folder = download if download and local_path(filename, {download: "."}) is not None else folder_of(filename)
    given = "no entry of photos={...} leads there" if manifest.photos else "nothing says where that is here"
    warnings.warn(
        f"The application writes its photos to {folder} on its own computer, and {given}: they are accounted for, but their files "
        f"can't be reached (path_state unreachable). Share that folder, mount it, and say where it is: "
        f"rigkit.connect({manifest.address!r}, photos={{{_tidy(folder)!r}: '/where/it/is/here'}})",
        RuntimeWarning,
        stacklevel=4,
    )


def _tidy(folder: str) -> str:
    return folder.replace("\\", "/").rstrip("/") or folder
