"""Compressing the journal when a session closes: ``rig-000001.jsonl`` becomes ``rig-000001.jsonl.zst``.

Written beside, brought to the disk, read back and compared, renamed, and only then is the plain file removed: a crash at any
moment leaves one whole copy at least, and reading takes one of the two. Whatever goes wrong (a full disk, an interrupt) leaves the
plain file, which is as good a journal.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from rigkit.record.journal import JournalFile, journal_files

__all__ = ["pack_journal"]

#: A journal smaller than this is left as it is, unless what compresses is imported already: importing it takes 0.3 s, and closing
#: a short session should not.
_WORTH_IMPORTING = 4 * 2**20
#: Bytes that are compressed at once.
_CHUNK = 2**20


def pack_journal(folder: Path, writer: str) -> list[Path]:
    """Compress the closed files of one writer's series. Nobody may be writing it.

    Parameters
    ----------
    folder : Path
        The ``journal`` folder.
    writer : str
        Whose series.

    Returns
    -------
    list of Path
        The compressed files that were made.
    """
    made = []
    try:
        files = [one for one in journal_files(folder) if one.writer == writer]
        for left in folder.glob(f".{writer}-*.draft"):  # by a process that died
            left.unlink()
        plain = [one for one in files if not one.packed]
        size = sum(one.path.stat().st_size for one in plain)
    except OSError:
        return []
    if not plain or ("pyarrow" not in sys.modules and size < _WORTH_IMPORTING):
        return []
    for file in plain:
        # Whatever goes wrong in libraries that are imported late, perhaps while the interpreter ends: the plain file is there.
        with contextlib.suppress(Exception):
            if file.path.stat().st_size:
                made.append(_pack(file))
    return made


def _pack(file: JournalFile) -> Path:
    """Compress one file.

    Raises
    ------
    OSError
        It did not work; the plain file is there as before.
    """
    import pyarrow as pa

    target = file.path.with_name(file.path.name + ".zst")
    draft = file.path.with_name(f".{target.name}.draft")
    if not target.exists():
        try:
            with file.path.open("rb") as plain, pa.CompressedOutputStream(str(draft), "zstd") as stream:
                while chunk := plain.read(_CHUNK):
                    stream.write(chunk)
            _sync(draft, os.O_RDWR)
            if not _same(file.path, draft):
                raise OSError(f"{draft} was not read back as it was written")
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        with contextlib.suppress(OSError):  # Windows opens no folders
            _sync(target.parent, os.O_RDONLY)
    elif not _same(file.path, target):
        raise FileExistsError(f"{target} holds something else than {file.path}: both stay")
    file.path.unlink()
    return target


def _same(plain: Path, packed: Path) -> bool:
    """Whether a compressed file holds what the plain one does."""
    import pyarrow as pa

    with plain.open("rb") as one, pa.OSFile(str(packed)) as file, pa.CompressedInputStream(file, "zstd") as other:
        while chunk := one.read(_CHUNK):
            if other.read(len(chunk)) != chunk:
                return False
        return not other.read(1)


def _sync(path: Path, flags: int) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)
