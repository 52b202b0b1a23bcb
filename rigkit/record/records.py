"""What is known of one camera and of one photo, merged from all that was said about it.

News comes in two ways and means the same in both: as a mapping of any fields, which is merged at once, or as a
:class:`~rigkit.wire.shapes.Shape`, which is kept as it is until something else is said. The next news of the same shape
replaces it as a whole, so a photo's four events cost four assignments and not four times thirty.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar

import msgspec

from rigkit.wire.fields import CAMERA_SELECTION, ENVELOPE, PHOTO_SELECTION
from rigkit.wire.shapes import Shape, properties_in

__all__ = ["CameraRecord", "Merged", "PhotoRecord", "flag_of", "number_of", "text_of", "whole_of"]

#: A whole number spelt as text, ASCII digits only: "²" is a digit to Python, and no number.
_WHOLE = re.compile(r"\s*-?[0-9]{1,18}\s*")
#: So many different lists of properties of one camera are kept undecoded at most.
_MOST_PENDING = 16
_NOTHING = object()


def text_of(value: Any) -> str | None:
    """Return a text as it is, anything else as None."""
    return value if isinstance(value, str) else None


def whole_of(value: Any) -> int | None:
    """Return a whole number, also one spelt as text; anything else, or beyond 64 bits, as None."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    return None


def number_of(value: Any) -> float | None:
    """Return a number as float, anything else as None."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def flag_of(value: Any) -> bool | None:
    """Return true or false as they are, anything else as None."""
    return value if isinstance(value, bool) else None


@functools.lru_cache(maxsize=512)
def _kept(shape: type[Shape], left_out: frozenset[str]) -> tuple[tuple[str, ...], Callable[[Shape], Any]]:
    """Names of a shape's fields that go into a record, and how to get all their values at once."""
    names = tuple(name for name in shape.__struct_fields__ if name not in left_out)
    # attrgetter of one name returns the value itself, of two a tuple: repeat the first, zip drops what is too much.
    return names, attrgetter(*(names or ("msg_id",)), "msg_id")


@functools.lru_cache(maxsize=4096)
def _covers(shape: type[Shape], before: type[Shape]) -> bool:
    """Whether a shape has every field of another, so that nothing of the other is left once it was said."""
    return set(before.__struct_fields__) <= set(shape.__struct_fields__)


class Merged(msgspec.Struct, gc=False):
    """What was said of one thing, merged: the newest word on each field.

    Attributes
    ----------
    key : str
        Its key.
    said : Shape or None
        The newest news, where that had a known shape.
    older : dict or None
        What was said before that; a field that ``said`` has too is out of date here.
    """

    #: Fields that are no part of it: the envelope, and how it was named.
    left_out: ClassVar[frozenset[str]] = frozenset(ENVELOPE)

    key: str
    said: Shape | None = None
    older: dict[str, Any] | None = None

    def get(self, name: str) -> Any:
        """Return the newest word on one field; None: nothing was ever said."""
        if self.said is not None:
            value = getattr(self.said, name, _NOTHING)
            if value is not _NOTHING:
                return value
        return None if self.older is None else self.older.get(name)

    @property
    def info(self) -> dict[str, Any]:
        """All fields by name; not to be written to."""
        older, said = self.older or {}, self.said
        if said is None:
            return older
        names, values = _kept(type(said), self.left_out)
        return {**older, **dict(zip(names, values(said), strict=False))}

    def hear(self, said: Shape) -> None:
        """Take in news of a known shape."""
        before = self.said
        if before is not None and type(before) is not type(said) and not _covers(type(said), type(before)):
            self.older = self.info
        self.said = said

    def merge(self, info: Mapping[str, Any]) -> None:
        """Take in news of any fields."""
        self.older = {**self.info, **{name: value for name, value in info.items() if name not in self.left_out}}
        self.said = None


