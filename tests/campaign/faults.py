"""The fault table: so many events dropped, as gaps and as tails, and what the account makes of it.

Each run is held against the same run without loss: the exposures must be the same in ``COMPARED``, where recovered counts as
captured. In virtual time for every share; over real sockets with the shipped simulator, whose publisher drops what a
subscriber does not take fast enough (a high-water mark of 1000, the default of the library) or keeps everything.
"""

from __future__ import annotations

import itertools
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path as FilePath

import pandas as pd

import rigkit
from rigkit.link.child import SimulatorProcess
from rigkit.sim import SimSettings
from tests.campaign.drive import Run, run
from tests.campaign.plan import Plan, Step
from tests.campaign.strait import strait
from tests.campaign.world import Path

__all__ = ["COMPARED", "Row", "main", "over_sockets", "shoot", "table", "virtual"]

COMPARED = ["status", "attempt", "batch_num", "n_files"]
SHARES = (0.0, 0.1, 0.6, 1.0)
SEED = 1
#: Bytes per second: 500 simulated cameras say ten times as much of one shot in a second and a half.
NARROW = 3e5
#: Messages: a lower mark than the usual 1000, most of which the kernel's own buffers take in.
NARROW_MARK = 100


@dataclass
class Row:
    """One line of the table."""

    way: str
    events: int | None
    lost: int | None
    captured: int
    recovered: int
    missing: int
    unaccounted: int
    n_files: int
    different: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether everything was found, and is what it was without loss."""
        return self.unaccounted == self.different == 0


def virtual(cameras: int, shots: int) -> Iterator[Row]:
    """Run all shares as gaps and as tails in virtual time; the first row is the one without loss."""
    whole: pd.DataFrame | None = None
    per_shot = 0
    for share, shape in [(0.0, "gap"), *itertools.product(SHARES[1:], ("gap", "tail"))]:
        # Of each release: every event with that chance, or so many of the last ones.
        path = Path(drop=share) if shape == "gap" else Path(tail_after=round((1.0 - share) * per_shot))
        one = run(Plan(SEED, _settings(cameras), path, [Step(wait="files", anyway=False) for _ in range(shots)]))
        exposures = one.session.exposures
        if whole is None:
            whole, per_shot = exposures, one.world.application.published // shots
        name = "virtual, no loss" if not share else f"virtual, {share:.0%} as {shape}"
        yield _row(name, exposures, whole, _published(one), one.world.lost, one.world.clock.now_ns / 1e9)


def _settings(cameras: int) -> SimSettings:
    return SimSettings(cameras=cameras, seed=SEED, photos="none")


def _published(one: Run) -> int:
    return one.world.application.published


def over_sockets(cameras: int, shots: int) -> Iterator[Row]:
    """Run the shipped simulator: high-water mark 1000 or none, all events of a shot at once or spread as in life.

    The last row is the one in which the mark bites: the way to the subscriber is narrower than what is published.
    """
    whole: pd.DataFrame | None = None
    ways = [(mark, *pace, None) for mark, pace in itertools.product((0, 1000), (("paced", 1), ("at once", 1000)))]
    for mark, pace, speed, narrow in [*ways, (NARROW_MARK, "narrow", 1000, NARROW)]:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            exposures, lost = shoot(FilePath(folder), cameras, shots, mark, speed, narrow)
        whole = exposures if whole is None else whole
        name = f"sockets, {'no mark' if mark == 0 else f'mark {mark}'}, {pace}"
        yield _row(name, exposures, whole, None, lost, time.monotonic() - began)


def shoot(
    folder: FilePath, cameras: int, shots: int, mark: int, speed: int, narrow: float | None = None
) -> tuple[pd.DataFrame, int]:
    """Shoot with a simulator of its own; return the exposures and how many events were lost.

    Parameters
    ----------
    folder : Path
        For session and photos.
    cameras, shots : int
        How many.
    mark : int
        The publisher's high-water mark, messages; 0: none.
    speed : int
        How much faster than life the simulator's time runs.
    narrow : float or None
        So many bytes per second of what is published come through; None: all.
    """
    arguments = [
        "--cameras",
        str(cameras),
        "--seed",
        str(SEED),
        "--photos",
        "none",
        "--download",
        str(folder / "photos"),
    ]
    child = SimulatorProcess([*arguments, "--publisher-mark", str(mark), "--speed", str(speed)])
    try:
        with ExitStack() as stack:
            publisher = child.publisher if narrow is None else stack.enter_context(strait(child.publisher, narrow))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", RuntimeWarning)  # rigkit says that events were lost: so they shall be
            rig = rigkit.connect(child.reqrep, publisher=publisher, session=folder / "session")
            with rig:
                for _ in range(shots):
                    rig.shoot(wait="files", ready_timeout=60)
                return rig.session.exposures, int(rig.session.loss["n"].sum())
    finally:
        child.close()


def _row(
    way: str, exposures: pd.DataFrame, whole: pd.DataFrame, events: int | None, lost: int | None, seconds: float
) -> Row:
    counts = exposures["status"].astype("string").value_counts().to_dict()
    return Row(
        way,
        events,
        lost,
        captured=counts.get("captured", 0),
        recovered=counts.get("recovered", 0),
        missing=counts.get("missing", 0),
        unaccounted=counts.get("waiting", 0),
        n_files=int(exposures["n_files"].sum()),
        different=different(exposures, whole),
        seconds=seconds,
    )


def different(exposures: pd.DataFrame, whole: pd.DataFrame) -> int:
    """Count the exposures that are not what they were without loss, and those that only one of the two has."""
    tables = [
        one[COMPARED].astype({"status": "string"}).replace({"status": {"recovered": "captured"}})
        for one in (exposures, whole)
    ]
    mine, theirs = (table.sort_index() for table in tables)
    if not mine.index.equals(theirs.index):
        return len(mine.index.symmetric_difference(theirs.index)) or len(mine)
    same = (mine == theirs) | (mine.isna() & theirs.isna())
    return int((~same.fillna(False).all(axis=1)).sum())


def table(rows: list[Row]) -> str:
    """Write the rows as text."""
    names = {"events": 9, "lost": 8, "captured": 10, "recovered": 11, "missing": 9, "unaccounted": 13, "files": 8}
    names |= {"different": 11, "s": 9}
    head = f"{'':<30}" + "".join(f"{name:>{width}}" for name, width in names.items())
    lines = [head]
    for row in rows:
        some = [f"{'' if value is None else value:>{width}}" for value, width in ((row.events, 9), (row.lost, 8))]
        lines.append(
            f"{row.way:<30}{''.join(some)}{row.captured:>10}{row.recovered:>11}{row.missing:>9}{row.unaccounted:>13}"
            f"{row.n_files:>8}{row.different:>11}{row.seconds:>9.1f}"
        )
    return "\n".join(lines)


def main(cameras: int, shots: int, *, sockets: int) -> bool:
    """Print the table; says whether every row is what it was without loss.

    Parameters
    ----------
    cameras, shots : int
        Of the runs in virtual time.
    sockets : int
        Shots over real sockets; 0: none.
    """
    rows = list(virtual(cameras, shots))
    print(f"{cameras} cameras, {shots} shots in virtual time, {sockets} over sockets")
    print(table(rows), flush=True)
    if sockets:
        over = list(over_sockets(cameras, sockets))
        print(table(over))
        rows += over
    return all(row.good for row in rows)
