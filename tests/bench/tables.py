"""Bench ``tables``: the photos table of a growing session, against building it from a list of dictionaries each time."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pandas as pd

import rigkit
from rigkit.account.live import LivePhotos
from rigkit.account.shots import tag_of
from rigkit.record.folder import Manifest, write_manifest
from rigkit.record.journal import JournalWriter
from rigkit.record.lines import Entry
from rigkit.record.log import Log
from rigkit.record.reading import read_entries
from rigkit.session import Session
from tests.bench.measure import Row, interleaved, ratios
from tests.bench.stream import mixed_stream

__all__ = ["ABOUT", "PhotoRecording", "run"]

ABOUT = "session.photos after 800 new events, with few and many photos held; and read again from nothing"

SMALL, MIDDLE = 10_000, 100_000
#: A million takes five minutes and 4 GB to prepare: set the variable to 1000000 for it.
LARGE = int(os.environ.get("RIGKIT_BENCH_PHOTOS", "200000"))
#: Cameras of the rig, and so many of their events come between two looks at the table.
CAMERAS, NEW = 200, 800
#: Photo events in the journal that is read again; the cost per event does not depend on it.
RELOADED = 20_000
_SESSION_ID = "0123abcd"
_STATES = ("Camera", "Camera", "Camera", "Local Disk")


class PhotoRecording:
    """What a rig says of its photos, shot by shot, and rigkit's notes between.

    The events are the simulator's own with other keys, names and numbers; nothing else of a session is in it.

    Parameters
    ----------
    cameras : int
        How many.
    session_id : str
        Of the session that its tags name.
    """

    def __init__(self, cameras: int = CAMERAS, session_id: str = _SESSION_ID) -> None:
        self._cameras, self._session_id = cameras, session_id
        raw = next(frame for frame in mixed_stream(CAMERAS) if b'"PhotoUpdated"' in frame[:100])
        body = msgspec.json.decode(raw)
        self.size = len(raw)
        marks = {
            "msg_seq_num": "@%d@",
            "PhotoKey": "%08x-1242-11ef-94fc-9282ede469ff",
            "CameraKey": "SimCam|R5|%07d",
            "PhotoLocation": "%s",
            "PhotoName": "A%03d_%04d.JPG",
            "PhotoComputedName": "A%03d_%04d.JPG",
            "PhotoOriginalName": "IMG_%04d.JPG",
            "PhotoFilename": "D:/scans/2026-11-22/some/folder/A%03d_%04d.JPG",
            "PhotoOrigin": "%s",
            "PhotoBatchNum": "@%d@",
            "PhotoSequenceNum": "@%d@",
            "PhotoFilesize": "@%d@",
            "PhotoHash": "%032x",
            "PhotoUUID": "%08x-1242-11ef-94fc-9282ede469ff",
            "PhotoDateCaptured": "20261122 %02d:%02d:%02d.%03d",
        }
        assert marks.keys() <= body.keys(), marks.keys() - body.keys()
        self._names = list(body)
        plain = {name: value.replace("%", "%%") if isinstance(value, str) else value for name, value in body.items()}
        encoded = msgspec.json.encode({**plain, **marks})
        self._template = encoded.replace(b'"@', b"").replace(b'@"', b"")
        self._marked = [name for name in body if name in marks]
        self._seq = 0

    def shots(self, first: int, count: int, states: tuple[str, ...]) -> Iterator[Entry]:
        """Tell of some shots of all cameras.

        Parameters
        ----------
        first : int
            Number of the first one, from 1.
        count : int
            How many.
        states : tuple of str
            PhotoLocation of each event that a photo has.
        """
        cameras = [f"SimCam|R5|{camera:07d}" for camera in range(self._cameras)]
        for shot in range(first, first + count):
            at = shot * 10**10
            tag = tag_of(self._session_id, shot, 1)
            labels = {"subject": f"P{shot // 20:03d}", "pose": "apose", "rep": shot % 20, "note": None}
            note = {"note": "shot", "shot_id": shot, "attempt": 1, "expected": cameras, "trigger": "shoot", "tag": tag}
            yield Entry("note", at, at, msgspec.json.encode({**note, "labels": labels, "not_ready": {}}))
            sent = {"msg_seq_num": 1, "sent_mono_ns": at, "sent_wall_ns": at, "outcome": "accepted"}
            yield Entry("note", at, at, msgspec.json.encode({"note": "fired", "shot_id": shot, **sent}))
            for turn, state in enumerate(states):
                for camera in range(self._cameras):
                    self._seq += 1
                    yield Entry("pub", at + 10**8 * turn, at + 10**8 * turn, self._event(shot, camera, state, tag))

    def _event(self, shot: int, camera: int, state: str, tag: str) -> bytes:
        number = shot * self._cameras + camera
        values = {
            "msg_seq_num": (self._seq,),
            "PhotoKey": (number,),
            "CameraKey": (camera,),
            "PhotoLocation": (state.encode(),),
            "PhotoName": (camera, shot),
            "PhotoComputedName": (camera, shot),
            "PhotoOriginalName": (shot % 10000,),
            "PhotoFilename": (camera, shot),
            "PhotoOrigin": (tag.encode(),),
            "PhotoBatchNum": (shot,),
            "PhotoSequenceNum": (number,),
            "PhotoFilesize": (8_000_000 + number % 1_000_003,),
            "PhotoHash": (number * 2654435761,),
            "PhotoUUID": (number,),
            "PhotoDateCaptured": (shot // 3600 % 24, shot // 60 % 60, shot % 60, camera),
        }
        return self._template % tuple(part for name in self._marked for part in values[name])


class _Held:
    """A session that holds some photos already."""

    def __init__(self, photos: int) -> None:
        self._recording = PhotoRecording()
        self._shot = 1
        self.session = Session(Path("nowhere"), Manifest(session_id=_SESSION_ID), Log(None))
        self.tell(photos // CAMERAS, ("Local Disk",))
        self.session.refresh()
        _ = self.session.photos

    def tell(self, shots: int, states: tuple[str, ...], again: bool = False) -> list[bytes]:
        """Append shots to the log; return their events."""
        first = self._shot - shots if again else self._shot
        entries = list(self._recording.shots(first, shots, states))
        if again:
            entries = [entry for entry in entries if entry.channel == "pub"]
        else:
            self._shot += shots
        self.session.log._entries.extend(entries)
        return [entry.raw for entry in entries if entry.channel == "pub"]

    def look(self, shots: int, states: tuple[str, ...], again: bool = False) -> float:
        """Tell something new and time one look at the table, CPU ms."""
        self.tell(shots, states, again)
        began = time.process_time()
        _ = self.session.photos
        return (time.process_time() - began) * 1e3

    def look_again(self) -> float:
        """Time a look at the table when nothing is new, CPU us."""
        began = time.process_time()
        for _ in range(20):
            _ = self.session.photos
        return (time.process_time() - began) * 1e6 / 20

    @property
    def bytes_per_row(self) -> float:
        """Bytes the table's builder holds per row."""
        live = self.session._live["photos"]
        assert isinstance(live, LivePhotos)
        return live.nbytes / len(self.session.photos)


