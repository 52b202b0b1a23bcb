"""Options of the application, and the numbers that file names are made of."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim.names import inside
from rigkit.sim.node import NODE_NAME
from rigkit.sim.outcome import Refusal
from rigkit.wire import DIALECTS, FIELDS

if TYPE_CHECKING:
    from rigkit.sim.rig import SimulatedRig
    from rigkit.sim.settings import SimSettings

__all__ = ["first_options", "options_info", "set_batch_num", "set_options", "set_sequence_num", "sync_batch_num"]

_V3_ONLY = {
    "GridFilenameValidation": "",
    "GridGenerateFilename": True,
    "GridScanSequenceNum": False,
    "GridScanBatchNum": False,
    "GridLiveviewDatalimit": 0,
}
#: Not to be changed by a client: they describe the application.
_FIXED = frozenset({"ApplicationName", "NodeTimeout", "PhotoBarcodeFormat"})
_LATER_THAN_CAPTURE = ("DefaultControlMode", "AllowSpacesInFilename")
_LONGEST = 1000  # characters of a text option; a file name has no use for more


def first_options(settings: SimSettings) -> dict[str, Any]:
    """Return the options at start, in the order and with the values of the v5.3 capture where it has them."""
    options: dict[str, Any] = {
        "AutoConnect": settings.auto_connect,
        "AutoSynchroniseTime": False,
        "AutoScanBarcode": settings.auto_scan_barcode,
        "AutoBackup": False,
        "OverwriteBackup": False,
        "AddBarcodeToMetadata": True,
        "RestrictBarcodeFormat": False,
        "FilterBarcodeScanning": False,
        "ResetSequenceNumOnEdit": False,
        "ResetBatchNumOnEdit": False,
        "NodeTimeout": 20,
        "FilenameExpression": settings.filename_expression,
        "PhotoSessionName": "",
        "PhotoSessionNum": 1,
        "UniqueTag": "",
        "Barcode": "",
        "PhotoBarcodeFormat": "",
        "DefaultStorage": settings.storage,
        "DefaultControlMode": "Both",
        "DefaultFocusMode": "Not set",
        "DefaultLiveviewFPS": 20,
        "DefaultVideoFPS": 20,
        "BarcodeCameraFilter": "",
        "DownloadPath": settings.download,
        "FallbackPath": "",
        "AllowSpacesInFilename": True,
        "BackupPath": "",
        "ApplicationName": NODE_NAME,
    }
    version = DIALECTS[settings.dialect].version
    options.update({name: value for name, value in _V3_ONLY.items() if FIELDS[name].listed_in(version)})
    return options


def options_info(rig: SimulatedRig) -> dict[str, Any]:
    """Return the fields of OptionsUpdated; options belong to a node."""
    info: dict[str, Any] = {
        "NodeSelection": "Single",
        "NodeKey": "",
        "NodeEndpoint": "",
        "NodeNetworkMode": "P2P",
        **rig.options,
    }
    if rig.settings.as_captured:
        for name in _LATER_THAN_CAPTURE:
            del info[name]
    return info


def set_options(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Change the options given and leave the others; a folder has to lie in one of the roots."""
    changes = {name: value for name, value in fields.items() if name in rig.options and name not in _FIXED}
    if not changes:
        raise Refusal("SetOptions holds no option")
    for name, value in changes.items():
        if isinstance(value, str) and len(value) > _LONGEST:
            raise Refusal(f"{name} is longer than {_LONGEST} characters")
        if FIELDS[name].low is not None and isinstance(value, int) and value > 240:
            raise Refusal(f"{name} is more than any camera delivers")
    for name in ("DownloadPath", "FallbackPath", "BackupPath"):
        if changes.get(name) or (name == "DownloadPath" and name in changes):
            changes[name] = _allowed_folder(rig, changes[name])
    edited = any(
        name in changes and changes[name] != rig.options[name]
        for name in ("FilenameExpression", "UniqueTag", "PhotoSessionName", "PhotoSessionNum")
    )
    rig.options.update(changes)
    if edited and rig.options["ResetSequenceNumOnEdit"]:
        rig.sequence_next = 1
    rig.publish("OptionsUpdated", options_info(rig))
    if edited and rig.options["ResetBatchNumOnEdit"]:
        _set_all_batches(rig, 1)
    if rig.settings.storage_applies == "at once":
        for camera in rig.cameras.values():
            kinds = apply_defaults(rig, camera.properties, changes)
            if kinds and camera.connected:
                rig.publish_properties(camera, kinds)


def apply_defaults(rig: SimulatedRig, properties: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Bring DefaultStorage, DefaultFocusMode and DefaultControlMode to a camera's properties.

    Returns
    -------
    list of str
        Properties that changed.
    """
    wanted = {
        # v3 has a fourth word, JPEG; as no more is known of it, it means the disk.
        "Storage": "Disk" if options.get("DefaultStorage") == "JPEG" else options.get("DefaultStorage"),
        "FocusMode": None if options.get("DefaultFocusMode") == "Not set" else options.get("DefaultFocusMode"),
        "ControlMode": options.get("DefaultControlMode"),
    }
    changed = [
        kind
        for kind, value in wanted.items()
        if value is not None and kind in properties and properties[kind].value != value
    ]
    for kind in changed:
        properties[kind].value = wanted[kind]
    return changed


def _allowed_folder(rig: SimulatedRig, folder: str) -> str:
    """Return a folder as an absolute path, if photos may go there."""
    if not folder.strip() or "\0" in folder:
        raise Refusal("the download folder has no name")
    settings = rig.settings
    resolve = rig.disk.resolve if rig.disk is not None else _as_given
    resolved = resolve(folder)
    roots = settings.roots or (settings.download,)
    if not any(inside(resolved, resolve(root)) for root in roots):
        raise Refusal(f"{folder!r:.200} is in none of the folders that photos may go to: {', '.join(roots)}")
    return resolved


def _as_given(folder: str) -> str:
    return os.path.normpath(folder)


def set_sequence_num(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Set the next sequence number."""
    rig.sequence_next = _counting(fields, "PhotoSequenceNum")


def set_batch_num(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Set the next batch number of all cameras."""
    _set_all_batches(rig, _counting(fields, "PhotoBatchNum"))


def sync_batch_num(rig: SimulatedRig, fields: Mapping[str, Any]) -> None:
    """Bring the batch numbers of all cameras back in step: to the highest of them."""
    _set_all_batches(rig, max(camera.next_batch for camera in rig.cameras.values()))


def _counting(fields: Mapping[str, Any], name: str) -> int:
    """Return a number to count on from; there has to be room to count."""
    value: int = fields[name]
    if not 0 <= value <= 2**30:
        raise Refusal(f"{name} must be from 0 to {2**30}, not {value}")
    return value


def _set_all_batches(rig: SimulatedRig, number: int) -> None:
    for camera in rig.cameras.values():
        if camera.next_batch != number:
            camera.next_batch = number
            rig.publish_camera(camera)
