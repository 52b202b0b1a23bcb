"""The record read once, entry by entry: the state, the account, and which rows of the tables that touched. Pure.

Whoever shows a table need not build it anew: the book says which photos and which shots something was heard of since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rigkit.account.fold import Account
from rigkit.errors import BadMessage
from rigkit.record.layout import Layout
from rigkit.record.lines import Entry
from rigkit.record.records import PhotoRecord
from rigkit.record.state import State, camera_parts, photo_parts, text_of
from rigkit.wire import V5, Message, decode_frame
from rigkit.wire.shapes import EventReader, Shape

__all__ = ["Book", "Touched"]

#: Nothing is missing before an entry, and it is a message.
_USUAL = (0, False)

#: What the events table says of one entry: msg_id, msg_seq_num, msg_result, CameraKey, PhotoKey, gap, bad.
Facts = tuple[str | None, int | None, bool | None, str | None, str | None, int, bool]


class Touched(NamedTuple):
    """Whose rows may have changed since the last time somebody asked.

    Attributes
    ----------
    photos : dict of str to PhotoRecord
        By photo key.
    shots : dict of int to None
        Shot ids, as a set in order.
    cameras : dict of str to None
        Camera keys, likewise.
    everything : bool
        It can't be told: whatever there is may have changed.
    """

    photos: dict[str, PhotoRecord]
    shots: dict[int, None]
    cameras: dict[str, None]
    everything: bool


class Book:
    """State and account of one session, kept up to date together.

    Parameters
    ----------
    session_id : str
        The session's id.
    subject : str
        Whose sitting it is; empty: nobody's.

    Attributes
    ----------
    state, account : State, Account
        The folds; always the same objects.
    hearing : bool
        Whether the publisher's connection stands, as far as was noted.
    folded : int
        How many entries have been taken in.
    beginning : int
        Goes up by one whenever everything was forgotten, to begin anew.
    """

    def __init__(self, session_id: str, subject: str = "") -> None:
        self.state = State()
        self.account = Account(session_id, self.state, subject)
        self.hearing = True
        self.folded = 0
        self.beginning = 0
        self._reader = EventReader()
        #: Entry number -> (gap, bad), where that is anything else than usual.
        self._odd: dict[int, tuple[int, bool]] = {}
        #: Every table that is kept, and what was touched since it was looked at.
        self._watched: dict[str, Touched] = {}
        #: What was touched since they were told.
        self._news = Touched({}, {}, {}, everything=False)

    def reset(self) -> None:
        """Forget everything, to take it in anew: an entry may have been taken in half."""
        self.state.reset()
        self.account.reset()
        self._odd.clear()
        self._watched.clear()
        self._news = Touched({}, {}, {}, everything=False)
        self.folded = 0
        self.beginning += 1

    # -- taking in ----------------------------------------------------------------------------------------------------

    def take(self, entries: list[Entry]) -> None:
        """Take the next entries in, in order."""
        for entry in entries:
            said = self._reader.read(entry.raw) if entry.channel == "pub" else None
            odd = self._take(entry) if said is None else self._hear(said, entry)
            if odd != _USUAL:
                self._odd[self.folded] = odd
            self.folded += 1
        self._spread()

    def _hear(self, said: Shape, entry: Entry) -> tuple[int, bool]:
        """Take in an event of a known shape."""
        gap = 0
        try:
            gap = self.state.loss.count(said.msg_seq_num, entry.wall_ns)
            if said.msg_id == "PhotoUpdated":
                photo = self.state.hear_photo(said, entry.mono_ns, entry.wall_ns)
                self._news.photos[photo.key] = photo
                paired = self.account.hear_photo(photo, entry.mono_ns)
                if paired is not None:
                    self._news.shots[paired.shot_id] = None
            else:
                self.state.hear_camera(said, entry.wall_ns)
                self._news.cameras[said.CameraKey] = None
                self.account.hear_camera(said.CameraKey, said, entry.mono_ns)
        except Exception:  # noqa: BLE001 - as for every message
            self.state.bad += 1
            return gap, True
        return (gap, False) if gap else _USUAL

    def _take(self, entry: Entry) -> tuple[int, bool]:
        """Take in anything."""
        try:
            body, dialect = decode_frame(entry.raw)
        except BadMessage:
            self.state.bad += 1
            if entry.channel == "rep":
                self.state.garbled(entry.mono_ns)
            return 0, True
        if entry.channel == "note":
            return 0, self._take_note(body, entry)
        if entry.channel == "pub" and dialect is V5:
            self._reader.learn(entry.raw, body)
        message = Message(body, entry.channel, entry.mono_ns, entry.wall_ns, dialect, self.folded)
        cameras, photos = camera_parts(message), photo_parts(message)
        bad, gap = not message.msg_id, 0
        try:
            gap = self.state.fold(message, cameras, photos)
            self.account.fold(message, cameras, photos)
        except Exception:  # noqa: BLE001 - whatever a server says, the rest of the record must stay readable
            bad = True
        self._news.cameras.update((key, None) for key, _ in cameras)
        for key, _ in photos:
            photo, paired = self.state.photos.get(key), self.account.shot_of.get(key)
            if photo is not None:
                self._news.photos[key] = photo
            if paired is not None:
                self._news.shots[paired.shot_id] = None
        self.state.bad += bad
        return gap, bad

    def _take_note(self, body: dict[str, Any], entry: Entry) -> bool:
        """Take in a note of ours; say whether it is a bad one."""
        kind = str(body.get("note", ""))
        try:
            if kind == "no_reply":
                self.state.no_reply(body["msg_seq_num"], body["delivery"])
            elif kind in {"reconciled", "synchronised"}:
                self.state.loss.recovered(body["by"])
            elif kind == "resumed" or (kind == "recording" and body["what"] == "begun"):
                self.state.new_publisher()
                self.hearing = True  # it shook hands, or there would be no such note
            elif kind == "publisher":
                self.hearing = body["what"] == "connected"
                if not self.hearing:
                    self.state.loss.broken()
            elif kind == "layout":
                self.state.layout = Layout.from_note(body["places"]) if body["places"] else None
                self._touch_everything()
            elif kind == "warning":
                self.state.warned.begin(body, entry.wall_ns)
            elif kind == "warning_over":
                self.state.warned.end(body, entry.wall_ns)
            elif kind in {"checksum", "exif"}:
                for said in body.get("files", [body]):
                    photo = self.state.take_file(said)
                    if photo is not None:
                        self._news.photos[photo.key] = photo
            elif kind == "reference":
                self.state.readings.take(body, entry.wall_ns)
            elif kind == "calibration":
                self.state.readings.take_lags(body)
            elif kind == "profile":
                self.state.take_profile(body["group"], body["values"])
            renumbered = self.account.renumbered
            self.account.note(kind, body, entry.mono_ns, entry.wall_ns)
            if renumbered != self.account.renumbered:
                self._touch_everything()
            if kind == "fired":
                self.state.fired(body["msg_seq_num"], body["shot_id"])
        except (KeyError, TypeError, AttributeError, ValueError):
            # A note of ours that was damaged on disk: kept, counted, and no reason not to read the rest.
            self.state.bad += 1
            self._touch_everything()
            return True
        shot_id = body.get("shot_id")
        if isinstance(shot_id, int):
            self._news.shots[shot_id] = None
        elif hasattr(self.account, f"_note_{kind}"):  # the others change nothing that a row shows
            self._touch_everything()
        return False

    # -- what was touched ---------------------------------------------------------------------------------------------

    def _spread(self) -> None:
        """Tell every table that is kept what was touched, once for many entries."""
        for touched in self._watched.values():
            touched.photos.update(self._news.photos)
            touched.shots.update(self._news.shots)
            touched.cameras.update(self._news.cameras)
        self._news = Touched({}, {}, {}, everything=False)

    def _touch_everything(self) -> None:
        for name in self._watched:
            self._watched[name] = Touched({}, {}, {}, everything=True)

    def touched(self, name: str) -> Touched:
        """Say what was touched since table ``name`` asked last; everything, if it never did."""
        before = self._watched.get(name, Touched({}, {}, {}, everything=True))
        self._watched[name] = Touched({}, {}, {}, everything=False)
        return before

    # -- the events table ---------------------------------------------------------------------------------------------

    def facts(self, first: int, entries: list[Entry]) -> Iterator[Facts]:
        """Say what the events table says of entries that were taken in.

        Parameters
        ----------
        first : int
            Number of the first one.
        entries : list of Entry
            They and no others.
        """
        reader = EventReader()
        for number, entry in enumerate(entries, first):
            gap, bad = self._odd.get(number, _USUAL)
            said = reader.read(entry.raw) if entry.channel == "pub" else None
            if said is not None:
                result = said.get("msg_result")
                result = result if isinstance(result, bool) else None
                keys = (text_of(said.get("CameraKey")), text_of(said.get("PhotoKey")))
                yield (said.msg_id, said.msg_seq_num, result, *keys, gap, bad)
                continue
            try:
                body, dialect = decode_frame(entry.raw)
            except BadMessage:
                yield (None, None, None, None, None, 0, True)
                continue
            if entry.channel == "note":
                kind = str(body.get("note", ""))
                yield ((kind or None) if bad else kind, None, None, None, None, 0, bad)
                continue
            if entry.channel == "pub" and dialect is V5:
                reader.learn(entry.raw, body)
            message = Message(body, entry.channel, dialect=dialect)
            keys = (text_of(body.get("CameraKey")), text_of(body.get("PhotoKey")))
            yield (message.msg_id or None, message.msg_seq_num, message.msg_result, *keys, gap, bad)
