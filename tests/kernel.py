"""A notebook's kernel as a process that may be killed at any moment: it shoots, and says after each look how much it saw.

``python -m tests.kernel REQUESTS PUBLISHER FOLDER SHOTS [recorder]`` prints one JSON line per look: ``visible``, how many entries
of the record were there, and ``digest`` of their texts in order.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.link.child import SimulatorProcess
from rigkit.record.folder import read_manifest
from rigkit.record.lines import Entry
from rigkit.record.log import Log
from rigkit.record.reading import read_journal
from rigkit.session import Session

ROOT = Path(__file__).resolve().parent.parent
TABLES = ("events", "requests", "cameras", "settings", "shots", "exposures", "photos", "loss")


def digest_of(entries: list[Entry]) -> str:
    """One text for the contents of a record."""
    hasher = hashlib.sha256()
    for entry in entries:
        hasher.update(repr((entry.channel, entry.mono_ns, entry.raw)).encode())
    return hasher.hexdigest()


def main() -> None:
    requests, publisher, folder, shots, *rest = sys.argv[1:]
    rig = rigkit.connect(requests, publisher=publisher, session=folder, recorder=bool(rest))
    hasher, seen = hashlib.sha256(), 0

    def tell() -> None:
        nonlocal seen
        n_events = len(rig.session.events)
        entries = rig.session.log.since(seen)[: n_events - seen]
        for entry in entries:
            hasher.update(repr((entry.channel, entry.mono_ns, entry.raw)).encode())
        seen += len(entries)
        print(json.dumps({"visible": seen, "digest": hasher.hexdigest()}), flush=True)

    for _ in range(int(shots)):
        shot = rig.shoot(wait=None, anyway=True)
        while not shot._account.done(files=True):
            tell()
            shot.wait("files", timeout=0.02)
        tell()
    rig.close()
    print("closed", flush=True)


# -- the test's side ------------------------------------------------------------------------------------------------------


@contextmanager
def simulator(folder: Path, *arguments: str, cameras: int = 4) -> Iterator[SimulatorProcess]:
    """A simulator of the test's own, which no kernel takes with it."""
    settings = ["--cameras", str(cameras), "--seed", "1", "--speed", "4", "--photos", "none"]
    folders = ["--download", str(folder / "photos"), "--truth", str(folder / "truth")]
    child = SimulatorProcess([*settings, *folders, *arguments])
    try:
        yield child
    finally:
        child.close()


@contextmanager
def kernel(
    sim: SimulatorProcess, folder: Path, shots: int, *, recorder: bool = False
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A kernel that shoots; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.kernel", sim.reqrep, sim.publisher, str(folder), str(shots)]
    process = subprocess.Popen(
        command + ["recorder"] * recorder, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def killed_at_a_random_moment(process: subprocess.Popen[str], stdout: IO[str], rng: random.Random) -> dict[str, Any]:
    """Let it run for a while, kill it, and return what it saw last."""
    last: dict[str, Any] = {}
    for _ in range(rng.randint(1, 120)):
        line = stdout.readline()
        if not line.startswith("{"):
            break
        last = json.loads(line)
    try:
        process.wait(rng.uniform(0.0, 0.05))  # somewhere between two looks
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()
    for line in stdout:
        if line.startswith("{") and line.endswith("}\n"):
            last = json.loads(line)
    assert last, "killed before it saw anything"
    return last


def check_equal(one: Session, other: Session, names: tuple[str, ...] = TABLES) -> None:
    """All tables are equal."""
    for name in names:
        assert_frame_equal(getattr(one, name), getattr(other, name))


def replayed(folder: Path) -> Session:
    """Fold the journal once more, one entry at a time, with a look at the tables in between."""
    entries = read_journal(folder).entries
    log = Log(None)
    session = Session(folder, read_manifest(folder), log)
    for number, entry in enumerate(entries):
        log._entries.append(entry)
        session.refresh()
        if number % 50 == 0:
            _ = session.exposures
    return session


def truth(folder: Path) -> list[set[str]]:
    """The cameras that fired, release by release."""
    table = pd.read_csv(folder / "truth" / "exposures.csv")
    return [set(cameras["camera_key"]) for _, cameras in table.groupby("shot_id", sort=True)]


def photographed(session: Session) -> list[set[str]]:
    """The cameras that exposed, shot by shot, as the record says; shots of which nothing is known left out."""
    exposures = session.exposures.reset_index()
    taken = exposures[exposures["status"].isin(["captured", "recovered"])]
    return [set(cameras["camera_key"]) for _, cameras in taken.groupby("shot_id", sort=True)]


def settled(rig: rigkit.Rig) -> bool:
    """Wait until every shot is accounted for."""
    shots = rig.session.account.shots
    return rig._sitting.wait_for(lambda: all(shot.done(files=True) for shot in shots.values()), 30.0, files=True)


if __name__ == "__main__":
    main()
