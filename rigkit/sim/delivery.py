"""Photos on their way: transfer over shared hubs, files, and the requests that concern photos."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim import node, options
from rigkit.sim.jobs import begin_job, end_job, is_ready
from rigkit.sim.names import joined, renamed, suffixed, unique_key
from rigkit.sim.outcome import FileTask, Refusal
from rigkit.sim.selection import able, selected_photos

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.photos import Photo
    from rigkit.sim.rig import SimulatedRig

__all__ = ["Hub", "delete", "download", "format_cards", "rename_photo", "start_transfer", "transfer"]


class Hub:
    """A hub whose cable its cameras share evenly.

    Fair sharing costs one plan per change: all transfers progress at the same rate, so each one ends when the *progress* of
    any one of them, counted since the start, reaches its own mark.

    Parameters
    ----------
    name : str
        What a scenario calls it.
    rate : float
        What it carries (MB/s).
    camera_rate : float
        What one camera can send (MB/s).
    """

    __slots__ = ("active", "camera_rate", "entries", "name", "plan", "progress", "rate", "since")

    def __init__(self, name: str, rate: float, camera_rate: float) -> None:
        self.name = name
        self.rate = max(rate, 1e-3)
        self.camera_rate = max(camera_rate, 1e-3)
        self.active: list[tuple[float, int, Photo, int, bool]] = []  # mark (MB), entry, photo, life, holds the camera
        self.progress = 0.0  # MB that each active transfer has moved since the hub was idle
        self.since = 0.0
        self.entries = 0
        self.plan = 0

    def share(self) -> float:
        """Return what each transfer gets now (MB/s)."""
        return min(self.camera_rate, self.rate / max(1, len(self.active)))

    def advance(self, now: float) -> None:
        """Account for the time since the last change."""
        self.progress = self.progress + (now - self.since) * self.share() if self.active else 0.0
        self.since = now


def start_transfer(rig: SimulatedRig, photo: Photo, *, holds_camera: bool) -> None:
    """Put a photo on its hub.

    Parameters
    ----------
    rig : SimulatedRig
        The rig.
    photo : Photo
        At location Camera.
    holds_camera : bool
        Whether a job of the camera ends with it.
    """
    camera = photo.camera
    photo.downloading = True
    rig.on_the_way += 1
    hub = rig.hubs[camera.hub]
    hub.advance(rig.now)
    hub.entries += 1
    heapq.heappush(hub.active, (hub.progress + photo.weight_mb, hub.entries, photo, camera.life, holds_camera))
    _plan(rig, hub)


def drop_transfers(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    """Take a camera that is gone off its hub."""
    hub = rig.hubs[camera.hub]
    hub.advance(rig.now)
    gone = [entry[2] for entry in hub.active if entry[2].camera is camera]
    if gone:
        hub.active = [entry for entry in hub.active if entry[2].camera is not camera]
        heapq.heapify(hub.active)
        for photo in gone:
            photo.downloading = False
            camera.downloads_failed += 1
            _one_less(rig)
        _plan(rig, hub)


def _plan(rig: SimulatedRig, hub: Hub) -> None:
    """Plan the end of the transfer that ends first; earlier plans lapse."""
    hub.plan += 1
    if hub.active:
        left = max(0.0, hub.active[0][0] - hub.progress)
        rig.at(rig.now + left / hub.share(), _transferred, hub, hub.plan)


def _transferred(rig: SimulatedRig, hub: Hub, plan: int) -> None:
    if plan != hub.plan:
        return
    hub.advance(rig.now)
    _, _, photo, life, holds_camera = heapq.heappop(hub.active)
    share = min(hub.camera_rate, hub.rate / (len(hub.active) + 1))
    _plan(rig, hub)
    if photo.slow_s:
        rig.at(rig.now + photo.slow_s, _arrived, photo, life, share, holds_camera)
        photo.slow_s = 0.0
    else:
        _arrived(rig, photo, life, share, holds_camera)


def _arrived(rig: SimulatedRig, photo: Photo, life: int, share: float, holds_camera: bool) -> None:
    """End a transfer: the counters rise now, the file is announced a little later."""
    camera = photo.camera
    failed = photo.download_fails or camera.life != life or photo.location != "Camera" or not _writable(rig, photo)
    photo.download_fails = False
    if failed:
        photo.downloading = False
        camera.downloads_failed += 1
    else:
        photo.arrived = True
        camera.downloads_complete += 1
        camera.download_rate = round(share, 5)
        rig.at(rig.now + camera.rng.uniform(*rig.settings.write_ms) / 1000, _write, photo)
    if holds_camera and camera.life == life:
        end_job(rig, camera)
    else:
        rig.publish_camera(camera)
    if failed:
        _one_less(rig)


def _writable(rig: SimulatedRig, photo: Photo) -> bool:
    """Whether its file can be written where the options say; if not, the download fails, and the photo stays where it is."""
    if rig.disk is None or rig.develop is None:
        return True
    return rig.disk.writable(joined(rig.options["DownloadPath"], photo.computed_name))


def _write(rig: SimulatedRig, photo: Photo) -> None:
    """Turn a photo that has arrived into a file."""
    photo.downloading = photo.arrived = False
    photo.camera.held.pop(photo.key, None)
    owner = _to_be_replaced(rig, photo)
    photo.replaces = None
    if owner is not None:
        photo.folder, photo.name, photo.path = owner.folder, owner.name, owner.path
        _forget(rig, owner)
    else:
        photo.folder = rig.options["DownloadPath"]
        photo.path, photo.name = free_name(rig, photo.folder, photo.computed_name)
    rig.files[unique_key(photo.path)] = photo
    photo.location = "Local Disk"
    if photo.recipe is not None and rig.develop is not None:
        content = rig.develop(photo.recipe)
        photo.recipe = None
        photo.size = len(content)
        photo.file_hash = f"{zlib.crc32(content):08X}"
        rig.add_file(FileTask("write", photo.path, content))
    else:
        photo.file_hash = f"{zlib.crc32(photo.key.encode()):08X}"
    rig.written_bytes += photo.size
    _scan(rig, photo)
    rig.publish_photo(photo)
    _one_less(rig)


def _to_be_replaced(rig: SimulatedRig, photo: Photo) -> Photo | None:
    """Return the photo whose file a Reshoot overwrites; that may be an earlier reshoot of the same one."""
    old = photo.replaces
    if old is None or not old.path:
        return None
    owner = rig.files.get(unique_key(old.path))
    same = owner is not None and owner.camera is photo.camera and owner.sequence == photo.sequence
    return owner if same else None


def _one_less(rig: SimulatedRig) -> None:
    """Report the node once nothing is on the way any more, as at the end of the v5.3 capture."""
    rig.on_the_way -= 1
    if not rig.on_the_way:
        rig.publish("NodeUpdated", node.node_info(rig))


def _scan(rig: SimulatedRig, photo: Photo) -> None:
    """Look for a barcode in a picture, if the options say so; one that is found becomes an option."""
    settings = rig.options
    if not settings["AutoScanBarcode"] or not photo.is_image or photo.format == "Raw":
        return
    wanted = settings["BarcodeCameraFilter"]
    if settings["FilterBarcodeScanning"] and wanted and wanted not in photo.camera.name:
        return
    photo.barcode = photo.camera.barcode
    if photo.barcode:
        settings["Barcode"] = photo.barcode
        settings["PhotoBarcodeFormat"] = "QRCode"
        rig.publish("OptionsUpdated", options.options_info(rig))


def free_name(rig: SimulatedRig, folder: str, computed: str) -> tuple[str, str]:
    """Find a name that no other file has.

    Parameters
    ----------
    rig : SimulatedRig
        The rig.
    folder : str
        The folder it is for.
    computed : str
        PhotoComputedName, forward slashes.

    Returns
    -------
    tuple of str
        The path, and PhotoName, which is relative to the folder.
    """
    n = 0
    while True:
        name = suffixed(computed, rig.settings.collision_suffix, n) if n else computed
        path = joined(folder, name)
        if unique_key(path) not in rig.files and not (rig.disk is not None and rig.disk.exists(path)):
            return path, name
        n += 1


def _forget(rig: SimulatedRig, photo: Photo) -> None:
    """Take a photo out of the list; subscribers hear that it is Deleted."""
    if photo.path and rig.files.get(unique_key(photo.path)) is photo:
        del rig.files[unique_key(photo.path)]
    photo.location = "Deleted"
    rig.photos.pop(photo.key, None)
    photo.camera.held.pop(photo.key, None)
    rig.publish_photo(photo)


# requests


def _fetchable(photo: Photo) -> bool:
    return photo.location == "Camera" and photo.camera.connected and not photo.downloading


def download(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Fetch photos that are still on their cameras; those on disk, or on their way, need nothing."""
    photos = selected_photos(rig, fields)
    settled = [photo for photo in photos if photo.location == "Local Disk" or photo.downloading]
    waiting = [photo for photo in photos if photo not in settled]
    wanted = [photo for photo in waiting if _fetchable(photo)]
    if (not wanted and not settled) or (rig.settings.partial_success == "all" and len(wanted) < len(waiting)):
        raise Refusal("the cameras that hold these photos are not connected")
    for photo in wanted:
        begin_job(rig, photo.camera)
        start_transfer(rig, photo, holds_camera=True)


