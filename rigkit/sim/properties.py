"""Properties of cameras: values and ranges as texts, as an application offers them.

No real sample of a CameraPropertyInfo is public; spellings follow what people write ("8", "1/125", "100").
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from rigkit.wire import FIELDS, VERSIONS

__all__ = ["MODELS", "Model", "Property", "exposure_of", "properties_of", "quality_of"]

_APERTURES = tuple(
    f"{n:g}" for n in (1.8, 2, 2.2, 2.5, 2.8, 3.2, 3.5, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9, 10, 11, 13, 14, 16)
)
_SHUTTER_SPEEDS = (
    *(
        f"1/{n}"
        for n in (8000, 6400, 5000, 4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500, 400, 320, 250, 200)
    ),
    *(f"1/{n}" for n in (160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13, 10, 8, 6, 5, 4, 3, 2.5, 2, 1.6, 1.3)),
    *(f"{n:g}" for n in (1, 1.3, 1.6, 2, 2.5, 3, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30)),
    "Bulb",
)
_ISOS = tuple(str(n) for n in (100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1250, 1600, 2000, 2500, 3200))
_COMPENSATIONS = tuple("0" if not n else f"{n / 3:+.1f}" for n in range(-9, 10))
_JPEGS = ("JPEG Basic", "JPEG Normal", "JPEG Fine")
_QUALITIES = (*_JPEGS, "RAW", *(f"RAW + {jpeg}" for jpeg in _JPEGS))
_WHITE_BALANCES = (
    *("Auto", "Daylight", "Cloudy", "Shade", "Incandescent", "Fluorescent", "Flash"),
    "Colour temperature",
)
_TEMPERATURES = tuple(str(kelvin) for kelvin in range(2500, 10001, 100))

#: Every property of a body: its value at first, its range, whether it can be set. ProgramMode sits on a dial.
_COMMON: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("Aperture", "8", _APERTURES, True),
    ("ShutterSpeed", "1/125", _SHUTTER_SPEEDS, True),
    ("ISO", "100", _ISOS, True),
    ("Exposure", "0", _COMPENSATIONS, True),
    ("Quality", "JPEG Fine", _QUALITIES, True),
    ("ProgramMode", "M", ("P", "S", "A", "M"), False),
    ("MeteringMode", "Matrix", ("Matrix", "Centre-weighted", "Spot", "Highlight-weighted"), True),
    ("FocusMode", "MF", ("AF Single", "AF Continuous", "AF Auto", "MF"), True),
    ("DriveMode", "Single", ("Single", "Continuous Low", "Continuous High", "Quiet", "Self timer", "Mirror up"), True),
    ("WhiteBalance", "Daylight", _WHITE_BALANCES, True),
    ("ColourTemperature", "5500", _TEMPERATURES, True),
    ("Storage", "Disk", ("Disk", "Card", "Both"), True),
    ("MirrorLockup", "Off", ("Off", "On"), True),
    ("ControlMode", "Both", ("Camera", "App", "Both"), True),
)


class Model(NamedTuple):
    """A camera model.

    Attributes
    ----------
    make : str
        ``CameraMake``.
    sensor : tuple of int
        Pixels, width and height, as live view reports them.
    iso : tuple of str
        Its ISO range.
    raw : str
        Extension of its raw files.
    """

    make: str
    sensor: tuple[int, int]
    iso: tuple[str, ...]
    raw: str = "NEF"


#: The models known, by ``CameraModel``. Two ISO ranges, so that a mixed rig has values that only some can take.
MODELS = {
    "D850": Model("Nikon Corporation", (8256, 5504), ("64", "80", *_ISOS, "6400", "12800", "25600")),
    "D780": Model("Nikon Corporation", (6048, 4024), (*_ISOS, "6400", "12800", "25600", "51200")),
}


class Property:
    """One property of one camera.

    Parameters
    ----------
    kind : str
        ``CameraPropertyType``.
    value : str
        ``CameraPropertyValue``.
    choices : tuple of str
        ``CameraPropertyRange``, in the order in which IncrementProperty steps through it.
    writeable : bool
        ``CameraPropertyIsWriteable``.

    Attributes
    ----------
    stubborn : bool
        Setting it is accepted and has no effect: what a body in the wrong menu does.
    """

    __slots__ = ("choices", "kind", "stubborn", "value", "writeable")

    def __init__(self, kind: str, value: str, choices: tuple[str, ...], writeable: bool) -> None:
        self.kind = kind
        self.value = value
        self.choices = choices
        self.writeable = writeable
        self.stubborn = False

    def info(self) -> dict[str, Any]:
        """Return a member of CameraPropertyInfo."""
        return {
            "CameraPropertyType": self.kind,
            "CameraPropertyValue": self.value,
            "CameraPropertyIsWriteable": self.writeable,
            "CameraPropertyRange": self.choices,
        }

    def stepped(self, step: int) -> str:
        """Return the value ``step`` places further along the range; stops at its ends."""
        if self.value not in self.choices:
            return self.value
        at = self.choices.index(self.value) + step
        return self.choices[max(0, min(len(self.choices) - 1, at))]


def properties_of(model: str, storage: str, version: str = VERSIONS[-1]) -> dict[str, Property]:
    """Make the properties of a new camera.

    Parameters
    ----------
    model : str
        One of ``MODELS``.
    storage : str
        Value of the Storage property.
    version : str
        The specification, one of ``VERSIONS``, that knows them; an application of its time lists no others.
    """
    known = FIELDS["CameraPropertyType"].words_in(version)
    made = {
        kind: Property(kind, value, choices, writeable) for kind, value, choices, writeable in _COMMON if kind in known
    }
    made["ISO"].choices = MODELS[model].iso
    made["Storage"].value = storage
    return made


@functools.lru_cache(maxsize=128)
def exposure_of(shutter_speed: str) -> tuple[int, int]:
    """Read a ShutterSpeed value as a fraction of seconds.

    Parameters
    ----------
    shutter_speed : str
        For example ``"1/125"``, ``"2.5"``, ``"1/1.6"``. ``"Bulb"`` counts as 1 s: an exposure without a timer has to end.

    Returns
    -------
    tuple of int
        Numerator and denominator.

    Examples
    --------
    >>> exposure_of("1/125"), exposure_of("2.5"), exposure_of("1/1.6")
    ((1, 125), (25, 10), (10, 16))
    """
    if shutter_speed == "Bulb":
        return 1, 1
    top, _, bottom = shutter_speed.partition("/")
    if not bottom:
        return (round(float(top) * 10), 10) if "." in top else (int(top), 1)
    return (10, round(float(bottom) * 10)) if "." in bottom else (int(top), int(bottom))


def quality_of(quality: str) -> tuple[bool, bool]:
    """Say which files a Quality gives.

    Returns
    -------
    tuple of bool
        Whether there is a raw file and whether there is a JPEG.
    """
    return "RAW" in quality, "JPEG" in quality
