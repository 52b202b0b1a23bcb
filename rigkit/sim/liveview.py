"""What moves: live view, video, focus drive, power zoom."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim import release
from rigkit.sim.clocks import captured_text
from rigkit.sim.jobs import begin_job, end_job, is_ready
from rigkit.sim.outcome import Recipe, Refusal
from rigkit.sim.photos import Photo
from rigkit.sim.selection import able_cameras

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.rig import SimulatedRig

__all__ = [
    "enable",
    "enable_dof",
    "enable_record",
    "enable_video",
    "enable_zoom",
    "focus",
    "position",
    "set_fps",
    "zoom_by",
    "zoom_stop",
    "zoom_to",
]

_FASTEST_FPS = 60
_PHASES = 10  # different frames per camera; enough to see that it moves, few enough to keep
_ZOOM_STEPS = {"1": 2, "2": 5, "3": 15}  # percent of the zoom range
_ZOOM_SPEED = 50.0  # percent per second
_FOCUS_STEPS = {"1": 1, "2": 10, "3": 100}
_VIDEO_MB_S = 18.0  # 144 Mbit/s
#: A grey picture of one pixel: the live view of a rig that makes no pictures.
_GREY = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/"
    "wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z"
)


def enable(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Switch live view on or off; frames are counted from switching on."""
    on = fields["Enable"]
    for camera in able_cameras(rig, fields):
        if camera.live_on == on:
            continue
        camera.live_on = on
        if on:
            camera.live_frames = 0
            camera.live_run += 1
            rig.at(rig.now + 1 / _fps(rig, camera), _frame, camera, camera.life, camera.live_run)
        else:
            camera.live_zoom = camera.live_dof = False
        _tell(rig, camera)


