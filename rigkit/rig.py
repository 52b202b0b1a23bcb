"""The Rig: a set of cameras that fire together, over one link.

A group of cameras, one camera, or the whole rig is the same noun with the same verbs.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import display, settings
from rigkit.address import parse_address
from rigkit.errors import NotReady, UnknownName
from rigkit.opening import begin_sitting
from rigkit.record.columns import frame
from rigkit.record.tables import camera_rows
from rigkit.session import Session
from rigkit.shot import Shot, Until
from rigkit.sitting import Sitting, say, selection

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.record.state import CameraRecord
    from rigkit.wire import Message

__all__ = ["Rig", "connect", "simulate"]

#: Live connections of this process by address, so that running a notebook cell twice does not start everything twice.
_live: weakref.WeakValueDictionary[str, Sitting] = weakref.WeakValueDictionary()

#: Statuses that waiting can mend; the others need hands.
_SOON_READY = frozenset({"Busy", ""})


class Rig:
    """A set of cameras that fire together.

    Get one from :func:`rigkit.connect` or :func:`rigkit.simulate`; use it as a context manager, or call :meth:`close`.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    keys : tuple of str or None
        Its cameras; None: the whole rig, that is every camera that is not Absent.
    name : str
        What it is called in headings.

    Examples
    --------
    >>> with rigkit.simulate(cameras=8, seed=1) as rig:  # doctest: +SKIP
    ...     shot = rig.shoot(pose="apose", wait="files")
    >>> shot  # doctest: +SKIP
    Shot 1 apose: 8/8 exposed, 8/8 on disk
    """

    def __init__(self, sitting: Sitting, keys: tuple[str, ...] | None = None, name: str = "") -> None:
        self._sitting = sitting
        self._keys = keys
        self._name = name or sitting.address
        if keys is None:
            sitting.whole = weakref.ref(self)

    # -- who ----------------------------------------------------------------------------------------------------------

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
        """Camera keys of this Rig, in the application's order."""
        self._refresh()
        if self._keys is not None:
            return list(self._keys)
        return [key for key, camera in self.session.state.cameras.items() if camera.status != "Absent"]

    @property
    def cameras(self) -> pd.DataFrame:
        """Who is there, who is not, in which state; index camera_key. See ``session.cameras`` for the columns."""
        with self.session.log.guard:
            return frame("cameras", camera_rows(self._records(), self.session.label, self.simulated))

    @property
    def groups(self) -> list[str]:
        """Names of the groups that are set in the application."""
        self._refresh()
        return sorted({camera.group for camera in self.session.state.cameras.values() if camera.group})

    def group(self, name: str) -> Rig:
        """Cameras of one group of the application, as a Rig.

        Raises
        ------
        UnknownName
            No camera of this Rig is in such a group.
        """
        keys = tuple(camera.key for camera in self._records() if camera.group == name)
        if not keys:
            raise UnknownName("group", name, self.groups)
        return Rig(self._sitting, keys, name)

    def select(self, **wanted: str) -> Rig:
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
            cameras = cameras[(cameras[column] == value).fillna(False)]
        return Rig(self._sitting, tuple(cameras.index), ", ".join(f"{name} {value}" for name, value in wanted.items()))

    def without(self, *names: str, reason: str = "") -> Rig:
        """All cameras but these, as a Rig; the reason goes into the record.

        Raises
        ------
        UnknownName
            One of them is not in this Rig.
        """
        out = {self._key_of(name) for name in names}
        self.session.log.note("without", camera_keys=sorted(out), reason=reason)
        return Rig(
            self._sitting, tuple(key for key in self.keys if key not in out), f"{self._name} without {', '.join(names)}"
        )

    def __getitem__(self, names: str | tuple[str, ...]) -> Rig:
        """One camera or several, by position, name or key: ``rig["F03"]``, ``rig["F03", "F04"]``."""
        wanted = (names,) if isinstance(names, str) else tuple(names)
        keys = tuple(dict.fromkeys(self._key_of(name) for name in wanted))
        return Rig(self._sitting, keys, ", ".join(wanted))

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Rig]:
        return (Rig(self._sitting, (key,), self.session.label(key)) for key in self.keys)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and bool(self._key_of(name))
        except UnknownName:
            return False

    def _key_of(self, name: str) -> str:
        keys = self.keys
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
            self._refresh()
            return list(cameras.values())
        return [cameras[key] for key in self.keys if key in cameras]

    def _refresh(self) -> None:
        if self.session.closed:
            self.session.refresh()
        else:
            self._sitting.pump()

    # -- firing -------------------------------------------------------------------------------------------------------

    def shoot(
        self,
        *,
        wait: Until | None = "exposed",
        timeout: float | None = None,
        ready_timeout: float = 10.0,
        anyway: bool = False,
        bulb_ms: int | None = None,
        subject: str | None = None,
        pose: str | None = None,
        rep: int | None = None,
        note: str | None = None,
    ) -> Shot:
        """Fire all cameras together, once.

        Parameters
        ----------
        wait : {"exposed", "files"} or None
            Return when every expected camera has exposed or is accounted missing (the person may move), when every file is
            on disk, or at once.
        timeout : float or None
            At most so many seconds of that waiting; None: until all is accounted for.
        ready_timeout : float
            Seconds that the expected cameras have to become Ready before anything is fired.
        anyway : bool
            Fire with those that are Ready; the others are accounted missing (``not_ready``) at once.
        bulb_ms : int or None
            Bulb exposure time, ms (Shoot.BulbTimer; the unit is not stated by any public source).
        subject, pose, rep, note : str, str, int, str or None
            Labels, found again in every table.

        Returns
        -------
        Shot
            Its account.

        Raises
        ------
        NotReady
            An expected camera did not become Ready; nothing was fired.
        Refused
            The application said no; nothing was fired.
        NoReply
            The request was not delivered; nothing was fired. A release of unknown delivery is not sent again: it is looked
            into, and accounted for in the shot that is returned.
        """
        if wait not in {"exposed", "files", None}:
            raise ValueError(f"wait is 'exposed', 'files' or None, not {wait!r}")
        keys = self.keys
        if not keys:
            raise NotReady({"no camera": "the application knows none"}, 0.0)
        not_ready = self._wait_ready(keys, ready_timeout, anyway)
        labels = {"subject": subject, "pose": pose, "rep": rep, "note": note}
        everybody = all(key in keys and key not in not_ready for key in self.session.state.cameras)
        shot_id = self._sitting.fire(keys, not_ready=not_ready, labels=labels, bulb_ms=bulb_ms, whole=everybody)
        shot = Shot(self._sitting, shot_id)
        return shot if wait is None else shot.wait(wait, timeout)

    def _wait_ready(self, keys: list[str], timeout: float, anyway: bool) -> dict[str, str]:
        """Wait for cameras to be Ready; return those that are not, with their status.

        Raises
        ------
        NotReady
            Some are not, and ``anyway`` was not said.
        """
        deadline = time.monotonic() + timeout
        statuses: dict[str, str] = {}

        def settled() -> bool:
            cameras = self.session.state.cameras
            statuses.clear()
            statuses.update({key: cameras[key].status if key in cameras else "Absent" for key in keys})
            unready = [status for status in statuses.values() if status != "Ready"]
            return not unready or (anyway and not any(status in _SOON_READY for status in unready))

        while not self._sitting.wait_for(settled, min(1.0, max(0.0, deadline - time.monotonic()))):
            # A second of silence: the event that said Ready may have been lost, so ask.
            self._sitting.synchronise(keys, photos=False)
            if settled() or time.monotonic() >= deadline:
                break
        not_ready = {key: status for key, status in statuses.items() if status != "Ready"}
        if not_ready and not anyway:
            raise NotReady({self.session.label(key): status or "unknown" for key, status in not_ready.items()}, timeout)
        return not_ready

    # -- settings -----------------------------------------------------------------------------------------------------

    def set(self, **values: Any) -> pd.DataFrame:
        """Set properties on all cameras of this Rig and read them back: ``rig.set(iso=100, aperture=8)``.

        Parameters
        ----------
        **values
            Property names in any spelling (``iso``, ``shutter_speed``); values as people write them (``8``, ``"f/8"``,
            ``"1/125"``), matched to each camera's own range.

        Returns
        -------
        pandas.DataFrame
            Index (camera_key, property); columns position, asked, got, writeable, ok. One stubborn camera does not stop the
            rest.

        Raises
        ------
        UnknownName
            No such property, or no camera has such a value; nothing was set.
        """
        return settings.apply(self._sitting, self.keys, values)

    # -- everything else ----------------------------------------------------------------------------------------------

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
        from rigkit.wire import MESSAGES

        spec = MESSAGES.get(msg_id)
        if spec is not None and "CameraSelection" in spec.required and "CameraSelection" not in fields:
            fields = {**selection(self._keys), **fields}
        return self._sitting.request(msg_id, fields)

    def messages(self, timeout: float | None = None) -> Iterator[Message]:
        """Iterate over what is heard from now on, live.

        Parameters
        ----------
        timeout : float or None
            Stop after so many seconds of silence; None: never.

        Yields
        ------
        Message
            Events of the whole application, in the order heard, names of the current dialect.
        """
        start = len(self.session.log)

        def listen() -> Iterator[Message]:
            seen = start
            heard: list[Message] = []

            def news() -> bool:
                nonlocal seen
                end = len(self.session.log)
                heard.extend(self._sitting.heard(seen, end))
                seen = end
                return bool(heard)

            while self._sitting.wait_for(news, timeout):
                yield from heard
                heard.clear()

        return listen()

    def connect_cameras(self, timeout: float = 10.0) -> pd.DataFrame:
        """Ask the application to open its connection to the cameras of this Rig, and wait for them.

        Parameters
        ----------
        timeout : float
            Seconds they have to become Ready.

        Returns
        -------
        pandas.DataFrame
            ``cameras``; column ``status`` says which are Ready.
        """
        self._sitting.demand("Connect", selection(self._keys))
        keys, cameras = self.keys, self.session.state.cameras
        self._sitting.wait_for(lambda: all(cameras[key].status == "Ready" for key in keys), timeout)
        return self.cameras

    def disconnect(self) -> pd.DataFrame:
        """Ask the application to close its connection to the cameras of this Rig.

        Returns
        -------
        pandas.DataFrame
            ``cameras``, as soon as none of them is Ready or Busy, at the latest after 5 s.
        """
        self._sitting.demand("Disconnect", selection(self._keys))
        keys, cameras = self.keys, self.session.state.cameras
        self._sitting.wait_for(lambda: not any(cameras[key].status in {"Ready", "Busy"} for key in keys), 5.0)
        return self.cameras

    def close(self) -> None:
        """Close the link, the journal and the simulator, if we started one. Tables stay readable. Twice is fine."""
        self._sitting.close()

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _heading(self) -> str:
        return f"Rig {self._name}" + (" (closed)" if self._sitting.closed else "")

    def __repr__(self) -> str:
        return display.rig_text(self.cameras, self._heading(), self.simulated)

    def _repr_html_(self) -> str:
        return display.rig_html(self.cameras, self._heading(), self.simulated)


