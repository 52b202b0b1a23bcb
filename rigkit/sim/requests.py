"""Which part of the model answers which request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim import controls, delivery, liveview, node, options, plugging, release, seeing

if TYPE_CHECKING:
    from rigkit.sim.rig import SimulatedRig

__all__ = ["HANDLERS", "Handler"]

#: Takes the rig and the checked fields; returns what the reply carries beyond the envelope, or raises Refusal.
Handler = Callable[["SimulatedRig", Mapping[str, Any]], Mapping[str, Any] | None]

#: Every request that is answered with more than a refusal.
HANDLERS: dict[str, Handler] = {
    "ActivateLicense": node.activate_license,
    "Autofocus": controls.autofocus,
    "CancelLatch": release.cancel_latch,
    "CancelTrigger": release.cancel_trigger,
    "CheckClocks": controls.check_clocks,
    "Connect": plugging.connect,
    "DeactivateLicense": node.deactivate_license,
    "Delete": delivery.delete,
    "DetectCameras": plugging.detect_cameras,
    "Disconnect": plugging.disconnect,
    "Download": delivery.download,
    "EnableLiveview": liveview.enable,
    "EnableLiveviewDOF": liveview.enable_dof,
    "EnableLiveviewRecord": liveview.enable_record,
    "EnableLiveviewZoom": liveview.enable_zoom,
    "EnableVideo": liveview.enable_video,
    "EngageLatch": release.engage_latch,
    "EngageTrigger": release.engage_trigger,
    "Format": delivery.format_cards,
    "GetCamera": seeing.get_camera,
    "Identify": node.identify,
    "IncrementProperty": controls.increment_property,
    "LiveviewFPS": liveview.set_fps,
    "LiveviewFocus": liveview.focus,
    "LiveviewPosition": liveview.position,
    "PowerZoomDirection": liveview.zoom_by,
    "PowerZoomPosition": liveview.zoom_to,
    "PowerZoomStop": liveview.zoom_stop,
    "RelayCustomText": node.relay_custom_text,
    "ReleaseLatch": release.release_latch,
    "ReleaseTrigger": release.release_trigger,
    "RenameCamera": controls.rename_camera,
    "RenamePhoto": delivery.rename_photo,
    "Reshoot": release.reshoot,
    "SetActiveCamera": controls.set_active_camera,
    "SetBatchNum": options.set_batch_num,
    "SetCameraGroup": controls.set_camera_group,
    "SetCameraTriggerIndex": controls.set_trigger_index,
    "SetOptions": options.set_options,
    "SetProperty": controls.set_property,
    "SetSequenceNum": options.set_sequence_num,
    "SetShutterButton": release.set_shutter_button,
    "Shoot": release.shoot,
    "Shutdown": node.shutdown,
    "SyncBatchNum": options.sync_batch_num,
    "SyncClocks": controls.sync_clocks,
    "Synchronise": seeing.synchronise,
    "Transfer": delivery.transfer,
}
