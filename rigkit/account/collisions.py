"""Whether the application's file name expression gives every photo a name of its own. Pure.

Sources: the file name policy of Smart Shooter 3 and CaptureGRID (letters in square brackets, replaced when a photo is
detected); OptionsInfo (FilenameExpression, AllowSpacesInFilename).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rigkit.record.state import text_of

__all__ = ["unclear_names"]

_TOKEN = re.compile(r"\[\s*([A-Za-z])[^\[\]]*\]")
#: Letters whose meaning is public: session name and number, sequence, batch, camera name, serial, original name, extension,
#: unique tag, barcode, date, and one of the network's.
_KNOWN = frozenset("NISBCXOEUZDA")
#: What the name of a photo may hold that people type, by its token.
_TYPED = {"N": "PhotoSessionName", "U": "UniqueTag", "Z": "Barcode"}


def unclear_names(options: Mapping[str, Any], *, unique_names: bool) -> Iterator[str]:
    """Say why photos may get one name, or another than they seem to.

    Parameters
    ----------
    options : mapping
        OptionsInfo, as last heard.
    unique_names : bool
        No two cameras have the same name.

    Yields
    ------
    str
        A reason; the application avoids collisions by a suffix, and then no name says which photo it is.
    """
    expression = text_of(options.get("FilenameExpression"))
    if expression is None:
        return
    letters = {letter.upper() for letter in _TOKEN.findall(expression)}
    unknown = sorted(letters - _KNOWN)
    perhaps = f" (what {', '.join(f'[{one}]' for one in unknown)} means is not public)" if unknown else ""
    if "S" not in letters:  # one number for all photos of the rig
        if "X" not in letters and not ("C" in letters and unique_names):
            bodies = " ([O] is the body's own count, and two bodies may be at the same)" if "O" in letters else ""
            yield f"nothing in it differs for certain between cameras: [C], [X] or [S]{bodies}{perhaps}"
        if not letters & {"B", "O"}:
            take = " ([U] is pose and repetition, and a retake has the same)" if "U" in letters else ""
            yield f"nothing in it differs between shots: [B] or [S]{take}{perhaps}"
    if options.get("AllowSpacesInFilename") is False:
        spaced = [name for letter, name in _TYPED.items() if letter in letters and " " in str(options.get(name, ""))]
        if spaced or " " in expression:
            what = " and ".join(spaced) or "the expression"
            yield f"{what} has spaces, which AllowSpacesInFilename does not allow: what becomes of them is not known"
