"""Checksums of photo files: which photos want one, taking one, and holding files against those that were noted. No thread here.

SHA-256, as BagIt manifests and RO-Crates have it, and as ``sha256sum`` prints it. PhotoHash, where an application sends it, is kept in
a column of its own: what it is a hash of is not known from any public source, so it proves nothing about the file.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.record.columns import frame
from rigkit.record.records import text_of, whole_of

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.record.records import PhotoRecord

__all__ = ["Checksum", "Unsummed", "Wanted", "sum_file", "told_trouble", "verified"]


class Checksum(NamedTuple):
    """What a file was when it was read.

    Attributes
    ----------
    sha256 : str
        64 hex digits.
    size : int
        Bytes.
    """

    sha256: str
    size: int


class _Reading:
    """A file that is read piece by piece: somebody is asked before each piece, and may call it off by raising."""

    def __init__(self, file: Any, size: int, before_each: Callable[[], object]) -> None:
        self._file, self._left, self._before_each = file, size, before_each

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        self._before_each()
        count: int = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise OSError("it grows while it is read")
        return count


def sum_file(path: str, before_each: Callable[[], object] = lambda: None) -> Checksum:
    """Take the checksum of a file.

    Parameters
    ----------
    path : str
        A plain file.
    before_each : callable
        Called before each piece of 256 KiB; what it raises ends the reading.

    Raises
    ------
    OSError
        It can't be read, is no plain file, or changed while it was read.
    """
    with open(path, "rb", buffering=0, opener=_opened) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError("it is no plain file")
        digest = hashlib.file_digest(_Reading(file, before.st_size, before_each), "sha256")  # type: ignore[arg-type]
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise OSError("it changed while it was read")
    return Checksum(digest.hexdigest(), after.st_size)


def _opened(path: str, flags: int) -> int:
    """Open without waiting: what was a file a moment ago may be a pipe now, and nobody may ever write to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))


# -- which photos want one ----------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """A photo whose file is to be read.

    Attributes
    ----------
    photo_key : str
        PhotoKey.
    filename : str
        PhotoFilename; before 5.3 there was none, and such photos want no checksum: where their files are is a guess.
    size : int or None
        PhotoFilesize, bytes; None: not said.
    """

    photo_key: str
    filename: str
    size: int | None


@dataclass(slots=True)
class _Known:
    filename: str | None
    location: str | None
    size: int | None
    summed: int | None


class Unsummed:
    """Which photos are on the application's disk and have no checksum: a fold over what is said of photos.

    A photo that is told of with another size has another file, and is summed again. One that was taken again under the same key and
    to the byte as large keeps its sum; no application is known to use a key twice.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._others: set[str] = set()
        #: By photo key, in the order in which they came to want one.
        self.wanted: dict[str, Wanted] = {}

    def begin(self, photo: PhotoRecord, *, ours: bool = True) -> None:
        """Take in what is known of a photo so far; one that is not of this sitting never wants one."""
        if not ours:
            self._others.add(photo.key)
            return
        self._known[photo.key] = _Known(
            text_of(photo.get("PhotoFilename")),
            text_of(photo.get("PhotoLocation")),
            whole_of(photo.get("PhotoFilesize")),
            photo.summed_bytes if photo.sha256 else None,
        )
        self._judge(photo.key)

    def hear(self, photo_key: str, said: Mapping[str, Any]) -> None:
        """Take in news of a photo, which may say only some of it."""
        if photo_key in self._others:
            return
        known = self._known.setdefault(photo_key, _Known(None, None, None, None))
        location = text_of(said.get("PhotoLocation"))
        if location == "Camera" and known.location == "Local Disk":
            return  # older than what is known: files don't go back to cameras
        known.location = location or known.location
        known.filename = text_of(said.get("PhotoFilename")) or known.filename
        size = whole_of(said.get("PhotoFilesize"))
        known.size = known.size if size is None else size
        self._judge(photo_key)

    def summed(self, photo_key: str, size: int) -> None:
        """Take in that it has a checksum, of a file of so many bytes."""
        self._known.setdefault(photo_key, _Known(None, None, None, None)).summed = size
        self._judge(photo_key)

    def _judge(self, photo_key: str) -> None:
        known = self._known[photo_key]
        has_one = known.summed is not None and known.size in {
            None,
            known.summed,
        }  # taken again, its file is another one
        if known.location == "Local Disk" and known.filename and not has_one:
            self.wanted[photo_key] = Wanted(photo_key, known.filename, known.size)
        else:
            self.wanted.pop(photo_key, None)


