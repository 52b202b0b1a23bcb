"""The record of one sitting: one folder, one journal, and the tables that follow from it.

A live session and the same one re-opened next week give equal tables: both fold the same entries, and whatever was decided by
the clock was noted when it was decided.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import __version__, display
from rigkit.account.book import Book
from rigkit.account.fold import Account
from rigkit.account.tables import located, shot_rows
from rigkit.errors import SessionError, UnknownName
from rigkit.record.afterwards import append_note
from rigkit.record.columns import frame
from rigkit.record.folder import RECORDER_LOCK, Manifest, is_owned, read_manifest, write_manifest
from rigkit.record.kept import KeptTables, keep_tables
from rigkit.record.log import Log
from rigkit.record.mapping import checked_mapping, merged_mapping
from rigkit.record.reading import LEADER, Reading, Unreadable, read_journal
from rigkit.record.state import State
from rigkit.record.tables import camera_rows, loss_rows, request_rows, setting_rows
from rigkit.record.whereabouts import Whereabouts
from rigkit.reporting import facts_of, tables_of, write_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from rigkit.account.live import LiveExposures, LivePhotos
    from rigkit.account.live_events import LiveEvents
    from rigkit.files import BackgroundSums
    from rigkit.recorded import RecordedShot

__all__ = ["Session", "open_folder", "read_entries"]

_logger = logging.getLogger("rigkit")


class Session:
    """One sitting.

    Get one from ``rig.session`` (live) or ``rigkit.open(folder)`` (read-only, no server needed).

    Parameters
    ----------
    folder : Path
        The session folder.
    manifest : Manifest
        What its ``session.json`` says.
    log : Log or None
        Its entries; None: in the folder's journal, read when something needs them.
    unreadable : list of Unreadable
        Places of the journal that could not be read: file, line number, why.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, log: Log | None, unreadable: list[Unreadable] | None = None
    ) -> None:
        self.path = folder
        self.manifest = manifest
        self._unreadable = unreadable or []
        self._log = log
        #: Re-opened, and nothing has needed the folded journal yet.
        self._unfolded = log is None
        #: Tables that need no journal; only of a session that was re-opened.
        self._kept: KeptTables | None = KeptTables(folder, self._made_by) if log is None else None
        self._book = Book(manifest.session_id, manifest.subject)
        self.closed = log is None
        self._folding = False
        self._live: dict[str, LivePhotos | LiveExposures] = {}
        self._live_events: LiveEvents | None = None
        self._cache: dict[str, tuple[Any, pd.DataFrame]] = {}
        #: Finds the files of its photos.
        self.files = Whereabouts(folder, manifest)
        #: What takes checksums in the background; None: nothing does.
        self.sums: BackgroundSums | None = None
        #: The user was told that files of photos can't be reached.
        self.told_unreached = False

    @property
    def id(self) -> str:
        """The session's id: 8 hex digits, part of every tag."""
        return self.manifest.session_id

    @property
    def simulated(self) -> bool:
        """Whether the far end was rigkit's own simulator."""
        return self.manifest.simulated

    @property
    def hearing(self) -> bool:
        """Whether the publisher's connection stands, as far as was noted."""
        if self._unfolded:
            self.refresh()
        return self._book.hearing

    @property
    def log(self) -> Log:
        """Its entries."""
        if self._log is None:
            reading = read_entries(self.path)
            self._log, self._unreadable = Log(None, reading.entries), reading.unreadable
        return self._log

    @property
    def unreadable(self) -> list[Unreadable]:
        """Places of the journal that could not be read: file, line number, why."""
        _ = self.log
        return self._unreadable

    @property
    def state(self) -> State:
        """The application's state as far as it was heard."""
        if self._unfolded:
            self.refresh()
        return self._book.state

    @property
    def account(self) -> Account:
        """The account of every shot."""
        if self._unfolded:
            self.refresh()
        return self._book.account

    # -- folding ------------------------------------------------------------------------------------------------------

    def refresh(self) -> int:
        """Fold in whatever was recorded since the last time.

        Returns
        -------
        int
            How many entries have been folded in all.
        """
        with self.log.guard:
            if self._folding:
                # An interrupt came in the middle of an entry, which may be taken in half: begin again from the first.
                self._book.reset()
                self._cache.clear()
            self._folding = True
            self._book.take(self.log.since(self._book.folded))
            self._folding = self._unfolded = False
            return self._book.folded

    # -- names --------------------------------------------------------------------------------------------------------

    def label(self, camera_key: str) -> str:
        """Say what people call a camera: its position in the layout, else its name, else its key."""
        place = self.state.place_of(camera_key)
        if place is not None:
            return place.position
        camera = self.state.cameras.get(camera_key)
        return (camera.name if camera is not None else "") or camera_key

    def locate(self, filename: str | None, size: int | None) -> tuple[Path | None, str | None]:
        """Find a photo's file here; see :class:`rigkit.record.whereabouts.Whereabouts`."""
        return self.files.locate(filename, size)

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

    # -- tables -------------------------------------------------------------------------------------------------------

    def _table(self, name: str, rows: Callable[[], Iterator[dict[str, Any]]]) -> pd.DataFrame:
        kept = self._kept_table(name)
        if kept is not None:
            return kept
        with self.log.guard:
            version = self.refresh()
            cached = self._cache.get(name)
            if cached is None or cached[0] != version:
                cached = self._cache[name] = (version, frame(name, rows()))
            return cached[1].copy(deep=False)  # copy-on-write: what the caller does to it stays with the caller

    @property
    def events(self) -> pd.DataFrame:
        """Every message heard, sent or noted, in order. Index event_no."""
        with self.log.guard:
            self.refresh()
            if self._live_events is None:
                from rigkit.account.live_events import LiveEvents

                self._live_events = LiveEvents(self._book)
            return self._live_events.frame(self.log.since(self._live_events.rows))

    @property
    def requests(self) -> pd.DataFrame:
        """Every request and what became of it. Index request_no."""
        return self._table("requests", lambda: request_rows(self.state, self.log.since(0)))

    @property
    def cameras(self) -> pd.DataFrame:
        """Every camera the application knows, as last heard. Index camera_key."""
        return self._table("cameras", self._camera_rows)

    def _camera_rows(self) -> Iterator[dict[str, Any]]:
        return camera_rows([*self.state.cameras.values(), *self.state.unseen()], self.label, self.simulated, self.state)

    @property
    def settings(self) -> pd.DataFrame:
        """Every property of every camera, as last heard. Index (camera_key, property)."""
        return self._table("settings", lambda: setting_rows(self.state.cameras.values(), self.label))

    @property
    def shots(self) -> pd.DataFrame:
        """One row per shot. Index shot_id."""
        return self._table("shots", lambda: shot_rows(self.account, self.id, self.simulated))

    @property
    def exposures(self) -> pd.DataFrame:
        """One row per expected camera of every shot, also where no photo came. Index (shot_id, camera_key)."""
        return self._living("exposures")

    @property
    def photos(self) -> pd.DataFrame:
        """One row per photo, also those of no shot; in a participant's sitting, only its own. Index photo_key."""
        photos = self._living("photos")
        if not self.manifest.subject:
            return photos
        # The application tells each sitting of every photo it holds, and by the evening that is all of the day.
        before = photos["before"]
        return photos[~before] if before.any() else photos

    @property
    def held_photos(self) -> pd.DataFrame:
        """Every photo that the application was heard to hold, also of sittings before; the columns of ``photos``."""
        return self._living("photos")

    def _living(self, name: str) -> pd.DataFrame:
        kept = self._kept_table(name)
        if kept is not None:
            return kept
        with self.log.guard:
            self.refresh()
            live = self._live.get(name)
            if live is None:
                from rigkit.account.live import LiveExposures, LivePhotos

                if name == "photos":
                    live = LivePhotos(self._book, self.label, self.simulated, self.files, self._may_come)
                else:
                    live = LiveExposures(self._book, self.label, self.simulated)
                self._live[name] = live
            return live.frame()

    def _kept_table(self, name: str) -> pd.DataFrame | None:
        """Return a table that was kept when the session was closed, as long as nobody has needed the folded journal."""
        if not self._unfolded or not self._kept:
            return None
        if name not in self._cache:
            table = self._kept.read(name)
            if table is None:
                return None
            self._cache[name] = (0, table)
        table = self._cache[name][1].copy(deep=False)
        return located(table, self.files.locate_all) if name == "photos" else table

    @property
    def _made_by(self) -> str:
        """What a table depends on besides the journal."""
        return f"rigkit {__version__}, session {self.id}, {'simulated' if self.simulated else 'real'}"

    def keep_tables(self) -> None:
        """Keep the tables of a closed session beside its journal, so that opening it again need not fold the journal.

        Where they can't be written, opening it again takes longer, and nothing else is amiss.
        """
        if self.log.unsaved or self._unreadable or is_owned(self.path) or is_owned(self.path, RECORDER_LOCK):
            return
        names = ["cameras", "settings", "shots", "exposures", "requests", "loss", "warnings", "photos"]
        photos = self.photos
        if photos["filename"][photos["location"] == "Local Disk"].isna().any():
            names.remove("photos")  # where those files are follows from more than the table says
        try:
            keep_tables(self.path, ((name, getattr(self, name)) for name in names), self._made_by)
        except (OSError, ValueError, TypeError) as exc:  # also a text that the format does not take
            _logger.info("The tables of %s are not kept: %s", self.path, exc)

    def _may_come(self, path_state: str | None) -> bool:
        """Whether a file may turn up without any message: not where no folder here is known to hold it."""
        return path_state != "unreachable" or self.manifest.local

    @property
    def loss(self) -> pd.DataFrame:
        """What was published and never heard. Index loss_no."""
        return self._table("loss", lambda: loss_rows(self.state))

    @property
    def warnings(self) -> pd.DataFrame:
        """What was wrong with the rig while somebody watched, from when to when, and what to do. Index warning_no."""
        return self._table("warnings", lambda: self.state.warned.table_rows())

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

    def write_note(self, kind: str, /, **fields: Any) -> None:
        """Append a note to the record, live or re-opened; nothing that stands there is ever changed.

        Parameters
        ----------
        kind : str
            Its kind.
        **fields
            What it says.

        Raises
        ------
        SessionError
            The session was re-opened, and another rigkit writes it right now, or it can't be written.
        """
        if not self.closed:
            self.log.note(kind, **fields)
        else:
            self.log.show([append_note(self.path, kind, fields)])
        self.refresh()

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
        return display.Recorded(self.facts(), tables_of(self))

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
        return display.session_text(self.facts(), self.shots, self.exposures)

    def _repr_html_(self) -> str:
        return display.session_html(self.facts(), self.shots, self.exposures)


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


def read_entries(folder: Path) -> Reading:
    """Read a session's journal: its entries, what can't be read, and which numbers come next.

    Raises
    ------
    SessionError
        The folder can't be listed.
    """
    try:
        reading = read_journal(folder)
    except OSError as exc:
        raise SessionError(folder, f"its journal can't be read ({exc.strerror or exc})") from exc
    there, lines = reading.next_number.get(LEADER, 0), read_manifest(folder).lines
    if there < lines:  # whole files, or the end of the last one: nothing in the journal itself tells
        reading.unreadable.append(Unreadable(folder / "journal", 0, f"missing {there}-{lines - 1}"))
        reading.next_number[LEADER] = lines
    return reading
