r"""From folders of the application's computer to folders here: paths of either syntax, on any host. Pure: looks at no disk.

What an application names is data. A name never leads out of the folder that is mapped: ``..`` in it is refused, and on Windows so
is what that would read as another path or as a device (``a\b``, ``x.jpg:y``, ``NUL``). A symbolic link inside the mapped folder is
followed, wherever it leads: no request of the External API makes one, so whoever made it could write there anyway, and photo
folders that are links to a bigger disk are common.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "Mapped",
    "checked_mapping",
    "folder_of",
    "is_absolute",
    "is_name",
    "is_windows",
    "local_path",
    "merged_mapping",
    "reach",
    "spelling",
]

_ON_WINDOWS = os.name == "nt"
_DRIVE = re.compile(r"[A-Za-z]:")
#: Names that Windows takes for devices, whatever comes behind a dot.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\..*)?", re.IGNORECASE)


class Mapped(NamedTuple):
    """Where a path of the application's computer is here.

    Attributes
    ----------
    base : str
        The folder that is mapped to.
    parts : tuple of str
        Names below it, as the application spells them.
    """

    base: str
    parts: tuple[str, ...]


def is_windows(path: str) -> bool:
    r"""Whether a path is spelt as on Windows: ``D:/x``, ``\\nas\share``, and ``//nas/share`` as programs made with Qt write it."""
    return _DRIVE.match(path) is not None or path.startswith("\\\\") or (path[:2] == "//" and path[2:3] != "/")


def spelling(name: str, *, windows: bool) -> str:
    """Return what two spellings of one name have in common: macOS takes accents apart, Windows ignores case.

    ``lower``, as NTFS compares letter by letter: casefold would take ``straße`` and ``strasse`` for one name.
    """
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    return name.lower() if windows else name


def _split(path: str) -> tuple[str, ...]:
    """Split into the root (empty: relative) and names; slashes that say nothing are dropped."""
    if path[:8].upper() in {"\\\\?\\UNC\\", "//?/UNC/"}:
        path = "\\\\" + path[8:]
    elif path[:4] in {"\\\\?\\", "//?/"}:
        path = path[4:]
    root = ""
    if is_windows(path):
        path = path.replace("\\", "/")
        drive = path[:2]  # of a share: its two slashes
        absolute = drive == "//" or path[2:3] in {"", "/"}
        root, path = (drive if absolute else f"{drive}relative"), path[2:]
    elif path.startswith("/"):
        root = "/"
    return (root, *(part for part in path.split("/") if part not in {"", "."}))


def _key(path: str) -> tuple[str, ...]:
    windows = is_windows(path)
    return tuple(spelling(part, windows=windows) for part in _split(path))


def folder_of(filename: str) -> str:
    """Return the folder part of a path of either syntax, its last separator included; empty: a name alone."""
    cut = filename.rfind("/")
    if is_windows(filename):
        cut = max(cut, filename.rfind("\\"))
    return filename[: cut + 1]


def reach(filename: str, mapping: Mapping[str, str], *, on_windows: bool = _ON_WINDOWS) -> Mapped | None:
    """Find out where a path of the application's computer is here.

    Parameters
    ----------
    filename : str
        A path in the syntax of the application's computer.
    mapping : mapping of str to str
        From folders there to folders here; of several that fit, the one with most folders in it counts, and of equal ones the last.
    on_windows : bool
        Here is Windows, where some names are no names.

    Returns
    -------
    Mapped or None
        None: no mapping reaches it, or it would lead out of the mapped folder.
    """
    if not filename:
        return None
    names, wanted = _split(filename), _key(filename)
    best, length = None, -1
    for there, here in mapping.items():
        base = _key(there)
        if length <= len(base) <= len(wanted) and wanted[: len(base)] == base:
            best, length = Mapped(here, names[len(base) :]), len(base)
    return best if best is not None and all(is_name(part, on_windows) for part in best.parts) else None


def is_name(part: str, on_windows: bool = _ON_WINDOWS) -> bool:
    """Whether joining this to a folder gives something in that folder."""
    if part in {"", ".", ".."} or "\0" in part:
        return False
    return not on_windows or not (any(one in part for one in "\\/:") or _DEVICE.fullmatch(part.rstrip(" .")))


def local_path(filename: str, mapping: Mapping[str, str]) -> Path | None:
    """Find a file of the application's computer here; see :func:`reach`.

    Returns
    -------
    Path or None
        None: no mapping reaches it.
    """
    found = reach(filename, mapping)
    return None if found is None else Path(found.base, *found.parts)


def merged_mapping(before: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Add entries to a mapping; one of the same folder, however it is spelt, is replaced."""
    keys = {_key(there) for there in new}
    return {**{there: here for there, here in before.items() if _key(there) not in keys}, **new}


def checked_mapping(photos: Any) -> dict[str, str]:
    """Return ``connect(photos=...)`` as it is kept: folders here written in full, so that it holds wherever Python runs next.

    Raises
    ------
    ValueError
        Not a mapping of folder names to folder names, or one folder twice.
    """
    if photos is None:
        return {}
    if not isinstance(photos, Mapping):
        raise ValueError(f'photos={photos!r}: give folders there and here, such as {{"D:/scans": "/mnt/rig"}}')
    checked: dict[str, str] = {}
    keys: dict[tuple[str, ...], str] = {}
    for there, given in photos.items():
        here = os.fspath(given) if isinstance(given, os.PathLike) else given
        entry = f"photos={{{there!r}: {given!r}}}"
        for side, text in (("on the application's computer", there), ("here", here)):
            if not isinstance(text, str) or not text.strip():
                what = "is empty" if isinstance(text, str) else f"is no text but {type(text).__name__}"
                raise ValueError(f"{entry}: the folder {side} {what}. Write both in full, or leave the entry out")
            if "\0" in text:
                raise ValueError(f"{entry}: the folder {side} holds a NUL character, so it can't be one")
        twin = keys.setdefault(_key(there), there)
        if twin != there:
            raise ValueError(f"{entry}: {twin!r} is the same folder. Give one of the two")
        checked[there] = str(Path(here).expanduser().absolute())
    return checked


def is_absolute(there: str) -> bool:
    """Whether a folder of the application's computer is written in full, as the application writes its own."""
    root = _split(there)[0]
    return bool(root) and not root.endswith("relative")
