"""The account of every shot, as a pure fold.

``fold`` takes what was said (messages) and what rigkit noted; ``tick`` takes the time and says what to do about what has
*not* been said. A tick changes nothing: its instructions come back as notes, so a journal replayed gives the same account
without a clock.

How a photo finds its shot, best first: the tag echoed in PhotoOrigin (``origin``); the camera's batch number, known before
the shot (``batch``); the time alone (``window``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from rigkit.account import remarks, silence
from rigkit.account.shots import Exposure, Instruction, Paired, ShotAccount, parse_tag
from rigkit.account.silence import GONE, SECOND
from rigkit.record.state import Parts, State, text_of, whole_of
from rigkit.wire import Message

__all__ = ["Account"]

#: Arrivals remembered per camera.
_REMEMBERED = 32
#: How long after its release a photo without a tag may still be taken for a shot's, s, on top of the shutter time.
WINDOW_S = 60.0
#: A camera that ended like this exposed nothing, so an untagged photo of it is somebody else's.
_NOTHING_TO_COME = frozenset({"misfire", "not_ready", "refused", "not_sent"})


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
    shot_of : dict of str to Paired
        Photo key -> its shot, how it was found, its attempt.
    """

    def __init__(self, session_id: str, state: State) -> None:
        self.session_id = session_id
        self.shots: dict[int, ShotAccount] = {}
        self.shot_of: dict[str, Paired] = {}
        self._state = state
        self.arrivals: dict[str, deque[float]] = {}
        self._echoes = False
        self._unpaired: set[str] = set()
        #: Every shot that still waits for something, and maybe some that no longer do: a session of a thousand shots is not
        #: gone through for each event of the last one.
        self._open: dict[int, ShotAccount] = {}
        #: Camera key -> the last shot in which its batch number slipped, and by how much it has been off since.
        self._offsets: dict[str, tuple[int, int]] = {}

    # -- what was said ------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget everything, to fold anew; the containers stay the same objects."""
        for container in (self.shots, self.shot_of, self.arrivals, self._unpaired, self._open, self._offsets):
            container.clear()
        self._echoes = False

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
        shot = self.shots[paired.shot_id]
        photo = self._state.photos[key]
        camera_key = text_of(photo.get("CameraKey")) or ""
        exposure = shot.exposures.get(camera_key)
        if exposure is None:  # a camera nobody expected fired with the others
            return
        before = None if shot.unjudged else (exposure.status, exposure.settled)
        if paired.attempt < exposure.attempt:
            self._older_news(shot, exposure, key, paired)
        if paired.attempt == exposure.attempt:
            batch = whole_of(photo.get("PhotoBatchNum"))
            if key not in exposure.photos:
                self._first_news(shot, exposure, batch, paired.method, message)
            was_on_disk = exposure.on_disk
            exposure.photos[key] = self._state.photos[key].disk_mono_ns is not None
            if exposure.on_disk and not was_on_disk:
                exposure.disk_ns = message.mono_ns
                exposure.cause = None
                exposure.detail = exposure.detail if exposure.status == "recovered" else None
        if shot.unjudged or before != (exposure.status, exposure.settled):
            self._follow(shot)

    def _older_news(self, shot: ShotAccount, exposure: Exposure, key: str, paired: Paired) -> None:
        """Take in a photo of an attempt before: it shows another instant, so it doesn't count for the one waited for now."""
        if exposure.status == "missing":
            self._fall_back(exposure, key, paired)
        elif key in exposure.replaced:
            return
        elif exposure.exposed:
            exposure.duplicate = shot.unjudged = True
        else:
            exposure.older = (key, paired)

    def _fall_back(self, exposure: Exposure, key: str, paired: Paired) -> None:
        """Account for a camera by the late photo of an attempt before, where the attempts after it brought nothing."""
        photo = self._state.photos[key]
        shot = self.shots[paired.shot_id]
        shot.unjudged = True
        exposure.attempt, exposure.late, exposure.older = paired.attempt, True, None
        exposure.status, exposure.cause, exposure.detail = "captured", None, None
        exposure.pairing_method = paired.method
        exposure.batch_num = whole_of(photo.get("PhotoBatchNum"))
        records = [
            self._state.photos[one]
            for one, other in self.shot_of.items()
            if (other.shot_id, other.attempt) == (paired.shot_id, paired.attempt)
        ]
        mine = [one for one in records if one.get("CameraKey") == exposure.camera_key]  # two of RAW+JPEG
        exposure.photos = {one.key: one.disk_mono_ns is not None for one in mine}
        exposure.heard_ns = min(one.first_mono_ns for one in mine)
        exposure.disk_ns = max(one.disk_mono_ns or 0 for one in mine) if exposure.on_disk else None
        if paired.attempt in shot.released:
            exposure.requested_ns, exposure.requested_wall_ns = shot.released[paired.attempt]

    def _first_news(
        self, shot: ShotAccount, exposure: Exposure, batch: int | None, method: str, message: Message
    ) -> None:
        if exposure.photos and batch is not None and exposure.batch_num not in {None, batch}:
            exposure.duplicate = shot.unjudged = True
        if exposure.exposed:
            return
        shot.unjudged = True
        exposure.duplicate = exposure.duplicate or (
            exposure.older is not None and exposure.older[0] not in exposure.replaced
        )
        exposure.late = exposure.status == "missing"
        by_event = message.channel == "pub" and message.msg_id == "PhotoUpdated"  # a 3.x state comes as an event, too
        exposure.status = "captured" if by_event else "recovered"
        exposure.cause, exposure.detail = None, None if by_event else f"found by {message.msg_id}"
        exposure.batch_num = batch
        exposure.heard_ns = message.mono_ns
        exposure.pairing_method = method
        if by_event and not exposure.late:
            seconds = (message.mono_ns - exposure.base_ns) / SECOND - shot.allowance_s
            self.arrivals.setdefault(exposure.camera_key, deque(maxlen=_REMEMBERED)).append(max(0.0, seconds))

    def _pair(self, key: str, message: Message) -> Paired | None:
        """Find the shot of a photo heard of for the first time."""
        photo = self._state.photos[key]
        tag = parse_tag(photo.get("PhotoOrigin"))
        if tag is not None:
            session_id, shot_id, attempt = tag
            if session_id != self.session_id or shot_id not in self.shots:
                return None
            self._echoes = True
            # A photo taken again by Reshoot may bring the tag of the one it replaces; its batch number says which it is.
            exposure = self.shots[shot_id].exposures.get(text_of(photo.get("CameraKey")) or "")
            if exposure is not None and not exposure.tagged and not exposure.photos:
                batch = whole_of(photo.get("PhotoBatchNum"))
                if batch is not None and batch == exposure.batch_expected:
                    attempt = exposure.attempt
            self.shot_of[key] = Paired(shot_id, "origin", attempt)
            return self.shot_of[key]
        if key in self._unpaired:
            return None
        camera_key = text_of(photo.get("CameraKey")) or ""
        batch = whole_of(photo.get("PhotoBatchNum"))
        found: list[tuple[ShotAccount, Exposure, str]] = []
        for shot in reversed(self.shots.values()):
            exposure = shot.exposures.get(camera_key)
            method = None if exposure is None else self._fits(shot, exposure, batch, message.mono_ns)
            if exposure is not None and method is not None:
                found.append((shot, exposure, method))
            # The camera counts upwards: no shot before one with a lower number has this photo.
            lower = exposure is not None and batch is not None and (exposure.batch_num or batch) < batch
            if method == "window" or lower:
                break
        if not found:
            return None
        # Where two shots wait for the same number, a counter was out of date when the second was fired. The first is the likelier,
        # and it is no more than that.
        shot, exposure, method = found[-1]
        self.shot_of[key] = Paired(shot.shot_id, method if len(found) == 1 else "window", exposure.attempt)
        return self.shot_of[key]

    def _fits(self, shot: ShotAccount, exposure: Exposure, batch: int | None, now_ns: int) -> str | None:
        """Say how an untagged photo fits a camera of a shot: ``batch``, ``window`` or not at all."""
        if not shot.may_expose or exposure.cause in _NOTHING_TO_COME:
            return None
        # Where tags do come back, a photo without one was not released by a Shoot of ours; triggers, latches and buttons
        # carry none.
        if self._echoes and exposure.tagged and shot.trigger == "shoot":
            return None
        in_time = 0 <= (now_ns - exposure.base_ns) / SECOND <= WINDOW_S + shot.allowance_s
        number = exposure.batch_expected if exposure.batch_num is None else exposure.batch_num
        if number is not None and (batch is not None or exposure.batch_num is not None):
            # However late it is heard of, be it after another boot: what is still waited for (also the JPEG beside the RAW), or
            # what nobody could be asked about, is told by its number.
            open_end = exposure.cause == "unknown" or (
                exposure.exposed and len(exposure.photos) < exposure.photos_expected
            )
            expected = in_time or open_end or exposure.status == "waiting"
            return "batch" if batch == number and expected else None
        return "window" if in_time and not exposure.photos else None

    def _camera(self, key: str, info: Mapping[str, Any], message: Message) -> None:
        """Notice what makes a photo unlikely: the camera is gone, or its counter of failures rose."""
        failed = whole_of(info.get("CameraNumPhotosFailed"))
        gone = text_of(info.get("CameraStatus")) in GONE
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
        if not shot.done(files=False):
            self._open[shot.shot_id] = shot
            return
        if shot.unjudged:
            remarks.judge(shot, self._state.cameras, self._offsets)
            shot.unjudged = False
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
        shot.attempt, shot.outcome, shot.unjudged = fields["attempt"], None, True
        shot.allowance_s = float(fields.get("allowance_s", 0.0))
        for key in fields["expected"]:
            if key in shot.exposures:
                before = shot.exposures[key]
                shot.exposures[key] = self._expect_again(before, fields, mono_ns, wall_ns)
        self._settle(shot, fields.get("not_ready", {}))

    def _expect_again(self, before: Exposure, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> Exposure:
        exposure = self._expect(before.camera_key, fields["attempt"], mono_ns, wall_ns)
        exposure.cause_before = before.cause
        exposure.tagged = bool(fields.get("tagged", True))
        exposure.replaced = frozenset(before.photos) | before.replaced
        for photo_key in before.photos:  # should this attempt bring nothing, that photo is still there
            exposure.older = (photo_key, self.shot_of[photo_key])
        return exposure

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
        shot.released[shot.attempt] = (sent_ns, sent_wall_ns)
        if shot.attempt == 1:  # the times of a shot are those of its first release
            shot.requested_ns, shot.requested_wall_ns = sent_ns, sent_wall_ns
            shot.reply_ns = mono_ns if shot.outcome in {"accepted", "refused"} else None
        for exposure in shot.exposures.values():
            if exposure.attempt == shot.attempt:
                exposure.base_ns = exposure.requested_ns = sent_ns
                exposure.requested_wall_ns = sent_wall_ns
        nothing_fired = {"refused": "refused", "undelivered": "not_sent"}.get(shot.outcome)
        if nothing_fired is not None:
            mine = [one for one in shot.exposures.values() if one.status == "waiting" and one.attempt == shot.attempt]
            # An attempt that fired nothing leaves open whether the one before did.
            doubt = ("unknown", f"whether the attempt before fired; this one was {shot.outcome}")
            causes = {one.camera_key: doubt if one.cause_before == "unknown" else (nothing_fired, "") for one in mine}
            self._settle(shot, causes)

    def _note_decided(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        if shot is not None:
            self._settle(shot, fields["causes"])

    def _note_reconciled(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        for key in fields["camera_keys"] if shot is not None else ():
            if shot is not None and key in shot.exposures:
                exposure = shot.exposures[key]
                exposure.asked_ns = exposure.files_asked_ns = mono_ns
                exposure.answered = fields.get("answered", True)
                exposure.asked_full = exposure.asked_full or fields.get("full", False)

    def _note_download(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        for key in fields["camera_keys"] if shot is not None else ():
            if shot is not None and key in shot.exposures:
                exposure = shot.exposures[key]
                exposure.download_asked_ns = mono_ns
                if exposure.cause is not None:
                    exposure.cause = exposure.detail = None
                self._follow(shot)

    def _note_resumed(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Count deadlines anew: the monotonic clock of the sitting before may be another boot's."""
        for shot in self.open_shots():
            for exposure in shot.exposures.values():
                exposure.base_ns = mono_ns
                exposure.asked_ns = exposure.download_asked_ns = exposure.files_asked_ns = None
                exposure.asked_full = False
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
                shot.unjudged = True
                if exposure.older is not None:
                    replaced = exposure.older[0] in exposure.replaced
                    self._fall_back(exposure, *exposure.older)
                    if replaced and cause == "unknown":  # Reshoot gives the new photo the old one's file name
                        exposure.cause = cause
                        exposure.detail = "fired again: a photo nobody heard of may have taken its file's place"
        self._follow(shot)

    # -- what was not said --------------------------------------------------------------------------------------------

    def tick(self, now_ns: int, files: bool = False) -> list[Instruction]:
        """Say what to do about everything that has not been heard of in time; see :mod:`rigkit.account.silence`.

        Parameters
        ----------
        now_ns : int
            Host monotonic clock.
        files : bool
            Somebody waits for files.
        """
        return silence.tick(self, self._state, now_ns, files)
