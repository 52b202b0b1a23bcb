"""A desk in front of a pure simulated rig: requests in, events out, in virtual time."""

from __future__ import annotations

from typing import Any

from rigkit.sim import Outcome, Recipe, SimSettings, SimulatedRig


def develop(recipe: Recipe) -> bytes:
    """Make a stand-in for a picture: as many bytes as announced, different for each recipe."""
    return repr(recipe).encode()[: recipe.size].ljust(recipe.size, b".")


class Desk:
    """Sends requests to a rig, keeps every event, and does the file work on a pretended disk."""

    def __init__(self, settings: SimSettings | None = None, *, files: bool = False, **wishes: Any) -> None:
        self.disk: dict[str, bytes] = {}
        settings = settings or SimSettings(**{"cameras": 8, "ping_s": 0, **wishes})
        self.rig = SimulatedRig(settings, develop=develop if files else None, disk=self if files else None)
        self.keys = list(self.rig.cameras)
        self.now = 0.0
        self.number = 0
        self.events: list[dict[str, Any]] = []
        self.last = self._take(self.rig.tick(0.0))

    def exists(self, path: str) -> bool:
        return path in self.disk

    def resolve(self, path: str) -> str:
        return path

    def writable(self, path: str) -> bool:
        return True

    def _take(self, outcome: Outcome) -> Outcome:
        for task in outcome.files:
            if task.action == "write":
                assert task.path not in self.disk or task.path.endswith((".csv", ".json")) or self.may_overwrite
                self.disk[task.path] = task.content
            elif task.action == "append":
                self.disk[task.path] += task.content
            elif task.action == "move":
                assert task.to not in self.disk
                self.disk[task.to] = self.disk.pop(task.path)
            else:
                del self.disk[task.path]
        self.events += outcome.events
        return outcome

    may_overwrite = False

    def reply(self, msg_id: str, msg_type: str = "Request", **fields: Any) -> dict[str, Any]:
        """Send a request and return the reply."""
        self.number += 1
        body = {"msg_type": msg_type, "msg_id": msg_id, "msg_seq_num": self.number, **fields}
        self.last = self._take(self.rig.request(body, self.now))
        reply = self.last.reply
        assert reply is not None
        assert (reply["msg_type"], reply["msg_id"], reply["msg_seq_num"]) == ("Response", msg_id, self.number)
        return reply

    def ask(self, msg_id: str, **fields: Any) -> bool:
        """Send a request and return its result."""
        result = self.reply(msg_id, **fields)["msg_result"]
        assert isinstance(result, bool)
        return result

    def all(self, msg_id: str, **fields: Any) -> bool:
        """Ask all cameras."""
        return self.ask(msg_id, CameraSelection="All", **fields)

    def one(self, msg_id: str, n: int = 0, **fields: Any) -> bool:
        """Ask the n-th camera."""
        return self.ask(msg_id, CameraSelection="Single", CameraKey=self.keys[n], **fields)

    def wait(self, seconds: float = 3.0) -> list[dict[str, Any]]:
        """Let time pass and return the events of it."""
        before = len(self.events)
        self.now += seconds
        self._take(self.rig.tick(self.now))
        return self.events[before:]

    def info(self, n: int = 0) -> dict[str, Any]:
        """Return what GetCamera tells of the n-th camera."""
        info = self.reply("GetCamera", CameraSelection="Single", CameraKey=self.keys[n])["CameraInfo"][0]
        assert isinstance(info, dict)
        return info

    def value(self, kind: str, n: int = 0) -> str:
        """Return a property of the n-th camera."""
        values: dict[str, str] = {
            one["CameraPropertyType"]: one["CameraPropertyValue"] for one in self.info(n)["CameraPropertyInfo"]
        }
        return values[kind]

    def photos(self) -> list[dict[str, Any]]:
        """Return what Synchronise tells of photos."""
        photos = self.reply("Synchronise")["PhotoInfo"]
        assert isinstance(photos, list)
        return photos

    def heard(self, msg_id: str, **fields: Any) -> list[dict[str, Any]]:
        """Return all events so far of an id that carry these values."""
        return [
            event
            for event in self.events
            if event["msg_id"] == msg_id and all(event.get(name) == value for name, value in fields.items())
        ]
