"""Many sittings as one: ``rigkit.open("scans/*/P*")``, and one set of tables with the sitting as first index level.

Nothing is read that isn't asked for: a sitting that was closed keeps its tables beside its journal, and those are what is joined.
"""

from __future__ import annotations

import itertools
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from rigkit import display
from rigkit.errors import SessionError, UnknownName, listed
from rigkit.record.columns import SCHEMA_VERSION, TABLES, Column, array_of, empty
from rigkit.record.folder import RECORDER_LOCK, is_owned
from rigkit.session import Session, open_folder

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sessions", "open"]

AnyPath: TypeAlias = str | os.PathLike[str]

_MAGIC = re.compile(r"[*?\[]")
#: So many folders are looked into to say what there is where nothing matched; a share may hold thousands.
_LOOKED_AT = 200
_SESSION_ID = Column("session_id", "text", "the session's id, 8 hex digits")


class Sessions(Sequence[Session]):
    """Several sittings, with one set of tables.

    Get them from ``rigkit.open`` with a pattern or several folders, ordered by when they were begun. Read-only: each is shown as
    it was when it was opened. Indexed by place (``sessions[0]``, ``sessions[-3:]``), by session id, or by the name of the folder
    (``sessions["P017_ses-01"]``).

    Each table is that of the single sittings, one after the other, with their ``session_id`` as the first level of its index.
    It has the same columns and dtypes as that of one sitting, except that a column ``session_id`` is not there twice.

    Parameters
    ----------
    sessions : iterable of Session
        In the order wanted, no two with the same id.
    """

    def __init__(self, sessions: Iterable[Session]) -> None:
        self._sessions = tuple(sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions)

    @overload
    def __getitem__(self, which: int | str) -> Session: ...
    @overload
    def __getitem__(self, which: slice) -> Sessions: ...
    def __getitem__(self, which: int | str | slice) -> Session | Sessions:
        if isinstance(which, slice):
            return Sessions(self._sessions[which])
        if not isinstance(which, str):
            return self._sessions[which]
        found = [one for one in self if one.id == which] or [one for one in self if one.path.name == which]
        if not found:
            raise UnknownName("session", which, [f"{one.path.name} ({one.id})" for one in self])
        if len(found) > 1:
            where = listed(f"{one.path} ({one.id})" for one in found)
            raise SessionError(which, f"several sittings have a folder of that name: {where}. Give the id")
        return found[0]

    # -- tables -------------------------------------------------------------------------------------------------------

    @property
    def events(self) -> pd.DataFrame:
        """Every message heard, sent or noted; reads every journal. Index (session_id, event_no)."""
        return self._table("events")

    @property
    def requests(self) -> pd.DataFrame:
        """Every request and what became of it. Index (session_id, request_no)."""
        return self._table("requests")

    @property
    def cameras(self) -> pd.DataFrame:
        """Every camera of every sitting, as last heard there. Index (session_id, camera_key)."""
        return self._table("cameras")

    @property
    def settings(self) -> pd.DataFrame:
        """Every property of every camera, as last heard in each sitting. Index (session_id, camera_key, property)."""
        return self._table("settings")

    @property
    def shots(self) -> pd.DataFrame:
        """One row per shot. Index (session_id, shot_id)."""
        return self._table("shots")

    @property
    def exposures(self) -> pd.DataFrame:
        """One row per expected camera of every shot, also where no photo came. Index (session_id, shot_id, camera_key)."""
        return self._table("exposures")

    @property
    def photos(self) -> pd.DataFrame:
        """One row per photo, also those of no shot. Index (session_id, photo_key).

        The application tells each sitting of all photos it holds. One that was there before (``before``) is left out where another
        sitting has it.
        """
        photos = self._table("photos")
        keys = photos.index.get_level_values("photo_key")
        before = photos["before"].to_numpy(dtype=bool)
        return photos[~(before & (keys.isin(keys[~before]) | keys.duplicated()))]

    @property
    def loss(self) -> pd.DataFrame:
        """What was published and never heard. Index (session_id, loss_no)."""
        return self._table("loss")

    @property
    def warnings(self) -> pd.DataFrame:
        """What was wrong with the rig while somebody watched. Index (session_id, warning_no)."""
        return self._table("warnings")

    @property
    def clock(self) -> pd.DataFrame:
        """Offset and drift of each camera's clock in each sitting. Index (session_id, camera_key, epoch)."""
        return self._table("clock")

    @property
    def lags(self) -> pd.DataFrame:
        """Lag and jitter of each camera in each sitting, as far as they are known. Index (session_id, camera_key)."""
        return self._table("lags")

    @property
    def reference(self) -> pd.DataFrame:
        """Readings of a counter in view. Index (session_id, shot_id, camera_key)."""
        return self._table("reference")

    def _table(self, name: str) -> pd.DataFrame:
        return _joined(name, [(one.id, getattr(one, name)) for one in self])

    def methods(self) -> str:
        """Write the paragraphs for the Methods section of a paper over all sittings; see :meth:`Session.methods`.

        The journal of each is read.
        """
        return display.methods_text(one.recorded() for one in self)

    # -- what they look like ------------------------------------------------------------------------------------------

    def _facts(self) -> list[dict[str, Any]]:
        """Say of each sitting what its manifest and its lock say; no journal is read."""
        return [
            {
                "session_id": one.id,
                "name": one.path.name,
                "created": datetime.fromtimestamp(one.manifest.created_wall_ns / 1e9, UTC),
                "subject": one.manifest.subject,
                "simulated": one.simulated,
                "open": is_owned(one.path) or is_owned(one.path, RECORDER_LOCK),
            }
            for one in self
        ]

    def __repr__(self) -> str:
        return display.sessions_text(self._facts(), self.shots)

    def _repr_html_(self) -> str:
        return display.sessions_html(self._facts(), self.shots)


