"""Cameras that come and go: connecting, disconnecting, pulled cables, empty batteries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim import delivery, options
from rigkit.sim.selection import able, able_cameras, known_cameras

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.rig import SimulatedRig

__all__ = ["come_ready", "connect", "detect_cameras", "disconnect", "drain", "lose", "plug_in", "start"]


def start(rig: SimulatedRig) -> None:
    """Bring the cameras into their first state: Ready with AutoConnect, Disconnected without."""
    for camera in rig.cameras.values():
        if camera.status == "Ready" and not rig.options["AutoConnect"]:
            camera.status = "Disconnected"
        camera.live_fps = rig.options["DefaultLiveviewFPS"]
        camera.live_video_fps = rig.options["DefaultVideoFPS"]


def connect(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Open a session with the selected cameras; those that have one need nothing."""
    named = known_cameras(rig, fields)
    if fields["CameraSelection"] == "All" and rig.settings.all_means == "connected":
        named = [camera for camera in named if camera.plugged]
    for camera in able(rig, named, lambda camera: camera.plugged):
        if not camera.connected:
            camera.life += 1  # a second Connect replaces the first
            rig.at(rig.now + rig.settings.connect_ms / 1000, come_ready, camera, camera.life)


def come_ready(rig: SimulatedRig, camera: SimulatedCamera, life: int) -> None:
    """Finish connecting."""
    if camera.life != life or not camera.plugged or camera.connected:
        return
    camera.status = "Ready"
    if rig.settings.storage_applies == "on connect":
        options.apply_defaults(rig, camera.properties, rig.options)
    if rig.options["AutoSynchroniseTime"]:
        camera.clock.set(rig.now, float(camera.clock_offset))
    rig.publish_camera(camera)
    for photo in camera.held.values():
        if photo.location == "Orphaned" and photo.on_card:
            photo.location = "Camera"
            rig.publish_photo(photo)


def disconnect(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Close the session with the selected cameras."""
    for camera in able_cameras(rig, fields):
        _leave(rig, camera, "Disconnected")


def detect_cameras(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Look for cameras again: those that are plugged in and not listed as such become Disconnected, or Ready by AutoConnect."""
    rig.at(rig.now + rig.settings.detect_cameras_ms / 1000, _detect)


def _detect(rig: SimulatedRig) -> None:
    for camera in rig.cameras.values():
        if camera.plugged and not camera.connected:
            _appear(rig, camera)


def _appear(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    if camera.status in ("Lost", "Absent"):
        camera.status = "Disconnected"
        rig.publish_camera(camera)
    if rig.options["AutoConnect"]:
        camera.life += 1
        rig.at(rig.now + rig.settings.connect_ms / 1000, come_ready, camera, camera.life)


def plug_in(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    """Put a body back on its cable."""
    if not camera.plugged:
        camera.plugged = True
        _appear(rig, camera)


def lose(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    """Pull the cable of a camera, or its power."""
    camera.plugged = False
    if camera.status not in ("Lost", "Absent"):
        _leave(rig, camera, "Lost")


def _leave(rig: SimulatedRig, camera: SimulatedCamera, status: str) -> None:
    """End the session with a camera; what was in progress is given up, what is only on it is out of reach."""
    changed = camera.forget_work()
    delivery.drop_transfers(rig, camera)
    camera.status = status
    rig.publish_camera(camera)
    if changed:
        rig.publish("CameraUpdated", camera.part(**changed), camera)
    if status == "Lost":
        for photo in camera.held.values():
            if photo.location == "Camera" and not photo.arrived:
                photo.location = "Orphaned"
                rig.publish_photo(photo)


def drain(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    """Take the charge of one exposure from a battery; the last of it loses the camera."""
    before = int(camera.battery)
    camera.battery = max(0.0, camera.battery - camera.battery_per_shot)
    if int(camera.battery) != before:
        rig.publish(
            "CameraUpdated",
            camera.part(CameraPowersource=camera.powersource, CameraBatterylevel=int(camera.battery)),
            camera,
        )
    if camera.battery <= 0:
        lose(rig, camera)
