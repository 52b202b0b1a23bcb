"""A simulated rig behind a simulated application: pure, in virtual time, from one seed.

What it does not model: picture content and optics (a photo is a small labelled picture; a raw file and a video hold no sensor
data), exposure by light or flash, the modes of a body (continuous drive, self timer, mirror lock-up, auto exposure), temperature
dependence of clocks, USB errors below the level of a failed transfer, disks that fill and FallbackPath, backups, several nodes and
Transfer between them, the application's own windows, licences that expire.
"""

from rigkit.sim.outcome import Disk, FileTask, Outcome, Recipe
from rigkit.sim.rig import SimulatedRig
from rigkit.sim.scenario import CAMERA_KEYS, KINDS, Fault, Scenario
from rigkit.sim.settings import SimSettings

__all__ = [
    "CAMERA_KEYS",
    "KINDS",
    "Disk",
    "Fault",
    "FileTask",
    "Outcome",
    "Recipe",
    "Scenario",
    "SimSettings",
    "SimulatedRig",
]