def connect(
    address: str | None = None,
    *,
    publisher: str | None = None,
    session: str | os.PathLike[str] | None = None,
    photos: Mapping[str, str] | None = None,
    timeout: float = 5.0,
) -> Rig:
    """Connect to Smart Shooter / CaptureGRID, or start simulated cameras.

    Parameters
    ----------
    address : str or None
        ``tcp://rig-pc`` (usual ports 54543 and 54544), a request endpoint ``tcp://127.0.0.1:6000``, or ``sim:24?seed=1``.
        None: ``$RIGKIT_ADDRESS``, then ``tcp://127.0.0.1``.
    publisher : str or None
        The publisher's endpoint; None: where it usually is.
    session : path-like or None
        Session folder: made if it is absent or empty, continued if it is a session. None: ``scans/YYYY-MM-DD[-n]``.
    photos : mapping of str to str, or None
        From folders on the application's computer to the same folders here: ``{"D:/scans": "/mnt/rig"}``.
    timeout : float
        Seconds for each step of connecting, and for each request later on.

    Returns
    -------
    Rig
        The whole rig. If this address is connected in this process already: the live Rig, and it says so.

    Raises
    ------
    NoReply
        The publisher did not shake hands, or the request endpoint did not answer. Nothing was created.
    SessionError
        The folder is something else, or in use.
    """
    where = parse_address(address, publisher)
    known = where.request or where.text
    live = _live.get(known)
    if live is not None and not live.closed:
        say(
            f"{where.text} is connected already: this is the same Rig, session {live.session.path}. rig.close() ends it."
        )
        same = live.whole() if live.whole is not None else None
        return same if isinstance(same, Rig) else Rig(live)
    sitting = begin_sitting(where, session, {there: os.fspath(here) for there, here in (photos or {}).items()}, timeout)
    _live[known] = sitting
    return Rig(sitting)


