"""Three programs that shoot the same simulated rig, each in a process of its own.

``python -m tests.bench.shooters NAME REQUESTS PUBLISHER FOLDER``: connect, then shoot once for each line on standard input
and print what it cost as one JSON object a line.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["SHOOTERS", "Shooter", "main"]


class Shooter(ABC):
    """A program that shoots, and waits until every photo is a file; connected once it is made."""

    @abstractmethod
    def shoot(self) -> int:
        """Shoot once; return how many photos are on disk."""

    def more(self) -> dict[str, float]:
        """Measure what else there is, after a shot."""
        return {}

    @abstractmethod
    def close(self) -> None:
        """End."""

    def measured(self) -> dict[str, float]:
        """Shoot once and measure.

        Returns
        -------
        dict of str to float
            ``photos``; ``cpu_ms``: CPU time of this whole process, all its threads; ``own_ms``: of the calling thread alone.
        """
        gc.collect()  # what earlier rounds left behind is not this one's
        own, cpu = time.thread_time(), time.process_time()
        photos = self.shoot()
        own, cpu = time.thread_time() - own, time.process_time() - cpu
        return {"photos": photos, "cpu_ms": cpu * 1000, "own_ms": own * 1000, **self.more()}


class Rigkit(Shooter):
    """``rig.shoot(wait="files")``: journal, account, tables on demand."""

    def __init__(self, requests: str, publisher: str, folder: Path) -> None:
        import rigkit

        self.rig = rigkit.connect(requests, publisher=publisher, session=folder / "sitting")
        self.shot: rigkit.Shot | None = None
        self._called_ns = self._returned_ns = self._recorded = 0

    def shoot(self) -> int:
        """Shoot; the stamps are for ``more``."""
        self._recorded = len(self.rig.session.log)
        self._called_ns = time.monotonic_ns()
        self.shot = self.rig.shoot(wait="files")
        self._returned_ns = time.monotonic_ns()
        return self.shot.n_on_disk

    def more(self) -> dict[str, float]:
        """Measure how long the rig was waited for by nobody, before the release and after the last event; and the tables."""
        assert self.shot is not None
        entries = self.rig.session.log.since(self._recorded)
        heard = [one.mono_ns for one in entries if one.channel == "pub" and one.mono_ns <= self._returned_ns]
        sent_ns = next(one.mono_ns for one in entries if one.channel == "req" and b'"Shoot"' in one.raw)
        began = time.process_time()
        exposures = self.shot.exposures
        middle = time.process_time()
        photos = self.shot.photos
        ended = time.process_time()
        assert len(exposures) == len(photos)
        return {
            "events": len(heard),
            "before_ms": (sent_ns - self._called_ns) / 1e6,
            "after_ms": (self._returned_ns - heard[-1]) / 1e6,
            "exposures_ms": (middle - began) * 1000,
            "photos_ms": (ended - middle) * 1000,
        }

    def close(self) -> None:
        """Close the session."""
        self.rig.close()


class Script(Shooter):
    """The sockets of a plain pyzmq script: requests and events on one thread, nothing kept, nothing accounted for."""

    def __init__(self, requests: str, publisher: str, folder: Path) -> None:
        import zmq

        self.context = zmq.Context()
        self.events = self.context.socket(zmq.SUB)
        self.events.rcvhwm = 0
        self.events.subscribe(b"")
        self.events.connect(publisher)
        self.requests = self.context.socket(zmq.REQ)
        self.requests.connect(requests)
        self.numbers = itertools.count(1)
        cameras = self.ask("GetCamera", CameraSelection="All")["CameraInfo"]
        self.cameras = sum(camera["CameraStatus"] != "Absent" for camera in cameras)
        time.sleep(0.5)  # as the guides say: a subscription takes a moment, and nothing tells when it is there

    def ask(self, msg_id: str, **fields: Any) -> Any:
        """Ask, and wait for the answer."""
        body = {"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": next(self.numbers), **fields}
        self.requests.send_string(json.dumps(body))
        return json.loads(self.requests.recv())

    def close(self) -> None:
        """Close the sockets."""
        self.context.destroy(linger=0)


class Json(Script):
    """The way of the vendor's samples: ``json.loads`` of every event, a dictionary per photo."""

    def shoot(self) -> int:
        """Shoot, then listen until all photos are on disk."""
        assert self.ask("Shoot", CameraSelection="All")["msg_result"]
        photos: dict[str, dict[str, Any]] = {}
        on_disk: set[str] = set()
        while len(on_disk) < self.cameras:
            event = json.loads(self.events.recv())
            if event["msg_id"] == "PhotoUpdated":
                key = event["PhotoKey"]
                photos.setdefault(key, {}).update(event)
                if event.get("PhotoLocation") == "Local Disk":
                    on_disk.add(key)
        return len(on_disk)


class Receive(Script):
    """The limit: receive every event and look at nothing but what tells when to stop."""

    def shoot(self) -> int:
        """Shoot, then receive until all photos are on disk."""
        assert self.ask("Shoot", CameraSelection="All")["msg_result"]
        on_disk = 0
        while on_disk < self.cameras:
            on_disk += b'"PhotoLocation":"Local Disk"' in self.events.recv()
        return on_disk


#: Name -> from the endpoint of requests, that of the publisher and a folder to a shooter.
SHOOTERS: dict[str, Callable[[str, str, Path], Shooter]] = {"rigkit": Rigkit, "json": Json, "receive": Receive}


def main(name: str, requests: str, publisher: str, folder: str) -> None:
    """Shoot once for each line on standard input, until it ends."""
    shooter = SHOOTERS[name](requests, publisher, Path(folder))
    try:
        for _ in sys.stdin:
            print(json.dumps(shooter.measured()), flush=True)
    finally:
        shooter.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
