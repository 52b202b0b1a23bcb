"""One simulated camera: its state, its counters, and what the application tells about them.

::

    Absent, Lost --plugged in, DetectCameras--> Disconnected --Connect, AutoConnect--> Ready
    Ready --a job begins--> Busy --its last job ends--> Ready
    Ready, Busy --Disconnect--> Disconnected
    Ready, Busy --cable pulled, battery empty--> Lost
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from rigkit.sim.clocks import CameraClock
from rigkit.sim.properties import MODELS, Property

if TYPE_CHECKING:
    from rigkit.sim.photos import Photo

__all__ = ["SimulatedCamera"]


class SimulatedCamera:
    """One camera.

    Parameters
    ----------
    index : int
        Place in the rig, from 0.
    ring : int
        The ring it stands in, from 0; decides the colour of its pictures.
    name, group : str
        ``CameraName`` and ``CameraGroup``.
    model, serial : str
        ``CameraModel`` and ``CameraSerialNumber``.
    hub : str
        The hub it hangs on.
    rng : random.Random
        Its own stream of draws, so that what one camera does never changes another's luck.
    clock : CameraClock
        Its clock.
    properties : dict of str to Property
        Its properties by type.

    Attributes
    ----------
    plugged : bool
        Whether there is a body on the cable; Connect can't reach one that is not there.
    life : int
        Goes up whenever work in progress is given up (lost, disconnected, restart); what was planned for an earlier life
        does not happen.
    jobs : int
        Work in progress; Busy while there is any.
    lag_ms, jitter_ms, jitter : float, float, str
        Release to shutter: mean and variation (ms), and the shape of it.
    card_used_mb, card_mb : float
        Use and size of the card (MB).
    card : int
        How often the card was formatted; photos from before are gone.
    held : dict of str to Photo
        Photos that only it has, by PhotoKey: at location Camera or Orphaned.
    live_run, zoom_run : int
        Goes up with each start of live view and zoom, so that what is left of an earlier one ends.
    latch : int or None
        The latch it waits on.
    armed : bool
        Waits for ReleaseTrigger.
    """

    __slots__ = (
        *("armed", "barcode", "battery", "battery_per_shot", "button", "card", "card_mb", "card_used_mb"),
        *("clock", "clock_offset", "detect_ms", "download_rate", "downloads_complete", "downloads_failed"),
        *("files_made", "focus_steps", "focused", "group", "held", "hub", "hue", "index", "jitter"),
        *("jitter_ms", "jobs", "key", "lag_ms", "latch", "life", "live_dof", "live_fps", "live_frames"),
        *("live_on", "live_run", "live_video_fps", "live_x", "live_y", "live_zoom", "make", "model", "name"),
        *("next_batch", "num_autofocus", "photos_failed", "photos_taken", "plugged", "powersource"),
        *("properties", "ring", "rng", "serial", "status", "trigger_index", "video_since", "zoom_position"),
        *("zoom_run", "zoom_target"),
    )

    def __init__(
        self,
        index: int,
        ring: int,
        name: str,
        group: str,
        model: str,
        serial: str,
        hub: str,
        rng: random.Random,
        clock: CameraClock,
        properties: dict[str, Property],
    ) -> None:
        self.index = index
        self.ring = ring
        self.hue = 0.0
        self.name = name
        self.group = group
        self.model = model
        self.make = MODELS[model].make
        self.serial = serial
        self.key = f"{self.make}|{model}|{serial}"
        self.hub = hub
        self.rng = rng
        self.clock = clock
        self.properties = properties
        self.status = "Ready"
        self.plugged = True
        self.life = 0
        self.jobs = 0
        # physics
        self.lag_ms = 60.0
        self.jitter_ms = 3.0
        self.jitter = "gaussian"
        self.detect_ms = (80.0, 200.0)
        self.powersource = "AC"
        self.battery = 100.0
        self.battery_per_shot = 0.0
        self.card_mb = 64_000.0
        self.card_used_mb = 0.0
        self.card = 0
        self.held: dict[str, Photo] = {}
        self.barcode = ""
        # what the application counts
        self.next_batch = 1
        self.photos_taken = 0
        self.photos_failed = 0
        self.downloads_complete = 0
        self.downloads_failed = 0
        self.download_rate = 0.0
        self.num_autofocus = 0
        self.files_made = 0
        self.clock_offset = 0
        # how it is set up
        self.trigger_index = 0
        self.armed = False
        self.latch: int | None = None
        self.button = "Off"
        self.focused = False
        self.focus_steps = 0
        self.live_on = False
        self.live_zoom = False
        self.live_dof = False
        self.live_frames = 0
        self.live_run = 0
        self.live_fps = 0
        self.live_video_fps = 0
        self.live_x = 0
        self.live_y = 0
        self.video_since: float | None = None
        self.zoom_position = 0
        self.zoom_run = 0
        self.zoom_target = -1

    @property
    def connected(self) -> bool:
        """Whether it can be commanded: Ready or Busy."""
        return self.status in ("Ready", "Busy")

    @property
    def value(self) -> dict[str, str]:
        """Property values by type."""
        return {kind: one.value for kind, one in self.properties.items()}

    def forget_work(self) -> dict[str, Any]:
        """Give up everything in progress and let go of whatever is held: latch, trigger, button, live view, video.

        Returns
        -------
        dict
            Fields that are different now and were told before.
        """
        changed: dict[str, Any] = {}
        if self.focused:
            changed["CameraIsFocused"] = False
        if self.video_since is not None:
            changed["CameraVideoIsEnabled"] = False
        if self.zoom_target >= 0:
            changed["CameraPowerZoomTarget"] = -1
        live = self.live_on
        self.life += 1
        self.jobs = 0
        self.armed = False
        self.latch = None
        self.button = "Off"
        self.live_on = self.live_zoom = self.live_dof = False
        self.video_since = None
        self.zoom_target = -1
        self.focused = False
        return {**changed, **self.live_state()} if live else changed

    def brief(self) -> dict[str, Any]:
        """Return the partial CameraUpdated that follows every change of state: exactly the keys of the v5.3 capture."""
        return {
            "CameraSelection": "Single",
            "CameraKey": self.key,
            "CameraMetadataTimestamp": 0,
            "CameraName": self.name,
            "CameraGroup": self.group,
            "CameraOrientation": "None",
            "CameraTriggerIndex": self.trigger_index,
            "CameraStatus": self.status,
            "PhotoBatchNum": self.next_batch,
            "CameraDownloadRate": self.download_rate,
            "CameraNumPhotosTaken": self.photos_taken,
            "CameraNumPhotosFailed": self.photos_failed,
            "CameraNumDownloadsComplete": self.downloads_complete,
            "CameraNumDownloadsFailed": self.downloads_failed,
            "CameraPhotosPerCapture": 2 if self.properties["Quality"].value.startswith("RAW +") else 1,
            "NodeKey": "",
        }

    def reset_counters(self) -> None:
        """Start counting photos and downloads from 0, as a restarted application does."""
        self.photos_taken = self.photos_failed = 0
        self.downloads_complete = self.downloads_failed = 0
        self.num_autofocus = 0

    def part(self, **fields: Any) -> dict[str, Any]:
        """Return a partial CameraUpdated that tells just ``fields``."""
        return {"CameraSelection": "Single", "CameraKey": self.key, **fields, "NodeKey": ""}

    def live_state(self) -> dict[str, Any]:
        """Return what is told when live view changes."""
        return {
            "CameraLiveviewIsEnabled": self.live_on,
            "CameraLiveviewZoomIsEnabled": self.live_zoom,
            "CameraLiveviewDOFIsEnabled": self.live_dof,
            "CameraLiveviewNumFrames": self.live_frames,
            **self.live_region(),
        }

    def live_region(self) -> dict[str, float]:
        """Return the part of the sensor that live view shows, sensor pixels."""
        width, height = MODELS[self.model].sensor
        if not self.live_zoom:
            return _region("CameraLiveviewSensorRegion", 0.0, 0.0, float(width), float(height))
        w, h = width / 8, height / 8  # zoomed live view shows an eighth of each side
        left, bottom = min(max(self.live_x - w / 2, 0.0), width - w), min(max(self.live_y - h / 2, 0.0), height - h)
        return _region("CameraLiveviewSensorRegion", left, bottom, left + w, bottom + h)

    def info(self, now: float) -> dict[str, Any]:
        """Return everything the application knows about it: a member of CameraInfo.

        Parameters
        ----------
        now : float
            Virtual time (s).
        """
        width, height = MODELS[self.model].sensor
        recording = self.video_since is not None
        info = self.brief()
        info.update(
            CameraSerialNumber=self.serial,
            CameraMake=self.make,
            CameraModel=self.model,
            CameraNumCards=1,
            CameraDateTimeOffset=self.clock_offset,
            CameraAutofocusIsSupported=True,
            CameraIsFocused=self.focused,
            CameraLiveviewIsSupported=True,
            CameraLiveviewZoomIsSupported=True,
            CameraLiveviewDOFIsSupported=True,
            CameraLiveviewFocusIsSupported=True,
            **self.live_state(),
            CameraLiveviewFPS=self.live_fps,
            CameraLiveviewVideoFPS=self.live_video_fps,
            CameraLiveviewSensorWidth=width,
            CameraLiveviewSensorHeight=height,
            **_region("CameraLiveviewAFRegion", width * 0.45, height * 0.45, width * 0.55, height * 0.55),
            CameraVideoIsSupported=True,
            CameraVideoIsEnabled=recording,
            CameraVideoElapsedTime=int((now - self.video_since) * 1000) if self.video_since is not None else 0,
            CameraBulbIsSupported=True,
            CameraBulbIsEnabled=self.properties["ShutterSpeed"].value == "Bulb",
            CameraPowersource=self.powersource,
            CameraBatterylevel=int(self.battery),
            CameraNumAutofocus=self.num_autofocus,
            CameraPowerZoomPosition=self.zoom_position,
            CameraPowerZoomTarget=self.zoom_target,
            CameraPropertyInfo=[one.info() for one in self.properties.values()],
        )
        return info


def _region(prefix: str, left: float, bottom: float, right: float, top: float) -> dict[str, float]:
    return {f"{prefix}Left": left, f"{prefix}Bottom": bottom, f"{prefix}Right": right, f"{prefix}Top": top}
