"""The Rig: a set of cameras that fire together, over one link.

A group of cameras, one camera, or the whole rig is the same noun with the same verbs.
"""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rigkit import display
from rigkit.address import parse_address
from rigkit.checking import Checking
from rigkit.controls import Controls
from rigkit.errors import RigError
from rigkit.filenames import name_files
from rigkit.firing import Firing
from rigkit.founding import Whose
from rigkit.keeping import Keeping
from rigkit.opening import begin_sitting, next_sitting
from rigkit.places import Places, attendance, load_layout, use_layout
from rigkit.profiles import Profiles
from rigkit.readiness import wait_idle
from rigkit.record.labels import check_number, check_subject, next_number, sitting_name
from rigkit.record.mapping import checked_mapping
from rigkit.record.whereabouts import warn_of_astray
from rigkit.sitting import Sitting, say
from rigkit.watching import Watching

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.record.layout import Layout

__all__ = ["Rig", "connect", "simulate"]

#: Live connections of this process by address, so that running a notebook cell twice does not start everything twice.
_live: weakref.WeakValueDictionary[str, Sitting] = weakref.WeakValueDictionary()


class Rig(Firing, Controls, Keeping, Places, Profiles, Watching, Checking):
    """A set of cameras that fire together.

    Get one from :func:`rigkit.connect` or :func:`rigkit.simulate`; use it as a context manager, or call :meth:`close`.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    keys : tuple of str or None
        Its cameras; None: the whole rig, that is every place of the layout, without one every camera that is not Absent.
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

    def begin(self, subject: str, session: int | None = None, *, rule: str | None = None) -> Self:
        """End this sitting and begin that of a participant, over the same link: ``rig.begin("P017")``.

        The new session lies in the folder of the day as ``P017_ses-01``; ``rigkit.open("scans/*/P*")`` finds all of them. Shots
        are labelled with the subject from now on, and the application is told whose photos come (PhotoSessionName,
        PhotoSessionNum) and of which take (UniqueTag, before each shot), so that file names say so too. What the last shots still
        wait for is waited for first, a minute at most, since their record ends here; photos that stay on the cards are not.

        Parameters
        ----------
        subject : str
            The participant's code: it becomes part of folders and file names.
        session : int or None
            Which sitting of this participant; one that exists goes on. None: the next one.
        rule : str or None
            Regular expression that every subject must match, from now on; empty: none. None: as before.

        Returns
        -------
        Rig
            This one; its ``session`` is the new one.

        Raises
        ------
        RigError
            This Rig is closed.
        ValueError
            The subject can't be the name of a folder, or breaks the rule; nothing was ended.
        SessionError
            The folder can't be used; nothing was ended.
        NoReply
            The application did not answer; nothing was ended.
        """
        sitting = self._sitting
        if sitting.closed:
            raise RigError("this Rig is closed, so no sitting was begun; connect again")
        manifest = sitting.session.manifest
        rule = manifest.subject_rule if rule is None else rule
        check_subject(subject, rule)
        # A sitting of a participant lies beside those of the others, any other one holds them.
        day = sitting.session.path.parent if manifest.subject else sitting.session.path
        number = next_number(day, subject) if session is None else check_number(session)
        folder = day / sitting_name(subject, number)
        if (manifest.subject, manifest.sitting, manifest.subject_rule) == (subject, number, rule):
            say(f"{folder.name} goes on: it is this sitting.")
            return self
        next_sitting(sitting, Whose(subject, number, rule), folder)
        name_files(sitting, {}, stacklevel=3)
        return self

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
    layout: Layout | str | os.PathLike[str] | pd.DataFrame | None = None,
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
    layout : Layout, path-like, DataFrame or None
        Who should be there: a CSV file with the columns position, serial, name, groups, hub, lens, tags (all but the first may be
        left out). A shot of the whole rig then expects every place of it, also one whose camera is not seen. None: that of the
        session that goes on, else whoever is not Absent is expected.
    photos : mapping of str to str, or None
        From folders on the application's computer to the same folders here: ``{"D:/scans": "/mnt/rig"}``. Of entries that fit, the
        longest counts; one that leads nowhere now is warned of and kept, since a share may be mounted later.
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
    LayoutError
        The layout can't be read. Nothing was created.
    ValueError
        An entry of ``photos`` is empty or no text. Nothing was created.
    """
    wanted, mapping = load_layout(layout), checked_mapping(photos)
    where = parse_address(address, publisher)
    warn_of_astray(mapping)
    known = where.request or where.text
    live = _live.get(known)
    if live is not None and not live.closed:
        say(
            f"{where.text} is connected already: this is the same Rig, session {live.session.path}. rig.close() ends it."
        )
        if session is not None and Path(session).resolve() != live.session.path.resolve():
            warnings.warn(
                f"session={os.fspath(session)!r} is not used: what comes goes on into {live.session.path}. For another session close "
                "this Rig first, or rig.begin() a sitting",
                RuntimeWarning,
                stacklevel=2,
            )
        if mapping:
            live.session.map_photos(mapping)
        same = live.whole() if live.whole is not None else None
        _seat(live, wanted)
        return same if isinstance(same, Rig) else Rig(live)
    sitting = begin_sitting(where, session, mapping, timeout, recorder=recorder)
    _live[known] = sitting
    _seat(sitting, wanted)
    return Rig(sitting)


def _seat(sitting: Sitting, layout: Layout | None) -> None:
    """Use a layout, and say who of it is there; one that goes on with its session is told of, too."""
    if layout is not None and layout != sitting.session.state.layout:
        use_layout(sitting, layout, "connect(layout=...)")
    if sitting.session.state.layout is not None:
        wait_idle(sitting)
        for text in attendance(sitting):
            say(text)


def simulate(
    cameras: int = 24,
    *,
    seed: int = 0,
    scenario: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    photos: str = "tiny",
    dialect: str = "v5",
    speed: float = 1.0,
    session: str | os.PathLike[str] | None = None,
    layout: Layout | str | os.PathLike[str] | pd.DataFrame | None = None,
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
    session, layout
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
    wanted = load_layout(layout)
    where = parse_address(f"sim:{cameras}")._replace(options=options)
    sitting = begin_sitting(where, session, {}, 5.0, recorder=recorder)
    _seat(sitting, wanted)
    return Rig(sitting)
