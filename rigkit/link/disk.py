"""The disk under a server: where its model's file work is done, and nowhere outside the allowed folders."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

__all__ = ["LocalDisk", "Work"]


#: What Linux, macOS and Windows take as one name, bytes.
_LONGEST_NAME = 255


class Work(Protocol):
    """One piece of work on a file, as a model hands it out."""

    @property
    def action(self) -> str:
        """``write``, ``append``, ``move`` or ``delete``."""

    @property
    def path(self) -> str:
        """The file."""

    @property
    def content(self) -> bytes:
        """What to write or append."""

    @property
    def to(self) -> str:
        """Where a file moves to."""


class LocalDisk:
    """Files below some folders of this computer.

    Parameters
    ----------
    roots : iterable of str
        Nothing outside these is written, moved or deleted, whatever a model or a link on the disk says.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        self.roots = tuple(os.path.realpath(root) for root in roots)

    def exists(self, path: str) -> bool:
        """Whether a file is there already."""
        return os.path.lexists(path)

    def resolve(self, path: str) -> str:
        """Return the absolute path with all links followed."""
        return os.path.realpath(path)

    def writable(self, path: str) -> bool:
        """Whether a file of that path can be written: inside the roots, below folders, with names the system takes."""
        try:
            folder = self._allowed(path).parent
            if any(len(os.fsencode(part)) > _LONGEST_NAME for part in (*folder.parts, Path(path).name)):
                return False
            while not folder.exists() and folder != folder.parent:
                folder = folder.parent
            return folder.is_dir() and os.access(folder, os.W_OK)
        except (OSError, ValueError):
            return False

    def do(self, work: Work) -> None:
        """Do one piece of work.

        Raises
        ------
        OSError
            The system refuses, or the path leads out of the allowed folders.
        """
        path = self._allowed(work.path)
        if work.action == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            # A reader never sees half a photo: it appears under its name when it is whole.
            part = path.with_name(f".{path.name}.part")
            try:
                part.write_bytes(work.content)
                part.replace(path)
            except OSError:
                with contextlib.suppress(OSError):
                    part.unlink()
                raise
        elif work.action == "append":
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(work.content)
        elif work.action == "move":
            to = self._allowed(work.to)
            to.parent.mkdir(parents=True, exist_ok=True)
            path.replace(to)
        elif work.action == "delete":
            path.unlink(missing_ok=True)
        else:
            raise ValueError(f"no such work on a file: {work.action!r}")

    def _allowed(self, path: str) -> Path:
        """Return the path with its folder resolved, so that a link can't lead out of the roots."""
        folder, name = os.path.split(path)
        folder = os.path.realpath(folder)
        if not name or not any(
            folder == root or folder.startswith(root.rstrip(os.sep) + os.sep) for root in self.roots
        ):
            raise PermissionError(f"{path} is outside the folders that may be written: {', '.join(self.roots)}")
        return Path(folder, name)
