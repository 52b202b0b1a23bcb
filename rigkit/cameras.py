"""A set of cameras: who is in it, how it is chosen, what is said to it and heard of it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from rigkit.errors import RigError, UnknownName
from rigkit.record.columns import TABLES, frame
from rigkit.record.state import UNSEEN
from rigkit.record.tables import camera_rows
from rigkit.session import Session
from rigkit.sitting import Sitting
from rigkit.wire import MESSAGES
from rigkit.wire.selection import selection

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.record.state import CameraRecord
    from rigkit.wire import Message

__all__ = ["Cameras"]


class Cameras:
    """A set of cameras over one link.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    keys : tuple of str or None
        Its cameras; None: every place of the layout, without one every camera that is not Absent.
    name : str
        What it is called in headings.
    """

    def __init__(self, sitting: Sitting, keys: tuple[str, ...] | None = None, name: str = "") -> None:
        self._sitting = sitting
        self._keys = keys
        self._name = name or sitting.address
        self._group = ""
        #: Cameras that were left out by name, and why.
        self._left_out: dict[str, str] = {}
        if keys is None:
            sitting.whole = weakref.ref(self)

    def _some(self, keys: tuple[str, ...], name: str) -> Self:
        """Make a Rig of these cameras, over the same link."""
        chosen = type(self)(self._sitting, keys, name)
        chosen._left_out = dict(self._left_out)
        return chosen

    @property
    def session(self) -> Session:
        """The record of this sitting."""
        return self._sitting.session

    @property
    def simulated(self) -> bool:
        """Whether these are rigkit's simulated cameras."""
        return self.session.simulated

    @property
    def keys(self) -> list[str]:
        """Camera keys of this Rig, in the order of the layout, else of the application; without places that nobody stands at."""
        members = self._members()
        if self._keys is not None:
            return [key for key in members if not key.startswith(UNSEEN)]
        cameras = self.session.state.cameras
        return [key for key in members if key in cameras and cameras[key].status != "Absent"]

    def _members(self) -> list[str]:
        """List everybody a shot of this Rig expects, also places of the layout at which no camera has been seen."""
        self.session.refresh()
        state = self.session.state
        if self._keys is None:
            return state.members()
        return state.present(self._keys)  # where nobody stood when this Rig was made, somebody may stand now

    @property
    def cameras(self) -> pd.DataFrame:
        """Who is there, who is not, in which state; index camera_key. See ``session.cameras`` for the columns."""
        members = set(self._members())
        records = [*self._records(), *(one for one in self.session.state.unseen() if one.key in members)]
        with self.session.log.guard:
            return frame("cameras", camera_rows(records, self.session.label, self.simulated, self.session.state))

    @property
    def groups(self) -> list[str]:
        """Names of the groups of the layout, and of those that are set in the application."""
        self.session.refresh()
        state = self.session.state
        theirs = {camera.group for camera in list(state.cameras.values()) if camera.group}
        return sorted(theirs | set(state.layout.groups if state.layout is not None else ()))

    def group(self, name: str) -> Self:
        """Cameras of one group, as a Rig: a group of the layout, else one that is set in the application.

        Raises
        ------
        UnknownName
            No camera of this Rig is in such a group.
        """
        state, members = self.session.state, self._members()
        keys = tuple(key for key in members if name in state.groups_of(key))
        if not keys:
            raise UnknownName("group", name, self.groups)
        chosen = self._some(keys, name)
        chosen._group = name
        return chosen

    def select(self, **wanted: str) -> Self:
        """Cameras whose columns have these values now, as a Rig: ``rig.select(status="Ready")``.

        Raises
        ------
        UnknownName
            ``cameras`` has no such column.
        """
        cameras = self.cameras
        for column, value in wanted.items():
            if column not in cameras.columns:
                raise UnknownName("column", column, list(cameras.columns), where="rig.cameras")
            there = list(dict.fromkeys(cameras[column].dropna().astype(str)))
            declared = next(one for one in TABLES["cameras"].columns if one.name == column)
            words = list(declared.words) or there
            if str(value) not in words:
                raise UnknownName(f"{column}", value, words, where="rig.select()")
            cameras = cameras[(cameras[column].astype("string") == str(value)).fillna(False)]
        return self._some(tuple(cameras.index), ", ".join(f"{name} {value}" for name, value in wanted.items()))

    def without(self, *names: str, reason: str = "") -> Self:
        """All cameras but these, as a Rig; the reason goes into the record.

        Raises
        ------
        UnknownName
            One of them is not in this Rig.
        """
        out = {self._key_of(name) for name in names}
        if not self.session.closed:
            self.session.log.note("without", camera_keys=sorted(out), reason=reason)
        chosen = self._some(
            tuple(key for key in self._members() if key not in out), f"{self._name} without {', '.join(names)}"
        )
        chosen._left_out = {**self._left_out, **dict.fromkeys(sorted(out), reason)}
        return chosen

    def __getitem__(self, names: str | tuple[str, ...]) -> Self:
        """One camera or several, by position, name or key: ``rig["F03"]``, ``rig["F03", "F04"]``."""
        wanted = (names,) if isinstance(names, str) else tuple(names)
        keys = tuple(dict.fromkeys(self._key_of(name) for name in wanted))
        return self._some(keys, ", ".join(wanted))

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Self]:
        return (self._some((key,), self.session.label(key)) for key in self.keys)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self._key_of(name))
        except UnknownName:
            return False

    def _key_of(self, name: str) -> str:
        keys = self._members()
        if name in keys:
            return name
        found = [key for key in keys if self.session.label(key) == name]
        if not found:
            raise UnknownName("camera", name, [self.session.label(key) for key in keys])
        if len(found) > 1:
            raise UnknownName(
                "single camera", name, found, where=f"the {len(found)} cameras that share this name; use a key"
            )
        return found[0]

    def _records(self) -> list[CameraRecord]:
        cameras = self.session.state.cameras
        if self._keys is None:
            self.session.refresh()
            return list(cameras.values())
        return [cameras[key] for key in self.keys if key in cameras]

    def _selection(self) -> dict[str, Any]:
        """Say exactly these cameras in selection fields: All, Group, Single or Multiple.

        All means every camera that is not Absent; whether the application takes it to mean the unconnected ones too is not
        known, so it is used only when there are none of them.

        Raises
        ------
        RigError
            Nobody is there.
        """
        keys, cameras = self.keys, list(self.session.state.cameras.values())
        if self._keys is None and set(keys) == {camera.key for camera in cameras}:
            return selection(None)
        if not keys and self._keys is not None:
            raise RigError(
                f"nobody was seen at {self._name}, so nothing was sent. rig.cameras lists who is there, rig.detect() looks for them"
            )
        group = self._group
        if group and set(keys) == {camera.key for camera in cameras if camera.group == group}:
            return {"CameraSelection": "Group", "CameraGroup": group}
        return selection(keys)

    def request(self, msg_id: str, /, **fields: Any) -> Message:
        """Send any message of the External API, fields checked, and return the reply, whatever it says.

        A request that selects cameras goes to the cameras of this Rig unless ``CameraSelection`` is given.

        Raises
        ------
        UnknownName, ValueError
            Not a request of the API, or not with such fields.
        NoReply
            Nobody answered.
        """
        spec = MESSAGES.get(msg_id)
        if spec is not None and "CameraSelection" in spec.required and "CameraSelection" not in fields:
            fields = {**self._selection(), **fields}
        return self._sitting.request(msg_id, fields)

    def messages(self, timeout: float | None = None, *, duration: float | None = None) -> Iterator[Message]:
        """Iterate over what is heard from now on, live.

        Parameters
        ----------
        timeout : float or None
            Stop after so many seconds of silence; None: never. Some applications say something every few seconds
            (NetworkPing).
        duration : float or None
            Stop so many seconds from now, however much is said; None: never.

        Yields
        ------
        Message
            Events of the whole application, in the order heard, names of the current dialect.
        """
        start, clock = len(self.session.log), self._sitting.clock
        deadline = None if duration is None else clock.monotonic() + duration

        def patience() -> float | None:
            left = None if deadline is None else deadline - clock.monotonic()
            return min((one for one in (timeout, left) if one is not None), default=None)

        def listen() -> Iterator[Message]:
            seen = start
            heard: list[Message] = []

            def news() -> bool:
                nonlocal seen
                end = len(self.session.log)
                heard.extend(self._sitting.heard(seen, end))
                seen = end
                return bool(heard)

            while self._sitting.wait_for(news, patience()) and (deadline is None or clock.monotonic() < deadline):
                yield from heard
                heard.clear()

        return listen()
