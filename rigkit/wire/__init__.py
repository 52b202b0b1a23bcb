"""The External API as data: messages, fields, dialects, codec. Pure: nothing here reads a clock or a socket."""

from rigkit.wire.codec import Message, decode_frame, encode_frame
from rigkit.wire.dialects import BOM, DIALECTS, V3, V5, Dialect, dialect_of
from rigkit.wire.fields import FIELDS, VERSIONS, Field
from rigkit.wire.messages import ALIASES, MESSAGES, MessageSpec, check_request, messages_of

__all__ = [
    "ALIASES",
    "BOM",
    "DIALECTS",
    "FIELDS",
    "MESSAGES",
    "V3",
    "V5",
    "VERSIONS",
    "Dialect",
    "Field",
    "Message",
    "MessageSpec",
    "check_request",
    "decode_frame",
    "dialect_of",
    "encode_frame",
    "messages_of",
]
