"""The lines of the journal: a frame becomes a line, a line becomes an entry again.

A line is the message as it came with five members spliced in front, so that any tool can read it::

    {"rk_mono_ns":81273,"rk_wall_ns":1795340112000000000,"rk_ch":"pub","rk_no":17,"rk_sum":"9f…c1","msg_type":"Event",…}

``rk_no`` counts the lines of one writer from 0, over all its files and sittings. ``rk_sum`` is the XXH3 (64 bit) of the rest of
the object, its opening brace included, seeded with the XXH3 of what stands before ``,"rk_sum"``: a flipped bit anywhere in the
line makes it a line that can't be read, never a wrong row. Of a mixed stream of 3.8 kB events XXH3 costs 0.5 us an event, of
about 15, zlib's crc32 1.5 us for half the bits. Lines of an older rigkit, or written by hand, have neither number nor sum, and
are read where no line of their file has one.

The members in front are read back by position, not by name: a server that puts ``rk_ch`` into its own messages can't pass for us.
A message is kept on one line. What is not one JSON object goes in as ``"rk_base64"``; a byte order mark is dropped and noted as
``"rk_bom":true``; the picture of a live-view frame is left out and its length noted (``"rk_left_out"``).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

import msgspec
from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

from rigkit.wire import BOM

__all__ = [
    "CHANNELS",
    "Entry",
    "body_of",
    "entry_of",
    "prepared",
    "read_line",
    "read_numbered",
    "spelt",
    "unjournalled",
    "write_line",
]

#: Publisher, our requests, their replies, and rigkit's own notes.
CHANNELS = ("pub", "req", "rep", "note")

_HEAD = b'{"rk_mono_ns":%d,"rk_wall_ns":%d,"rk_ch":"%b","rk_no":%d'
_STAMPS = rb'\{"rk_mono_ns":(-?\d{1,19}),"rk_wall_ns":(-?\d{1,19}),"rk_ch":"(pub|req|rep|note)"'
_NUMBERED = re.compile(_STAMPS + rb',"rk_no":(\d{1,19}),"rk_sum":"([0-9a-f]{16})"')
_PLAIN = re.compile(_STAMPS)
#: How a line with number and sum begins, however it was damaged: it must not pass for an older one, whose message this were.
_NUMBERED_ONCE = re.compile(rb'.{0,40}(?:rk_no|rk_sum)|,"[^"]*":\d+,"[^"]*":"[0-9a-f]{16}"')
_BASE64 = re.compile(rb'\{"rk_base64":"([A-Za-z0-9+/=]*)"\}')
_BOM_MARK = b'{"rk_bom":true'
_CODES = {channel: channel.encode() for channel in CHANNELS}
_NAMES = {code: channel for channel, code in _CODES.items()}
#: The id stands within the first fields of every frame seen so far; looking further would cost more than it saves.
_PICTURE, _WITHIN = b'"LiveviewUpdated', 120
#: How a compact event begins: the next byte says whether it may be a live-view frame, and nobody has to look for the id.
_EVENT = b'{"msg_type":"Event","msg_id":"'
_AFTER = len(_EVENT)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Anything(msgspec.Struct):
    """A JSON object of which nothing is kept."""


#: Raises for what is not one JSON object; six times as fast as ``_object``, and it reads every frame on the reader's thread.
_check_object = msgspec.json.Decoder(_Anything).decode


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line of the record: a frame with its stamps.

    A struct, since one is made for every event on the reader's thread: 0.2 us and 56 bytes, where a named tuple takes 0.9 us and
    96 bytes and is looked at by the garbage collector ever after.

    Attributes
    ----------
    channel : str
        One of ``CHANNELS``.
    mono_ns, wall_ns : int
        Host monotonic and host wall clock (Unix epoch), nanoseconds.
    raw : bytes
        The frame as it came, without byte order mark; a JSON object is on one line.
    bom : bool
        It came with one.
    """

    channel: str
    mono_ns: int
    wall_ns: int
    raw: bytes
    bom: bool = False


# -- a frame becomes a line -----------------------------------------------------------------------------------------------


def entry_of(channel: str, mono_ns: int, wall_ns: int, raw: bytes) -> Entry:
    """Make an entry of a received frame: the byte order mark off, on one line, live-view pictures out.

    Parameters
    ----------
    channel : str
        One of ``CHANNELS``.
    mono_ns, wall_ns : int
        The stamps.
    raw : bytes
        The frame.
    """
    return prepared((channel, mono_ns, wall_ns, raw))[0]


def prepared(frame: tuple[str, int, int, bytes]) -> tuple[Entry, bytes]:
    """Make an entry of a received frame, and the body of its line, with one look at the text for both.

    Parameters
    ----------
    frame : tuple
        ``(channel, mono_ns, wall_ns, raw)``.

    Returns
    -------
    entry : Entry
        What becomes visible.
    body : bytes
        A JSON object on one line: the same bytes as ``entry.raw`` wherever that is one.
    """
    channel, mono_ns, wall_ns, raw = frame
    bom = False
    if not raw.startswith(_EVENT) or raw.startswith(b"L", _AFTER):
        bom, raw = raw[:3] == BOM, bared(raw)
    line = _object_line(raw)
    if line is None or bom or line.startswith(b'{"rk_b'):
        entry = Entry(channel, mono_ns, wall_ns, raw if line is None else line, bom)
        return entry, _body(entry.raw, bom, line is not None)
    return Entry(channel, mono_ns, wall_ns, line), line


