"""What really happened, for judging estimates: tables that only a simulator can write.

``exposures.csv``: one row per exposure, with the virtual time at which the shutter opened (``t_start_s``, seconds since the
start of the simulation) and for how long (``t_exp_s``); ``shot_id`` counts releases from 1. ``cameras.csv``: what each camera
is like at the start. ``start.json``: the Unix time of virtual time 0, and the seed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rigkit.sim.names import joined
from rigkit.sim.outcome import FileTask

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.rig import SimulatedRig

__all__ = ["exposure", "start"]


def start(rig: SimulatedRig) -> None:
    """Write the tables' beginnings, if truth is wanted."""
    folder = rig.settings.truth
    if folder is None:
        return
    rows = ["camera_key,name,hub,lag_ms,jitter_ms,jitter,clock_offset_s,drift_ppm,quantum_ms"]
    rows += [
        f"{_cell(one.key)},{_cell(one.name)},{_cell(one.hub)},{one.lag_ms:.6f},{one.jitter_ms:g},{one.jitter},"
        f"{one.clock.offset_s:.6f},{one.clock.drift_ppm:.6f},{one.clock.quantum_ms:g}"
        for one in rig.cameras.values()
    ]
    beginning = {"epoch_unix_s": rig.settings.epoch, "seed": rig.settings.seed, "cameras": len(rig.cameras)}
    rig.add_file(FileTask("write", joined(folder, "start.json"), json.dumps(beginning).encode()))
    rig.add_file(FileTask("write", joined(folder, "cameras.csv"), ("\n".join(rows) + "\n").encode()))
    rig.add_file(FileTask("write", joined(folder, "exposures.csv"), b"shot_id,camera_key,t_start_s,t_exp_s\n"))


def exposure(rig: SimulatedRig, camera: SimulatedCamera, release: int, t_start: float, t_exp: float) -> None:
    """Note one exposure."""
    folder = rig.settings.truth
    if folder is not None:
        row = f"{release},{_cell(camera.key)},{t_start:.6f},{t_exp:.6f}\n"
        rig.add_file(FileTask("append", joined(folder, "exposures.csv"), row.encode()))


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n\r') else text
