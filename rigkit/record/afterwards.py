"""What is added to a session after it was closed: verdicts, corrected labels. The record is only ever appended to.

Such notes have a series of files of their own, ``afterwards-000001.jsonl``. They come behind all that the rig has written, or, once
the session goes on, where the rig noted that it had read them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from rigkit.errors import SessionError
from rigkit.record.folder import FolderLock, is_owned
from rigkit.record.journal import journal_files
from rigkit.record.lines import Entry, read_numbered, write_line
from rigkit.record.reading import AFTERWARDS, read_journal

__all__ = ["append_note"]

#: The last line of a file is looked for in so many bytes of its end; a note is a few hundred, and the longest 20 000 characters.
_END = 2**18


def append_note(folder: Path, kind: str, fields: Mapping[str, Any]) -> Entry:
    """Append a note to a session that nobody writes.

    Parameters
    ----------
    folder : Path
        The session folder.
    kind : str
        Of the note.
    fields : mapping
        What it says.

    Returns
    -------
    Entry
        As it stands in the journal now.

    Raises
    ------
    SessionError
        Another rigkit writes this session right now, or it can't be written.
    """
    raw = msgspec.json.encode({"note": kind, **fields})
    entry = Entry("note", time.monotonic_ns(), time.time_ns(), raw)
    try:
        lock = FolderLock(folder)
    except SessionError:
        problem = "is written by another rigkit right now" if is_owned(folder) else "can't be written"
        raise SessionError(folder, f"{problem}, so nothing was noted") from None
    try:
        path, number = _last(folder)
        with path.open("ab") as file:
            file.write(write_line(entry, number))
    except OSError as exc:
        raise SessionError(folder, f"can't be written ({exc.strerror or exc}), so nothing was noted") from None
    finally:
        lock.release()
    return entry


def _last(folder: Path) -> tuple[Path, int]:
    """Return the file to append to, and the number of the next line: a new file behind one that is torn or compressed."""
    files = [one for one in journal_files(folder / "journal") if one.writer == AFTERWARDS]
    if files and not files[-1].packed:
        lines = _end_of(files[-1].path).split(b"\n")
        last = read_numbered(lines[-2]) if len(lines) > 1 and not lines[-1] else None
        if last is not None:
            return files[-1].path, last[0] + 1
    number = read_journal(folder).next_number.get(AFTERWARDS, 0) if files else 0
    return folder / "journal" / f"{AFTERWARDS}-{files[-1].number + 1 if files else 1:06d}.jsonl", number


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _END))
        return file.read()