class _Naive:
    """The same by the obvious way: a list of dictionaries, and a DataFrame of it whenever somebody looks."""

    def __init__(self, photos: int) -> None:
        self._recording = PhotoRecording()
        self._shot = 1 + photos // CAMERAS
        entries = self._recording.shots(1, photos // CAMERAS, ("Local Disk",))
        self._dicts = [json.loads(entry.raw) for entry in entries if entry.channel == "pub"]
        self.table = pd.DataFrame(self._dicts)

    def look(self) -> float:
        """Tell of 800 new photos and time one look, CPU ms."""
        entries = [
            one.raw
            for one in self._recording.shots(self._shot, NEW // CAMERAS, ("Local Disk",))
            if one.channel == "pub"
        ]
        self._shot += NEW // CAMERAS
        began = time.process_time()
        self._dicts += [json.loads(raw) for raw in entries]
        self.table = pd.DataFrame(self._dicts)
        return (time.process_time() - began) * 1e3


def _reloading(folder: Path) -> dict[str, Callable[[], float]]:
    """Return ways of reading a journal of photo events into a table; each returns CPU us per event."""
    count, recording = 0, PhotoRecording()
    log = Log(JournalWriter(folder / "journal", "rig"))
    for shot in range(1, 1 + RELOADED // CAMERAS):
        batch = [(one.channel, one.mono_ns, one.wall_ns, one.raw) for one in recording.shots(shot, 1, ("Local Disk",))]
        log.append(batch)
        count += len(batch)
    log.close()

    def read() -> list[Entry]:
        return read_entries(folder).entries

    def ours() -> object:
        return Session(folder, Manifest(session_id=_SESSION_ID), Log(None, read())).photos

    manifest = Manifest(session_id=_SESSION_ID)
    write_manifest(folder, manifest)
    Session(folder, manifest, Log(None, read())).keep_tables()

    def kept() -> object:
        return rigkit.open(folder).photos

    def naive() -> object:
        rows = []
        for path in sorted((folder / "journal").glob("*.jsonl")):
            with path.open("rb") as file:
                rows += [json.loads(line) for line in file]
        return pd.DataFrame(rows)

    def timed(way: Callable[[], object]) -> Callable[[], float]:
        def once() -> float:
            began = time.process_time()
            way()
            return (time.process_time() - began) * 1e6 / count

        return once

    ways = {"reload": ours, "reload naive": naive, "reload entries": read, "reload kept": kept}
    return {name: timed(way) for name, way in ways.items()}


def _kept(photos: int) -> float:
    """Measure what one held event costs: entry, state and account, without any table; bytes."""
    entries = list(PhotoRecording().shots(1, photos // CAMERAS, ("Local Disk",)))
    session = Session(Path("nowhere"), Manifest(session_id=_SESSION_ID), Log(None))
    size = sum(sys.getsizeof(part) for one in entries for part in (one, one.raw, one.mono_ns, one.wall_ns)) / len(
        entries
    )
    tracemalloc.start()
    session.log._entries.extend(entries)
    session.refresh()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size + held / len(entries)


def run(rounds: int) -> list[Row]:
    """Look at the table of sessions of several sizes, with something new each time.

    Parameters
    ----------
    rounds : int
        How often.

    Returns
    -------
    list of Row
        CPU time per look, its ratios, and what a row and an event hold of memory.
    """
    held = {size: _Held(size) for size in (SMALL, MIDDLE, LARGE)}
    naive = _Naive(MIDDLE)
    gc.collect()
    gc.freeze()  # what is held is not gone through again while others are timed
    photos, states = NEW // CAMERAS, NEW // CAMERAS // len(_STATES)
    ways: dict[str, Callable[[], float]] = {"naive": naive.look}
    for size, one in held.items():
        ways |= {
            f"photos {size}": lambda one=one: one.look(photos, ("Local Disk",)),  # type: ignore[misc]
            f"states {size}": lambda one=one: one.look(states, _STATES),  # type: ignore[misc]
            f"shown {size}": lambda one=one: one.look(photos, ("Deleted",), again=True),  # type: ignore[misc]
            f"again {size}": one.look_again,
        }
    took = interleaved(ways, rounds)
    gc.unfreeze()
    with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name:
        took |= interleaved(_reloading(Path(name)), rounds)
    middle, small, large = f"{MIDDLE}", f"{SMALL}", f"{LARGE}"
    naive_row = naive.table.memory_usage(deep=True).sum() / len(naive.table)
    ours_row = held[MIDDLE].bytes_per_row
    frame = held[MIDDLE].session.photos
    copies = [_copying(frame) for _ in range(rounds)]
    return [
        Row("naive: json.loads of the new, DataFrame of all, 100k held", took["naive"], "ms"),
        *(Row(f"800 new photos, {size} held", took[f"photos {size}"], "ms") for size in held),
        *(Row(f"200 new photos x 4 states, {size} held", took[f"states {size}"], "ms") for size in held),
        *(Row(f"800 photos that were shown before change, {size} held", took[f"shown {size}"], "ms") for size in held),
        Row("800 new photos, 100k held: ours / naive", ratios(took[f"photos {middle}"], took["naive"]), goal=1 / 100),
        Row("200 x 4 states, 100k held: ours / naive", ratios(took[f"states {middle}"], took["naive"]), goal=1 / 100),
        Row("800 shown before, 100k held: ours / naive", ratios(took[f"shown {middle}"], took["naive"])),
        Row(f"800 new photos: {large} held / {small} held", ratios(took[f"photos {large}"], took[f"photos {small}"]), goal=1.3),
        Row(f"200 x 4 states: {large} held / {small} held", ratios(took[f"states {large}"], took[f"states {small}"]), goal=1.3),
        *(Row(f"nothing new, {size} held", took[f"again {size}"], "us", 100.0) for size in held),
        Row("nothing new, 100k held / DataFrame.copy(deep=False)", ratios(took[f"again {middle}"], copies)),
        Row("bytes per row, builder's buffers / naive frame", [ours_row / naive_row] * rounds, goal=0.55),
        Row("    ours", [ours_row] * rounds, "B"),
        Row("    naive", [naive_row] * rounds, "B"),
        Row(f"rigkit.open of {RELOADED} photos, and their table", took["reload kept"], "us/event"),
        Row("    the same without the tables that closing keeps: from the journal", took["reload"], "us/event"),
        Row("    of it reading the journal", took["reload entries"], "us/event"),
        Row("    json.loads of each line, DataFrame of all", took["reload naive"], "us/event"),
        Row("    ours / naive", ratios(took["reload kept"], took["reload naive"]), goal=1 / 2.5),
        Row("    ours from the journal / naive", ratios(took["reload"], took["reload naive"])),
        Row("one held photo event: entry, state, account", [_kept(SMALL)] * rounds, "B"),
    ]  # fmt: skip


def _copying(frame: pd.DataFrame) -> float:
    """Time what handing out a table costs at the least, CPU us."""
    began = time.process_time()
    for _ in range(20):
        frame.copy(deep=False)
    return (time.process_time() - began) * 1e6 / 20
