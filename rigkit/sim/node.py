"""The computer the application runs on, and requests that concern neither cameras nor photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim.outcome import Refusal
from rigkit.sim.selection import able_cameras

if TYPE_CHECKING:
    from rigkit.sim.rig import SimulatedRig

__all__ = [
    "NODE_NAME",
    "activate_license",
    "deactivate_license",
    "identify",
    "node_info",
    "ping",
    "relay_custom_text",
    "shutdown",
]

#: NodeName and ApplicationName: what tells a simulated rig from a real one over the wire.
NODE_NAME = "rigkit simulator"
_DISK_BYTES = 100_401_266_688
_MEMORY_BYTES = 137_461_439


def node_info(rig: SimulatedRig) -> dict[str, Any]:
    """Return the fields of NodeUpdated, those of the v5.3 capture."""
    return {
        "NodeSelection": "Single",
        "NodeKey": "",
        "NodeEndpoint": "",
        "NodeNetworkMode": "P2P",
        "NodeName": NODE_NAME,
        "NodeVersion": rig.settings.version or ("v3.38" if rig.settings.dialect == "v3" else "v5.9"),
        "NodeIsLiveviewConsumer": False,
        "NodeDateTime": int(rig.wall() * 1000),
        "NodeUpTime": int(rig.now * 1000),
        "NodePlatform": "simulated",
        "NodeDiskSpace": max(0, _DISK_BYTES - rig.written_bytes),
        "NodeMemoryUsage": _MEMORY_BYTES,
    }


def ping(rig: SimulatedRig) -> None:
    """Publish a NetworkPing and plan the next; clients have to cope with events that no one documents."""
    rig.publish("NetworkPing", {})
    rig.at(rig.now + rig.settings.ping_s, ping)


def relay_custom_text(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Broadcast a text to every subscriber."""
    rig.publish("RelayCustomText", {"CustomText": fields["CustomText"]})


def identify(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Have cameras show themselves; nothing on the wire tells of it."""
    rig.identified = [camera.key for camera in able_cameras(rig, fields)]


def activate_license(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Take any activation code that is not blank."""
    if not fields["ActivationCode"].strip():
        raise Refusal("the activation code is empty")
    rig.licensed = True


def deactivate_license(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Give the licence back; the API goes on working, as nothing says it stops."""
    rig.licensed = False


def shutdown(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """End the application."""
    rig.shut_down()
