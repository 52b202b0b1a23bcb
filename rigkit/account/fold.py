"""The account of every shot, as a pure fold.

``fold`` takes what was said (messages) and what rigkit noted; ``tick`` takes the time and says what to do about what has
*not* been said. A tick changes nothing: its instructions come back as notes, so a journal replayed gives the same account
without a clock.

How a photo finds its shot, best first: the tag echoed in PhotoOrigin (``origin``); the camera's batch number, known before
the shot (``batch``); the time alone (``window``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rigkit.account.shots import Decide, Download, Exposure, Instruction, Reconcile, ShotAccount, parse_tag
from rigkit.record.state import Parts, State, text_of, whole_of
from rigkit.wire import Message

__all__ = ["Account"]

#: First guess of how long a camera takes from the release to news of its photo, s; then learned, within these bounds.
FIRST_LATENCY_S = 5.0
LATENCY_BOUNDS_S = (0.5, 60.0)
#: How long past its learned latency a camera may stay silent before it is asked about, s.
PATIENCE_S = 1.0
#: After asking, how long a camera that is still Busy gets, s.
BUSY_PATIENCE_S = 10.0
#: How long a file may take from the news of its photo before it is asked for again, and after that before it is given up, s.
DOWNLOAD_S = 30.0
#: Arrivals remembered per camera.
_REMEMBERED = 32
#: Statuses in which a camera can't deliver.
GONE = frozenset({"Lost", "Absent", "Disconnected", "Error"})

_SECOND = 1_000_000_000


class Account:
    """All shots of one session.

    Parameters
    ----------
    session_id : str
        The session's id; only tags that carry it are ours.
    state : State
        The application's state; folded *before* the account takes the same message.

    Attributes
    ----------
    shots : dict of int to ShotAccount
        By shot id, in order.
    shot_of : dict of str to tuple of int and str
        Photo key -> shot id and pairing method.
    """

    def __init__(self, session_id: str, state: State) -> None:
        self.session_id = session_id
        self.shots: dict[int, ShotAccount] = {}
        self.shot_of: dict[str, tuple[int, str]] = {}
        self._state = state
        self._arrivals: dict[str, deque[float]] = {}
        self._echoes = False
        self._unpaired: set[str] = set()
        #: Every shot that still waits for something, and maybe some that no longer do: a session of a thousand shots is not
        #: gone through for each event of the last one.
        self._open: dict[int, ShotAccount] = {}

    # -- what was said ------------------------------------------------------------------------------------------------

    def fold(self, message: Message, cameras: Parts, photos: Parts) -> None:
        """Take one message in, and the parts of it that speak of cameras and of photos."""
        for key, info in photos:
            self._photo(key, info, message)
        for key, info in cameras:
            self._camera(key, info, message)

    def _photo(self, key: str, info: Mapping[str, Any], message: Message) -> None:
        paired = self.shot_of.get(key) or self._pair(key, message)
        if paired is None:
            self._unpaired.add(key)
            return
        shot = self.shots[paired[0]]
        photo = self._state.photos[key].info
        camera_key = text_of(photo.get("CameraKey")) or ""
        exposure = shot.exposures.get(camera_key)
        if exposure is None:  # a camera nobody expected fired with the others
            return
        batch = whole_of(photo.get("PhotoBatchNum"))
        if key not in exposure.photos:
            self._first_news(shot, exposure, batch, paired[1], message)
        was_on_disk = exposure.on_disk
        exposure.photos[key] = self._state.photos[key].disk_mono_ns is not None
        if exposure.on_disk and not was_on_disk:
            exposure.disk_ns = message.mono_ns
            exposure.cause = exposure.detail = None
        self._follow(shot)

    def _first_news(
        self, shot: ShotAccount, exposure: Exposure, batch: int | None, method: str, message: Message
    ) -> None:
        if exposure.photos and batch is not None and exposure.batch_num not in {None, batch}:
            exposure.duplicate = True
        if exposure.exposed:
            return
        exposure.late = exposure.status == "missing"
        exposure.status = "captured" if message.channel == "pub" else "recovered"
        exposure.cause = exposure.detail = None
        exposure.batch_num = batch
        exposure.heard_ns = message.mono_ns
        exposure.pairing_method = method
        if message.channel == "pub" and not exposure.late:
            seconds = (message.mono_ns - exposure.base_ns) / _SECOND - shot.allowance_s
            self._arrivals.setdefault(exposure.camera_key, deque(maxlen=_REMEMBERED)).append(max(0.0, seconds))

    def _pair(self, key: str, message: Message) -> tuple[int, str] | None:
        """Find the shot of a photo heard of for the first time."""
        photo = self._state.photos[key].info
        tag = parse_tag(photo.get("PhotoOrigin"))
        if tag is not None:
            if tag[0] != self.session_id or tag[1] not in self.shots:
                return None
            self._echoes = True
            self.shot_of[key] = (tag[1], "origin")
            return self.shot_of[key]
        if key in self._unpaired:
            return None
        camera_key = text_of(photo.get("CameraKey")) or ""
        batch = whole_of(photo.get("PhotoBatchNum"))
        for shot in reversed(self.shots.values()):
            exposure = shot.exposures.get(camera_key)
            if exposure is None or message.mono_ns < exposure.base_ns or not shot.may_expose:
                continue
            # Where tags do come back, a photo without one was not released by a Shoot of ours; triggers, latches and
            # buttons carry none.
            if self._echoes and shot.trigger == "shoot":
                continue
            method = _fits(exposure, batch)
            if method is not None:
                self.shot_of[key] = (shot.shot_id, method)
                return self.shot_of[key]
        return None

    def _camera(self, key: str, info: Mapping[str, Any], message: Message) -> None:
        """Notice what makes a photo unlikely: the camera is gone, or its counter of failures rose."""
        failed = whole_of(info.get("CameraNumPhotosFailed"))
        gone = info.get("CameraStatus") in GONE
        if failed is None and not gone:
            return
        for exposure in self._waiting(key):
            rose = failed is not None and exposure.failed_before is not None and failed > exposure.failed_before
            if exposure.suspect_ns is None and (gone or rose):
                exposure.suspect_ns = message.mono_ns

    def _waiting(self, key: str) -> Iterator[Exposure]:
        for shot in self.open_shots():
            exposure = shot.exposures.get(key)
            if exposure is not None and exposure.status == "waiting":
                yield exposure

    def open_shots(self) -> list[ShotAccount]:
        """Shots that still wait for something, exposures or files."""
        return [shot for shot in list(self._open.values()) if not shot.done(files=True)]

    def owing(self) -> set[str]:
        """Cameras that were asked to fire and have not been accounted for yet."""
        return {key for shot in self._open.values() for key, one in shot.exposures.items() if one.status == "waiting"}

    def _follow(self, shot: ShotAccount) -> None:
        """Keep ``_open`` right after something of a shot has changed: it may be done, or a late photo may open it again."""
        if shot.done(files=True):
            self._open.pop(shot.shot_id, None)
        else:
            self._open[shot.shot_id] = shot

    # -- what rigkit noted --------------------------------------------------------------------------------------------

    def note(self, kind: str, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Take one of rigkit's own notes in; a kind nobody knows is skipped, so that newer journals can be read."""
        handler = getattr(self, f"_note_{kind}", None)
        if handler is not None:
            handler(fields, mono_ns, wall_ns)

    def _note_shot(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Open a shot: freeze who is expected, and their counters as they stand."""
        shot = ShotAccount(
            shot_id=fields["shot_id"],
            labels=dict(fields.get("labels", {})),
            trigger=fields["trigger"],
            tag=fields["tag"],
            attempt=fields["attempt"],
            exposures={key: self._expect(key, fields["attempt"], mono_ns, wall_ns) for key in fields["expected"]},
            requested_ns=mono_ns,
            requested_wall_ns=wall_ns,
            allowance_s=float(fields.get("allowance_s", 0.0)),
        )
        self.shots[shot.shot_id] = shot
        self._settle(shot, fields.get("not_ready", {}))

    def _note_attempt(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Fire some cameras of a shot once more: what is expected of them starts anew."""
        shot = self.shots.get(fields["shot_id"])
        if shot is None:
            return
        shot.attempt, shot.outcome = fields["attempt"], None
        shot.allowance_s = float(fields.get("allowance_s", 0.0))
        for key in fields["expected"]:
            if key in shot.exposures:
                shot.exposures[key] = self._expect(key, shot.attempt, mono_ns, wall_ns)
        self._settle(shot, fields.get("not_ready", {}))

    def _expect(self, key: str, attempt: int, mono_ns: int, wall_ns: int) -> Exposure:
        """Freeze what is known of a camera that is about to fire."""
        exposure = Exposure(key, attempt=attempt, base_ns=mono_ns, requested_ns=mono_ns, requested_wall_ns=wall_ns)
        camera = self._state.cameras.get(key)
        if camera is not None:
            exposure.batch_expected = camera.count("PhotoBatchNum")
            exposure.taken_before = camera.count("CameraNumPhotosTaken")
            exposure.failed_before = camera.count("CameraNumPhotosFailed")
            exposure.downloads_failed_before = camera.count("CameraNumDownloadsFailed")
            # Only seen in a capture of v5.3; where it is not said, one photo is all there is to wait for.
            exposure.photos_expected = min(max(camera.count("CameraPhotosPerCapture") or 1, 1), 8)
        return exposure

    def _note_fired(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Take in what became of the release, and when it was sent."""
        shot = self.shots.get(fields["shot_id"])
        if shot is None:
            return
        shot.outcome = fields["outcome"]
        sent_ns, sent_wall_ns = fields["sent_mono_ns"], fields["sent_wall_ns"]
        if shot.attempt == 1:  # the times of a shot are those of its first release
            shot.requested_ns, shot.requested_wall_ns = sent_ns, sent_wall_ns
            shot.reply_ns = mono_ns if shot.outcome in {"accepted", "refused"} else None
        for exposure in shot.exposures.values():
            if exposure.attempt == shot.attempt:
                exposure.base_ns = exposure.requested_ns = sent_ns
                exposure.requested_wall_ns = sent_wall_ns
        nothing_fired = {"refused": "refused", "undelivered": "not_sent"}.get(shot.outcome)
        if nothing_fired is not None:
            waiting = [key for key, exposure in shot.exposures.items() if exposure.status == "waiting"]
            self._settle(shot, dict.fromkeys(waiting, (nothing_fired, "")))

    def _note_decided(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        if shot is not None:
            self._settle(shot, fields["causes"])

    def _note_reconciled(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        for key in fields["camera_keys"] if shot is not None else ():
            if shot is not None and key in shot.exposures:
                shot.exposures[key].asked_ns = mono_ns

    def _note_download(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        for key in fields["camera_keys"] if shot is not None else ():
            if shot is not None and key in shot.exposures:
                exposure = shot.exposures[key]
                exposure.download_asked_ns = mono_ns
                exposure.cause = exposure.detail = None
                self._follow(shot)

    def _note_verdict(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        if shot is not None:
            shot.accepted = fields["accepted"]

    def _note_resumed(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Count deadlines anew: the monotonic clock of the sitting before may be another boot's."""
        for shot in self.open_shots():
            for exposure in shot.exposures.values():
                exposure.base_ns = mono_ns
                exposure.asked_ns = exposure.download_asked_ns = None
                if exposure.heard_ns is not None and not exposure.on_disk:
                    exposure.download_asked_ns = mono_ns

    def _settle(self, shot: ShotAccount, causes: Mapping[str, Any]) -> None:
        for key, (cause, detail) in causes.items():
            exposure = shot.exposures.get(key)
            if exposure is None or (exposure.exposed and exposure.on_disk):
                continue
            exposure.cause, exposure.detail = cause, detail or None
            if not exposure.exposed:
                exposure.status = "missing"
        self._follow(shot)

    # -- what was not said --------------------------------------------------------------------------------------------

    def tick(self, now_ns: int, files: bool = False) -> list[Instruction]:
        """Say what to do about everything that has not been heard of in time.

        Parameters
        ----------
        now_ns : int
            Host monotonic clock.
        files : bool
            Somebody waits for files: photos left on the card are asked for, overdue ones asked for again.
        """
        instructions: list[Instruction] = []
        for shot in self.open_shots():
            unsettled = [one for one in shot.exposures.values() if not one.settled]
            overdue = [one for one in unsettled if one.status == "waiting" and self.deadline_ns(shot, one) <= now_ns]
            unasked = tuple(one.camera_key for one in overdue if one.asked_ns is None)
            if unasked:
                instructions.append(Reconcile(shot.shot_id, unasked))
            causes = {one.camera_key: self._cause(shot, one) for one in overdue if one.asked_ns is not None}
            if files:
                causes.update(self._file_causes(unsettled, now_ns))
            if causes:
                instructions.append(Decide(shot.shot_id, causes))
            if files:
                instructions.extend(self._downloads(shot, unsettled, now_ns))
        return instructions

    def deadline_ns(self, shot: ShotAccount, exposure: Exposure) -> int:
        """Host monotonic clock at which silence about a waiting camera calls for a question, or, once asked, for a decision.

        Parameters
        ----------
        shot : ShotAccount
            Its shot.
        exposure : Exposure
            A waiting one.
        """
        if exposure.asked_ns is not None:
            camera = self._state.cameras.get(exposure.camera_key)
            busy = camera is not None and camera.status == "Busy"
            return exposure.asked_ns + int(BUSY_PATIENCE_S * _SECOND) if busy else exposure.asked_ns
        patience = self.latency_s(exposure.camera_key) + shot.allowance_s + PATIENCE_S
        due = exposure.base_ns + int(patience * _SECOND)
        if exposure.suspect_ns is not None:
            due = min(due, exposure.suspect_ns + int(PATIENCE_S * _SECOND))
        return due

    def latency_s(self, camera_key: str) -> float:
        """Learned time from a release to the news of this camera's photo, s: half as much again as the slowest remembered."""
        arrivals = self._arrivals.get(camera_key)
        if not arrivals or len(arrivals) < 3:
            return FIRST_LATENCY_S
        low, high = LATENCY_BOUNDS_S
        return min(high, max(low, 1.5 * max(arrivals)))

    def _cause(self, shot: ShotAccount, exposure: Exposure) -> tuple[str, str]:
        """Why a camera that was asked about still has no photo."""
        camera = self._state.cameras.get(exposure.camera_key)
        status = camera.status if camera is not None else "Absent"
        failed = camera.count("CameraNumPhotosFailed") if camera is not None else None
        if failed is not None and exposure.failed_before is not None and failed > exposure.failed_before:
            return ("misfire", "CameraNumPhotosFailed rose")
        if status in GONE:
            return ("lost_during", status)
        if shot.outcome == "unknown":
            return ("unknown", "the release was not answered")
        return ("no_response", status)

    def _card_only(self, exposure: Exposure) -> bool:
        """Whether this camera's photos stay on the card until somebody asks for them."""
        camera = self._state.cameras.get(exposure.camera_key)
        own = camera.properties.get("Storage", {}).get("CameraPropertyValue") if camera is not None else None
        return (own or self._state.options.get("DefaultStorage")) == "Card"

    def _downloads(self, shot: ShotAccount, unsettled: Iterable[Exposure], now_ns: int) -> Iterator[Download]:
        wanted = [
            one
            for one in unsettled
            if one.exposed
            and one.download_asked_ns is None
            and one.heard_ns is not None
            and (
                self._card_only(one) or self._download_failed(one) or one.heard_ns + int(DOWNLOAD_S * _SECOND) <= now_ns
            )
        ]
        if wanted:
            keys = tuple(key for one in wanted for key, on_disk in one.photos.items() if not on_disk)
            yield Download(shot.shot_id, keys, tuple(one.camera_key for one in wanted))

    def _download_failed(self, exposure: Exposure) -> bool:
        camera = self._state.cameras.get(exposure.camera_key)
        failed = camera.count("CameraNumDownloadsFailed") if camera is not None else None
        return (
            failed is not None
            and exposure.downloads_failed_before is not None
            and failed > exposure.downloads_failed_before
        )

    def _file_causes(self, unsettled: Iterable[Exposure], now_ns: int) -> dict[str, tuple[str, str]]:
        """Files that were asked for once more and still did not come."""
        causes = {}
        for exposure in unsettled:
            asked = exposure.download_asked_ns
            if exposure.exposed and asked is not None and asked + int(DOWNLOAD_S * _SECOND) <= now_ns:
                failed = self._download_failed(exposure)
                causes[exposure.camera_key] = ("download_failed" if failed else "pending", "asked for twice")
        return causes


def _fits(exposure: Exposure, batch: int | None) -> str | None:
    """How an untagged photo fits a camera of a shot: ``batch``, ``window`` or not at all."""
    if exposure.batch_num is not None:
        return "batch" if batch == exposure.batch_num else None  # the JPEG beside the RAW
    if exposure.batch_expected is not None and batch is not None:
        return "batch" if batch == exposure.batch_expected else None
    return "window" if not exposure.photos else None
