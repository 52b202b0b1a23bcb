"""A simulated rig behind a simulated application: pure, in virtual time, from one seed."""

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
