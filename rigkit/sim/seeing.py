"""Requests that only look: the state of the rig, whole or in part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim.node import node_info
from rigkit.sim.options import options_info
from rigkit.sim.selection import known_cameras
from rigkit.wire import FIELDS, MESSAGES

if TYPE_CHECKING:
    from rigkit.sim.rig import SimulatedRig

__all__ = ["get_camera", "synchronise"]


def get_camera(rig: SimulatedRig, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer GetCamera: everything about the selected cameras, connected or not."""
    return {"CameraInfo": [camera.info(rig.now) for camera in known_cameras(rig, fields)]}


def synchronise(rig: SimulatedRig, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Answer Synchronise: the whole state, in the reply; in v3 by an event a little after a bare reply."""
    if rig.dialect.state_on_publisher:
        # In real seconds, however fast virtual ones pass: it is the newcomer's socket that needs the time.
        rig.at(rig.now + rig.settings.synchronise_delay_ms / 1000 * rig.settings.speed, publish_state)
        return None
    return state(rig)


def state(rig: SimulatedRig) -> dict[str, Any]:
    """Return everything, in the containers that the version has for it."""
    return {name: _CONTAINERS[name](rig) for name in MESSAGES["Synchronise"].reply_in(rig.version)}


def publish_state(rig: SimulatedRig) -> None:
    """Publish the state as v3 does."""
    rig.publish("Synchronise", state(rig))


def _node(rig: SimulatedRig) -> dict[str, Any] | list[dict[str, Any]]:
    """Return this one node: in a list, or in v3 as it is."""
    info = node_info(rig)
    return [info] if FIELDS["NodeInfo"].type_in(rig.version) == "object[]" else info


def _licence(rig: SimulatedRig) -> dict[str, Any]:
    """Return v3's licence: an object of which nothing is public."""
    return {}


def _cameras(rig: SimulatedRig) -> list[dict[str, Any]]:
    """Return all cameras; in v3 without their properties, which have a container of their own."""
    infos = [camera.info(rig.now) for camera in rig.cameras.values()]
    if "CameraPropertyInfo" not in MESSAGES["CameraUpdated"].fields_in(rig.version):
        for info in infos:
            del info["CameraPropertyInfo"]
    return infos


def _photos(rig: SimulatedRig) -> list[dict[str, Any]]:
    return [rig.photo_info(photo) for photo in rig.photos.values()]


def _properties(rig: SimulatedRig) -> list[dict[str, Any]]:
    """Return the properties of all cameras, as v3's events tell them."""
    return [
        camera.part(CameraPropertyInfo=[one.info() for one in camera.properties.values()])
        for camera in rig.cameras.values()
    ]


_CONTAINERS: dict[str, Callable[[SimulatedRig], Any]] = {
    "OptionsInfo": options_info,
    "NodeInfo": _node,
    "LicenseMsg": _licence,
    "CameraInfo": _cameras,
    "PhotoInfo": _photos,
    "PropertyUpdated": _properties,
}
