"""Frames to messages and back.

One frame is one JSON object in UTF-8. Whatever can't be read raises :class:`~rigkit.errors.BadMessage`, never anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from rigkit.errors import BadMessage
from rigkit.wire.dialects import BOM, V5, Dialect, dialect_of
from rigkit.wire.fields import ENVELOPE

__all__ = ["Message", "decode_frame", "encode_frame"]

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


class Message:
    """One message of the External API with our clock readings.

    Reads like a mapping of its fields in the names of the current dialect, whatever dialect it was sent in.

    Parameters
    ----------
    body : Mapping
        The message, envelope included, current names.
    channel : {"pub", "req", "rep"}
        Heard on the publisher, sent by us, or answered to us.
    mono_ns, wall_ns : int
        Host monotonic and host wall clock (Unix epoch) when it was received or sent, nanoseconds.
    dialect : Dialect
        The dialect it was in.
    number : int
        Its place in the record, from 0; -1: not from a record.

    Examples
    --------
    >>> message = Message({"msg_id": "PhotoUpdated", "PhotoLocation": "Camera"})
    >>> message.msg_id, message["PhotoLocation"], message.get("PhotoHash")
    ('PhotoUpdated', 'Camera', None)
    """

    __slots__ = ("body", "channel", "dialect", "mono_ns", "number", "wall_ns")

    def __init__(
        self,
        body: Mapping[str, Any],
        channel: str = "pub",
        mono_ns: int = 0,
        wall_ns: int = 0,
        dialect: Dialect = V5,
        number: int = -1,
    ) -> None:
        self.body = body
        self.channel = channel
        self.mono_ns = mono_ns
        self.wall_ns = wall_ns
        self.dialect = dialect
        self.number = number

    @property
    def msg_id(self) -> str:
        """Which message, by its current id; empty if it names none."""
        msg_id = self.body.get("msg_id", "")
        return msg_id if isinstance(msg_id, str) else ""

    @property
    def msg_type(self) -> str:
        """``Request``, ``Response`` or ``Event``; empty if it doesn't say."""
        return str(self.body.get("msg_type", ""))

    @property
    def msg_seq_num(self) -> int | None:
        """The publisher's counter for an event, the sender's number for a request or reply; None if it has none."""
        number = self.body.get("msg_seq_num")
        fits = isinstance(number, int) and not isinstance(number, bool) and -(2**63) <= number < 2**63
        return number if fits else None

    @property
    def msg_result(self) -> bool | None:
        """Success or failure; None if it doesn't say."""
        result = self.body.get("msg_result")
        return result if isinstance(result, bool) else None

    @property
    def fields(self) -> dict[str, Any]:
        """Everything but the envelope, current names."""
        return {name: value for name, value in self.body.items() if name not in ENVELOPE}

    def get(self, name: str, default: Any = None) -> Any:
        """Return one field, or ``default`` where the message doesn't carry it."""
        return self.body.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    def __contains__(self, name: object) -> bool:
        return name in self.body

    def __iter__(self) -> Iterator[str]:
        return iter(self.body)

    def __repr__(self) -> str:
        some = ", ".join(f"{name}={value!r:.40}" for name, value in list(self.fields.items())[:4])
        number = "" if self.msg_seq_num is None else f" {self.msg_seq_num}"
        return f"<Message {self.channel} {self.msg_id or '(no msg_id)'}{number}{': ' if some else ''}{some}>"


def decode_frame(raw: bytes) -> tuple[dict[str, Any], Dialect]:
    """Read one frame.

    Parameters
    ----------
    raw : bytes
        A frame as received; a byte order mark is skipped.

    Returns
    -------
    body : dict
        The message in current names.
    dialect : Dialect
        What it was spelt in.

    Raises
    ------
    BadMessage
        Not UTF-8, not JSON, or not an object.
    """
    try:
        wire = _decoder.decode(raw[3:] if raw[:3] == BOM else raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadMessage(f"not JSON ({exc})", raw) from None
    if not isinstance(wire, dict):
        raise BadMessage(f"JSON, but not an object ({type(wire).__name__})", raw)
    dialect = dialect_of(wire)
    return dialect.from_wire(wire), dialect


def encode_frame(
    body: Mapping[str, Any], dialect: Dialect = V5, *, mark: bool = True, spelt_id: str | None = None
) -> bytes:
    """Write one frame.

    Parameters
    ----------
    body : Mapping
        A message in current names, envelope included.
    dialect : Dialect
        What to spell it in.
    mark : bool
        In v3, as an application sends it: indented, behind a byte order mark. Clients of that time sent plain JSON.
    spelt_id : str or None
        The ``msg_id`` as it goes out, whatever the dialect: a reply repeats what was asked, right or wrong. None: that of
        ``body``, spelt for the dialect.

    Returns
    -------
    bytes
        Compact JSON in v5. Indented JSON behind a byte order mark in v3, as the vendor's sample of that time is printed.
    """
    wire = dialect.to_wire(body)
    if spelt_id is not None:
        wire["msg_id"] = spelt_id
    if not (dialect.bom and mark):
        return _encoder.encode(wire)
    return BOM + msgspec.json.format(_encoder.encode(wire), indent=4)
