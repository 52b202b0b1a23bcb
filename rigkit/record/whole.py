"""Files that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["draft_of", "write_whole"]


def draft_of(path: Path) -> Path:
    """Say what a file is called while it is written."""
    return path.with_name(f".{path.name}.draft")


def write_whole(path: Path, data: bytes, *, sync: bool = False, private: bool = False) -> None:
    """Write a file whole, or leave what is there as it is: an interrupt, a full disk or a crash leaves no half of it.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    data : bytes
        What it holds then.
    sync : bool
        Bring it to the disk itself before it takes the place of the old one (fsync, 0.2 to 100 ms).
    private : bool
        No other user may read it.

    Raises
    ------
    OSError
        It can't be written.
    """
    draft = draft_of(path)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        with os.fdopen(os.open(draft, flags, 0o600 if private else 0o666), "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
