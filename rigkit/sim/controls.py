"""Requests that set cameras up: properties, names and groups, focus, clocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim.jobs import begin_job, end_job, is_ready
from rigkit.sim.outcome import Refusal
from rigkit.sim.selection import able, able_cameras, known_cameras

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.rig import SimulatedRig

__all__ = [
    "autofocus",
    "check_clocks",
    "increment_property",
    "rename_camera",
    "set_active_camera",
    "set_camera_group",
    "set_property",
    "set_trigger_index",
    "sync_clocks",
]

_LONGEST_NAME = 200  # characters


def set_property(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Set one property on the selected cameras that have it, may change it and know the value."""
    kind, value = fields["CameraPropertyType"], fields["CameraPropertyValue"]
    cameras = able_cameras(rig, fields)
    missing = [camera for camera in cameras if kind not in camera.properties]
    if len(missing) == len(cameras):
        raise Refusal(f"no selected camera has a property {kind}")
    fixed = [camera for camera in cameras if kind in camera.properties and not camera.properties[kind].writeable]
    if len(fixed) == len(cameras):
        raise Refusal(f"{kind} can only be read")
    willing = [
        camera
        for camera in cameras
        if kind in camera.properties and camera.properties[kind].writeable and value in camera.properties[kind].choices
    ]
    if not willing:
        raise Refusal(f"{kind} can't be {value!r:.80}")
    if rig.settings.partial_success == "all" and len(willing) < len(cameras):
        raise Refusal(
            f"{len(cameras) - len(willing)} of {len(cameras)} selected cameras can't take {kind} {value!r:.80}"
        )
    for camera in willing:
        rig.at(rig.now + rig.settings.property_ms / 1000, _set, camera, camera.life, kind, value)


def increment_property(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Step a property along its range; at the end of the range it stays there."""
    kind, step = fields["CameraPropertyType"], fields["CameraPropertyStep"]
    cameras = able_cameras(rig, fields)
    willing = able(rig, cameras, lambda camera: kind in camera.properties and camera.properties[kind].writeable)
    for camera in willing:
        rig.at(rig.now + rig.settings.property_ms / 1000, _step, camera, camera.life, kind, step)


def _step(rig: SimulatedRig, camera: SimulatedCamera, life: int, kind: str, step: int) -> None:
    _set(rig, camera, life, kind, camera.properties[kind].stepped(step))


def _set(rig: SimulatedRig, camera: SimulatedCamera, life: int, kind: str, value: str) -> None:
    if camera.life == life and camera.connected:
        if not camera.properties[kind].stubborn:
            camera.properties[kind].value = value
        rig.publish_properties(camera, [kind])


def rename_camera(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Name cameras; names live in the application, so a camera need not be connected."""
    name = _text(fields, "CameraName")
    if not name.strip():
        raise Refusal("a camera needs a name")
    for camera in known_cameras(rig, fields):
        camera.name = name
        rig.publish_camera(camera)


def set_camera_group(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Put cameras in a group; an empty name takes them out of theirs."""
    if fields["CameraSelection"] == "Group":
        raise Refusal("CameraGroup is the new group here, so the selection can't be Group")
    group = _text(fields, "CameraGroup")
    for camera in known_cameras(rig, fields):
        camera.group = group
        rig.publish_camera(camera)


def set_trigger_index(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Set the order number of cameras for the synchronised trigger."""
    index = int(fields["CameraTriggerIndex"])
    for camera in known_cameras(rig, fields):
        camera.trigger_index = index
        rig.publish_camera(camera)


def set_active_camera(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Choose the camera of the application's own control panel; nothing on the wire tells of it."""
    if fields["CameraKey"] not in rig.cameras:
        raise Refusal(f"no camera {fields['CameraKey']!r:.80}")
    rig.active_camera = fields["CameraKey"]


def autofocus(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Focus the selected cameras that are Ready."""
    low, high = rig.settings.autofocus_ms
    for camera in able_cameras(rig, fields, is_ready):
        begin_job(rig, camera)
        rig.at(rig.now + camera.rng.uniform(low, high) / 1000, _autofocused, camera, camera.life)


def _autofocused(rig: SimulatedRig, camera: SimulatedCamera, life: int) -> None:
    if camera.life == life:
        camera.focused = True
        camera.num_autofocus += 1
        rig.publish("CameraUpdated", camera.part(CameraIsFocused=True, CameraNumAutofocus=camera.num_autofocus), camera)
        end_job(rig, camera)


def sync_clocks(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Set the clocks of all connected cameras to local time plus the offset, in whole seconds; no unit is documented."""
    offset = fields.get("CameraDateTimeOffset", 0)
    if abs(offset) > 10**9:
        raise Refusal(f"CameraDateTimeOffset is in seconds; {offset} is more than thirty years")
    for camera in able(rig, [camera for camera in rig.cameras.values() if camera.connected]):
        camera.clock_offset = offset
        # Setting a clock over USB is good to a fraction of a second, not better.
        camera.clock.set(rig.now, offset + camera.rng.gauss(0.0, 0.05))
        rig.publish("CameraUpdated", camera.part(CameraDateTimeOffset=offset), camera)


def check_clocks(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Read the clocks of all connected cameras; the outcome comes as CameraDateTimeOffset."""
    for camera in able(rig, [camera for camera in rig.cameras.values() if camera.connected]):
        if rig.settings.clock_report == "measured":
            camera.clock_offset = round(camera.clock.error_s(rig.now))
        rig.publish("CameraUpdated", camera.part(CameraDateTimeOffset=camera.clock_offset), camera)


def _text(fields: Mapping[str, Any], name: str) -> str:
    text: str = fields[name]
    if len(text) > _LONGEST_NAME:
        raise Refusal(f"{name} is longer than {_LONGEST_NAME} characters")
    return text
