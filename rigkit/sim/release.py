"""Releases: everything that opens a shutter, from the request to the photo being announced.

A release is one press for any number of cameras: Shoot, Reshoot, ReleaseTrigger, a latch, the shutter button at Full. A
scenario counts them from 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rigkit.sim import delivery, plugging, truth
from rigkit.sim.clocks import captured_text
from rigkit.sim.jobs import begin_job, end_job, is_ready
from rigkit.sim.names import computed_name
from rigkit.sim.outcome import Recipe, Refusal
from rigkit.sim.photos import Photo
from rigkit.sim.properties import MODELS, exposure_of, quality_of
from rigkit.sim.selection import able, able_cameras, selected_photos

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.rig import SimulatedRig

__all__ = [
    "cancel_latch",
    "cancel_trigger",
    "engage_latch",
    "engage_trigger",
    "release_latch",
    "release_trigger",
    "reshoot",
    "set_shutter_button",
    "shoot",
]

_LONGEST_ORIGIN = 1000  # characters
_BIMODAL_SHARE = 0.2  # of the releases of a bimodal camera come in the later mode
_MISFIRE_S = 0.3  # until a camera gives up


class Exposure:
    """One camera's part in one release, on its way from the press to the photo.

    Attributes
    ----------
    release : int
        Number of the release.
    life : int
        The camera's life in which it was asked for.
    origin : str
        PhotoOrigin of its photos.
    t_start, t_exp : float
        When the shutter opens (virtual s) and for how long (s).
    misfire, download_fails, slow_s, double_s : bool, bool, float, float
        What a scenario holds for it.
    replaces : sequence of Photo
        The photos to be taken again.
    """

    __slots__ = (
        *("double_s", "download_fails", "life", "misfire", "origin", "release", "replaces", "slow_s"),
        *("stamp_ms", "t_exp", "t_start"),
    )

    def __init__(self, release: int, life: int, origin: str) -> None:
        self.release = release
        self.life = life
        self.origin = origin
        self.t_start = 0.0
        self.t_exp = 0.0
        self.stamp_ms = 0
        self.misfire = False
        self.download_fails = False
        self.slow_s = 0.0
        self.double_s = 0.0
        self.replaces: Sequence[Photo] = ()


# requests


def shoot(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Take one photo with each selected camera that is Ready."""
    bulb_s = fields.get("BulbTimer", 0) / 1000
    if bulb_s > rig.settings.bulb_most_s:
        raise Refusal(f"BulbTimer is in ms and at most {rig.settings.bulb_most_s * 1000:.0f}")
    origin = fields.get("PhotoOrigin")
    if origin is not None and len(origin) > _LONGEST_ORIGIN:
        raise Refusal(f"PhotoOrigin is longer than {_LONGEST_ORIGIN} characters")
    cameras = able_cameras(rig, fields, is_ready)
    settings = rig.settings
    fire(rig, cameras, origin if origin is not None and settings.echo_origin else settings.origin_api, bulb_s=bulb_s)