class CameraRecord(Merged, gc=False):
    """One camera (CameraUpdated is partial)."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        (*ENVELOPE, *CAMERA_SELECTION[:3], "CameraPropertyInfo", "CameraLiveviewImage", "rk_left_out")
    )

    last_wall_ns: int = 0
    #: Lists of properties that nobody has asked for yet, oldest first, and the newest whether asked for or not.
    pending: list[msgspec.Raw] = []
    newest: msgspec.Raw | None = None
    known: dict[str, dict[str, Any]] = {}

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        """Its properties by CameraPropertyType, each merged."""
        while self.pending:
            self._merge_properties(properties_in(self.pending[0]))
            del self.pending[0]
        return self.known

    def hear_properties(self, said: msgspec.Raw) -> None:
        """Take in a list of properties without decoding it; most say what the one before said."""
        if said != self.newest:
            self.newest = said
            self.pending.append(said)
            if len(self.pending) > _MOST_PENDING:
                _ = self.properties

    def merge_properties(self, properties: list[Any]) -> None:
        """Take in a list of properties, decoded."""
        _ = self.properties  # what was said before comes first
        self.newest = None
        self._merge_properties(properties)

    def _merge_properties(self, properties: list[Any]) -> None:
        for one in properties:
            kind = one.get("CameraPropertyType") if isinstance(one, dict) else None
            if isinstance(kind, str):
                self.known.setdefault(kind, {}).update(one)

    @property
    def status(self) -> str:
        """CameraStatus; empty: never said."""
        return text_of(self.get("CameraStatus")) or ""

    @property
    def name(self) -> str:
        """CameraName; empty: never said."""
        return text_of(self.get("CameraName")) or ""

    @property
    def group(self) -> str:
        """CameraGroup; empty: none."""
        return text_of(self.get("CameraGroup")) or ""

    def count(self, name: str) -> int | None:
        """Return one of its counters; None: never said."""
        return whole_of(self.get(name))

    def setting(self, kind: str) -> str | None:
        """Return the value of a property (CameraPropertyValue); None: never said."""
        return text_of(self.properties.get(kind, {}).get("CameraPropertyValue"))

    def choices(self, kind: str) -> list[str]:
        """List the values that a property can have (CameraPropertyRange); empty: never said."""
        told = self.properties.get(kind, {}).get("CameraPropertyRange")
        return [one for one in told if isinstance(one, str)] if isinstance(told, list) else []

    def writeable(self, kind: str) -> bool | None:
        """Whether a property can be set from here (CameraPropertyIsWriteable), not by hand alone; None: never said."""
        return flag_of(self.properties.get(kind, {}).get("CameraPropertyIsWriteable"))


class PhotoRecord(Merged, gc=False):
    """One photo."""

    left_out: ClassVar[frozenset[str]] = frozenset((*ENVELOPE, *PHOTO_SELECTION))

    #: Its place among all photos, in the order first heard of.
    number: int = 0
    first_wall_ns: int = 0
    first_mono_ns: int = 0
    disk_mono_ns: int | None = None
    #: The application held it already when this sitting began.
    before: bool = False
    #: DownloadPath when the file was written.
    folder: str = ""
    #: SHA-256 of its file, hex, and the size of what was read; empty: not taken.
    sha256: str = ""
    summed_bytes: int = -1
    #: PhotoDateCaptured as it was told last before the file was on disk; empty: not told.
    captured_before: str = ""
    #: Its file's DateTimeOriginal, how many digits of sub-seconds it has, and the size of what was read; None: not read.
    exif: tuple[datetime | None, int | None, int] | None = None

    @property
    def filename(self) -> str | None:
        """PhotoFilename; before 5.3 there was none, and the file is where the options and its name say; None: not known."""
        said = text_of(self.get("PhotoFilename"))
        if said or not self.folder:
            return said
        name = text_of(self.get("PhotoName")) or text_of(self.get("PhotoComputedName"))
        if not name:
            return said
        separator = "\\" if "\\" in self.folder and "/" not in self.folder else "/"
        return f"{self.folder.rstrip(separator)}{separator}{name}"

    @property
    def location(self) -> str:
        """PhotoLocation; empty: never said."""
        return text_of(self.get("PhotoLocation")) or ""
