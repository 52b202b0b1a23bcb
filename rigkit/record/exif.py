"""What a camera wrote into its files: when by its own clock, to the digits it gave, and how it was set. Headers only.

EXIF of JPEG, of raw files that are TIFF at heart (CR2, NEF, ARW, DNG, PEF, ORF), of RAF, CR3 and HEIF; a file costs one read of 16 kB,
rarely some more, at most 256 kB. Nothing is ever raised for what a file holds: what can't be read is None, and why is said.

Checked against files of rigkit's simulator, of Pillow (JPEG, TIFF, AVIF) and made by hand from the formats' descriptions (RAF, CR3);
files of real bodies were not available.
"""

from __future__ import annotations

import functools
import os
import re
import struct
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rigkit.record.columns import SCHEMA_VERSION, Column, Table, array_of
from rigkit.record.imageheads import TIFF_MARKS, Head, NoExifError, locate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EXIF", "ExifStamp", "exif_note", "read_exif", "read_many"]


class ExifStamp(NamedTuple):
    """What one file says; None: it does not say, or nothing that makes sense. Source: EXIF 2.32 (CIPA DC-008).

    Attributes
    ----------
    t_exif : datetime or None
        DateTimeOriginal with SubSecTimeOriginal: the camera's own clock, local time, no zone. Cut to microseconds.
    subsec_digits : int or None
        Digits of SubSecTimeOriginal, 1 to 9. They bound the resolution and are not the true step. None: whole seconds only.
    offset_min : int or None
        OffsetTimeOriginal, minutes east of UTC, as the camera says; few say it. It is not applied to ``t_exif``.
    iso : int or None
        PhotographicSensitivity; where that has its largest value or is not there, the index or speed that stands for it.
    f_number, focal_mm : float or None
        FNumber, FocalLength (mm). None also for 0, which a lens without contacts gives.
    exposure_s, exposure_bias_ev : float or None
        ExposureTime (s), ExposureBiasValue (EV).
    white_balance : str or None
        ``auto`` or ``manual``.
    flash_fired : bool or None
        The lowest bit of Flash.
    make, model, serial, lens : str or None
        Make, Model, BodySerialNumber, LensModel.
    orientation : int or None
        Orientation, 1 (upright) to 8.
    width_px, height_px : int or None
        PixelXDimension and PixelYDimension, else the size in a JPEG's own header where it came along. None for most raw files.
    reason : str
        Why there is no ``t_exif``; empty if there is one.
    """

    t_exif: datetime | None = None
    subsec_digits: int | None = None
    offset_min: int | None = None
    iso: int | None = None
    f_number: float | None = None
    exposure_s: float | None = None
    exposure_bias_ev: float | None = None
    white_balance: str | None = None
    flash_fired: bool | None = None
    focal_mm: float | None = None
    make: str | None = None
    model: str | None = None
    serial: str | None = None
    lens: str | None = None
    orientation: int | None = None
    width_px: int | None = None
    height_px: int | None = None
    reason: str = ""


#: The table of :func:`read_many`, in the order of :class:`ExifStamp`.
EXIF = Table(
    "what the cameras wrote into the files, one row per file",
    (Column("path", "text", "the file; or the index that was given"),),
    (
        Column("t_exif", "local", "DateTimeOriginal with its sub-seconds: the camera's own clock, no zone; to the microsecond"),
        Column("subsec_digits", "whole", "digits of SubSecTimeOriginal; <NA>: whole seconds only"),
        Column("offset_min", "whole", "OffsetTimeOriginal, minutes east of UTC; not applied to t_exif"),
        Column("iso", "whole", "PhotographicSensitivity"),
        Column("f_number", "number", "FNumber"),
        Column("exposure_s", "number", "ExposureTime, s"),
        Column("exposure_bias_ev", "number", "ExposureBiasValue, EV"),
        Column("white_balance", "word", "WhiteBalance", ("auto", "manual")),
        Column("flash_fired", "flag", "Flash, its lowest bit"),
        Column("focal_mm", "number", "FocalLength, mm"),
        Column("make", "text", "Make"),
        Column("model", "text", "Model"),
        Column("serial", "text", "BodySerialNumber"),
        Column("lens", "text", "LensModel"),
        Column("orientation", "whole", "Orientation, 1 to 8"),
        Column("width_px", "whole", "PixelXDimension, else by the JPEG's header"),
        Column("height_px", "whole", "PixelYDimension, else by the JPEG's header"),
        Column("reason", "text", "why there is no t_exif; empty: there is one"),
    ),
)  # fmt: skip

