"""File names: expressions in square brackets, characters a file system refuses, paths that must not leave their folder.

Everything here is text work; nothing looks at a disk.
"""

from __future__ import annotations

import functools
import ntpath
import os.path
import re
from collections.abc import Callable

from rigkit.sim.outcome import Refusal

__all__ = ["LETTERS", "computed_name", "inside", "joined", "renamed", "suffixed", "unique_key"]

#: Letters of a filename expression. The letters for time, milliseconds and camera group are not known.
LETTERS = {
    "N": "session name",
    "I": "session number",
    "S": "sequence number",
    "B": "batch number",
    "C": "camera name",
    "X": "camera serial number",
    "O": "the camera's own file name",
    "E": "file extension",
    "U": "unique tag",
    "Z": "last barcode",
    "D": "date",
    "A": "node name",
}

_LETTER = re.compile(r"\[([A-Z])\]")
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_HARMLESS = re.compile(r"[A-Za-z0-9]{1,8}[_-][A-Za-z0-9_-]{0,80}")  # most names; a reserved one has no dash
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)
_LONGEST = (
    120  # characters of one part of a path; file systems end at 255 bytes and one character may take four of them
)


@functools.lru_cache(maxsize=64)
def _pieces(expression: str) -> tuple[str, ...]:
    """Split an expression: plain text at even places, letters at odd ones."""
    return tuple(_LETTER.split(expression))


def computed_name(expression: str, value_of: Callable[[str], object], extension: str, *, spaces: bool = True) -> str:
    """Work out a photo's name before the check for collisions.

    Parameters
    ----------
    expression : str
        For example ``"[U]/[C]_[B]"``; a slash makes a folder. Unknown letters stay as they are.
    value_of : callable
        Gives the value of one of ``LETTERS``; a slash inside a value makes no folder.
    extension : str
        Appended with a dot.
    spaces : bool
        Whether spaces are allowed; otherwise they become underscores.

    Returns
    -------
    str
        A relative path with forward slashes that can't leave the folder it is put in.

    Examples
    --------
    >>> computed_name("SSP_[S]", {"S": 31}.get, "JPG")
    'SSP_31.JPG'
    >>> computed_name("../[U]", {"U": "a/b"}.get, "JPG")
    '_/a_b.JPG'
    """
    pieces = list(_pieces(expression))
    for n in range(1, len(pieces), 2):
        letter = pieces[n]
        pieces[n] = str(value_of(letter)).replace("/", "_").replace("\\", "_") if letter in LETTERS else f"[{letter}]"
    name = "".join(pieces)
    if not _HARMLESS.fullmatch(name):
        parts = [_safe_part(part, spaces=spaces) for part in name.split("/")]
        name = "/".join(part for part in parts if part) or "photo"
    return f"{name}.{extension}"


def _safe_part(part: str, *, spaces: bool) -> str:
    """Make one part of a path harmless on every system; empty stays empty."""
    part = _FORBIDDEN.sub("_", part)
    if not spaces:
        part = part.replace(" ", "_")
    part = part.strip(" ")
    if part and not part.strip("."):
        return "_"  # a lone dot or two are the folder itself and the one above
    part = part.rstrip(".")[:_LONGEST]
    return f"_{part}" if part.partition(".")[0].lower() in _RESERVED else part


def renamed(name: str, extension: str) -> str:
    """Check the name that a RenamePhoto asks for.

    Parameters
    ----------
    name : str
        The new name, with or without extension; slashes make folders.
    extension : str
        The photo's extension, appended if the name lacks it.

    Returns
    -------
    str
        A relative path with forward slashes.

    Raises
    ------
    Refusal
        The name is empty, or would lead out of the download folder, or holds characters a file system refuses.
    """
    stem = name[: -len(extension) - 1] if name.lower().endswith(f".{extension.lower()}") else name
    parts = stem.split("/")
    if any(not part or part != _safe_part(part, spaces=True) for part in parts) or ntpath.splitdrive(stem)[0]:
        raise Refusal(f"{name!r:.120} is no file name inside the download folder")
    return f"{stem}.{extension}"


def suffixed(name: str, suffix: str, n: int) -> str:
    """Insert the n-th collision suffix before the extension.

    Examples
    --------
    >>> suffixed("SSP_31.JPG", "_{n}", 2)
    'SSP_31_2.JPG'
    """
    stem, dot, extension = name.rpartition(".")
    return f"{stem}{suffix.replace('{n}', str(n))}{dot}{extension}"


def joined(folder: str, name: str) -> str:
    """Return the path of a relative name with forward slashes in a folder, spelt as this system does."""
    return f"{folder.rstrip(os.sep)}{os.sep}{name.replace('/', os.sep)}"


def unique_key(path: str) -> str:
    """Return what two paths share if some file system takes them for the same file."""
    return path.replace("\\", "/").casefold()


def inside(path: str, root: str) -> bool:
    """Whether an absolute, resolved path lies in ``root`` or is it."""
    path, root = os.path.normcase(os.path.normpath(path)), os.path.normcase(os.path.normpath(root))
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