def reshoot(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Take photos again: each one's camera fires once, and the new photo takes the old one's name and sequence number."""
    photos = [photo for photo in selected_photos(rig, fields) if photo.is_image]
    if not photos:
        raise Refusal("none of these is a photo")
    latest: dict[str, list[Photo]] = {}
    for photo in photos:  # the latest exposure of each camera: one photo, or a raw file and its JPEG
        others = latest.setdefault(photo.camera.key, [])
        if others and others[0].batch != photo.batch:
            others.clear()
        others.append(photo)
    cameras = able(rig, [rig.cameras[key] for key in latest], is_ready)
    fire(rig, cameras, rig.settings.origin_button, replaces=latest)


def set_shutter_button(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Hold the button Off, Half (focus) or Full (fire once)."""
    to = fields["CameraShutterButton"]
    cameras = able_cameras(rig, fields, is_ready if to == "Full" else None)
    fresh = [camera for camera in cameras if camera.button != to]
    for camera in fresh:
        camera.button = to
        if to == "Half" and not camera.focused:
            low, high = rig.settings.autofocus_ms
            rig.at(rig.now + camera.rng.uniform(low, high) / 1000, _focused, camera, camera.life)
        elif to == "Off" and camera.focused:
            camera.focused = False
            rig.publish("CameraUpdated", camera.part(CameraIsFocused=False), camera)
    if to == "Full" and fresh:
        fire(rig, fresh, rig.settings.origin_button)


def _focused(rig: SimulatedRig, camera: SimulatedCamera, life: int) -> None:
    if camera.life == life and camera.button != "Off":
        camera.focused = True
        camera.num_autofocus += 1
        rig.publish("CameraUpdated", camera.part(CameraIsFocused=True, CameraNumAutofocus=camera.num_autofocus), camera)


def engage_trigger(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Arm the selected cameras that are Ready."""
    for camera in able_cameras(rig, fields, is_ready):
        camera.armed = True


def release_trigger(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Fire the armed cameras in the order of their trigger indices, spaced by the interval; equal indices together."""
    interval_s = fields.get("CameraTriggerInterval", 0) / 1000
    armed = [camera for camera in rig.cameras.values() if camera.armed]
    if not armed:
        raise Refusal("no camera is armed: EngageTrigger comes first")
    indices = sorted({camera.trigger_index for camera in armed})
    steps = {
        index: rank if rig.settings.trigger_spacing == "rank" else index - indices[0]
        for rank, index in enumerate(indices)
    }
    if steps[indices[-1]] * interval_s > rig.settings.bulb_most_s:
        raise Refusal(f"the last camera would fire after {steps[indices[-1]] * interval_s:g} s")
    ready = able(rig, armed, is_ready)
    for camera in armed:
        camera.armed = False
    delays = {camera.key: steps[camera.trigger_index] * interval_s for camera in ready}
    fire(rig, ready, rig.settings.origin_button, delays=delays)


def cancel_trigger(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Disarm; true also if nothing was armed, so that a client can always clean up."""
    for camera in rig.cameras.values():
        camera.armed = False


def engage_latch(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Put the selected cameras that are Ready on a latch; with latch_fires="engage" they fire now."""
    cameras = able_cameras(rig, fields, is_ready)
    for camera in cameras:
        camera.latch = fields["CameraLatchIndex"]
    if rig.settings.latch_fires == "engage":
        fire(rig, cameras, rig.settings.origin_button)


def release_latch(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Let go of every camera on a latch; with latch_fires="release" they fire now."""
    index = fields["CameraLatchIndex"]
    waiting = [camera for camera in rig.cameras.values() if camera.latch == index]
    if not waiting:
        raise Refusal(f"no camera is on latch {index}: EngageLatch comes first")
    firing = able(rig, waiting, is_ready) if rig.settings.latch_fires == "release" else []
    for camera in waiting:
        camera.latch = None
    if firing:
        fire(rig, firing, rig.settings.origin_button)


def cancel_latch(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Take every camera off a latch without firing; true also if there was none."""
    for camera in rig.cameras.values():
        if camera.latch == fields["CameraLatchIndex"]:
            camera.latch = None


# from the press to the photo


def fire(
    rig: SimulatedRig,
    cameras: Sequence[SimulatedCamera],
    origin: str,
    *,
    bulb_s: float = 0.0,
    delays: Mapping[str, float] | None = None,
    replaces: Mapping[str, Sequence[Photo]] | None = None,
) -> None:
    """Press the button of several cameras at once.

    Parameters
    ----------
    rig : SimulatedRig
        The rig.
    cameras : sequence of SimulatedCamera
        All Ready.
    origin : str
        PhotoOrigin of the photos.
    bulb_s : float
        Length of a bulb exposure (s); 0: the camera's own ShutterSpeed.
    delays : mapping of str to float, or None
        Further wait by CameraKey (s).
    replaces : mapping of str to sequence of Photo, or None
        Photos that are taken again, by CameraKey.

    Raises
    ------
    Refusal
        A fault of the scenario left nobody to fire.
    """
    rig.releases += 1
    rig.faults.release(rig.releases)
    cameras = [camera for camera in cameras if camera.status == "Ready"]
    if not cameras:
        raise Refusal("no selected camera is left")
    for camera in cameras:
        begin_job(rig, camera)
        exposure = Exposure(rig.releases, camera.life, origin)
        exposure.replaces = replaces.get(camera.key, ()) if replaces else ()
        late_s = rig.faults.of_shot(camera, exposure)
        exposure.t_exp = bulb_s or _exposure_s(camera)
        delay = delays.get(camera.key, 0.0) if delays else 0.0
        rig.at(rig.now + delay + late_s + _lag_s(rig, camera), _expose, camera, exposure)


def _exposure_s(camera: SimulatedCamera) -> float:
    numerator, denominator = exposure_of(camera.properties["ShutterSpeed"].value)
    return numerator / denominator


def _lag_s(rig: SimulatedRig, camera: SimulatedCamera) -> float:
    """Draw the time from the press to the shutter (s)."""
    rng = camera.rng
    if camera.jitter == "gaussian":
        extra = rng.gauss(0.0, camera.jitter_ms)
    elif camera.jitter == "frame-uniform":
        extra = rng.uniform(0.0, camera.jitter_ms)
    else:
        extra = rng.gauss(0.0, 1.0) + (camera.jitter_ms if rng.random() < _BIMODAL_SHARE else 0.0)
    if camera.properties["FocusMode"].value.startswith("AF") and not camera.focused:
        extra += rng.uniform(*rig.settings.autofocus_ms)
    return max(0.5, camera.lag_ms + extra) / 1000


def _expose(rig: SimulatedRig, camera: SimulatedCamera, exposure: Exposure) -> None:
    """Open the shutter, or fail to."""
    if camera.life != exposure.life:
        return
    if exposure.misfire or not _room_for(camera):
        rig.at(rig.now + _MISFIRE_S, _failed, camera, exposure)
        return
    exposure.t_start = rig.now
    exposure.stamp_ms = camera.clock.stamp_ms(rig.now, rig.local())
    truth.exposure(rig, camera, exposure.release, exposure.t_start, exposure.t_exp)
    if camera.powersource == "Battery":
        plugging.drain(rig, camera)
    low, high = camera.detect_ms
    rig.at(rig.now + exposure.t_exp + camera.rng.uniform(low, high) / 1000, _detected, camera, exposure)
    if exposure.double_s:
        second = Exposure(exposure.release, exposure.life, exposure.origin)
        second.t_exp = exposure.t_exp
        camera.jobs += 1
        rig.at(rig.now + exposure.double_s, _expose, camera, second)


def _failed(rig: SimulatedRig, camera: SimulatedCamera, exposure: Exposure) -> None:
    if camera.life == exposure.life:
        camera.photos_failed += 1
        end_job(rig, camera)


def _room_for(camera: SimulatedCamera) -> bool:
    """Whether the card has room for one more exposure, if it is to go there."""
    return camera.properties["Storage"].value == "Disk" or camera.card_used_mb < camera.card_mb


def _detected(rig: SimulatedRig, camera: SimulatedCamera, exposure: Exposure) -> None:
    """Announce the photos of an exposure; names are worked out now, not when the shutter was pressed."""
    if camera.life != exposure.life:
        return
    raw, jpeg = quality_of(camera.properties["Quality"].value)
    storage = camera.properties["Storage"].value
    order = rig.settings.shot_order
    camera.files_made += 1
    photos = []
    if raw:
        photos.append(_new_photo(rig, camera, exposure, "Raw", MODELS[camera.model].raw))
    if jpeg:
        photos.append(_new_photo(rig, camera, exposure, "JPEG", "JPG"))
    camera.next_batch += 1
    camera.photos_taken += len(photos)
    if storage != "Disk":
        camera.card_used_mb += sum(photo.weight_mb for photo in photos)
    if order == "ready_before_photo":
        end_job(rig, camera)
    for photo in photos:
        photo.card = None if storage == "Disk" else camera.card
        rig.photos[photo.key] = camera.held[photo.key] = photo
        rig.publish_photo(photo)
    if order == "ready_after_photo" or (order == "captured" and storage == "Card"):
        end_job(rig, camera)
    if storage == "Card":
        return
    for n, photo in enumerate(photos):
        if order == "captured" and n:
            camera.jobs += 1  # one job per photo; the first one goes on with the exposure's
        delivery.start_transfer(rig, photo, holds_camera=order == "captured")


def _new_photo(rig: SimulatedRig, camera: SimulatedCamera, exposure: Exposure, kind: str, extension: str) -> Photo:
    """Make the entry of one file of an exposure."""
    settings, options = rig.settings, rig.options
    photo = Photo(rig.photo_keys.new(rig.wall()), camera)
    photo.origin = exposure.origin
    photo.format, photo.extension = kind, extension
    photo.slow_s, photo.download_fails = exposure.slow_s, exposure.download_fails
    photo.session_num, photo.session_name = options["PhotoSessionNum"], options["PhotoSessionName"]
    photo.batch = camera.next_batch
    stamp = exposure.stamp_ms if settings.stamp == "camera" else int(rig.local(exposure.t_start) * 1000)
    photo.captured = captured_text(stamp)
    photo.original_name = f"DSC_{camera.files_made % 10_000:04d}.{extension}"
    old = next((one for one in exposure.replaces if one.extension == extension), None)
    if old is not None:
        photo.replaces = old
        photo.sequence, photo.computed_name = old.sequence, old.computed_name
    else:
        photo.sequence = rig.sequence_next
        rig.sequence_next += 1
        photo.computed_name = name_of(rig, photo)
    value = camera.properties
    exposure_time = exposure_of(value["ShutterSpeed"].value)
    if exposure_time[0] / exposure_time[1] != exposure.t_exp:
        exposure_time = (round(exposure.t_exp * 1000), 1000)  # bulb
    photo.metadata = _metadata(value["Aperture"].value, exposure_time, value["ISO"].value)
    photo.width, photo.height = settings.photo_width, settings.photo_height
    photo.weight_mb = (settings.raw_mb if kind == "Raw" else settings.photo_mb) * camera.rng.uniform(0.9, 1.1)
    low, high = settings.photo_bytes
    photo.size = int(low + (high - low) * camera.rng.random()) * (3 if kind == "Raw" else 1)
    if rig.develop is not None:
        photo.recipe = Recipe(
            kind="raw" if kind == "Raw" else "jpeg",
            camera=camera.name,
            make=camera.make,
            model=camera.model,
            serial=camera.serial,
            hue=camera.hue,
            number=exposure.release,
            width=photo.width,
            height=photo.height,
            size=photo.size,
            taken_ms=exposure.stamp_ms,
            subsec_digits=camera.clock.subsec_digits,
            utc_offset_minutes=settings.utc_offset_minutes,
            exposure=exposure_time,
            f_number=float(value["Aperture"].value),
            iso=int(value["ISO"].value),
        )
    return photo


@functools.lru_cache(maxsize=256)
def _metadata(aperture: str, exposure_time: tuple[int, int], iso: str) -> tuple[str, str, str, str]:
    """Spell aperture, shutter speed (unreduced, as in the capture), ISO and focal length as a downloaded photo does."""
    return f"{float(aperture):.1f}", f"{exposure_time[0] * 10}/{exposure_time[1] * 10}", iso, "50.0"


#: The value of each letter of a filename expression.
_LETTER_VALUES: dict[str, Callable[[SimulatedRig, Photo], object]] = {
    "N": lambda rig, photo: photo.session_name,
    "I": lambda rig, photo: photo.session_num,
    "S": lambda rig, photo: photo.sequence,
    "B": lambda rig, photo: photo.batch,
    "C": lambda rig, photo: photo.camera.name,
    "X": lambda rig, photo: photo.camera.serial,
    "O": lambda rig, photo: photo.original_name.partition(".")[0],
    "E": lambda rig, photo: photo.extension,
    "U": lambda rig, photo: rig.options["UniqueTag"],
    "Z": lambda rig, photo: rig.options["Barcode"],
    "D": lambda rig, photo: captured_text(int(rig.local() * 1000))[:8],
    "A": lambda rig, photo: rig.options["ApplicationName"],
}


def name_of(rig: SimulatedRig, photo: Photo) -> str:
    """Work out PhotoComputedName by the filename expression."""
    options = rig.options
    return computed_name(
        options["FilenameExpression"],
        lambda letter: _LETTER_VALUES[letter](rig, photo),
        photo.extension,
        spaces=options["AllowSpacesInFilename"],
    )
