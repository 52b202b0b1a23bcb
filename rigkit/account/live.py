"""The photos and the exposures table of a session that goes on: each time only what was touched since is made anew.

The rows themselves come from :mod:`rigkit.account.tables`, as they do for a table made from scratch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from rigkit.account.book import Book
from rigkit.account.shots import ShotAccount
from rigkit.account.tables import (
    exposure_rows,
    label_columns,
    photo_places,
    photo_positions,
    photo_table,
    shot_labels,
)
from rigkit.record.builder import TableBuilder
from rigkit.record.records import PhotoRecord, text_of, whole_of
from rigkit.record.tables import Labels
from rigkit.record.timed import TIMED_EXPOSURES
from rigkit.record.whereabouts import Whereabouts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LiveExposures", "LivePhotos"]


class _Positions:
    """Which position each camera had when its rows were made."""

    def __init__(self, label: Labels) -> None:
        self._label = label
        self._known: dict[str, str] = {}

    def of(self, camera_key: str) -> str:
        """Say and remember where a camera stands."""
        position = self._label(camera_key)
        self._known[camera_key] = position
        return position

    def changed(self, camera_keys: Iterable[str]) -> dict[str, str]:
        """Say which of these cameras are called otherwise since: camera key -> position now."""
        now = {key: self._label(key) for key in camera_keys if key in self._known}
        news = {key: position for key, position in now.items() if position != self._known[key]}
        self._known |= news
        return news


class LivePhotos:
    """The photos table of one session.

    Parameters
    ----------
    book : Book
        The record, read.
    label : callable
        Camera key to position.
    simulated : bool
        The far end is a simulator.
    files : Whereabouts
        Finds their files.
    may_come : callable
        From a path_state to whether the same file may be found in another state later, without any message.
    """

    def __init__(
        self, book: Book, label: Labels, simulated: bool, files: Whereabouts, may_come: Callable[[str | None], bool]
    ) -> None:
        self._book = book
        self._simulated = simulated
        self._files = files
        self._may_come = may_come
        self._positions = _Positions(label)
        self._whole = True
        self._begin()

    def _begin(self) -> None:
        self._book.touched("photos")
        self._builder = TableBuilder("photos")
        self._beginning = self._book.beginning
        self._photos = list(self._book.state.photos.values())
        self._labels: dict[int, dict[str, Any]] = {}
        #: Photos whose file is not here yet; it may come without any message, over a slow share.
        self._awaited: dict[str, PhotoRecord] = {}
        self._append(self._photos)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._builder.nbytes

    @property
    def version(self) -> int:
        """Another number whenever something in the table may have changed."""
        return self._builder.version

    def frame(self) -> pd.DataFrame:
        """Return the table as it is now. The book must have taken in what there is."""
        whole, self._whole = self._whole, False  # until all of this is done: an interrupt in between begins anew
        touched = self._book.touched("photos")
        if touched.everything or not whole or self._beginning != self._book.beginning:
            self._begin()
        else:
            news = self._positions.changed(touched.cameras)  # before new rows are made with the new names
            self._update(touched.photos)
            self._move(news)
            self._relabel(touched.shots)
        self._whole = True
        return self._builder.frame()

    def _update(self, touched: dict[str, PhotoRecord]) -> None:
        rows = len(self._builder)
        fresh = [photo for photo in touched.values() if photo.number >= rows]
        changed = [photo for photo in touched.values() if photo.number < rows]
        self._miss(self._files.gone())
        awaited = [photo for key, photo in self._awaited.items() if key not in touched]
        for photo in changed:
            self._awaited.pop(photo.key, None)
        if changed:
            changed.sort(key=_number)
            self._builder.change([photo.number for photo in changed], self._table(changed))
        if awaited:
            awaited.sort(key=_number)
            locations = [photo.location for photo in awaited]
            sizes = [whole_of(photo.get("PhotoFilesize")) for photo in awaited]
            places = photo_places(locations, [photo.filename for photo in awaited], sizes, self._files.locate_all)
            self._await(awaited, places["path_state"])
            self._builder.change([photo.number for photo in awaited], places)
        fresh.sort(key=_number)
        self._append(fresh)

    def _append(self, photos: list[PhotoRecord]) -> None:
        if photos:
            self._builder.append(self._table(photos), len(photos))

    def _table(self, photos: list[PhotoRecord]) -> dict[str, list[Any]]:
        columns = photo_table(photos, self._book.account, self._positions.of, self._simulated, self._files.locate_all)
        self._await(photos, columns["path_state"])
        for shot_id in set(columns["shot_id"]) - {None}:
            self._labels.setdefault(shot_id, shot_labels(self._book.account.shots[shot_id]))
        return columns

    def _await(self, photos: list[PhotoRecord], states: list[str | None]) -> None:
        waits = {state for state in set(states) - {None, "here"} if self._may_come(state)}
        for photo, state in zip(photos, states, strict=True) if waits or self._awaited else ():
            if state in waits:
                self._awaited[photo.key] = photo
            else:
                self._awaited.pop(photo.key, None)

    def _miss(self, gone: list[str]) -> None:
        """Look again for files that were here and are not any more: somebody removed or moved them, or a share went away."""
        names = set(gone)
        for photo in self._book.state.photos.values() if names else ():
            if photo.filename in names:
                self._awaited[photo.key] = photo

    def _move(self, news: dict[str, str]) -> None:
        """Write the new positions of cameras into their rows."""
        if news:
            moved = [photo for photo in self._book.state.photos.values() if text_of(photo.get("CameraKey")) in news]
            positions = photo_positions(moved, self._book.account, lambda key: news[key])
            self._builder.change([photo.number for photo in moved], {"position": positions})

    def _relabel(self, shots: Iterable[int]) -> None:
        """Write what shots are called now into rows that nothing was heard of."""
        account = self._book.account
        renamed = set()
        for shot_id in shots:
            before, shot = self._labels.get(shot_id), account.shots.get(shot_id)
            if before is not None and shot is not None and before != shot_labels(shot):
                self._labels[shot_id] = shot_labels(shot)
                renamed.add(shot_id)
        if renamed:
            theirs = [
                photo
                for photo in self._book.state.photos.values()
                if (paired := account.shot_of.get(photo.key)) is not None and paired.shot_id in renamed
            ]
            shot_ids = [account.shot_of[photo.key].shot_id for photo in theirs]
            self._builder.change([photo.number for photo in theirs], label_columns(shot_ids, account))


def _number(photo: PhotoRecord) -> int:
    return photo.number


class LiveExposures:
    """The exposures table of one session, as far as the account says; the columns about time are somebody else's.

    Parameters
    ----------
    book, label, simulated
        As for :class:`LivePhotos`.
    """

    def __init__(self, book: Book, label: Labels, simulated: bool) -> None:
        self._book = book
        self._simulated = simulated
        self._positions = _Positions(label)
        self._whole = True
        self._begin()

    def _begin(self) -> None:
        self._book.touched("exposures")
        self._builder = TableBuilder("exposures", TIMED_EXPOSURES)
        self._beginning = self._book.beginning
        self._fallback = self._fallback_now()
        #: Shot id -> its first row and its cameras.
        self._rows: dict[int, tuple[int, list[str]]] = {}
        self._append(self._book.account.shots.values())

    @property
    def version(self) -> int:
        """Another number whenever something in the table may have changed."""
        return self._builder.version

    def frame(self) -> pd.DataFrame:
        """Return the table as it is now. The book must have taken in what there is."""
        whole, self._whole = self._whole, False
        touched = self._book.touched("exposures")
        shots = self._book.account.shots
        there = [shots[shot_id] for shot_id in touched.shots if shot_id in shots]
        known = [shot for shot in there if shot.shot_id in self._rows]
        if (
            touched.everything
            or not whole
            or self._beginning != self._book.beginning
            or self._fallback != self._fallback_now()
            or any(list(shot.exposures) != self._rows[shot.shot_id][1] for shot in known)
            or self._positions.changed(touched.cameras)
        ):
            self._begin()
        else:
            for shot in known:
                begin, cameras = self._rows[shot.shot_id]
                self._builder.change(range(begin, begin + len(cameras)), self._table([shot]))
            new = [shot for shot in there if shot.shot_id not in self._rows]
            # Something may have been said of a shot before it began, in a journal with gaps: the account's order counts.
            self._append(new if len(new) < 2 else [shot for shot in shots.values() if shot in new])
        self._whole = True
        return self._builder.frame()

    def _append(self, shots: Iterable[ShotAccount]) -> None:
        new = list(shots)
        begin = len(self._builder)
        columns = self._table(new)
        for shot in new:
            self._rows[shot.shot_id] = (begin, list(shot.exposures))
            begin += len(shot.exposures)
        self._builder.append(columns, begin - len(self._builder))

    def _table(self, shots: list[ShotAccount]) -> dict[str, list[Any]]:
        rows = [
            row
            for shot in shots
            for row in exposure_rows(
                self._book.account, self._book.state, self._positions.of, self._simulated, shot.shot_id
            )
        ]
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}

    def _fallback_now(self) -> tuple[Any, Any]:
        """Return the two folders that decide which files count as fallen back."""
        options = self._book.state.options
        return options.get("FallbackPath"), options.get("DownloadPath")
