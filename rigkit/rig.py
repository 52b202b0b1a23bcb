"""The Rig: a set of cameras that fire together, over one link.

A group of cameras, one camera, or the whole rig is the same noun with the same verbs.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import display
from rigkit.address import parse_address
from rigkit.controls import Controls
from rigkit.firing import Firing
from rigkit.keeping import Keeping
from rigkit.opening import begin_sitting
from rigkit.sitting import Sitting, say

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Rig", "connect", "simulate"]

#: Live connections of this process by address, so that running a notebook cell twice does not start everything twice.
_live: weakref.WeakValueDictionary[str, Sitting] = weakref.WeakValueDictionary()


class Rig(Firing, Controls, Keeping):
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
        self._sitting.demand("Connect", self._selection())
        keys, cameras = self.keys, self.session.state.cameras
        self._sitting.wait_for(lambda: all(cameras[key].status == "Ready" for key in keys), timeout)
        return self.cameras

    def detect(self, timeout: float = 5.0) -> pd.DataFrame:
        """Ask the application to look for cameras that were plugged in (DetectCameras).

        Parameters
        ----------
        timeout : float
            Seconds to wait until no camera that is there is missing any more.

        Returns
        -------
        pandas.DataFrame
            ``cameras``.
        """
        self._sitting.demand("DetectCameras", {})
        cameras = self.session.state.cameras
        self._sitting.wait_for(
            lambda: all(one.status in {"Ready", "Disconnected"} for one in cameras.values()), timeout
        )
        return self.cameras

    def disconnect(self) -> pd.DataFrame:
        """Ask the application to close its connection to the cameras of this Rig.

        Returns
        -------
        pandas.DataFrame
            ``cameras``, as soon as none of them is Ready or Busy, at the latest after 5 s.
        """
        self._sitting.demand("Disconnect", self._selection())
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
        if self._sitting.closed:
            return f"Rig {self._name} (closed)"
        return f"Rig {self._name}" + (
            "" if self.session.hearing else " (NOT CONNECTED: nothing is heard; states are old)"
        )

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
    recorder: bool = False,
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
        Session folder: made if it is absent or empty, continued if it is a session. None: that of a recorder which listens to
        this application already (``rigkit record``), else ``scans/YYYY-MM-DD[-n]``.
    photos : mapping of str to str, or None
        From folders on the application's computer to the same folders here: ``{"D:/scans": "/mnt/rig"}``.
    recorder : bool
        Listen and record in a process of its own, which goes on while this one is busy or dead; connect to the same session again
        and nothing is missing. It ends with :meth:`Rig.close`, or after 10 minutes with nobody attached and no event. A recorder
        that is there already is used in any case, and one that was started by hand is never ended.
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
    mapping = {there: os.fspath(here) for there, here in (photos or {}).items()}
    sitting = begin_sitting(where, session, mapping, timeout, recorder=recorder)
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
    recorder: bool = False,
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
    recorder : bool
        As for :func:`connect`. The simulator still ends with this process.

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
    where = parse_address(f"sim:{cameras}")._replace(options=options)
    return Rig(begin_sitting(where, session, {}, 5.0, recorder=recorder))