_EXIF_DIRECTORY = 0x8769
_MAKE, _MODEL, _ORIENTATION = 0x010F, 0x0110, 0x0112
_EXPOSURE, _F_NUMBER, _BIAS, _FLASH, _FOCAL, _WHITE_BALANCE = 0x829A, 0x829D, 0x9204, 0x9209, 0x920A, 0xA403
_ISO, _ISO_OUTPUT, _ISO_INDEX, _ISO_SPEED = 0x8827, 0x8831, 0x8832, 0x8833
_ORIGINAL, _OFFSET, _SUBSEC = 0x9003, 0x9011, 0x9291
_WIDTH, _HEIGHT, _SERIAL, _LENS = 0xA002, 0xA003, 0xA431, 0xA434
#: The tags wanted, by what they hold.
_TEXTS = frozenset({_MAKE, _MODEL, _ORIGINAL, _OFFSET, _SUBSEC, _SERIAL, _LENS})
_RATIOS = {_EXPOSURE: 5, _F_NUMBER: 5, _FOCAL: 5, _BIAS: 10}  # with the type of the field: without a sign, or with one
_WHOLES = frozenset(
    {_EXIF_DIRECTORY, _ORIENTATION, _FLASH, _WHITE_BALANCE, _ISO, _ISO_OUTPUT, _ISO_INDEX, _ISO_SPEED, _WIDTH, _HEIGHT}
)
_WANTED = _TEXTS | _WHOLES | frozenset(_RATIOS)

#: A directory has some 50 entries; of one that claims more, so many are looked at.
_MOST_ENTRIES = 512
#: Bytes of a text that are looked at: a lens name has some 60.
_LONGEST = 256
#: PhotographicSensitivity has 16 bits: this value means at least this much, and another tag tells (EXIF 2.32, annex G).
_ISO_FULL = 65_535

_TEXT_TYPES = frozenset({1, 2, 7, 129})  # bytes, ASCII, undefined, and UTF-8 of EXIF 3.0: some writers mix them up
_SHORT, _LONGS = 3, frozenset({4, 13})  # 13: a LONG that is an offset


class _Order(NamedTuple):
    """How a byte order reads."""

    name: Literal["little", "big"]
    entry: struct.Struct
    ratios: dict[int, struct.Struct]
    #: By how much a SHORT is to be shifted in the four bytes of its entry.
    shift: int


_ORDERS = {
    "<": _Order("little", struct.Struct("<HHII"), {5: struct.Struct("<II"), 10: struct.Struct("<ii")}, 0),
    ">": _Order("big", struct.Struct(">HHII"), {5: struct.Struct(">II"), 10: struct.Struct(">ii")}, 16),
}

_DATE = re.compile(r"\d{4}[:-]\d\d[:-]\d\d[ T]\d\d:\d\d:\d\d", re.ASCII)
#: Nothing writes finer than nanoseconds; more digits are no time.
_MOST_DIGITS = 9
_ZONE = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)
#: The farthest zones are 14 h east and 12 h west of UTC.
_FARTHEST_MIN = 14 * 60

# Binary: Windows would read text otherwise. Non-blocking: a named pipe in the photo folder must not hang its reader.
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class _Found(NamedTuple):
    """The tags wanted that are there, by what they hold; texts are not empty."""

    texts: dict[int, str]
    wholes: dict[int, int]
    ratios: dict[int, float]


