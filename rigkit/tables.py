"""The tables of one sitting: what its record says, folded as far as it was written, or as it was kept when it was closed.

A live session and the same one re-opened next week give equal tables: both fold the same entries, and whatever was decided by
the clock was noted when it was decided.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import __version__
from rigkit.account.book import Book
from rigkit.account.fold import Account
from rigkit.account.tables import located, shot_rows
from rigkit.record.afterwards import append_note
from rigkit.record.columns import frame, joined
from rigkit.record.folder import RECORDER_LOCK, Manifest, is_owned
from rigkit.record.kept import KEPT, KeptTables, keep_tables
from rigkit.record.log import Log
from rigkit.record.reading import Unreadable, read_entries
from rigkit.record.state import State
from rigkit.record.tables import camera_rows, loss_rows, request_rows, setting_rows
from rigkit.record.whereabouts import Whereabouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from rigkit.account.live import LiveExposures, LivePhotos
    from rigkit.account.live_events import LiveEvents
    from rigkit.files import BackgroundSums
    from rigkit.synchrony import SessionTiming

__all__ = ["SessionTables"]

_logger = logging.getLogger("rigkit")


class SessionTables:
    """The record of one sitting as tables; see :class:`rigkit.session.Session`.

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
        self._timing: SessionTiming | None = None
        #: Finds the files of its photos.
        self.files = Whereabouts(folder, manifest)
        #: What takes checksums in the background; None: nothing does.
        self.sums: BackgroundSums | None = None
        #: Options that the application was asked to change, and did not: it is not asked again, since that takes a second.
        self.ignored_options: set[str] = set()
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
        """One row per shot, with how simultaneous it was as far as that is known. Index shot_id."""
        return self._timed("shots", self.accounted_shots)

    def accounted_shots(self) -> pd.DataFrame:
        """Give ``shots`` as the account has it; what is known about time may not be in it."""
        return self._table("shots", lambda: shot_rows(self.account, self.id, self.simulated))

    @property
    def exposures(self) -> pd.DataFrame:
        """One row per expected camera of every shot, also where no photo came, with its skew as far as that is known.

        Index (shot_id, camera_key).
        """
        return self._timed("exposures", self.accounted_exposures)

    def accounted_exposures(self) -> pd.DataFrame:
        """Give ``exposures`` as the account has it; what is known about time may not be in it, and costs a look at all of them."""
        return self._living("exposures")

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def timing(self) -> SessionTiming:
        """What is known about time: stamps and where they come from, lags, clocks; readings of a counter are entered here."""
        from rigkit.synchrony import SessionTiming

        with self.log.guard:
            if self._timing is None:
                self._timing = SessionTiming(self)
            self._timing.look()
            return self._timing

    def account_tables(self) -> tuple[tuple[int, ...], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Give what statements about time follow from: another version whenever that may have changed, exposures, shots, photos."""
        with self.log.guard:
            self.refresh()
            growing = self._growing("exposures"), self._growing("photos")
            exposures, photos = (one.frame() for one in growing)  # their versions may change by that
            version = (*(one.version for one in growing), len(self.account.shots), self.state.readings.version)
            return version, exposures, self.accounted_shots(), photos

    def _timed(self, name: str, accounted: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Put what the account says and what is known about time into one table."""
        kept = self._kept_table(name)
        if kept is not None:
            return kept
        with self.log.guard:
            timing = self.timing
            said = accounted()
            known: pd.DataFrame = getattr(timing, name)
            return joined(name, said, known)

    @property
    def clock(self) -> pd.DataFrame:
        """Offset and drift of each camera's clock, from one setting of it to the next. Index (camera_key, epoch)."""
        return self._kept_or("clock", lambda: self.timing.clock)

    @property
    def lags(self) -> pd.DataFrame:
        """Lag and jitter of each camera, as far as they are known, and how soon the host heard. Index camera_key."""
        return self._kept_or("lags", lambda: self.timing.lags)

    @property
    def reference(self) -> pd.DataFrame:
        """Readings of a counter in view (``session.timing.add_reference()``). Index (shot_id, camera_key)."""
        return self._kept_or("reference", lambda: self.timing.reference)

    def _kept_or(self, name: str, made: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        kept = self._kept_table(name)
        return made().copy(deep=False) if kept is None else kept

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
        _ = self.state  # the table that was kept has only the sitting's own
        return self._living("photos")

    def _living(self, name: str) -> pd.DataFrame:
        kept = self._kept_table(name)
        if kept is not None:
            return kept
        with self.log.guard:
            self.refresh()
            return self._growing(name).frame()

    def _growing(self, name: str) -> LivePhotos | LiveExposures:
        live = self._live.get(name)
        if live is None:
            from rigkit.account.live import LiveExposures, LivePhotos

            if name == "photos":
                live = LivePhotos(self._book, self.label, self.simulated, self.files, self._may_come)
            else:
                live = LiveExposures(self._book, self.label, self.simulated)
            self._live[name] = live
        return live

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
        names = [*KEPT, "photos"]
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

    # -- notes ---------------------------------------------------------------------------------------------------------

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
