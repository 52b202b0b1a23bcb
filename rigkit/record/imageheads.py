"""Where in a picture file its EXIF lies, found from the file's head and by offsets; the picture itself is never read.

JPEG keeps EXIF in an APP1 segment; TIFF, and the raw formats that are TIFF at heart (CR2, NEF, ARW, DNG, PEF, ORF), are EXIF's own
structure; RAF begins with a table that leads to a whole JPEG; CR3 and HEIF are boxes in boxes. Files are untrusted: every loop has
an end that does not depend on them, and no more than :data:`MOST_BYTES` are read whatever they say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["MOST_BYTES", "TIFF_MARKS", "Head", "Located", "NoExifError", "locate"]

#: No more bytes of a file are read. A camera's EXIF with maker notes and thumbnail fills at most one APP1 segment, 64 kB.
MOST_BYTES = 262_144
#: Read at once. The tags wanted come before the maker notes, so this holds them in nearly every file: one read per file.
_FIRST = 16_384
#: Read at once when an offset leads elsewhere: one page.
_WINDOW = 4_096
#: A camera writes about ten segments in front of its picture; padded files have some more.
_MOST_SEGMENTS = 256
#: Boxes side by side; a file has about five at the top.
_MOST_BOXES = 256
#: Bytes of a table of items in a HEIF file: 4000 tiles fit, a phone writes about 50.
_MOST_TABLE = 65_536

#: What a TIFF begins with -> its byte order. IIRO, IIRS and MMOR: Olympus (ORF).
TIFF_MARKS = {b"II*\0": "<", b"MM\0*": ">", b"IIRO": "<", b"IIRS": "<", b"MMOR": ">"}

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn: the JPEG segment with the size of the picture
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG markers without a length
_WITH_LENGTH = (
    frozenset(range(0x02, 0xFF)) - _FRAMES - _BARE - {0xD9, 0xDA}
)  # the other two: end, and start of the picture
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")  # the uuid box of a CR3 that holds its metadata
_HEIF = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif"})


class NoExifError(Exception):
    """No EXIF was found; the text says why. A step of reading, not an error for the caller."""


class Located(NamedTuple):
    """Where the EXIF of a file lies.

    Attributes
    ----------
    blocks : tuple of int
        Offsets of its TIFF structures; of a tag in several, the last counts.
    width_px, height_px : int or None
        Size of the picture by the file format; None: not told on the way.
    """

    blocks: tuple[int, ...]
    width_px: int | None = None
    height_px: int | None = None


class Head:
    """The bytes of a file on demand, up to :data:`MOST_BYTES` of them.

    Parameters
    ----------
    descriptor : int
        Of the file, open for reading, at its beginning. It stays the caller's to close.

    Raises
    ------
    OSError
        The system can't read it.
    """

    __slots__ = ("_descriptor", "_left", "_window", "_window_at", "first")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.first = os.read(descriptor, _FIRST)
        self._left = MOST_BYTES - _FIRST
        self._window, self._window_at = b"", 0

    def at(self, offset: int, length: int) -> bytes:
        """Return so many bytes from an offset, fewer where the file ends.

        Raises
        ------
        NoExifError
            That would be more of the file than is read at most.
        OSError
            The system can't read it.
        """
        end = offset + length
        if end <= len(self.first) or len(self.first) < _FIRST:  # a short first read was the whole file
            return self.first[offset:end]
        start = offset - self._window_at
        if start < 0 or start + length > len(self._window):
            self._fetch(offset, max(length, _WINDOW))
            start = 0
        return self._window[start : start + length]

    def _fetch(self, offset: int, length: int) -> None:
        if offset >= 2**62:  # beyond what a system takes as a position, so beyond the end
            self._window, self._window_at = b"", offset
            return
        if length > self._left:
            raise NoExifError(f"its EXIF is scattered: not found within {MOST_BYTES // 1024} kB of reading")
        self._left -= length
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        self._window, self._window_at = os.read(self._descriptor, length), offset


def locate(head: Head) -> Located:
    """Find the EXIF of a file.

    Parameters
    ----------
    head : Head
        The file.

    Raises
    ------
    NoExifError
        There is none, or the format is none of those above.
    OSError
        The system can't read the file.
    """
    start = head.first[:16]
    if start[:3] == b"\xff\xd8\xff":
        return _in_jpeg(head, 0)
    if start[:4] in TIFF_MARKS:
        return Located((0,))
    if start == b"FUJIFILMCCD-RAW ":
        return _in_jpeg(head, int.from_bytes(head.at(84, 4), "big"))
    if start[4:8] == b"ftyp":
        return _in_boxes(head)
    raise NoExifError("no EXIF reader for this format" if start else "the file is empty")


def _in_jpeg(head: Head, start: int) -> Located:
    """Walk the segments from an offset until the one with EXIF, and on to the picture's size as far as that is at hand."""
    exif, first = None, head.first
    if head.at(start, 2) != b"\xff\xd8":
        raise NoExifError("the JPEG within the file is not where the file says")
    at = start + 2
    for _ in range(_MOST_SEGMENTS):
        marker = first[at : at + 12]  # at hand in nearly every file, and a third of the time of asking
        if len(marker) < 12:
            if exif is not None:
                break  # the size is worth no further read: cameras write it into EXIF too
            marker = head.at(at, 12)
        if len(marker) < 4 or marker[0] != 0xFF:
            break
        kind = marker[1]
        if kind in _WITH_LENGTH:
            if kind == 0xE1 and exif is None and marker[4:9] == b"Exif\0":
                exif = at + 10
            at += 2 + max(2, marker[2] << 8 | marker[3])
        elif kind in _FRAMES and exif is not None:
            return Located((exif,), int.from_bytes(marker[7:9], "big"), int.from_bytes(marker[5:7], "big"))
        elif kind == 0xFF:  # a fill byte
            at += 1
        elif kind in _BARE:
            at += 2
        else:  # the picture, and EXIF comes before it; or the end
            break
    if exif is None:
        raise NoExifError("the JPEG holds no EXIF")
    return Located((exif,))


