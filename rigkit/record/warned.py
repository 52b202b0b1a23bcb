"""What was wrong with the rig while it was watched: each warning from when it was seen until it was over.

A fold over rigkit's own notes (``warning``, ``warning_over``): what was judged by the clock was noted when it was judged, so a
re-opened session shows the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Warned", "WarningRecord", "Which"]

#: What makes two findings the same warning: the rule, the camera, what should be (one camera may have several settings wrong),
#: and whether it is in the way of a shot: what was worth a word and now stops the work is told again.
Which = tuple[str, str, str, bool]

_TEXTS = ("rule", "camera_key", "position", "found", "wanted", "todo")


@dataclass(slots=True)
class WarningRecord:
    """Something that was wrong with one camera for a while.

    Attributes
    ----------
    number : int
        From 0 within the session.
    rule, camera_key, position : str
        Which rule, and whom it concerns; the position as it was called then.
    found, wanted, todo : str
        What was so when it was first seen, what should be, what to do.
    stop : bool
        A shot would have lacked this camera.
    since_ns, over_ns : int, int or None
        Host wall clock; None: it is so still.
    """

    number: int
    rule: str
    camera_key: str
    position: str
    found: str
    wanted: str
    todo: str
    stop: bool
    since_ns: int
    over_ns: int | None = None

    @property
    def which(self) -> Which:
        """What makes it the same warning."""
        return (self.rule, self.camera_key, self.wanted, self.stop)

    def __str__(self) -> str:
        return f"{self.position}: {self.rule.replace('_', ' ')} ({self.found}; should be {self.wanted}). {self.todo}"


class Warned:
    """All warnings of one session.

    Attributes
    ----------
    rows : list of WarningRecord
        In the order in which they arose.
    open : dict
        Those that are not over.
    """

    def __init__(self) -> None:
        self.rows: list[WarningRecord] = []
        self.open: dict[Which, WarningRecord] = {}

    def reset(self) -> None:
        """Forget everything."""
        self.rows.clear()
        self.open.clear()

    def begin(self, said: Mapping[str, Any], wall_ns: int) -> None:
        """Take in that something is wrong; twice is once."""
        rule, camera_key, position, found, wanted, todo = (str(said[name]) for name in _TEXTS)
        number, stop = len(self.rows), bool(said["stop"])
        new = WarningRecord(number, rule, camera_key, position, found, wanted, todo, stop, wall_ns)
        if new.which not in self.open:
            self.open[new.which] = new
            self.rows.append(new)

    def end(self, said: Mapping[str, Any], wall_ns: int) -> None:
        """Take in that it is over. Sessions of before do not say which of the two degrees is, and had one at a time."""
        for stop in [said["stop"]] if "stop" in said else [False, True]:
            ended = self.open.pop((said["rule"], said["camera_key"], said["wanted"], stop), None)
            if ended is not None:
                ended.over_ns = wall_ns

    def table_rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the warnings table."""
        for one in self.rows:
            yield {
                "warning_no": one.number,
                "since": one.since_ns,
                "over": one.over_ns,
                "rule": one.rule,
                "stop": one.stop,
                "camera_key": one.camera_key,
                "position": one.position,
                "found": one.found,
                "wanted": one.wanted,
                "todo": one.todo,
            }