def simulate(
    cameras: int = 24,
    *,
    seed: int = 0,
    scenario: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    photos: str = "tiny",
    dialect: str = "v5",
    speed: float = 1.0,
    session: str | os.PathLike[str] | None = None,
) -> Rig:
    """Start a simulator of our own on free loopback ports and connect to it.

    Parameters
    ----------
    cameras : int
        How many.
    seed : int
        Same seed, same cameras and same behaviour.
    scenario : path, mapping or None
        Per-camera physics and faults; a YAML file or the same as data.
    photos : {"tiny", "none"}
        What the files are.
    dialect : {"v5", "v3"}
        What it speaks.
    speed : float
        How many simulated seconds pass in one real second.
    session : path-like or None
        As for :func:`connect`.

    Returns
    -------
    Rig
        Simulated: its repr, its session and a column of its tables say so.
    """
    options = {"seed": str(seed), "photos": photos, "dialect": dialect, "speed": repr(float(speed))}
    if isinstance(scenario, Mapping):
        import msgspec

        options["scenario"] = msgspec.json.encode(scenario).decode()
    elif scenario is not None:
        options["scenario"] = str(Path(scenario).resolve())
    return Rig(begin_sitting(parse_address(f"sim:{cameras}")._replace(options=options), session, {}, 5.0))