def _boxes(head: Head, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give the boxes side by side from an offset: kind, where the content begins, where it ends."""
    for _ in range(_MOST_BOXES):
        mark = head.at(at, 16) if at + 8 <= end else b""
        if len(mark) < 8:
            return
        size, body = int.from_bytes(mark[:4], "big"), at + 8
        if size == 1:  # the size did not fit
            size, body = int.from_bytes(mark[8:], "big"), at + 16
        stop = end if size == 0 else min(at + size, end)
        if stop < body:
            return
        yield mark[4:8], body, stop
        at = stop


def _in_boxes(head: Head) -> Located:
    """Find EXIF in a file of boxes: CR3, HEIF or AVIF."""
    size = min(int.from_bytes(head.first[:4], "big"), 256)
    brands = {head.first[at : at + 4] for at in (8, *range(16, size, 4))}
    if b"crx " in brands:
        return _in_cr3(head)
    if brands & _HEIF:
        return _in_heif(head)
    raise NoExifError("no EXIF reader for this format")


def _in_cr3(head: Head) -> Located:
    """Find the two TIFF structures of a CR3 that hold its first directory (CMT1) and its EXIF directory (CMT2)."""
    for kind, body, end in _boxes(head, 0, 2**62):
        if kind != b"moov":
            continue
        for inner, at, stop in _boxes(head, body, end):
            if inner == b"uuid" and head.at(at, 16) == _CANON:
                parts = {name: where for name, where, _ in _boxes(head, at + 16, stop)}
                blocks = tuple(parts[name] for name in (b"CMT1", b"CMT2") if name in parts)
                if blocks:
                    return Located(blocks)
        break
    raise NoExifError("the CR3 holds no EXIF")


def _in_heif(head: Head) -> Located:
    """Find the item of type Exif: its number stands in one table (iinf), its place in another (iloc)."""
    meta = next(((at, end) for kind, at, end in _boxes(head, 0, 2**62) if kind == b"meta"), None)
    tables = {} if meta is None else {kind: (at, end) for kind, at, end in _boxes(head, meta[0] + 4, meta[1])}
    if b"iinf" in tables and b"iloc" in tables:
        number = _exif_item(head, *tables[b"iinf"])
        at, end = tables[b"iloc"]
        place = None if number is None else _item_place(head.at(at, min(end - at, _MOST_TABLE)), number)
        if place is not None:
            return Located((place + 4 + int.from_bytes(head.at(place, 4), "big"),))
    raise NoExifError("the HEIF file holds no EXIF")


def _exif_item(head: Head, at: int, end: int) -> int | None:
    """Return the number of the item that is EXIF."""
    table = head.at(at, min(end - at, _MOST_TABLE))
    place = 8 if table[:1] != b"\0" else 6
    while place + 20 <= len(table):
        size, version = int.from_bytes(table[place : place + 4], "big"), table[place + 8]
        wide = 4 if version >= 3 else 2
        kind = place + 12 + wide + 2
        if table[kind : kind + 4] == b"Exif":
            return int.from_bytes(table[place + 12 : place + 12 + wide], "big")
        if size < 8:
            return None
        place += size
    return None


def _item_place(table: bytes, wanted: int) -> int | None:
    """Return where in the file an item begins; None: not listed, or not stored in the file as it is."""
    if len(table) < 8:
        return None
    version = table[0]
    offset_size, length_size, base_size, index_size = table[4] >> 4, table[4] & 15, table[5] >> 4, table[5] & 15
    wide = 4 if version >= 2 else 2
    at = 6 + wide

    def take(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(table[at - size : at], "big")

    while at < len(table):
        number = take(wide)
        method = take(2) & 15 if version in {1, 2} else 0
        take(2)
        base, extents = take(base_size), take(2)
        extra = index_size if version in {1, 2} else 0
        if number == wanted and extents:
            take(extra)
            offset = base + take(offset_size)
            return offset if method == 0 and at <= len(table) else None
        at += extents * (extra + offset_size + length_size)
    return None
