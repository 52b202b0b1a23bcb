"""Photos as the application knows them: one entry per file."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.outcome import Recipe

__all__ = ["Photo", "PhotoKeys"]

# 100 ns steps from 1582-10-15, where version 1 UUIDs begin, to 1970.
_UUID_EPOCH = 0x01B21DD213814000


class PhotoKeys:
    """PhotoKey texts: version 1 UUIDs that carry the host's creation time of the entry at 100 ns, as in the v5.3 capture.

    Parameters
    ----------
    rng : random.Random
        Source of the clock sequence and node.
    """

    def __init__(self, rng: random.Random) -> None:
        self._tail = f"{0x8000 | rng.getrandbits(14):04x}-{rng.getrandbits(48) | 0x010000000000:012x}"
        self._last = 0

    def new(self, unix_s: float) -> str:
        """Return a key for an entry made at ``unix_s`` (Unix seconds); never the same one twice."""
        self._last = ticks = max(self._last + 1, int(unix_s * 1e7) + _UUID_EPOCH)
        return (
            f"{ticks & 0xFFFFFFFF:08x}-{(ticks >> 32) & 0xFFFF:04x}-{0x1000 | (ticks >> 48) & 0x0FFF:04x}-{self._tail}"
        )


class Photo:
    """One photo, or one video.

    Attributes
    ----------
    key : str
        ``PhotoKey`` and ``PhotoUUID``.
    camera : SimulatedCamera
        Who took it.
    location : str
        ``PhotoLocation``: Camera, Local Disk, Deleted or Orphaned.
    weight_mb : float
        What it weighs on the cable and on the card (MB).
    card : int or None
        Which filling of the camera's card holds it (``SimulatedCamera.card``); None: it waits in the camera's memory.
    extension : str
        JPG, NEF or MOV.
    name, folder, path : str
        ``PhotoName``, the download folder of that time, and both together (``PhotoFilename``); empty while there is no file.
    recipe : Recipe or None
        How to make the file; None once it is made or where none is wanted.
    barcode : str or None
        What a scan of it found, empty for nothing; None: not scanned.
    downloading, arrived : bool, bool
        On its way to the computer; there, but not a file yet.
    replaces : Photo or None
        The photo whose name it takes (Reshoot).
    metadata : tuple of str
        PhotoAperture, PhotoShutterSpeed, PhotoISO and PhotoFocalLength, told once it is downloaded.
    slow_s, download_fails : float, bool
        What a scenario holds for its first download.
    """

    __slots__ = (
        *("arrived", "barcode", "batch", "camera", "captured", "card", "computed_name", "download_fails"),
        *("downloading", "extension", "file_hash", "folder", "format", "height", "is_image", "key", "location"),
        *("metadata", "name", "origin", "original_name", "path", "recipe", "replaces", "sequence"),
        *("session_name", "session_num", "size", "slow_s", "weight_mb", "width"),
    )

    def __init__(self, key: str, camera: SimulatedCamera) -> None:
        self.key = key
        self.camera = camera
        self.location = "Camera"
        self.original_name = ""
        self.computed_name = ""
        self.name = ""
        self.folder = ""
        self.path = ""
        self.captured = ""
        self.origin = ""
        self.format = "JPEG"
        self.extension = "JPG"
        self.metadata = ("", "", "", "")
        self.width = 0
        self.height = 0
        self.size = 0
        self.is_image = True
        self.sequence = 0
        self.batch = 0
        self.session_num = 1
        self.session_name = ""
        self.file_hash = ""
        self.barcode: str | None = None
        self.weight_mb = 0.0
        self.card: int | None = None
        self.arrived = False
        self.recipe: Recipe | None = None
        self.replaces: Photo | None = None
        self.downloading = False
        self.slow_s = 0.0
        self.download_fails = False

    @property
    def on_card(self) -> bool:
        """Whether the camera's card holds it still."""
        return self.card == self.camera.card

    def info(self, *, as_captured: bool = False, looks_first: bool = True) -> dict[str, Any]:
        """Return the fields of a PhotoUpdated event, the same as a member of PhotoInfo.

        What is not known before the download is empty, "Unknown" or absent, just as the v5.3 capture mixes them.

        Parameters
        ----------
        as_captured : bool
            Leave out what that capture does not show.
        looks_first : bool
            The format and the size in pixels are known before the download, as in that capture. If not, they are Unknown
            and 0, as in the vendor's v3 sample.
        """
        here = bool(self.name)
        seen = here or looks_first
        aperture, shutter_speed, iso, focal_length = self.metadata if here else ("", "", "", "")
        info: dict[str, Any] = {
            "PhotoSelection": "Single",
            "PhotoKey": self.key,
            "CameraKey": self.camera.key,
            "PhotoLocation": self.location,
            "PhotoUUID": self.key,
            "PhotoOriginalName": self.original_name,
            "PhotoOriginalPath": self.original_name,
            "PhotoComputedName": self.computed_name,
            "PhotoDateCaptured": self.captured,
            "PhotoOrigin": self.origin,
            "PhotoFormat": self.format if seen else "Unknown",
            "PhotoOrientation": "None" if here else "Unknown",
            "PhotoAperture": aperture,
            "PhotoShutterSpeed": shutter_speed,
            "PhotoISO": iso,
            "PhotoFocalLength": focal_length,
            "PhotoWidth": self.width if seen else 0,
            "PhotoHeight": self.height if seen else 0,
            "PhotoFilesize": self.size,
            "PhotoIsImage": self.is_image,
            "PhotoIsHidden": False,
            "PhotoSequenceNum": self.sequence,
            "PhotoBatchNum": self.batch,
            "PhotoSessionNum": self.session_num,
            "PhotoSessionName": self.session_name,
            "PhotoStorageID": 0,
            "PhotoPersistentID": "",
            "PhotoIsScanned": self.barcode is not None,
        }
        if here:
            info["PhotoName"] = self.name
            info["PhotoFilename"] = self.path
            info["PhotoHash"] = self.file_hash
        if self.barcode is not None:
            info["PhotoBarcode"] = self.barcode
            info["PhotoBarcodeFormat"] = "QRCode" if self.barcode else ""
            # Edges as fractions of the picture, where the capture has its code.
            left, top, right, bottom = (0.350291, 0.571584, 0.3922, 0.62609) if self.barcode else (0.0, 0.0, 0.0, 0.0)
            info["PhotoBarcodeLocationLeft"] = left
            info["PhotoBarcodeLocationTop"] = top
            info["PhotoBarcodeLocationRight"] = right
            info["PhotoBarcodeLocationBottom"] = bottom
        info["NodeKey"] = ""
        if as_captured:
            del info["PhotoUUID"]
            if self.barcode is None:
                del info["PhotoIsScanned"]
        return info
