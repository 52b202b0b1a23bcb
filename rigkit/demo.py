"""``rigkit demo``: a simulated rig, five good shots, one with a camera unplugged, and what is left on disk."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from rigkit import display
from rigkit.rig import Rig, simulate
from rigkit.sitting import say

if TYPE_CHECKING:
    from rigkit.shot import Shot

__all__ = ["run"]

POSES = ("apose", "arms up", "arms down", "turn left", "turn right")
#: Seconds after the last good release at which the camera's plug is pulled: its files are on disk by then.
_UNPLUGGED_AFTER_S = 3.0


def run(cameras: int = 24, seed: int = 1, session: str | os.PathLike[str] | None = None) -> Path:
    """Run the demonstration and print what happens.

    Parameters
    ----------
    cameras : int
        How many simulated cameras, at least 2.
    seed : int
        Same seed, same cameras.
    session : path-like or None
        Session folder; None: ``scans/YYYY-MM-DD[-n]``.

    Returns
    -------
    Path
        The session folder.
    """
    say(f"Starting a simulator with {cameras} cameras; nothing here is a real rig.")
    victim = f"A{min(7, cameras):02d}"
    unplug = {"kind": "lost", "camera": victim, "at": len(POSES), "after_s": _UNPLUGGED_AFTER_S}
    with simulate(cameras, seed=seed, scenario={"faults": [unplug]}, session=session) as rig:
        say(f"\n{rig}\n")
        for number, pose in enumerate(POSES, 1):
            _shoot(rig, pose, number)
        say(f"\nNow somebody pulls the plug of {victim} …")
        _wait_until_lost(rig, victim)
        last = _shoot(rig, "apose", 2, anyway=True)
        _show(rig, last)
        folder = rig.session.path
    page = rig.session.report()
    say(
        f"\nThe session is in {folder}\n  journal/     every message, one JSON line each\n  tables/      the tables as CSV"
    )
    say(
        f"  plots/       {', '.join(sorted(path.name for path in (folder / 'plots').glob('*.png')))}\n  photos/      the files"
    )
    say(f"  report.html  {page}")
    say(f'Open it again with: {_program()} show "{folder}"')
    return folder


def _program() -> str:
    """Spell this program so that it can be called again from the same shell."""
    called = Path(sys.argv[0])
    return "rigkit" if shutil.which("rigkit") or called.stem != "rigkit" else f'"{called}"'


def _shoot(rig: Rig, pose: str, rep: int, anyway: bool = False) -> Shot:
    """Fire once, with a bar that fills as files arrive."""
    shot = rig.shoot(pose=pose, rep=rep if pose == POSES[0] else 1, anyway=anyway, wait=None)
    total = len(shot.expected) - len(shot.missing)
    with tqdm(total=total, desc=f"Shot {shot.id}", unit=" files", leave=False, ncols=72, disable=None) as bar:
        while not shot.done:
            bar.update(shot.wait("files", timeout=0.1).n_on_disk - bar.n)
    say(
        display.verdict_line(
            repr(shot).partition(":")[0], len(shot.expected), shot.n_exposed, display.missing_of(shot.exposures)
        )
    )
    return shot


def _wait_until_lost(rig: Rig, camera: str) -> None:
    """Wait for the event that says so."""
    heard = rig.messages(timeout=_UNPLUGGED_AFTER_S + 7.0)
    while rig[camera].cameras["status"].iloc[0] != "Lost" and next(heard, None) is not None:
        pass


def _show(rig: Rig, shot: Shot) -> None:
    say(f"\nThe rig now\n{repr(rig).splitlines()[0]}")
    columns = ["position", "location", "name", "width", "height", "size_bytes", "shutter_speed", "iso", "path_state"]
    photos = shot.photos[columns].sort_values("position")
    say(f"\nThe photos of shot {shot.id} (the first 5 of {len(photos)})\n{photos.head(5).to_string(index=False)}")
    say(f"\nWho is missing, and why\n{shot.missing[['position', 'status', 'cause', 'detail']].to_string(index=False)}")
    summary = display.timing_summary(rig.session.exposures)
    shown = summary.drop(columns=["clock", "evidence"]).round(3)
    say(f"\nTiming\n{shown.to_string(index=False)}\n{textwrap.fill(summary.attrs['caveat'], 100)}")
