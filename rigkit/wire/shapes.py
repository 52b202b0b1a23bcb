"""Events decoded by their shape: the very set of fields that was seen before, at a fifth of the cost.

An application says the same thing again and again: thousands of PhotoUpdated and CameraUpdated with the same fields. A *shape*
is a class with exactly these fields, made from the first such event, their types taken from the one table of fields. What
fits a shape to the last field is decoded straight into it. Whatever does not (another field, a text for a number, the 3.x
dialect, no JSON at all) goes the general way, :func:`~rigkit.wire.codec.decode_frame`, and means the same.

``CameraPropertyInfo`` (nine tenths of a CameraUpdated) is stepped over and decoded when somebody asks. That is the one place
where the two ways may differ: a number there that no double can hold makes the general way refuse the whole event.
"""

from __future__ import annotations

import functools
import keyword
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import msgspec

from rigkit.wire.fields import FIELDS

__all__ = ["EventReader", "Shape", "is_sure", "properties_in", "shape_of"]

#: Which events have shapes, and the field that each of them must have to be about something.
_SUBJECT = {"PhotoUpdated": "PhotoKey", "CameraUpdated": "CameraKey"}
#: Fields that make an event more than news of one photo or camera.
_CONTAINERS = frozenset({"CameraInfo", "PhotoInfo", "OptionsInfo", "NodeInfo", "PropertyUpdated"})
#: A server that says something else each time gets no classes made for it: so many fields, so many shapes per reader.
_MOST_FIELDS, _MOST_SHAPES = 128, 64
#: Which shape an event may have is guessed by its size, in steps of 64 bytes.
_SIZE_BITS = 6
#: After a wrong guess that many events of the size at most go the general way before the next guess; doubling up to there.
_MOST_PAUSE = 64

#: What the record can hold of a number; beyond that, the general way decides.
_WHOLE = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_NAMED = Annotated[str, msgspec.Meta(min_length=1)]


class Shape(msgspec.Struct, gc=False):
    """One event of a known shape: its fields are its attributes, by their names on the wire.

    Texts, whole numbers and flags of the table of fields have these types for certain; whatever else it carries is as it came.
    """

    if TYPE_CHECKING:  # each shape brings its own fields; these every shape has, or one of the two keys
        msg_id: str
        msg_seq_num: int
        PhotoKey: str
        CameraKey: str

    def get(self, name: str, default: Any = None) -> Any:
        """Return one field, or ``default`` where this shape has none of that name."""
        return getattr(self, name, default)


@functools.lru_cache(maxsize=256)
def shape_of(msg_id: str, names: tuple[str, ...]) -> Callable[[bytes], Shape] | None:
    """Make the decoder of one shape.

    Parameters
    ----------
    msg_id : str
        ``PhotoUpdated`` or ``CameraUpdated``.
    names : tuple of str
        All its fields, envelope included, in the order they come: the next one is then found at once.

    Returns
    -------
    callable or None
        From a frame to its :class:`Shape`; raises ``msgspec.DecodeError`` for a frame of any other shape. None: these fields
        make no shape.
    """
    subject = _SUBJECT.get(msg_id)
    if subject not in names or "msg_seq_num" not in names or "msg_type" not in names or len(names) > _MOST_FIELDS:
        return None
    if not _CONTAINERS.isdisjoint(names) or (msg_id == "PhotoUpdated" and "CameraPropertyInfo" in names):
        return None
    if any(not name.isidentifier() or keyword.iskeyword(name) or hasattr(Shape, name) for name in names):
        return None
    types: dict[str, Any] = {name: _type_of(name) for name in names}
    types |= {subject: _NAMED, "msg_id": Literal[msg_id], "msg_type": Literal["Event"], "msg_seq_num": _WHOLE}
    made = msgspec.defstruct(msg_id, list(types.items()), bases=(Shape,), forbid_unknown_fields=True, gc=False)
    return cast("Callable[[bytes], Shape]", msgspec.json.Decoder(made).decode)


def _type_of(name: str) -> Any:
    """Type in which a field's value can be used without looking at it; anything for a field that nobody lists."""
    field = FIELDS.get(name)
    if name == "CameraPropertyInfo":
        return msgspec.Raw
    if field is None or field.loose or not name.isascii():
        return Any
    if field.type.startswith(("int", "uint")):
        return _WHOLE
    return {"string": str, "boolean": bool}.get(field.type, Any)


@functools.cache
def is_sure(name: str) -> bool:
    """Whether a field of a shape has the type that the table of fields gives it, so that nobody need look."""
    return _type_of(name) in (_WHOLE, str, bool)


def properties_in(said: msgspec.Raw) -> list[Any]:
    """Decode a CameraPropertyInfo that was stepped over; what is no list of properties is an empty one."""
    try:
        properties = msgspec.json.decode(said)
    except msgspec.DecodeError:
        return []
    return properties if isinstance(properties, list) else []


class EventReader:
    """Reads the events of one publisher by the shapes it has shown so far."""

    def __init__(self) -> None:
        #: By size: how to decode such events; how many of them to let pass before guessing again; how long the last pause was.
        self._decoders: dict[int, Callable[[bytes], Shape]] = {}
        self._pause: dict[int, int] = {}
        self._last_pause: dict[int, int] = {}
        self._known: set[Callable[[bytes], Shape]] = set()

    def read(self, raw: bytes) -> Shape | None:
        """Read an event.

        Parameters
        ----------
        raw : bytes
            A frame off the publisher.

        Returns
        -------
        Shape or None
            None: it has no shape that is known; read it with ``decode_frame``, and :meth:`learn` from it.
        """
        decode = self._decoders.get(len(raw) >> _SIZE_BITS)
        if decode is None:
            return None
        try:
            if not raw.isascii():
                raw.decode()  # stepping over a field does not look at its UTF-8
            return decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            size = len(raw) >> _SIZE_BITS
            del self._decoders[size]
            self._pause[size] = self._last_pause[size] = min(2 * self._last_pause.get(size, 0) + 1, _MOST_PAUSE)
            return None

    def learn(self, raw: bytes, body: Mapping[str, Any]) -> None:
        """Take the shape of an event that was read the general way for the shape of others of its size.

        Parameters
        ----------
        raw : bytes
            The frame.
        body : Mapping
            What ``decode_frame`` made of it.
        """
        msg_id, size = body.get("msg_id"), len(raw) >> _SIZE_BITS
        if not isinstance(msg_id, str) or msg_id not in _SUBJECT:
            return
        if self._pause.get(size, 0) > 0:
            self._pause[size] -= 1
            return
        decode = shape_of(msg_id, tuple(body))
        if decode is None or (decode not in self._known and len(self._known) >= _MOST_SHAPES):
            return
        try:
            decode(raw)
        except (msgspec.DecodeError, RecursionError):  # the right fields with values that the table does not foresee
            return
        self._known.add(decode)
        self._decoders[size] = decode
