"""Property values as people write them, matched to what a camera offers.

``8``, ``8.0``, ``"f/8"`` are one aperture; ``"1/125"``, ``"1/125s"`` and ``0.008`` one shutter speed. How the application
spells its ranges is not known from any public source, so the match is by meaning first and by text second, and what is sent
is always the camera's own spelling.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from rigkit.errors import UnknownName
from rigkit.wire.fields import FIELDS

__all__ = ["PROPERTIES", "match_value", "nearest_value", "property_named", "python_name", "value_number"]

#: The properties of a camera, by the API's names.
PROPERTIES = FIELDS["CameraPropertyType"].choices

#: Two spellings of one number may differ by rounding: 0.0333 s for 1/30 s is 0.1 % off. ISO 123 is not ISO 125.
_TOLERANCE = 0.003

_NUMBER = re.compile(
    r"^(?:f/?|iso)?\s*(\d+(?:\.\d+)?)(?:\s*/\s*(\d+(?:\.\d+)?))?\s*(?:s|sec|seconds|\"|ev|k)?$", re.IGNORECASE
)


def python_name(kind: str) -> str:
    """Spell a property as a keyword: ``ShutterSpeed`` -> ``shutter_speed``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


def property_named(name: str) -> str:
    """Find a property by any spelling of its name: ``iso``, ``shutter_speed``, ``ShutterSpeed``.

    Raises
    ------
    UnknownName
        There is none.
    """
    wanted = name.replace("_", "").replace(" ", "").casefold()
    wanted = {"shutter": "shutterspeed", "wb": "whitebalance", "colortemperature": "colourtemperature"}.get(
        wanted, wanted
    )
    for kind in PROPERTIES:
        if kind.casefold() == wanted:
            return kind
    raise UnknownName("property", name, [python_name(kind) for kind in PROPERTIES])


def value_number(value: Any) -> float | None:
    """Read the number out of a value as people write it; None: it is a word.

    Parameters
    ----------
    value : str, int, float or Fraction
        For example ``"f/8"``, ``"1/125"``, ``100``.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Fraction):
        return float(value) if math.isfinite(value) else None
    match = _NUMBER.match(str(value).strip())
    if match is None:
        return None
    divisor = float(match[2]) if match[2] else 1.0
    return float(match[1]) / divisor if divisor else None


def nearest_value(value: Any, choices: Sequence[str]) -> str | None:
    """Find the value of a range that is nearest in size; None: it is a word, or the range has no numbers."""
    number = value_number(value)
    if not number:
        return None
    offered = [(value_number(choice), choice) for choice in choices]
    sized = [(abs(math.log(one / number)), choice) for one, choice in offered if one]
    return min(sized)[1] if sized else None


def match_value(value: Any, choices: Sequence[str]) -> str | None:
    """Find a value in a camera's range.

    Parameters
    ----------
    value : object
        As the caller wrote it.
    choices : sequence of str
        CameraPropertyRange; empty: the camera doesn't say, so the value goes out as written.

    Returns
    -------
    str or None
        The camera's own spelling; None: it has no such value.
    """
    text = str(value).strip()
    if not choices:
        return text
    for choice in choices:
        if choice == text:
            return choice
    for choice in choices:
        if choice.casefold() == text.casefold():
            return choice
    number = value_number(value)
    if number is None:
        return None
    best, distance = None, _TOLERANCE
    for choice in choices:
        offered = value_number(choice)
        if offered is None:
            continue
        scale = max(abs(number), abs(offered))
        apart = abs(number - offered) / scale if scale else 0.0
        if apart < distance:
            best, distance = choice, apart
    return best