def enable_zoom(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Show an eighth of the picture, or all of it."""
    for camera in able_cameras(rig, fields, _is_live):
        camera.live_zoom = fields["Enable"]
        _tell(rig, camera)


def enable_dof(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Switch the depth-of-field preview on or off."""
    for camera in able_cameras(rig, fields, _is_live):
        camera.live_dof = fields["Enable"]
        _tell(rig, camera)


def enable_record(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Record live view, a v3 request that later versions removed; accepted, and nothing is known of its effect."""
    able_cameras(rig, fields, _is_live)


def set_fps(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Set the frame rates of live view and of video; 0: that of the options."""
    fps, video_fps = fields["CameraLiveviewFPS"], fields.get("CameraLiveviewVideoFPS")
    if max(fps, video_fps or 0) > _FASTEST_FPS:
        raise Refusal(f"no camera shows more than {_FASTEST_FPS} frames a second")
    for camera in able_cameras(rig, fields):
        camera.live_fps = fps or rig.options["DefaultLiveviewFPS"]
        if video_fps is not None:
            camera.live_video_fps = video_fps or rig.options["DefaultVideoFPS"]


def position(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Move the zoomed part of live view: its centre, sensor pixels."""
    for camera in able_cameras(rig, fields, _is_live):
        camera.live_x, camera.live_y = fields["CameraLiveviewPositionX"], fields["CameraLiveviewPositionY"]
        _tell(rig, camera)


def focus(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Drive the focus motor during live view."""
    word = fields["CameraLiveviewFocusStep"]
    step = _FOCUS_STEPS[word[-1]] * (1 if word.startswith("Far") else -1)
    for camera in able_cameras(rig, fields, _is_live):
        camera.focus_steps += step
        if camera.focused:
            camera.focused = False
            rig.publish("CameraUpdated", camera.part(CameraIsFocused=False), camera)


def _is_live(camera: SimulatedCamera) -> bool:
    return camera.connected and camera.live_on


def _fps(rig: SimulatedRig, camera: SimulatedCamera) -> int:
    fps = camera.live_video_fps if camera.video_since is not None else camera.live_fps
    return max(1, min(_FASTEST_FPS, fps or rig.options["DefaultLiveviewFPS"] or 20))


def _tell(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    rig.publish("CameraUpdated", camera.part(CameraStatus=camera.status, **camera.live_state()), camera)


def _frame(rig: SimulatedRig, camera: SimulatedCamera, life: int, run: int) -> None:
    """Publish one frame and plan the next; a camera that fires shows nothing meanwhile."""
    if camera.life != life or camera.live_run != run or not camera.live_on:
        return
    fps = _fps(rig, camera)
    rig.at(rig.now + 1 / fps, _frame, camera, life, run)
    if camera.status == "Busy" and camera.video_since is None:
        return
    camera.live_frames += 1
    rig.publish("LiveviewUpdated", camera.part(CameraLiveviewImage=_picture(rig, camera)), camera)
    if camera.live_frames % fps == 0:  # the count is told once a second
        rig.publish("CameraUpdated", camera.part(CameraLiveviewNumFrames=camera.live_frames), camera)


def _picture(rig: SimulatedRig, camera: SimulatedCamera) -> str:
    """Return a frame as base64."""
    if rig.develop is None:
        return _GREY
    recipe = Recipe(
        kind="frame",
        camera=camera.name,
        make=camera.make,
        model=camera.model,
        serial=camera.serial,
        hue=camera.hue,
        number=camera.live_frames % _PHASES,
        width=rig.settings.photo_width,
        height=rig.settings.photo_height,
    )
    return base64.b64encode(rig.develop(recipe)).decode("ascii")


# video


def enable_video(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Start or stop recording; a recording camera is Busy, and its file is a photo entry that is no image."""
    if fields["Enable"]:
        for camera in able_cameras(rig, fields, lambda camera: is_ready(camera) or camera.video_since is not None):
            if camera.video_since is None:
                camera.video_since = rig.now
                begin_job(rig, camera)
                rig.publish("CameraUpdated", camera.part(CameraVideoIsEnabled=True, CameraVideoElapsedTime=0), camera)
                rig.at(rig.now + rig.settings.video_tick_s, _video_tick, camera, camera.life, rig.now)
        return
    for camera in able_cameras(rig, fields):
        if camera.video_since is not None:
            _stop_video(rig, camera)


def _video_tick(rig: SimulatedRig, camera: SimulatedCamera, life: int, since: float) -> None:
    if camera.life != life or camera.video_since != since:
        return
    rig.publish("CameraUpdated", camera.part(CameraVideoElapsedTime=round((rig.now - since) * 1000)), camera)
    rig.at(rig.now + rig.settings.video_tick_s, _video_tick, camera, life, since)


def _stop_video(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    """End a recording; its file is on the card, whatever Storage says, until it is downloaded."""
    seconds = rig.now - (camera.video_since or 0.0)
    camera.video_since = None
    rig.publish(
        "CameraUpdated", camera.part(CameraVideoIsEnabled=False, CameraVideoElapsedTime=round(seconds * 1000)), camera
    )
    photo = Photo(rig.photo_keys.new(rig.wall()), camera)
    photo.is_image = False
    photo.format, photo.extension = "Unknown", "MOV"
    photo.origin = rig.settings.origin_api
    photo.session_num, photo.session_name = rig.options["PhotoSessionNum"], rig.options["PhotoSessionName"]
    photo.sequence, photo.batch = rig.sequence_next, camera.next_batch
    rig.sequence_next += 1
    camera.next_batch += 1
    camera.files_made += 1
    camera.photos_taken += 1
    photo.original_name = f"DSC_{camera.files_made % 10_000:04d}.MOV"
    stamp = camera.clock.stamp_ms(rig.now, rig.local())
    photo.captured = captured_text(stamp)
    photo.computed_name = release.name_of(rig, photo)
    photo.weight_mb = max(0.5, seconds * _VIDEO_MB_S)
    photo.card = camera.card
    camera.card_used_mb += photo.weight_mb
    photo.size = camera.rng.randint(*rig.settings.photo_bytes)
    if rig.develop is not None:
        photo.recipe = Recipe(
            kind="video",
            camera=camera.name,
            make=camera.make,
            model=camera.model,
            serial=camera.serial,
            hue=camera.hue,
            number=photo.sequence,
            width=rig.settings.photo_width,
            height=rig.settings.photo_height,
            size=photo.size,
            taken_ms=stamp,
        )
    rig.photos[photo.key] = camera.held[photo.key] = photo
    rig.publish_photo(photo)
    end_job(rig, camera)


# power zoom


def zoom_to(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Zoom to a position, percent of the range; the target is told until it is reached."""
    for camera in able_cameras(rig, fields):
        _zoom(rig, camera, fields["CameraPowerZoomPosition"])


def zoom_by(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Zoom some way towards Tele or Wide."""
    word = fields["CameraPowerZoomDirection"]
    step = _ZOOM_STEPS[word[-1]] * (1 if word.startswith("Tele") else -1)
    for camera in able_cameras(rig, fields):
        _zoom(rig, camera, max(0, min(100, camera.zoom_position + step)))


def zoom_stop(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Stop zooming where it is."""
    for camera in able_cameras(rig, fields):
        if camera.zoom_target >= 0:
            camera.zoom_target = -1
            _tell_zoom(rig, camera)


def _zoom(rig: SimulatedRig, camera: SimulatedCamera, target: int) -> None:
    camera.zoom_target = target if target != camera.zoom_position else -1
    camera.zoom_run += 1
    _tell_zoom(rig, camera)
    rig.at(rig.now + rig.settings.zoom_tick_s, _zoom_tick, camera, camera.life, camera.zoom_run)


def _zoom_tick(rig: SimulatedRig, camera: SimulatedCamera, life: int, run: int) -> None:
    if camera.life != life or camera.zoom_run != run or camera.zoom_target < 0:
        return
    way = camera.zoom_target - camera.zoom_position
    step = max(1, round(_ZOOM_SPEED * rig.settings.zoom_tick_s))
    camera.zoom_position += max(-step, min(step, way))
    if camera.zoom_position == camera.zoom_target:
        camera.zoom_target = -1
    else:
        rig.at(rig.now + rig.settings.zoom_tick_s, _zoom_tick, camera, life, run)
    _tell_zoom(rig, camera)


def _tell_zoom(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    rig.publish(
        "CameraUpdated",
        camera.part(CameraPowerZoomPosition=camera.zoom_position, CameraPowerZoomTarget=camera.zoom_target),
        camera,
    )
