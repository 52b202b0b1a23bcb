"""The record of one sitting: one folder, one journal, and the tables that follow from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import display
from rigkit.errors import UnknownName
from rigkit.record.folder import read_manifest, write_manifest
from rigkit.record.mapping import checked_mapping, merged_mapping
from rigkit.reporting import facts_of, recorded_of, write_report
from rigkit.tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.recorded import RecordedShot

__all__ = ["Session", "open_folder"]


class Session(SessionTables):
    """One sitting.

    Get one from ``rig.session`` (live) or ``rigkit.open(folder)`` (read-only, no server needed).

    Parameters
    ----------
    folder, manifest, log, unreadable
        As for :class:`rigkit.tables.SessionTables`, which has the tables.
    """

    def map_photos(self, photos: Mapping[str, str | os.PathLike[str]]) -> None:
        """Say where folders of the application's computer are here: ``session.map_photos({"D:/scans": "/mnt/rig"})``.

        Parameters
        ----------
        photos : mapping
            As for :func:`rigkit.connect`; added to what was said before, and kept only in a live session.

        Raises
        ------
        ValueError
            Not a mapping of folder names to folder names; nothing was changed.
        """
        new = merged_mapping(self.manifest.photos, checked_mapping(photos))
        with self.log.guard:
            self.manifest.photos = new  # replaced, not changed: whoever looks for files sees that it is another one
            self._live.pop("photos", None)
            self.told_unreached = False
        if not self.closed:
            write_manifest(self.path, self.manifest)

    # -- shots, and what is thought of them ---------------------------------------------------------------------------

    def shot(self, shot_id: int | None = None) -> RecordedShot:
        """Return one shot by its number: ``session.shot(3).reject("blinked")``.

        Parameters
        ----------
        shot_id : int or None
            Its number; None: the last one.

        Raises
        ------
        UnknownName
            There is none.
        """
        from rigkit.recorded import RecordedShot

        shots = self.account.shots
        self.refresh()
        number = max(shots, default=0) if shot_id is None else shot_id
        if number not in shots:
            raise UnknownName("shot", number, list(shots))
        return RecordedShot(self, number)

    def verify(self) -> pd.DataFrame:
        """Read the files of all photos that are here once more, and hold them against their checksums; nothing is written.

        Returns
        -------
        pandas.DataFrame
            Index photo_key; columns position, name, path, path_state, ok (``<NA>``: no checksum was taken, or the file is not
            reachable), problem. ``attrs["summary"]`` is one sentence: 1152 of 1152 files are what they were.
        """
        from rigkit.record.checksums import verified

        return verified(self.photos)

    # -- leaving something behind -------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Say what this session is, for headings and reports."""
        return facts_of(self)

    def recorded(self) -> display.Recorded:
        """Gather what reports are made of: facts and tables."""
        return recorded_of(self)

    def findings(self, limit_ms: float | None = None) -> pd.DataFrame:
        """Find what is not as it should be: who is missing, late, unsteady, drifting, set otherwise; what was lost.

        Facts are counted. What is estimated comes with its interval, its evidence and one budget: a session in which nothing is
        wrong raises any such finding in at most 5 % of cases.

        Parameters
        ----------
        limit_ms : float or None
            Lag that matters, ms; None: 5 ms, or half a step of the stamps if that is more.

        Returns
        -------
        pandas.DataFrame
            Table ``findings``, the gravest first; ``text`` is a sentence and ``suggestion`` what to do. ``attrs["summary"]`` says
            what was found, what was checked with the smallest effect that would have been found, and what could not be
            checked and why; ``session.timing.checked()`` is that as a table.
        """
        return self.timing.findings(limit_ms)

    def methods(self) -> str:
        """Write the paragraphs for the Methods section of a paper: only what is recorded, and what is not known said to be so.

        Shots that were rejected, superseded or not fired are named with their reasons and counted no further. Completeness
        comes with Wilson's 95 % interval.

        Returns
        -------
        str
            Plain text; the same session gives the same text.
        """
        return display.methods_text([self.recorded()])

    def report(self) -> Path:
        """Write what there is to see: CSV tables, plots and a page that opens offline.

        Returns
        -------
        Path
            ``report.html`` in the session folder; ``tables/*.csv`` and ``plots/*.png`` lie beside it.
        """
        return write_report(self)

    def __repr__(self) -> str:
        self.refresh()
        return display.session_text(self.facts(), self.accounted_shots(), self.accounted_exposures())

    def _repr_html_(self) -> str:
        return display.session_html(self.facts(), self.accounted_shots(), self.accounted_exposures())


def open_folder(path: str | os.PathLike[str]) -> Session:
    """Open one session folder: the same tables as when it was live, with no server.

    Parameters
    ----------
    path : str or path-like
        The session folder.

    Returns
    -------
    Session
        Read-only.

    Raises
    ------
    SessionError
        Not a session folder; it was left as it was.
    """
    folder = Path(path)
    session = Session(folder, read_manifest(folder), None)
    if not session._kept:
        session.refresh()
        if session._kept is not None and session._kept.outdated:  # a verdict was added, or rigkit is another
            session.keep_tables()
    return session
