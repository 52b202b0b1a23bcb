"""Compressing the journal when a session closes: ``rig-000001.jsonl`` becomes ``rig-000001.jsonl.zst``.

Written beside, brought to the disk, read back and compared, renamed, and only then is the plain file removed: a crash at any
moment leaves one whole copy at least, and reading takes one of the two. Whatever goes wrong (a full disk, an interrupt) leaves the
plain file, which is as good a journal.

A message that was written unparsed and is no JSON (see :mod:`rigkit.record.lines`) is coded on its way here, with the stamps and
the number that it has: jq, polars and whatever else reads lines of JSON read each line of a packed file, unless it was damaged.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from xxhash import xxh3_128

from rigkit.record.journal import JournalFile, journal_files
from rigkit.record.lines import as_json

__all__ = ["pack_journal"]

#: A journal smaller than this is left as it is, unless what compresses is imported already: importing it takes 0.3 s, and closing
#: a short session should not.
_WORTH_IMPORTING = 4 * 2**20
#: So many bytes are compressed at once, and what is left of the last line.
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
    total = xxh3_128()
    if not target.exists():
        try:
            with pa.CompressedOutputStream(str(draft), "zstd") as stream:
                for chunk in _chunks(file.path):
                    stream.write(chunk)
                    total.update(chunk)
            _sync(draft, os.O_RDWR)
            if not _holds(draft, total.digest()):
                raise OSError(f"{draft} was not read back as it was written")
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        with contextlib.suppress(OSError):  # Windows opens no folders
            _sync(target.parent, os.O_RDONLY)
    else:
        for chunk in _chunks(file.path):
            total.update(chunk)
        if not _holds(target, total.digest()):
            raise FileExistsError(f"{target} holds something else than {file.path}: both stay")
    file.path.unlink()
    return target


def _chunks(plain: Path) -> Iterator[bytes]:
    """Read a plain file as it is to be packed: whole lines of JSON, which are looked through once (5 us each, of 10 in all)."""
    with plain.open("rb") as file:
        while chunk := file.read(_CHUNK) + file.readline():
            yield as_json(chunk)


def _holds(packed: Path, total: bytes) -> bool:
    """Whether what a compressed file holds has this sum (XXH3, 128 bit)."""
    import pyarrow as pa

    found = xxh3_128()
    with pa.OSFile(str(packed)) as file, pa.CompressedInputStream(file, "zstd") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.digest() == total


def _sync(path: Path, flags: int) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)