def _joined(name: str, tables: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Put one table of several sittings together.

    Parameters
    ----------
    name : str
        A key of ``TABLES``.
    tables : sequence of (str, pandas.DataFrame)
        Session id and its table, in the order wanted; none: an empty table.
    """
    import pandas as pd

    # Index levels go through columns: pandas 3 joins those without a change of dtype, and appending MultiIndexes takes longer.
    parts = [table.reset_index() for _, table in tables] or [empty(name).reset_index()]
    ids = [session_id for session_id, table in tables for _ in range(len(table))]
    whole = pd.concat(parts, ignore_index=True)
    levels = {"session_id": array_of(_SESSION_ID, ids)}
    levels |= {column.name: whole.pop(column.name).array for column in TABLES[name].keys}
    if "session_id" in whole:
        del whole["session_id"]
    whole.index = pd.MultiIndex.from_arrays(list(levels.values()), names=list(levels))
    whole.attrs["schema"] = f"rigkit.{name}/{SCHEMA_VERSION}"
    return whole


@overload
def open(path: os.PathLike[str]) -> Session | Any: ...
@overload
def open(path: str) -> Session | Sessions: ...  # type: ignore[overload-overlap]  # a text is never meant as its characters
@overload
def open(path: Iterable[AnyPath]) -> Sessions: ...
def open(path: AnyPath | Iterable[AnyPath]) -> Session | Sessions | Any:
    """Open a sitting, or many as one: the same tables as when they were live, with no server.

    Parameters
    ----------
    path : str, path-like, or iterable of these
        A session folder; a pattern, in which ``*``, ``?`` and ``[`` stand for parts of a name and ``**`` for folders at any depth
        (a folder that has such a name is that folder); or several of either.

    Returns
    -------
    Session or Sessions
        Of one folder: its Session. Of a pattern or several: Sessions, also if only one was found. Read-only. What matches a
        pattern and is no session is passed over; a session that can't be read, and a second one with the same id, is left out
        with a warning that names it.

    Raises
    ------
    SessionError
        Not a session folder, or no session among what was asked for; everything was left as it was.
    """
    if isinstance(path, str | os.PathLike):
        if not _is_pattern(Path(path)):
            return open_folder(path)
        path = [path]
    asked = [Path(one) for one in path]
    sessions, left_out = _open_all(asked)
    if not sessions:
        raise _none_of(asked, left_out)
    for trouble in left_out:
        warnings.warn(f"left out: {trouble}", RuntimeWarning, stacklevel=2)
    # By id where two were begun in the same nanosecond, so that the order is the same wherever the folders lie.
    return Sessions(sorted(sessions, key=lambda one: (one.manifest.created_wall_ns, one.id)))


def _none_of(asked: Sequence[Path], left_out: Sequence[SessionError]) -> SessionError:
    """Say why there is no session at all."""
    if len(left_out) == 1:
        return left_out[0]
    reasons = listed(left_out, most=5) if left_out else "Nothing was given"
    return SessionError(listed(asked, most=3), f"no session can be opened. {reasons}")


def _open_all(asked: Iterable[Path]) -> tuple[list[Session], list[SessionError]]:
    """Open what there is; what can't be opened, or is there twice, comes as the error that says so."""
    by_id: dict[str, Session] = {}
    seen: set[Path] = set()
    left_out: list[SessionError] = []
    for one in asked:
        try:
            folders = _matching(one) if _is_pattern(one) else [one]
        except SessionError as exc:
            left_out.append(exc)
            continue
        for folder in folders:
            if folder.resolve() in seen:  # asked for twice, by two patterns for example: no news
                continue
            seen.add(folder.resolve())
            try:
                session = open_folder(folder)
            except SessionError as exc:
                left_out.append(exc)
                continue
            except OSError as exc:
                left_out.append(SessionError(folder, f"can't be read ({exc.strerror or exc})"))
                continue
            first = by_id.setdefault(session.id, session)
            if first is not session:
                left_out.append(
                    SessionError(folder, f"has the same session id {session.id} as {first.path}, which is shown")
                )
    return list(by_id.values()), left_out


def _is_pattern(path: Path) -> bool:
    """Whether a path stands for several: it has such characters, and no folder has them in its name."""
    return _MAGIC.search(str(path)) is not None and not path.is_dir()


def _matching(pattern: Path) -> list[Path]:
    """Find the sessions that match, sorted by path.

    Raises
    ------
    SessionError
        There is none; it says what there is.
    """
    base, rest = _split(pattern)
    matches = sorted(base.glob("/".join(rest)))
    found = [folder for folder in matches if (folder / "session.json").exists()]
    if found:
        return found
    if matches:
        raise SessionError(
            pattern, f"none of what matches is a session (a folder with session.json): {listed(matches)}"
        )
    raise SessionError(pattern, f"nothing matches. {_what_is_there(base, rest)}")


def _split(pattern: Path) -> tuple[Path, tuple[str, ...]]:
    """Split into the folder that is meant literally and the parts from the first wildcard on."""
    base, rest = Path(pattern.anchor), pattern.parts[1:] if pattern.anchor else pattern.parts
    while rest and (not _MAGIC.search(rest[0]) or (base / rest[0]).is_dir()):
        base, rest = base / rest[0], rest[1:]
    return base, rest


def _what_is_there(base: Path, rest: Sequence[str]) -> str:
    """Say what lies where the last parts of a pattern were looked for in vain."""
    if not base.is_dir():
        return f"There is no folder {base}"
    for depth in range(len(rest) - 1, -1, -1):
        matches = base.glob("/".join(rest[:depth])) if depth else iter([base])
        folders = sorted(one for one in itertools.islice(matches, _LOOKED_AT) if one.is_dir())
        if folders:
            return f"In {listed(folders, most=3)} there is: {listed(_named_in(folders))}"
    return f"In {base} there is nothing"


def _named_in(folders: Iterable[Path]) -> list[str]:
    """Name what lies in some folders, hidden things apart; of folders and files the folders, as a sitting is one."""
    inside = [one for folder in folders for one in itertools.islice(folder.iterdir(), _LOOKED_AT) if one.name[0] != "."]
    return sorted({one.name for one in inside if one.is_dir()} or {one.name for one in inside})
