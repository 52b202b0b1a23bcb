"""The lines of the journal: a frame becomes a line, a line becomes an entry again.

A line is the message as it came with five members spliced in front, so that any tool can read it::

    {"rk_mono_ns":81273,"rk_wall_ns":1795340112000000000,"rk_ch":"pub","rk_no":17,"rk_sum":"9f…c1","msg_type":"Event",…}

``rk_no`` counts the lines of one writer from 0, over all its files and sittings. ``rk_sum`` is the XXH3 (64 bit) of the rest of
the object, its opening brace included, seeded with the XXH3 of what stands before ``,"rk_sum"``: a flipped bit anywhere in the
line makes it a line that can't be read, never a wrong row. Of a mixed stream of 3.8 kB events XXH3 costs 0.5 us an event, of
6.5, zlib's crc32 1.5 us for half the bits. Lines of an older rigkit, or written by hand, have neither number nor sum, and
are read where no line of their file has one.

The members in front are read back by position, not by name: a server that puts ``rk_ch`` into its own messages can't pass for us.
A message is kept on one line. What is not one JSON object goes in as ``"rk_base64"``; a byte order mark is dropped and noted as
``"rk_bom":true``; the picture of a live-view frame is left out and its length noted (``"rk_left_out"``).

One exception, in files that are not packed (of a session that was not closed, or a short one): an event as applications send them
(compact, ASCII, on one line, from ``{"msg_type":"Event","msg_id":"`` to a ``}``) is not looked into before it is written. That would
cost 4.8 us, and all the rest from the socket to the disk costs 6.5. If it is no JSON after all, for example cut off behind an inner
``}``, its line is none either, and other tools stumble over it. We read it as it was written, since the sum says that these are the
bytes that came, and call it a bad message, live and re-read alike. Packing (:mod:`rigkit.record.packing`) codes such a line
(:func:`as_json`): each line of a packed file is JSON.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterable

import msgspec
from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

from rigkit.wire import BOM

__all__ = [
    "CHANNELS",
    "Entry",
    "as_json",
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

_STAMPS = rb'\{"rk_mono_ns":(-?\d{1,19}),"rk_wall_ns":(-?\d{1,19}),"rk_ch":"(pub|req|rep|note)"'
_NUMBERED = re.compile(_STAMPS + rb',"rk_no":(\d{1,19}),"rk_sum":"([0-9a-f]{16})"')
_PLAIN = re.compile(_STAMPS)
#: How a line with number and sum begins, however it was damaged: it must not pass for an older one, whose message this were.
_NUMBERED_ONCE = re.compile(rb'.{0,40}(?:rk_no|rk_sum)|,"[^"]*":\d+,"[^"]*":"[0-9a-f]{16}"')
_BASE64 = re.compile(rb'\{"rk_base64":"([A-Za-z0-9+/=]*)"\}')
_BOM_MARK = b'{"rk_bom":true'
_NAMES = {channel.encode(): channel for channel in CHANNELS}
#: The id stands within the first fields of every frame seen so far; looking further would cost more than it saves.
_PICTURE, _WITHIN = b'"LiveviewUpdated', 120
#: How a compact event begins: the next byte says whether it may be a live-view frame, and nobody has to look for the id.
_EVENT = b'{"msg_type":"Event","msg_id":"'
_AFTER = len(_EVENT)
_BRACE, _LIVE_VIEW, _LF, _CR = b"}L\n\r"
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Anything(msgspec.Struct):
    """A JSON object of which nothing is kept."""


#: Raises for what is not one JSON object; six times as fast as ``_object``.
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
    return prepared([(channel, mono_ns, wall_ns, raw)])[0][0]


def prepared(frames: Iterable[tuple[str, int, int, bytes]]) -> tuple[list[Entry], list[bytes]]:
    """Make entries of received frames, and the bodies of their lines, with one look at each text for both.

    Parameters
    ----------
    frames : iterable of tuple
        ``(channel, mono_ns, wall_ns, raw)``.

    Returns
    -------
    entries : list of Entry
        What becomes visible.
    bodies : list of bytes
        Each on one line: the same bytes as ``entry.raw`` wherever that is a JSON object, or is taken for one.
    """
    entries, bodies = [], []
    for channel, mono_ns, wall_ns, raw in frames:
        if _is_taken_unparsed(raw):
            entry = Entry(channel, mono_ns, wall_ns, raw)
            body = raw
        else:
            entry, body = _examined(channel, mono_ns, wall_ns, raw)
        entries.append(entry)
        bodies.append(body)
    return entries, bodies


def _is_taken_unparsed(raw: bytes) -> bool:
    """Whether a frame goes onto its line as it is, unparsed: an event as applications send them (see the top of this module).

    0.6 us for a frame of 3.8 kB, where skipping through its JSON takes 4.8 us. Line breaks are looked for as numbers: as texts of one
    byte they cost 0.5 us more each.
    """
    return (
        raw.startswith(_EVENT)
        and raw[-1] == _BRACE
        and raw[_AFTER] != _LIVE_VIEW
        and raw.isascii()
        and _LF not in raw
        and _CR not in raw
    )


def _examined(channel: str, mono_ns: int, wall_ns: int, raw: bytes) -> tuple[Entry, bytes]:
    """Make entry and body of a frame that may be anything."""
    bom, raw = raw[:3] == BOM, bared(raw)
    line = _object_line(raw)
    entry = Entry(channel, mono_ns, wall_ns, raw if line is None else line, bom)
    return entry, _body(entry.raw, bom, line is not None)


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
    """Return the body of an entry's line, the one that :func:`prepared` made of its frame."""
    if not entry.bom and _is_taken_unparsed(entry.raw):
        return entry.raw
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


def _is_object(text: bytes) -> bool:
    try:
        _check_object(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


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
        head = f'{{"rk_mono_ns":{entry.mono_ns},"rk_wall_ns":{entry.wall_ns},"rk_ch":"{entry.channel}","rk_no":{number}'
        digest = xxh3_64_hexdigest(body, xxh3_64_intdigest(head.encode()))
        add(f'{head},"rk_sum":"{digest}"{"" if body == b"{}" else ","}'.encode())
        add(body[1:])
        add(b"\n")
        number += 1
    return b"".join(pieces)


def as_json(lines: bytes) -> bytes:
    """Return journal lines as JSON: those whose messages were written unparsed and are none are coded.

    Parameters
    ----------
    lines : bytes
        Whole lines. One that is not ours, or not as it was written, is returned as it is.
    """
    return b"".join([line if _is_object(line) else _coded(line) for line in io.BytesIO(lines)])


def _coded(line: bytes) -> bytes:
    """Return a line of ours with the same stamps and number, its message in base64; any other as it is."""
    read = read_numbered(line)
    if read is None:
        return line
    number, entry = read
    return spelt([entry], [_body(entry.raw, entry.bom, is_object=False)], number)


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
    return _entry(match, body) if _is_object(body) else None


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