# -- holding files against them ------------------------------------------------------------------------------------------


def verified(photos: pd.DataFrame, before_each: Callable[[], object] = lambda: None) -> pd.DataFrame:
    """Read every file that is here and hold it against its checksum. Nothing is written.

    Parameters
    ----------
    photos : pandas.DataFrame
        A photos table, its files just located.
    before_each : callable
        As for :func:`sum_file`.

    Returns
    -------
    pandas.DataFrame
        Table ``verified``: photos of this sitting that are, or were, on the application's disk. ``attrs["summary"]`` is one sentence.
    """
    ours = ~photos["before"]  # the application may hold those of other sittings, too
    photos = photos[((photos["location"] == "Local Disk") & ours) | photos["sha256"].notna()]
    columns = ["position", "name", "path", "path_state", "location", "sha256", "size_bytes"]
    told = photos[columns].astype(object)
    rows = []
    for photo_key, values in zip(told.index, told.where(told.notna(), None).to_numpy(), strict=True):
        row = dict(zip(columns, values, strict=True))
        ok, problem = _judged(row, before_each)
        rows.append({"photo_key": photo_key, **row, "ok": ok, "problem": problem})
    table = frame("verified", rows)
    table.attrs["summary"] = _summary(table)
    return table


def told_trouble(table: pd.DataFrame) -> list[str]:
    """Say in a line each which files of a table ``verified`` differ, are missing, or can't be reached."""
    bad = table[~table["ok"].fillna(True) | (table["path_state"] == "unreachable")]
    columns = (bad[name].astype(object).fillna("?") for name in ("position", "name", "problem"))
    return [f"{position} {name}: {problem}" for position, name, problem in zip(*columns, strict=True)]


def _judged(row: Mapping[str, Any], before_each: Callable[[], object]) -> tuple[bool | None, str]:
    """Say of one file whether it is what it was, and if not, what is wrong."""
    state, noted = row["path_state"], row["sha256"]
    if row["location"] != "Local Disk":
        return None, "deleted in the application" if row["location"] == "Deleted" else "no longer on its disk"
    if state == "unreachable":
        return None, "its folder can't be reached from here"
    if state == "missing":
        return False, "there is no such file"
    if state == "size_differs":
        return False, f"{_size(row['path'])} bytes, and the application said {row['size_bytes']}"
    if noted is None:
        return None, "no checksum was taken"
    try:
        found = sum_file(row["path"], before_each)
    except OSError as exc:
        return False, f"can't be read ({exc.strerror or exc})"
    return (True, "") if found.sha256 == noted else (False, "its content is not what it was")


def _size(path: str) -> int | str:
    try:
        return Path(path).stat().st_size
    except OSError:
        return "other"


#: How a problem begins, and what such files are called in the summary.
_WORDS = {
    "its content": "changed",
    "there is no": "missing",
    "can't be read": "unreadable",
    "its folder": "out of reach",
    "no checksum": "without a checksum",
    "deleted": "deleted in the application",
    "no longer": "no longer on its disk",
}


def _summary(table: pd.DataFrame) -> str:
    """Say in one sentence how it stands."""
    if table.empty:
        return "no photo is on the application's disk, so there is nothing to verify"
    fine = int((table["ok"] == True).sum())  # noqa: E712 - <NA> is neither
    text = f"{fine} of {len(table)} files are what they were"
    counts: dict[str, int] = {}
    for problem in table["problem"][~table["ok"].fillna(False)]:
        word = next((word for begin, word in _WORDS.items() if problem.startswith(begin)), "of another size")
        counts[word] = counts.get(word, 0) + 1
    return "; ".join([text, *(f"{count} {word}" for word, count in counts.items())])
