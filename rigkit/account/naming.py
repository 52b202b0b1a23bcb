"""The name that a photo taken once more should have: that of its shot, not that of the moment. Pure text work.

A reshot photo is named by the application from the numbers and tags as they are then: the camera's batch number may have
slipped behind the others', the unique tag may be the next subject's. What belongs to the shot is taken over from a photo of
another camera of the same shot; what belongs to the photo (camera, sequence number) stays its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["name_like"]

_LETTER = re.compile(r"\[([A-Z])\]")
#: Letters of a filename expression whose value a photo tells itself. Source: PhotoInfo; the letters are documented for the
#: option FilenameExpression. Those for unique tag (U), date (D), node (A) are read off the name.
_TOLD = {
    "N": "PhotoSessionName",
    "I": "PhotoSessionNum",
    "S": "PhotoSequenceNum",
    "B": "PhotoBatchNum",
    "Z": "PhotoBarcode",
}
#: Letters that say which shot it is, as opposed to which photo.
_OF_THE_SHOT = frozenset("NIBZUD")


def name_like(
    expression: Any, photo: Mapping[str, Any], other: Mapping[str, Any], names: tuple[str, str]
) -> str | None:
    """Name a photo as it would have been named together with another one.

    Parameters
    ----------
    expression : str
        The option FilenameExpression.
    photo, other : Mapping
        PhotoInfo of the photo, and of one that was taken when it should have been.
    names : tuple of str
        CameraName of the photo's camera and of the other's.

    Returns
    -------
    str or None
        A PhotoComputedName, extension included; None: the names were not made by this expression, so nothing is known.

    Examples
    --------
    >>> late = {"PhotoComputedName": "P018_A02_6.JPG", "PhotoBatchNum": 6}
    >>> name_like("[U]_[C]_[B]", late, {"PhotoComputedName": "P017_A01_7.JPG", "PhotoBatchNum": 7}, ("A02", "A01"))
    'P017_A02_7.JPG'
    """
    if not isinstance(expression, str):
        return None
    own, theirs = _read(expression, photo, names[0]), _read(expression, other, names[1])
    if own is None or theirs is None:
        return None
    pieces = _LETTER.split(expression)
    for at in range(1, len(pieces), 2):
        pieces[at] = (theirs if pieces[at] in _OF_THE_SHOT else own)[at]
    return "".join(pieces) + own[-1]


def _read(expression: str, photo: Mapping[str, Any], camera: str) -> dict[int, str] | None:
    """Read off a photo's name what stands for each letter, by its place in the expression; -1: the extension."""
    name = photo.get("PhotoComputedName")
    if not isinstance(name, str):
        return None
    pieces = _LETTER.split(expression)
    pattern = ""
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            pattern += re.escape(piece)
            continue
        value = camera if piece == "C" else photo.get(_TOLD.get(piece, ""))
        # Numbers may be filled up with zeros; what is not told may be anything.
        known = (
            rf"0*{value}" if isinstance(value, int) else re.escape(value) if isinstance(value, str) and value else ".*?"
        )
        pattern += f"(?P<p{at}>{known})"
    match = re.fullmatch(pattern + r"(?P<extension>\.[A-Za-z0-9]{1,5})?", name)
    if match is None:
        return None
    read = {at: match[f"p{at}"] for at in range(1, len(pieces), 2)}
    read[-1] = match["extension"] or ""
    return read
