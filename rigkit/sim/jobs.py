"""Work in progress: what makes a camera Busy and Ready again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.rig import SimulatedRig

__all__ = ["begin_job", "end_job", "is_ready"]


def is_ready(camera: SimulatedCamera) -> bool:
    """Whether a camera can fire."""
    return camera.status == "Ready"


def begin_job(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    """Make a camera Busy, and say so if it was not."""
    camera.jobs += 1
    if camera.status == "Ready":
        camera.status = "Busy"
        rig.publish_camera(camera)


def end_job(rig: SimulatedRig, camera: SimulatedCamera) -> None:
    """End one job of a camera and tell its counters; Ready after its last job."""
    camera.jobs -= 1
    if not camera.jobs:
        camera.status = "Ready"
    rig.publish_camera(camera)
