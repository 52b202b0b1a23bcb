"""The record of one sitting: one folder, one journal, and the tables that follow from it.

A live session and the same one re-opened next week give equal tables: both fold the same entries, and whatever was decided by
the clock was noted when it was decided.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import display
from rigkit.account.fold import Account
from rigkit.account.tables import exposure_rows, photo_rows, shot_rows
from rigkit.errors import BadMessage, SessionError
from rigkit.record.columns import frame
from rigkit.record.folder import Manifest, is_owned, local_path, read_manifest
from rigkit.record.journal import Entry, read_journal
from rigkit.record.log import Log
from rigkit.record.state import State, camera_parts, photo_parts, text_of
from rigkit.record.tables import camera_rows, event_row, loss_rows, request_rows, setting_rows
from rigkit.wire import Message, decode_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["Session", "open"]


class Session:
    """One sitting.

    Get one from ``rig.session`` (live) or ``rigkit.open(folder)`` (read-only, no server needed).

    Parameters
    ----------
    folder : Path
        The session folder.
    manifest : Manifest
        What its ``session.json`` says.
    log : Log
        Its entries.
    unreadable : list of tuple
        Journal lines that could not be read, as (file, line number).
    """

    def __init__(
        self, folder: Path, manifest: Manifest, log: Log, unreadable: list[tuple[Path, int]] | None = None
    ) -> None:
        self.path = folder
        self.manifest = manifest
        self.unreadable = unreadable or []
        self.log = log
        self.state = State()
        self.account = Account(manifest.session_id, self.state)
        self.closed = False
        #: Whether the publisher's connection stands, as far as was noted.
        self.hearing = True
        self._folded = 0
        self._folding = False
        self._facts: list[tuple[str | None, int | None, bool | None, str | None, str | None, int, bool]] = []
        self._cache: dict[str, tuple[Any, pd.DataFrame]] = {}
        self._found: dict[str, Path] = {}

    @property
    def id(self) -> str:
        """The session's id: 8 hex digits, part of every tag."""
        return self.manifest.session_id

    @property
    def simulated(self) -> bool:
        """Whether the far end was rigkit's own simulator."""
        return self.manifest.simulated

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
                self.state.reset()
                self.account.reset()
                self._facts.clear()
                self._cache.clear()
                self._folded = 0
            self._folding = True
            for entry in self.log.since(self._folded):
                self._facts.append(self._fold(self._folded, entry))
                self._folded += 1
            self._folding = False
            return self._folded

    def _fold(
        self, number: int, entry: Entry
    ) -> tuple[str | None, int | None, bool | None, str | None, str | None, int, bool]:
        try:
            body, dialect = decode_frame(entry.raw)
        except BadMessage:
            self.state.bad += 1
            return (None, None, None, None, None, 0, True)
        if entry.channel == "note":
            return self._fold_note(body, entry)
        message = Message(body, entry.channel, entry.mono_ns, entry.wall_ns, dialect, number)
        cameras, photos = camera_parts(message), photo_parts(message)
        bad, gap = not message.msg_id, 0
        try:
            gap = self.state.fold(message, cameras, photos)
            self.account.fold(message, cameras, photos)
        except Exception:  # noqa: BLE001 - whatever a server says, the rest of the record must stay readable
            bad = True
        self.state.bad += bad
        return (
            message.msg_id or None,
            message.msg_seq_num,
            message.msg_result,
            text_of(body.get("CameraKey")),
            text_of(body.get("PhotoKey")),
            gap,
            bad,
        )

    def _fold_note(self, body: dict[str, Any], entry: Entry) -> tuple[str | None, None, None, None, None, int, bool]:
        kind = str(body.get("note", ""))
        try:
            if kind == "no_reply":
                self.state.no_reply(body["msg_seq_num"], body["delivery"])
            elif kind == "reconciled":
                self.state.recovered(body["by"])
            elif kind == "resumed":
                self.state.new_publisher()
            elif kind == "publisher":
                self.hearing = body["what"] == "connected"
            elif kind == "fired":
                for request in reversed(self.state.requests):
                    if request.seq == body["msg_seq_num"]:
                        request.shot_id = body["shot_id"]
                        break
            self.account.note(kind, body, entry.mono_ns, entry.wall_ns)
        except (KeyError, TypeError, AttributeError, ValueError):
            # A note of ours that was damaged on disk: kept, counted, and no reason not to read the rest.
            self.state.bad += 1
            return (kind or None, None, None, None, None, 0, True)
        return (kind, None, None, None, None, 0, False)

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
        path = local_path(filename, self._mapping())
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

    def _mapping(self) -> dict[str, str]:
        """Folders of the application's computer and where they are here; a session folder that was moved is found again."""
        mapping = dict(self.manifest.photos)
        if self.manifest.folder:
            mapping[self.manifest.folder] = str(self.path)
        return mapping

    # -- tables -------------------------------------------------------------------------------------------------------

    def _table(self, name: str, rows: Callable[[], Iterator[dict[str, Any]]]) -> pd.DataFrame:
        with self.log.guard:
            version = self.refresh()
            cached = self._cache.get(name)
            if cached is None or cached[0] != version:
                cached = self._cache[name] = (version, frame(name, rows()))
            return cached[1].copy(deep=False)  # copy-on-write: what the caller does to it stays with the caller

    @property
    def events(self) -> pd.DataFrame:
        """Every message heard, sent or noted, in order. Index event_no."""
        return self._table(
            "events",
            lambda: (
                event_row(number, entry, facts)
                for number, (entry, facts) in enumerate(zip(self.log.since(0), self._facts, strict=False))
            ),
        )

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
        return self._table("exposures", lambda: exposure_rows(self.account, self.state, self.label, self.simulated))

    @property
    def photos(self) -> pd.DataFrame:
        """One row per photo, also those of no shot. Index photo_key."""
        table = self._table(
            "photos", lambda: photo_rows(self.account, self.state, self.label, self.simulated, self.locate)
        )
        # A file that is not here yet may come without any message, over a slow share: look again next time.
        if not (table["path_state"].dropna() == "here").all():
            self._cache.pop("photos", None)
        return table

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
    manifest = read_manifest(folder)
    entries, unreadable = read_entries(folder)
    session = Session(folder, manifest, Log(None, entries), unreadable)
    session.closed = True
    session.refresh()
    return session


def read_entries(folder: Path) -> tuple[list[Entry], list[tuple[Path, int]]]:
    """Read a session's journal: its entries, and the lines that can't be read."""
    entries: list[Entry] = []
    unreadable: list[tuple[Path, int]] = []
    try:
        for file, line_no, entry in read_journal(folder):
            if entry is None:
                unreadable.append((file, line_no))
            else:
                entries.append(entry)
    except OSError as exc:
        raise SessionError(folder, f"its journal can't be read ({exc})") from exc
    return entries, unreadable
