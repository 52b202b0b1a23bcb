"""The two dialects of the wire and how one turns into the other.

v4.28, v5.x and v6.0 are one dialect, called ``v5`` here after the version in most use; v3 is the other: message ids end in
``Msg``, three envelope fields and the counters have other names, and every outgoing frame starts with a UTF-8 byte order
mark. Everything above the wire speaks current names only.

Source: the vendor's list of v3 to v4 breaks, and the specifications 3.38 and 4.28.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rigkit.wire.fields import FIELDS
from rigkit.wire.messages import ALIASES, MESSAGES

__all__ = ["BOM", "DIALECTS", "V3", "V5", "Dialect", "dialect_of"]

#: The byte order mark that starts every frame a 3.x application sends.
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Dialect:
    """How current names are spelt on one wire.

    Attributes
    ----------
    name : {"v3", "v5"}
        What ``rigkit sim --dialect`` calls it.
    version : str
        The newest specification of it, one of ``VERSIONS``: what it has messages, fields and words for.
    bom : bool
        Outgoing frames start with a byte order mark.
    state_on_publisher : bool
        Synchronise is answered by a bare acknowledgement; the state itself comes as an event.
    result_in_events : bool
        Events carry ``msg_result`` and ``msg_user_id``, as replies do.
    looks_first : bool
        A photo's format and size in pixels are known while it is still on the camera.
    spelling : dict of str to str
        Wire spelling of the field names that differ.
    ids : dict of str to str
        Wire spelling of the message ids that differ.
    """

    name: str
    version: str
    bom: bool = False
    state_on_publisher: bool = False
    result_in_events: bool = True
    looks_first: bool = True
    spelling: dict[str, str] = field(default_factory=dict, repr=False)
    ids: dict[str, str] = field(default_factory=dict, repr=False)
    _fields_back: dict[str, str] = field(default_factory=dict, repr=False)
    _ids_back: dict[str, str] = field(default_factory=dict, repr=False)

    def knows(self, msg_id: str) -> bool:
        """Whether this dialect has the message ``msg_id`` (current name)."""
        spec = MESSAGES.get(ALIASES.get(msg_id, msg_id))
        return spec is not None and spec.listed_in(self.version)

    def to_wire(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Spell a message of current names for this wire.

        Parameters
        ----------
        body : Mapping
            A message, envelope included.
        """
        if not self.spelling:
            return dict(body)
        wire = {
            self.spelling.get(name, name): _renamed(value, self.spelling)
            for name, value in body.items()
            if name != "msg_user_id"  # new in v4
        }
        if "msg_id" in wire:
            wire["msg_id"] = self.ids.get(ALIASES.get(wire["msg_id"], wire["msg_id"]), wire["msg_id"])
        return wire

    def from_wire(self, wire: dict[str, Any]) -> dict[str, Any]:
        """Spell a message of this wire in current names.

        Parameters
        ----------
        wire : dict
            A decoded frame. In the current dialect the very same object comes back.
        """
        if not self._fields_back:
            msg_id = wire.get("msg_id")
            if isinstance(msg_id, str) and msg_id in ALIASES:
                wire["msg_id"] = ALIASES[msg_id]
            return wire
        # A reply to FormatAllMsg and one to Format mean the same; the same goes for every id that was renamed.
        body = {self._fields_back.get(name, name): _renamed(value, self._fields_back) for name, value in wire.items()}
        msg_id = body.get("msg_id")
        if isinstance(msg_id, str):
            body["msg_id"] = self._ids_back.get(msg_id, msg_id)
        return body


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Rename the keys of nested objects; everything else as it is."""
    if isinstance(value, dict):
        return {names.get(name, name): _renamed(one, names) for name, one in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_renamed(one, names) for one in value]
    return value


def _v3() -> Dialect:
    spelling = {one.name: one.v3 for one in FIELDS.values() if one.v3}
    ids = {spec.msg_id: spec.v3 for spec in MESSAGES.values() if spec.v3}
    return Dialect(
        name="v3",
        version="3.38",
        bom=True,
        state_on_publisher=True,
        # Both as in the vendor's sample of that time.
        result_in_events=False,
        looks_first=False,
        spelling=spelling,
        ids=ids,
        _fields_back={wire: name for name, wire in spelling.items()},
        _ids_back={wire: msg_id for msg_id, wire in ids.items()},
    )


V3 = _v3()
V5 = Dialect(name="v5", version="6.0")

#: Both, by the name that ``--dialect`` takes.
DIALECTS = {"v3": V3, "v5": V5}


def dialect_of(wire: Mapping[str, Any]) -> Dialect:
    """Tell the dialect of one decoded frame by its own keys.

    Parameters
    ----------
    wire : Mapping
        A decoded frame.

    Notes
    -----
    A byte order mark would tell too, but the journal drops it; the keys always tell. A v3 request may lack its number, so
    the suffix of the id counts as well.
    """
    if "msg_seq_num" in wire:
        return V5
    msg_id = wire.get("msg_id")
    if "msg_ref_num" in wire or "Result" in wire or (isinstance(msg_id, str) and msg_id.endswith("Msg")):
        return V3
    return V5