def bared(raw: bytes) -> bytes:
    """Take byte order mark and live-view picture off a frame."""
    raw = raw.removeprefix(BOM)
    return _without_picture(raw) if raw.find(_PICTURE, 0, _WITHIN) >= 0 else raw


def unjournalled(frames: Iterable[tuple[str, int, int, bytes]]) -> list[Entry]:
    """Make entries of received frames that nobody writes down: nothing is checked, which is most of the work."""
    return [
        Entry(channel, mono_ns, wall_ns, raw)
        if raw.startswith(_EVENT) and not raw.startswith(b"L", _AFTER)
        else Entry(channel, mono_ns, wall_ns, bared(raw), raw[:3] == BOM)
        for channel, mono_ns, wall_ns, raw in frames
    ]


def body_of(entry: Entry) -> bytes:
    """Return the body of an entry's line: a JSON object on one line."""
    line = _object_line(entry.raw)
    return _body(entry.raw, entry.bom, line == entry.raw)


def _body(raw: bytes, bom: bool, is_object: bool) -> bytes:
    # An object that begins as ours do is coded too, so that what is read back is never in doubt.
    if not is_object or raw.startswith((_BOM_MARK, b'{"rk_base64"')):
        raw = b'{"rk_base64":"' + base64.b64encode(raw) + b'"}'
    if not bom:
        return raw
    return _BOM_MARK + (b"}" if raw == b"{}" else b"," + raw[1:])


def _without_picture(raw: bytes) -> bytes:
    try:
        members = _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return raw
    picture = members.pop("CameraLiveviewImage", None)
    if picture is None:
        return raw
    members["rk_left_out"] = msgspec.Raw(str(len(bytes(picture))).encode())
    return msgspec.json.encode(members)


def _object_line(raw: bytes) -> bytes | None:
    """Return a JSON object on one line, or None if it is none."""
    try:
        _check_object(raw)
        if not raw.isascii():
            raw.decode()  # the check steps over texts without looking at their UTF-8
        if b"\n" in raw or b"\r" in raw:
            raw = msgspec.json.format(raw, indent=-1)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    raw = raw.strip()
    return raw if len(raw) > 99 or not raw[1:-1].isspace() else b"{}"


def write_line(entry: Entry, number: int = 0) -> bytes:
    """Spell one entry as a journal line, newline included.

    Parameters
    ----------
    entry : Entry
        What.
    number : int
        Its number in its writer's series.
    """
    return spelt([entry], [body_of(entry)], number)


def spelt(entries: Iterable[Entry], bodies: Iterable[bytes], first: int) -> bytes:
    """Spell a batch as journal lines; each body is copied into it in one go.

    Parameters
    ----------
    entries : iterable of Entry
        What.
    bodies : iterable of bytes
        Of each line.
    first : int
        Number of the first line.
    """
    pieces: list[bytes] = []
    add, number = pieces.append, first
    for entry, body in zip(entries, bodies, strict=True):
        head = _HEAD % (entry.mono_ns, entry.wall_ns, _CODES[entry.channel], number)
        digest = xxh3_64_hexdigest(body, xxh3_64_intdigest(head)).encode()
        add(b'%b,"rk_sum":"%b"%b' % (head, digest, b"" if body == b"{}" else b","))
        add(body[1:])
        add(b"\n")
        number += 1
    return b"".join(pieces)


# -- a line becomes an entry ----------------------------------------------------------------------------------------------


def read_numbered(line: bytes) -> tuple[int, Entry] | None:
    """Read one journal line back that has a number and a sum.

    Parameters
    ----------
    line : bytes
        A line, with or without its newline.

    Returns
    -------
    tuple of int and Entry, or None
        Its number and what it says. None: it is no such line, or not as it was written.
    """
    match = _NUMBERED.match(line)
    if match is None:
        return None
    body = _body_after(line, match.end())
    head = line[: match.end(4)]
    if body is None or xxh3_64_hexdigest(body, xxh3_64_intdigest(head)).encode() != match[5]:
        return None
    entry = _entry(match, body)
    return None if entry is None else (int(match[4]), entry)


def read_line(line: bytes) -> Entry | None:
    """Read one journal line back, also one of an older rigkit, without number and sum.

    Parameters
    ----------
    line : bytes
        A line, with or without its newline.

    Returns
    -------
    Entry or None
        None if it is not a line of a rigkit journal.
    """
    numbered = read_numbered(line)
    if numbered is not None:
        return numbered[1]
    match = _PLAIN.match(line)
    if match is None or _NUMBERED_ONCE.match(line, match.end()):
        return None
    body = _body_after(line, match.end())
    if body is None:
        return None
    try:
        _check_object(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _entry(match, body)


def _body_after(line: bytes, begin: int) -> bytes | None:
    line = line.rstrip(b"\r\n")
    if line[begin:] == b"}":
        return b"{}"
    if line[begin : begin + 1] != b"," or not line.endswith(b"}"):
        return None
    return b"{" + line[begin + 1 :]


def _entry(match: re.Match[bytes], body: bytes) -> Entry | None:
    bom = body.startswith((_BOM_MARK + b",", _BOM_MARK + b"}"))
    if bom:
        rest = body[len(_BOM_MARK) :]
        body = b"{}" if rest == b"}" else b"{" + rest[1:]
    coded = _BASE64.fullmatch(body)
    if coded is not None:
        try:
            body = base64.b64decode(coded[1], validate=True)
        except binascii.Error:
            return None
    return Entry(_NAMES[match[3]], int(match[1]), int(match[2]), body, bom)
