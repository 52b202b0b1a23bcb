"""rigkit: photogrammetry rigs from Jupyter.

>>> import rigkit
>>> rig = rigkit.connect("sim:24")  # doctest: +SKIP
>>> shot = rig.shoot(pose="apose")  # doctest: +SKIP
>>> shot.exposures  # doctest: +SKIP

Public names are loaded on first use, so that importing rigkit costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rigkit.errors import (
        BadMessage,
        Incomplete,
        LayoutError,
        NoReply,
        NotReady,
        ProtocolError,
        Refused,
        RigError,
        SessionError,
        SheetError,
        UnknownName,
    )
    from rigkit.link.client import Client
    from rigkit.link.server import Server
    from rigkit.profiles import Profile
    from rigkit.record.layout import Layout
    from rigkit.rig import Rig, connect, simulate
    from rigkit.session import Session
    from rigkit.sessions import Sessions, open
    from rigkit.shot import Shot
    from rigkit.sim import SimulatedRig
    from rigkit.wire import Message

#: Public name -> where it lives.
_HOMES = {
    "BadMessage": "rigkit.errors",
    "Client": "rigkit.link.client",
    "Incomplete": "rigkit.errors",
    "Layout": "rigkit.record.layout",
    "LayoutError": "rigkit.errors",
    "Message": "rigkit.wire",
    "NoReply": "rigkit.errors",
    "NotReady": "rigkit.errors",
    "Profile": "rigkit.profiles",
    "ProtocolError": "rigkit.errors",
    "Refused": "rigkit.errors",
    "Rig": "rigkit.rig",
    "RigError": "rigkit.errors",
    "Server": "rigkit.link.server",
    "Session": "rigkit.session",
    "SessionError": "rigkit.errors",
    "SheetError": "rigkit.errors",
    "Sessions": "rigkit.sessions",
    "Shot": "rigkit.shot",
    "SimulatedRig": "rigkit.sim",
    "UnknownName": "rigkit.errors",
    "connect": "rigkit.rig",
    "open": "rigkit.sessions",
    "simulate": "rigkit.rig",
}
#: Rooms that are public as they are.
_ROOMS = ("account", "display", "doctor", "errors", "link", "plots", "record", "sim", "timing", "wire")

__all__ = [
    "BadMessage",
    "Client",
    "Incomplete",
    "Layout",
    "LayoutError",
    "Message",
    "NoReply",
    "NotReady",
    "Profile",
    "ProtocolError",
    "Refused",
    "Rig",
    "RigError",
    "Server",
    "Session",
    "SessionError",
    "Sessions",
    "SheetError",
    "Shot",
    "SimulatedRig",
    "UnknownName",
    "connect",
    "open",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"rigkit.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rigkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
