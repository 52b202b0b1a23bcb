"""Requests that only look: the state of the rig, whole or in part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim.node import node_info
from rigkit.sim.options import options_info
from rigkit.sim.selection import known_cameras

if TYPE_CHECKING:
    from rigkit.sim.rig import SimulatedRig

__all__ = ["get_camera", "synchronise"]


def get_camera(rig: SimulatedRig, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer GetCamera: everything about the selected cameras, connected or not."""
    return {"CameraInfo": [camera.info(rig.now) for camera in known_cameras(rig, fields)]}


def synchronise(rig: SimulatedRig, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Answer Synchronise: the whole state, in the reply; in v3 by an event a little after a bare reply."""
    if rig.dialect.state_on_publisher:
        rig.at(rig.now + rig.settings.synchronise_delay_ms / 1000, publish_state)
        return None
    return state(rig)


def state(rig: SimulatedRig) -> dict[str, Any]:
    """Return options, nodes, cameras and photos."""
    as_captured = rig.settings.as_captured
    return {
        "OptionsInfo": options_info(rig),
        "NodeInfo": [node_info(rig)],
        "CameraInfo": [camera.info(rig.now) for camera in rig.cameras.values()],
        "PhotoInfo": [photo.info(as_captured=as_captured) for photo in rig.photos.values()],
    }


def publish_state(rig: SimulatedRig) -> None:
    """Publish the state as v3 does, properties in a list of their own."""
    whole = state(rig)
    whole["PropertyUpdatedMsg"] = [
        camera.part(CameraPropertyInfo=[one.info() for one in camera.properties.values()])
        for camera in rig.cameras.values()
    ]
    for info in whole["CameraInfo"]:
        del info["CameraPropertyInfo"]
    rig.publish("Synchronise", whole)