def transfer(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Fetch photos from other nodes; on a stand-alone application everything is here already."""
    if not any(photo.location == "Local Disk" for photo in selected_photos(rig, fields)):
        raise Refusal("none of these photos is a file yet")


def rename_photo(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Give photos another name, on disk too; several photos share the name by the collision suffix."""
    photos = selected_photos(rig, fields)
    names = {photo.key: renamed(fields["PhotoComputedName"], photo.extension) for photo in photos}
    usable = [photo for photo in photos if photo.location in ("Camera", "Local Disk") and not photo.downloading]
    if not usable or (rig.settings.partial_success == "all" and len(usable) < len(photos)):
        raise Refusal("these photos are on their way, or gone")
    for photo in usable:
        photo.computed_name = names[photo.key]
        if photo.location == "Local Disk":
            _move(rig, photo)
        rig.publish_photo(photo)


def _move(rig: SimulatedRig, photo: Photo) -> None:
    """Give a file the name that its photo has now; it keeps to the folder it was downloaded to."""
    if photo.name == photo.computed_name:
        return
    old = photo.path
    photo.path, photo.name = free_name(rig, photo.folder, photo.computed_name)
    del rig.files[unique_key(old)]
    rig.files[unique_key(photo.path)] = photo
    if rig.develop is not None:
        rig.add_file(FileTask("move", old, to=photo.path))


def delete(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Remove photos from the list, and with DeleteFiles the files and what the cards hold as well."""
    photos = [photo for photo in selected_photos(rig, fields) if not photo.downloading]
    if not photos:
        raise Refusal("these photos are on their way")
    with_files = fields.get("DeleteFiles", rig.settings.delete_files_default)
    for photo in photos:
        if with_files:
            if photo.on_card:
                photo.camera.card_used_mb = max(0.0, photo.camera.card_used_mb - photo.weight_mb)
            if photo.path and rig.develop is not None:
                rig.add_file(FileTask("delete", photo.path))
                rig.written_bytes -= photo.size
        _forget(rig, photo)


def format_cards(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Erase the cards of all cameras that are Ready; photos that were only there are Orphaned."""
    cameras = able(rig, [camera for camera in rig.cameras.values() if camera.connected], is_ready)
    for camera in cameras:
        begin_job(rig, camera)
        rig.at(rig.now + rig.settings.format_ms / 1000, _formatted, camera, camera.life)


def _formatted(rig: SimulatedRig, camera: SimulatedCamera, life: int) -> None:
    if camera.life != life:
        return
    gone = [
        photo
        for photo in camera.held.values()
        if photo.on_card and photo.location == "Camera" and not photo.downloading
    ]
    camera.card_used_mb = 0.0
    camera.card += 1
    for photo in gone:
        photo.location = "Orphaned"
        rig.publish_photo(photo)
    end_job(rig, camera)
