"""Who is meant: the selection fields of a request, resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rigkit.sim.outcome import Refusal

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.photos import Photo
    from rigkit.sim.rig import SimulatedRig

__all__ = ["able", "able_cameras", "known_cameras", "selected_photos"]


def known_cameras(rig: SimulatedRig, fields: Mapping[str, Any]) -> list[SimulatedCamera]:
    """Return the cameras that a request names, connected or not.

    Raises
    ------
    Refusal
        An unknown key or group, or nobody at all.
    """
    selection = fields["CameraSelection"]
    if selection == "All":
        return list(rig.cameras.values())
    if selection == "Group":
        group = _needed(fields, "CameraGroup")
        members = [camera for camera in rig.cameras.values() if camera.group == group]
        if not members:
            raise Refusal(f"no camera is in a group {group!r:.80}")
        return members
    keys = (
        [_needed(fields, "CameraKey")] if selection == "Single" else list(dict.fromkeys(_needed(fields, "CameraKeys")))
    )
    unknown = [key for key in keys if key not in rig.cameras]
    if unknown or not keys:
        raise Refusal(f"no camera {unknown[0]!r:.80}" if unknown else "no camera selected")
    return [rig.cameras[key] for key in keys]


def able_cameras(
    rig: SimulatedRig, fields: Mapping[str, Any], can: Callable[[SimulatedCamera], bool] | None = None
) -> list[SimulatedCamera]:
    """Return the cameras that a request names and that can follow it.

    Parameters
    ----------
    rig : SimulatedRig
        The rig.
    fields : Mapping
        The request.
    can : callable or None
        Whether a camera can; None: whether it is connected.

    Raises
    ------
    Refusal
        Nobody can; or not everybody can, and the settings want all or nothing.
    """
    named = known_cameras(rig, fields)
    if fields["CameraSelection"] == "All" and rig.settings.all_means == "connected":
        named = [camera for camera in named if camera.connected]
    return able(rig, named, can)


def able(
    rig: SimulatedRig, named: list[SimulatedCamera], can: Callable[[SimulatedCamera], bool] | None = None
) -> list[SimulatedCamera]:
    """Return those of ``named`` that can; raises as :func:`able_cameras` does."""
    chosen = [camera for camera in named if (camera.connected if can is None else can(camera))]
    if not chosen:
        states = ", ".join(f"{camera.name} ({camera.status})" for camera in named[:4])
        raise Refusal(f"no selected camera can: {states or 'none is connected'}")
    if rig.settings.partial_success == "all" and len(chosen) < len(named):
        raise Refusal(f"{len(named) - len(chosen)} of {len(named)} selected cameras can't")
    return chosen


def selected_photos(rig: SimulatedRig, fields: Mapping[str, Any]) -> list[Photo]:
    """Return the photos that a request names.

    Raises
    ------
    Refusal
        An unknown key, or no photo at all.
    """
    selection = fields["PhotoSelection"]
    if selection == "All":
        photos = list(rig.photos.values())
        if not photos:
            raise Refusal("there are no photos")
        return photos
    keys = [_needed(fields, "PhotoKey")] if selection == "Single" else list(dict.fromkeys(_needed(fields, "PhotoKeys")))
    unknown = [key for key in keys if key not in rig.photos]
    if unknown or not keys:
        raise Refusal(f"no photo {unknown[0]!r:.80}" if unknown else "no photo selected")
    return [rig.photos[key] for key in keys]


def _needed(fields: Mapping[str, Any], name: str) -> Any:
    if name not in fields:
        raise Refusal(f"the selection needs {name}")
    return fields[name]
