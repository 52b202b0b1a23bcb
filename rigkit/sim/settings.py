"""What a simulated rig is like: one dataclass of named settings, each with a default and the reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from rigkit.errors import UnknownName
from rigkit.sim.scenario import Scenario

__all__ = ["SimSettings"]

_WORDS: dict[str, tuple[str, ...]] = {
    "dialect": ("v3", "v5"),
    "photos": ("tiny", "none"),
    "storage": ("Disk", "Card", "Both"),
    "jitter": ("gaussian", "frame-uniform", "bimodal"),
    "powersource": ("AC", "Battery", "Unknown"),
    "all_means": ("connected", "known"),
    "partial_success": ("any", "all"),
    "shot_order": ("captured", "ready_after_photo", "ready_before_photo"),
    "latch_fires": ("release", "engage"),
    "trigger_spacing": ("rank", "index"),
    "stamp": ("camera", "host"),
    "clock_report": ("requested", "measured"),
    "storage_applies": ("at once", "on connect"),
}


#: What the command line or the caller decides.
_NOT_BY_SCENARIO = frozenset(
    {"cameras", "seed", "scenario", "dialect", "speed", "download", "roots", "truth", "photos", "epoch"}
)


def _alike(value: Any, example: Any) -> bool:
    """Whether a value is of the sort of an example: yes or no, number, text, or so many of them."""
    if isinstance(example, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(example, bool)
    if isinstance(example, tuple):
        first = example[0] if example else ""
        right_length = isinstance(value, tuple) and (isinstance(first, str) or len(value) == len(example))
        return right_length and all(_alike(one, first) for one in value)
    if isinstance(example, float):
        return isinstance(value, int | float)
    return isinstance(value, type(example))


@dataclass(frozen=True)
class SimSettings:
    """Everything about a simulated rig that could have been otherwise.

    Where no public source says how the real application behaves, the choice is here as a named setting and not hidden in
    the code. Times ending in ``_ms`` are milliseconds, in ``_s`` seconds; pairs are (lowest, highest) of a uniform draw.

    Parameters
    ----------
    cameras : int
        How many. 24: three rings of eight, a small body rig.
    seed : int
        Every draw comes from it. The same seed and the same requests at the same times give the same events.
    epoch : float
        Unix time (s) of virtual time 0. A fixed date, so that a model without wishes is repeatable; the program
        ``rigkit sim`` puts the present here.
    utc_offset_minutes : int
        The zone of host and camera clocks; PhotoDateCaptured is local time without a zone.
    scenario : Mapping, Scenario or None
        Physics per camera and faults, see :mod:`rigkit.sim.scenario`. None: nothing goes wrong.
    dialect : {"v5", "v3"}
        Decides what is said, not how it is spelt: v3 has PropertyUpdated events, state on the publisher after
        Synchronise, and only the messages, fields and words of 3.38.
    version : str
        ``NodeVersion``, the only place where the application tells its version. Empty: v5.9, the newest full
        specification; in v3 v3.38.
    speed : float
        How many virtual seconds the server lets pass in a real one. Only ``synchronise_delay_ms`` has to know.
    download : str
        Folder of the downloaded photos (``DownloadPath``).
    roots : tuple of str
        Folders outside which ``DownloadPath`` is refused. Empty: the download folder alone.
    truth : str or None
        Folder for the truth tables; None: none are written.
    photos : {"tiny", "none"}
        ``"none"``: no files, sizes and hashes are made up. ``"rendered"`` is not built yet.
    photo_width, photo_height : int
        Pixels of a photo. 160 x 107 keeps a photo below 10 kB and its drawn label readable.
    photo_bytes : tuple of int
        Size of a photo file in bytes; each file is padded to the drawn size, so that the size is known before the file.
    models : tuple of str
        Camera models, ring by ring in turn; those of :data:`rigkit.sim.properties.MODELS`.
    storage : {"Disk", "Card", "Both"}
        ``DefaultStorage``, as in the capture.
    filename_expression : str
        As in the capture; a sequence number alone can't collide within one run.
    auto_connect, auto_scan_barcode : bool
        Options of the same names. Scanning is off so that a shot's events are about the shot.
    barcode : str
        Text that the first camera sees in its picture when barcodes are scanned; empty: none.
    lag_ms, lag_spread_ms : float
        Release to shutter: mean over the rig and standard deviation between cameras. 60 ms: in the middle of the 40 to
        100 ms that are the rule of thumb for shutter lag.
    jitter_ms : float
        Shot to shot variation of one camera: standard deviation (gaussian), frame period (frame-uniform), distance of the
        two modes (bimodal).
    jitter : {"gaussian", "frame-uniform", "bimodal"}
        Shape of that variation. A free-running sensor clock gives the uniform one.
    clock_spread_s, drift_spread_ppm : float
        Standard deviation of the cameras' clock errors at start (s) and of their rates (ppm).
    quantum_ms : float
        Resolution of the camera's own time stamp; 10 ms: two digits of SubSecTimeOriginal.
    detect_ms : tuple of float
        End of exposure to the photo being announced.
    photo_mb, raw_mb : float
        What a photo weighs on the cable and on the card (MB), whatever the file on disk does. 10 and 45 MB: a 45-megapixel
        body.
    camera_mb_s, hub_mb_s : float
        What one camera and one hub can carry (MB/s). With 8 cameras a hub, 24 cameras have delivered after about 0.8 s.
    cameras_per_hub : int
        Cameras that share a hub's bandwidth, and its fate.
    write_ms : tuple of float
        End of transfer to the photo being announced as a file.
    property_ms, connect_ms, detect_cameras_ms, format_ms : float
        Time that these take.
    autofocus_ms : tuple of float
        Time to focus; a body left in an AF mode spends it before each exposure.
    powersource : {"AC", "Battery", "Unknown"}
        Rigs run on adapters. With ``"Battery"`` each exposure costs ``battery_per_shot``.
    battery_percent, battery_per_shot : float
        Charge at start and its use per exposure, percent. Empty: the camera is lost.
    card_gb : float
        Room on each camera's card (GB).
    bulb_most_s : float
        The longest bulb exposure accepted (s).
    ping_s : float
        Time between two NetworkPing events (s); 0: none.
    video_tick_s, zoom_tick_s : float
        Time between two reports of a running video and of a moving zoom (s).
    synchronise_delay_ms : float
        v3 only: the state follows the bare reply this much later, in real milliseconds at any ``speed``. At 0 a subscriber
        that joined just before misses it (3 of 12 runs succeeded), at 50 ms none did.
    all_means : {"connected", "known"}
        What CameraSelection All means for a command. Unconnected cameras can't follow one, so they are left out; with
        ``"known"`` they count as cameras that could not.
    partial_success : {"any", "all"}
        ``"any"``: a command is done by those that can, and is true if there is one. ``"all"``: nothing is done unless all can.
    shot_order : {"captured", "ready_after_photo", "ready_before_photo"}
        ``"captured"``: Busy, photo on the camera, Ready with both counters raised when the transfer is over, photo on disk:
        as in the v5.3 capture. ``"ready_after_photo"``: Ready as soon as the photo is announced. ``"ready_before_photo"``:
        Ready first, which is what the vendor's own test of 2018 waits for.
    latch_fires : {"release", "engage"}
        Whether EngageLatch arms and ReleaseLatch fires, or EngageLatch presses and ReleaseLatch lets go. The specification
        fits both.
    trigger_spacing : {"rank", "index"}
        ReleaseTrigger waits one interval from each *used* index to the next, or one per number.
    echo_origin : bool
        PhotoOrigin of a Shoot comes back in the photo.
    origin_api, origin_button : str
        PhotoOrigin where none was given, and for releases that carry none (button, latch, trigger).
    stamp : {"camera", "host"}
        Whose clock PhotoDateCaptured shows. EXIF always shows the camera's.
    delete_files_default : bool
        What Delete does with the file when DeleteFiles is absent. False: nothing is lost by a short request.
    clock_report : {"requested", "measured"}
        What CameraDateTimeOffset holds after CheckClocks: the offset asked for, or the clock's error in whole seconds.
    storage_applies : {"at once", "on connect"}
        When a changed DefaultStorage (or DefaultFocusMode) reaches the cameras.
    collision_suffix : str
        Appended to a file name that exists, ``{n}`` counting from 1. The real format is unknown.
    as_captured : bool
        Leave out of photo and options events what the v5.3 capture does not show (PhotoUUID, PhotoIsScanned before the
        scan, the options that came later).
    explain : bool
        Put the reason of a refusal into the reply as ``msg_error``, which one public client reads; no document lists it.
    """

    cameras: int = 24
    seed: int = 0
    epoch: float = 1_790_000_000.0
    utc_offset_minutes: int = 0
    scenario: Mapping[str, Any] | Scenario | None = field(default=None, hash=False)
    dialect: Literal["v5", "v3"] = "v5"
    version: str = ""
    speed: float = 1.0
    download: str = "photos"
    roots: tuple[str, ...] = ()
    truth: str | None = None
    photos: Literal["tiny", "none"] = "tiny"
    photo_width: int = 160
    photo_height: int = 107
    photo_bytes: tuple[int, int] = (7_000, 10_000)
    models: tuple[str, ...] = ("D850",)
    storage: Literal["Disk", "Card", "Both"] = "Disk"
    filename_expression: str = "SSP_[S]"
    auto_connect: bool = True
    auto_scan_barcode: bool = False
    barcode: str = ""
    # physics
    lag_ms: float = 60.0
    lag_spread_ms: float = 4.0
    jitter_ms: float = 3.0
    jitter: Literal["gaussian", "frame-uniform", "bimodal"] = "gaussian"
    clock_spread_s: float = 0.3
    drift_spread_ppm: float = 8.0
    quantum_ms: float = 10.0
    detect_ms: tuple[float, float] = (80.0, 200.0)
    photo_mb: float = 10.0
    raw_mb: float = 45.0
    camera_mb_s: float = 60.0
    hub_mb_s: float = 150.0
    cameras_per_hub: int = 8
    write_ms: tuple[float, float] = (4.0, 12.0)
    property_ms: float = 20.0
    connect_ms: float = 150.0
    detect_cameras_ms: float = 100.0
    format_ms: float = 400.0
    autofocus_ms: tuple[float, float] = (120.0, 450.0)
    powersource: Literal["AC", "Battery", "Unknown"] = "AC"
    battery_percent: float = 100.0
    battery_per_shot: float = 0.05
    card_gb: float = 64.0
    bulb_most_s: float = 3600.0
    ping_s: float = 5.0
    video_tick_s: float = 1.0
    zoom_tick_s: float = 0.1
    # what no public source settles
    synchronise_delay_ms: float = 50.0
    all_means: Literal["connected", "known"] = "connected"
    partial_success: Literal["any", "all"] = "any"
    shot_order: Literal["captured", "ready_after_photo", "ready_before_photo"] = "captured"
    latch_fires: Literal["release", "engage"] = "release"
    trigger_spacing: Literal["rank", "index"] = "rank"
    echo_origin: bool = True
    origin_api: str = "api"
    origin_button: str = "ui"
    stamp: Literal["camera", "host"] = "camera"
    delete_files_default: bool = False
    clock_report: Literal["requested", "measured"] = "requested"
    storage_applies: Literal["at once", "on connect"] = "at once"
    collision_suffix: str = "_{n}"
    as_captured: bool = False
    explain: bool = False

    def overridden(self, wishes: Mapping[str, Any]) -> SimSettings:
        """Return these settings with some changed by a scenario.

        Parameters
        ----------
        wishes : Mapping
            New values by name.

        Raises
        ------
        UnknownName
            No such setting, or one that is not a scenario's to change.
        ValueError
            A value of another sort.
        """
        own = [one.name for one in fields(self) if one.name not in _NOT_BY_SCENARIO]
        changes: dict[str, Any] = {}
        for name, value in wishes.items():
            if name not in own:
                raise UnknownName("setting", name, own, where="a scenario")
            changes[name] = tuple(value) if isinstance(value, list) else value
            if not _alike(changes[name], getattr(self, name)):
                raise ValueError(
                    f"setting {name} of the scenario: expected the like of {getattr(self, name)!r}, not {value!r:.80}"
                )
        return replace(self, **changes)

    def __post_init__(self) -> None:
        if self.photos == "rendered":  # type: ignore[comparison-overlap]  # the word comes from outside
            raise ValueError('photos="rendered" is not built yet: use "tiny" or "none"')
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise UnknownName(f"value of {name}", getattr(self, name), words)
        if not 1 <= self.cameras <= 10_000:
            raise ValueError(f"cameras must be from 1 to 10000, not {self.cameras}")
        if not self.speed > 0:
            raise ValueError(f"speed must be above 0, not {self.speed}")
        if "{n}" not in self.collision_suffix:
            raise ValueError(
                f"collision_suffix needs {{n}}, or two photos would get one name: {self.collision_suffix!r}"
            )
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name.endswith(("_ms", "_mb_s", "_mb", "_s")) and isinstance(value, int | float) and value < 0:
                raise ValueError(f"{one.name} must not be negative: {value}")