def read_exif(path: str | os.PathLike[str]) -> ExifStamp:
    """Read what the camera wrote into a file.

    Parameters
    ----------
    path : str or path-like
        The file; of any content.

    Returns
    -------
    ExifStamp
        Without ``t_exif`` its ``reason`` says why, also when there is no such file.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:  # ValueError: a NUL, or what the file system can't spell
        return ExifStamp(reason=_cant(error))
    try:
        return _read(Head(descriptor))
    except NoExifError as why:
        return ExifStamp(reason=str(why))
    except OSError as error:
        return ExifStamp(reason=_cant(error))
    finally:
        os.close(descriptor)


def exif_note(stamp: ExifStamp) -> dict[str, Any]:
    """Give what the record keeps of it: the fields of notes ``checksum`` and ``exif`` that tell when a photo was taken.

    Settings and the body are in the application's own words; they need not be noted twice.
    """
    taken = None if stamp.t_exif is None else stamp.t_exif.isoformat()
    return {"t_exif": taken, "subsec_digits": stamp.subsec_digits}


def read_many(paths: Iterable[Any], index: Sequence[Any] | pd.Index | None = None) -> pd.DataFrame:
    """Read what the cameras wrote into many files.

    Parameters
    ----------
    paths : iterable of str or path-like
        The files, for example ``session.photos["path"]``; what is no path (``<NA>``) gives a row that says so.
    index : sequence or pandas.Index, optional
        Of the rows, such as ``session.photos.index``. None: the paths.

    Returns
    -------
    pandas.DataFrame
        One row per path, in order; the columns of :data:`EXIF`, which are the fields of :class:`ExifStamp`. ``t_exif`` is
        ``datetime64[us]``.

    Raises
    ------
    ValueError
        The index has another length than the paths.
    """
    import pandas as pd

    paths = list(paths)
    if index is not None and len(index) != len(paths):
        raise ValueError(f"{len(paths)} paths, but an index of {len(index)}: give one name per path")
    stamps = [read_exif(one) if _is_path(one) else _NO_PATH for one in paths]
    values = zip(*stamps, strict=True) if stamps else ((),) * len(EXIF.columns)
    columns: dict[str, Any] = {}
    for column, given in zip(EXIF.columns, values, strict=True):
        if column.name == "t_exif":  # finer than the tables' other local times: six digits are written by some
            columns[column.name] = pd.DatetimeIndex(list(given), dtype="datetime64[us]")
        else:
            columns[column.name] = array_of(column, list(given))
    if index is None:
        names = [os.fspath(one) if _is_path(one) else None for one in paths]
        index = pd.Index(array_of(EXIF.keys[0], names), name=EXIF.keys[0].name)
    table = pd.DataFrame(columns, index=pd.Index(index), copy=False)
    table.attrs["schema"] = f"rigkit.exif/{SCHEMA_VERSION}"
    return table


def _is_path(one: Any) -> bool:
    return isinstance(one, str) or hasattr(
        one, "__fspath__"
    )  # a third of the time of asking whether it is an os.PathLike


_NO_PATH = ExifStamp(reason="no path: the file is not reachable from here")


def _cant(error: OSError | ValueError) -> str:
    return f"can't be read: {(isinstance(error, OSError) and error.strerror) or error}"


def _read(head: Head) -> ExifStamp:
    """Read a file of which the head is known."""
    located = locate(head)
    found = _Found({}, {}, {})
    for block in located.blocks:
        _read_tiff(head, block, found)
    texts, wholes, ratios = found
    t_exif, digits, reason = _time(texts.get(_ORIGINAL), texts.get(_SUBSEC))
    flash, orientation = wholes.get(_FLASH), wholes.get(_ORIENTATION, 0)
    return ExifStamp(
        t_exif=t_exif,
        subsec_digits=digits,
        offset_min=_zone(texts.get(_OFFSET)),
        iso=_sensitivity(wholes),
        f_number=ratios.get(_F_NUMBER) or None,
        exposure_s=ratios.get(_EXPOSURE) or None,
        exposure_bias_ev=ratios.get(_BIAS),
        white_balance=_BALANCES.get(wholes.get(_WHITE_BALANCE, -1)),
        flash_fired=None if flash is None else bool(flash & 1),
        focal_mm=ratios.get(_FOCAL) or None,
        make=texts.get(_MAKE),
        model=texts.get(_MODEL),
        serial=texts.get(_SERIAL),
        lens=texts.get(_LENS),
        orientation=orientation if 1 <= orientation <= 8 else None,
        width_px=wholes.get(_WIDTH) or located.width_px or None,
        height_px=wholes.get(_HEIGHT) or located.height_px or None,
        reason=reason,
    )


_BALANCES = {0: "auto", 1: "manual"}


def _read_tiff(head: Head, block: int, found: _Found) -> None:
    """Read the first directory of a TIFF structure and the EXIF directory it names. No other is followed: nothing to go round."""
    start = head.at(block, 8)
    if len(start) < 8 or start[:4] not in TIFF_MARKS:
        raise NoExifError("its EXIF is damaged: it does not begin as a TIFF does")
    order = _ORDERS[TIFF_MARKS[start[:4]]]
    found.wholes.pop(_EXIF_DIRECTORY, None)
    _read_directory(head, block, int.from_bytes(start[4:], order.name), order, found)
    exif = found.wholes.get(_EXIF_DIRECTORY)
    if exif:
        _read_directory(head, block, exif, order, found)


def _read_directory(head: Head, block: int, at: int, order: _Order, found: _Found) -> None:
    """Read the entries of a directory that are wanted, as many as there are."""
    name, entry, ratio, shift = order
    count = int.from_bytes(head.at(block + at, 2), name)
    entries = head.at(block + at + 2, 12 * min(count, _MOST_ENTRIES))
    texts, wholes, ratios = found
    for tag, kind, n, value in entry.iter_unpack(entries[: len(entries) // 12 * 12]):
        if tag not in _WANTED or not n:
            continue
        if tag in _TEXTS:
            if kind in _TEXT_TYPES:
                raw = head.at(block + value, min(n, _LONGEST)) if n > 4 else value.to_bytes(4, name)[:n]
                text = _text(raw)
                if text:
                    texts[tag] = text
        elif tag in _WHOLES:
            if kind == _SHORT and n <= 2:  # of two, the first
                wholes[tag] = value >> shift & 0xFFFF
            elif kind in _LONGS and n == 1:
                wholes[tag] = value
        elif kind == _RATIOS[tag]:
            pair = head.at(block + value, 8)
            if len(pair) == 8:
                top, bottom = ratio[kind].unpack(pair)
                if bottom:
                    ratios[tag] = top / bottom


@functools.lru_cache(
    maxsize=1024
)  # makes, models and serial numbers come again and again: a third of the time for a text
def _text(raw: bytes) -> str:
    """Decode a text: it ends at a NUL, blanks at its end are no part of it, and nothing in it moves a terminal."""
    text = raw.partition(b"\0")[0].decode("utf-8", "replace").rstrip()
    return text if text.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in text)


def _time(text: str | None, subsec: str | None) -> tuple[datetime | None, int | None, str]:
    """Put DateTimeOriginal and SubSecTimeOriginal together; or say why not."""
    if text is None or not text.strip(" :"):
        return None, None, "its EXIF holds no DateTimeOriginal"
    # A decimal fraction: "7" is seven tenths and "07" seven hundredths.
    digits = subsec if subsec and subsec.isascii() and subsec.isdigit() and len(subsec) <= _MOST_DIGITS else ""
    try:
        if _DATE.fullmatch(text) is None:
            raise ValueError
        # The library reads ISO 8601 at a tenth of the cost of taking it apart here.
        taken = datetime.fromisoformat(f"{text[:4]}-{text[5:7]}-{text[8:10]}T{text[11:]}.{digits[:6]:0<6}")
    except ValueError:
        return None, None, f"its DateTimeOriginal is no date: {text[:40]!r}"
    return taken, len(digits) or None, ""


@functools.lru_cache(maxsize=64)
def _zone(text: str | None) -> int | None:
    parts = None if text is None else _ZONE.fullmatch(text)
    if parts is None:
        return None
    minutes = int(parts[2]) * 60 + int(parts[3])
    if int(parts[3]) > 59 or minutes > _FARTHEST_MIN:
        return None
    return -minutes if parts[1] == "-" else minutes


def _sensitivity(wholes: dict[int, int]) -> int | None:
    iso = wholes.get(_ISO)
    if iso and iso < _ISO_FULL:
        return iso
    return wholes.get(_ISO_INDEX) or wholes.get(_ISO_OUTPUT) or wholes.get(_ISO_SPEED) or iso or None
