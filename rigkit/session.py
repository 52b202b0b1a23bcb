"""The record of one sitting: one folder, one journal, and the tables that follow from it.

A live session and the same one re-opened next week give equal tables: both fold the same entries, and whatever was decided by
the clock was noted when it was decided.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import __version__, display
from rigkit.account.book import Book
from rigkit.account.fold import Account
from rigkit.account.tables import shot_rows
from rigkit.errors import SessionError
from rigkit.record.columns import TABLES, array_of, frame
from rigkit.record.folder import RECORDER_LOCK, Manifest, is_owned, local_path, read_manifest
from rigkit.record.kept import KeptTables, keep_tables
from rigkit.record.log import Log
from rigkit.record.reading import Reading, Unreadable, read_journal
from rigkit.record.state import State, text_of
from rigkit.record.tables import camera_rows, loss_rows, request_rows, setting_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from rigkit.account.live import LiveExposures, LivePhotos
    from rigkit.account.live_events import LiveEvents

__all__ = ["Session", "open"]

_logger = logging.getLogger("rigkit")

#: So many places that can't be read are named in headings and reports; ``Session.unreadable`` has them all.
_NAMED = 20


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
        self._book = Book(manifest.session_id)
        self.closed = log is None
        self._folding = False
        self._live: dict[str, LivePhotos | LiveExposures] = {}
        self._live_events: LiveEvents | None = None
        self._cache: dict[str, tuple[Any, pd.DataFrame]] = {}
        self._found: dict[str, Path] = {}
        self._mapped: dict[str, str] | None = None
        #: Folder of the application's computer -> the same here; None: not reachable.
        self._reached: dict[str, Path | None] = {}

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
        """Say what people call a camera: its name, else its key."""
        camera = self.state.cameras.get(camera_key)
        return (camera.name if camera is not None else "") or camera_key

    def locate(self, filename: str | None, size: int | None) -> tuple[Path | None, str | None]:
        """Find a photo's file here.

        Parameters
        ----------
        filename : str or None
            The photo's path on the application's computer.
        size : int or None
            PhotoFilesize, bytes; None: not compared.

        Returns
        -------
        path : Path or None
            The local path; None: no mapping reaches it.
        state : str or None
            ``here``, ``missing``, ``size_differs`` or ``unreachable``.
        """
        if not filename:
            return None, None
        path = self._found.get(filename)
        if path is not None:
            return path, "here"
        path = self._reach(filename)
        try:
            if path is None and self.manifest.local and Path(filename).is_file():
                path = Path(filename)
            if path is None:
                return None, "unreachable"
            found = path.stat().st_size
        except (OSError, ValueError):  # also a name that no file system takes
            return path, "unreachable" if path is None else "missing"
        if size is not None and found != size:
            return path, "size_differs"
        self._found[filename] = path
        return path, "here"

    def _reach(self, filename: str) -> Path | None:
        """Find where a file would be here, by where its folder is: a thousand photos lie in few folders."""
        if self._mapped is None:
            self._mapped = self._mapping()
        mapping = self._mapped
        if not mapping:
            return None
        is_windows = filename[1:2] == ":" or filename.startswith("\\\\")
        cut = max(filename.rfind("/"), filename.rfind("\\") if is_windows else -1)
        folder, name = filename[: cut + 1], filename[cut + 1 :]
        # What is no plain name, and a mapping of the file itself, is looked at one by one.
        if cut < 0 or name in {"", ".", ".."} or any(len(there) >= len(filename) for there in mapping):
            return local_path(filename, mapping)
        if folder not in self._reached:
            self._reached[folder] = local_path(folder, mapping)
        base = self._reached[folder]
        return None if base is None else base / name

    def _mapping(self) -> dict[str, str]:
        """Folders of the application's computer and where they are here; a session folder that was moved is found again."""
        mapping = dict(self.manifest.photos)
        if self.manifest.folder:
            mapping[self.manifest.folder] = str(self.path)
        return mapping

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
        return self._table("cameras", lambda: camera_rows(self.state.cameras.values(), self.label, self.simulated))

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
        """One row per photo, also those of no shot. Index photo_key."""
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
                    live = LivePhotos(self._book, self.label, self.simulated, self.locate, self._may_come)
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
        return self._located(table) if name == "photos" else table

    def _located(self, photos: pd.DataFrame) -> pd.DataFrame:
        """Look where the files are now: the folder may have been moved, a share may be away."""
        import pandas as pd

        on_disk = [location == "Local Disk" for location in photos["location"]]
        found: list[tuple[Path | None, str | None]] = [
            self.locate(None if pd.isna(filename) else filename, None if pd.isna(size) else int(size))
            if there
            else (None, None)
            for there, filename, size in zip(on_disk, photos["filename"], photos["size_bytes"], strict=True)
        ]
        columns = {one.name: one for one in TABLES["photos"].columns}
        photos["path"] = array_of(columns["path"], [None if path is None else str(path) for path, _ in found])
        photos["path_state"] = array_of(columns["path_state"], [state for _, state in found])
        return photos

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
        names = ["cameras", "settings", "shots", "exposures", "requests", "loss", "photos"]
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

    # -- leaving something behind -------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Say what this session is, for headings and reports."""
        manifest = self.manifest
        subjects = {shot.labels.get("subject") for shot in self.account.shots.values()} - {None}
        return {
            "session_id": self.id,
            "folder": str(self.path),
            "created": _iso(manifest.created_wall_ns),
            "closed": self.closed and not is_owned(self.path),
            "address": manifest.address,
            "simulated": manifest.simulated,
            "rigkit_version": manifest.rigkit_version,
            "python_version": manifest.python_version,
            "platform": manifest.platform,
            "application": text_of(self.state.node.get("NodeVersion")) or manifest.application or None,
            "dialect": manifest.dialect,
            "subject": ", ".join(sorted(map(str, subjects))) or None,
            "bad_messages": self.state.bad,
            "unreadable_lines": len(self.unreadable),
            "unreadable": [(one.file.name, one.line_no, one.why) for one in self.unreadable[:_NAMED]],
            "not_on_disk": self.log.unsaved,
        }

    def report(self) -> Path:
        """Write what there is to see: CSV tables, plots and a page that opens offline.

        Returns
        -------
        Path
            ``report.html`` in the session folder; ``tables/*.csv`` and ``plots/*.png`` lie beside it.
        """
        from rigkit import plots

        names = ("cameras", "settings", "shots", "exposures", "photos", "requests", "loss")
        tables = {name: getattr(self, name) for name in names}
        figures = {"completeness": plots.png(plots.completeness(tables["exposures"]))}
        last_shot = max(self.account.shots, default=None)
        if last_shot is not None:
            figures["timeline"] = plots.png(plots.timeline(tables["exposures"], last_shot))
        for folder in ("tables", "plots"):
            (self.path / folder).mkdir(exist_ok=True)
        for name, table in tables.items():
            table.to_csv(self.path / "tables" / f"{name}.csv")
        for name, image in figures.items():
            (self.path / "plots" / f"{name}.png").write_bytes(image)
        page = self.path / "report.html"
        page.write_text(display.report_html(self.facts(), tables, figures), encoding="utf-8")
        return page

    def __repr__(self) -> str:
        self.refresh()
        return display.session_text(self.facts(), self.shots, self.exposures)

    def _repr_html_(self) -> str:
        return display.session_html(self.facts(), self.shots, self.exposures)


def _iso(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="seconds")


def open(path: str | os.PathLike[str]) -> Session:
    """Open a session folder: the same tables as when it was live, with no server.

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
    return session


def read_entries(folder: Path) -> Reading:
    """Read a session's journal: its entries, what can't be read, and which numbers come next.

    Raises
    ------
    SessionError
        The folder can't be listed.
    """
    try:
        return read_journal(folder)
    except OSError as exc:
        raise SessionError(folder, f"its journal can't be read ({exc.strerror or exc})") from exc
