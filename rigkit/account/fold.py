"""The account of every shot, as a pure fold.

``fold`` takes what was said (messages) and what rigkit noted; ``tick`` takes the time and says what to do about what has
*not* been said. A tick changes nothing: its instructions come back as notes, so a journal replayed gives the same account
without a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from rigkit.account import external, remarks, silence
from rigkit.account.notes import AttemptNote, FiredNote, ShotNote, read_note
from rigkit.account.pairing import find_shot
from rigkit.account.shots import Exposure, Instruction, Paired, ShotAccount
from rigkit.account.silence import GONE, SECOND
from rigkit.record.labels import check_labels
from rigkit.record.state import Parts, PhotoRecord, State, text_of, whole_of
from rigkit.wire import Message
from rigkit.wire.shapes import Shape

__all__ = ["EARLY", "EARLY_FILE", "Account"]

#: The cause of an exposure that a session was closed over, and what is said of a photo whose file was still to come.
EARLY, EARLY_FILE = "closed_early", "the session was closed before its file came"

#: Arrivals remembered per camera.
_REMEMBERED = 32


class Account:
    """All shots of one session.

    Parameters
    ----------
    session_id : str
        The session's id; only tags that carry it are ours.
    state : State
        The application's state; folded *before* the account takes the same message.
    subject : str
        Whose sitting it is, so that releases that nobody announced are theirs too; empty: nobody's.

    Attributes
    ----------
    shots : dict of int to ShotAccount
        By shot id, in order.
    shot_of : dict of str to Paired
        Photo key -> its shot, how it was found, its attempt.
    """

    def __init__(self, session_id: str, state: State, subject: str = "") -> None:
        self.session_id = session_id
        self.subject = subject
        self.shots: dict[int, ShotAccount] = {}
        self.shot_of: dict[str, Paired] = {}
        self._state = state
        self.arrivals: dict[str, deque[float]] = {}
        #: How many unannounced releases got another number: whoever remembers shot ids must look again.
        self.renumbered = 0
        #: Some shot was fired with a layout: its cameras keep the positions they had then.
        self.seated = False
        #: The last release that nobody announced.
        self.unannounced: ShotAccount | None = None
        #: Tags were seen to come back.
        self.echoes = False
        #: Photos that are known to be of no shot.
        self.unpaired: set[str] = set()
        #: Every shot that still waits for something, and maybe some that no longer do: a session of a thousand shots is not
        #: gone through for each event of the last one.
        self._open: dict[int, ShotAccount] = {}
        #: Camera key -> the last shot in which its batch number slipped, and by how much it has been off since.
        self._offsets: dict[str, tuple[int, int]] = {}

    # -- what was said ------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget everything, to fold anew; the containers stay the same objects."""
        for container in (self.shots, self.shot_of, self.arrivals, self.unpaired, self._open, self._offsets):
            container.clear()
        self.echoes = self.seated = False
        self.unannounced = None

    def fold(self, message: Message, cameras: Parts, photos: Parts) -> None:
        """Take one message in, and the parts of it that speak of cameras and of photos."""
        by_event = message.channel == "pub" and message.msg_id == "PhotoUpdated"  # a 3.x state comes as an event, too
        for key, _ in photos:
            self.hear_photo(self._state.photos[key], message.mono_ns, None if by_event else message.msg_id)
        for key, info in cameras:
            self.hear_camera(key, info, message.mono_ns)

    def hear_photo(self, photo: PhotoRecord, mono_ns: int, found_by: str | None = None) -> Paired | None:
        """Take in news of one photo.

        Parameters
        ----------
        photo : PhotoRecord
            The photo as the state has it now.
        mono_ns : int
            When it was heard of, host monotonic clock.
        found_by : str or None
            Id of the message that told of it when asked; None: its own event told.

        Returns
        -------
        Paired or None
            Where it belongs; None: to no shot.
        """
        camera_key = text_of(photo.get("CameraKey")) or ""
        paired = self.shot_of.get(photo.key) or find_shot(self, photo, camera_key, mono_ns, asked=found_by is not None)
        if paired is None and found_by is None and photo.key not in self.unpaired:
            paired = external.claim(self, self._state, photo, camera_key, mono_ns)
            if paired is not None:
                self.shot_of[photo.key] = paired
        if paired is None:
            self.unpaired.add(photo.key)
            return None
        shot = self.shots[paired.shot_id]
        exposure = shot.exposures.get(camera_key)
        if exposure is None:  # a camera nobody expected fired with the others
            return paired
        if paired.attempt < exposure.attempt:
            self._older_news(shot, exposure, photo.key, paired)
        if paired.attempt == exposure.attempt:
            on_disk = photo.disk_mono_ns is not None
            if exposure.photos.get(photo.key) is on_disk and not shot.unjudged:
                return paired  # two of the four events of a photo tell nothing that counts here
            if photo.key not in exposure.photos:
                self._first_news(shot, exposure, photo, paired.method, mono_ns, found_by)
            was_on_disk = bool(exposure.photos) and exposure.on_disk
            exposure.photos[photo.key] = on_disk
            if shot.crowds:
                external.widen(self, shot)
            if on_disk and not was_on_disk and exposure.on_disk:
                exposure.disk_ns = mono_ns
                exposure.cause = None
                exposure.detail = exposure.detail if exposure.status == "recovered" else None
        self.follow(shot)
        return paired

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
        shot.reopen(exposure.camera_key)
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
        self,
        shot: ShotAccount,
        exposure: Exposure,
        photo: PhotoRecord,
        method: str,
        mono_ns: int,
        found_by: str | None,
    ) -> None:
        batch = whole_of(photo.get("PhotoBatchNum"))
        if exposure.status != "waiting":  # its file may not be here yet
            shot.reopen(exposure.camera_key)
        if exposure.photos and batch is not None and exposure.batch_num not in {None, batch}:
            exposure.duplicate = shot.unjudged = True
        if exposure.exposed:
            return
        shot.unjudged = True
        exposure.duplicate = exposure.duplicate or (
            exposure.older is not None and exposure.older[0] not in exposure.replaced
        )
        exposure.late = exposure.status == "missing"
        exposure.status = "captured" if found_by is None else "recovered"
        exposure.cause, exposure.detail = None, None if found_by is None else f"found by {found_by}"
        exposure.batch_num = batch
        exposure.heard_ns = mono_ns
        exposure.pairing_method = method
        for later in self._open.values():  # what somebody is still to release gets the number after this one
            expected = later.exposures.get(exposure.camera_key) if later.awaited and later is not shot else None
            if expected is not None and batch is not None and expected.batch_expected == batch:
                expected.batch_expected = batch + 1
        if shot.awaited:  # the release was a moment ago
            shot.awaited, shot.allowance_s = False, shot.lasts_s
            for other in shot.exposures.values():
                other.base_ns = mono_ns
                if other.status_before in GONE and other.suspect_ns is None:
                    other.suspect_ns = mono_ns
        if found_by is None and not exposure.late and shot.trigger != "external":
            arrivals = self.arrivals.get(exposure.camera_key)
            if arrivals is None:
                arrivals = self.arrivals[exposure.camera_key] = deque(maxlen=_REMEMBERED)
            arrivals.append(max(0.0, (mono_ns - exposure.base_ns) / SECOND - shot.allowance_s))

    def hear_camera(self, key: str, info: Mapping[str, Any] | Shape, mono_ns: int) -> None:
        """Notice what makes a photo unlikely: the camera is gone, or its counter of failures rose.

        Parameters
        ----------
        key : str
            The camera.
        info : Mapping or Shape
            What was said of it.
        mono_ns : int
            When, host monotonic clock.
        """
        failed = whole_of(info.get("CameraNumPhotosFailed"))
        gone = text_of(info.get("CameraStatus")) in GONE
        if failed is None and not gone:
            return
        for exposure in self._waiting(key):
            rose = failed is not None and exposure.failed_before is not None and failed > exposure.failed_before
            if exposure.suspect_ns is None and (gone or rose):
                exposure.suspect_ns = mono_ns
            if gone and exposure.went is None:
                exposure.went = text_of(info.get("CameraStatus"))

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
        ours = [shot for shot in list(self._open.values()) if shot.trigger != "external"]
        return {key for shot in ours for key, one in shot.exposures.items() if one.status == "waiting"}

    def move_offsets(self, shot_id: int, to: int) -> None:
        """Take in that a shot has another number, also where counters slipped in it."""
        moved = {key: (to, offset) for key, (number, offset) in self._offsets.items() if number == shot_id}
        self._offsets.update(moved)

    def forget_open(self, shot_id: int) -> None:
        """Take in that a shot has this number no longer."""
        self._open.pop(shot_id, None)

    def follow(self, shot: ShotAccount) -> None:
        """Keep ``_open`` right after something of a shot has changed: it may be done, or a late photo may open it again."""
        if not shot.done(files=False):
            self._open[shot.shot_id] = shot
            return
        if shot.unjudged:
            remarks.judge(shot, self._state, self._offsets)
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
        said = read_note(fields, ShotNote)
        shot = ShotAccount(
            shot_id=said.shot_id,
            labels=msgspec.structs.asdict(said.labels),
            trigger=said.trigger,
            tag=said.tag,
            attempt=said.attempt,
            exposures={key: self.expect(key, said.attempt, mono_ns, wall_ns) for key in said.expected},
            requested_ns=mono_ns,
            requested_wall_ns=wall_ns,
            allowance_s=said.allowance_s,
            excluded=said.excluded,
            awaited=said.awaited,
            lasts_s=said.lasts_s,
        )
        for exposure in shot.exposures.values():
            exposure.tagged = said.tagged
        if external.give_way(self, shot.shot_id):
            self.renumbered += 1
        self.shots[shot.shot_id] = shot
        for later in [number for number in self.shots if number > shot.shot_id]:  # whatever gave way: in order
            self.shots[later] = self.shots.pop(later)
        self._settle(shot, said.not_ready)

    def _note_attempt(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Fire some cameras of a shot once more: what is expected of them starts anew."""
        said = read_note(fields, AttemptNote)
        shot = self.shots.get(said.shot_id)
        if shot is None:
            return
        shot.fired_before = shot.fired_before or shot.may_expose
        shot.attempt, shot.outcome, shot.unjudged = said.attempt, None, True
        shot.allowance_s, shot.awaited = said.allowance_s, False  # whoever was to release it before: this is our own
        for key in said.expected:
            if key in shot.exposures:
                shot.exposures[key] = self._expect_again(shot.exposures[key], said, mono_ns, wall_ns)
                shot.reopen(key)
        self._settle(shot, said.not_ready)

    def _expect_again(self, before: Exposure, said: AttemptNote, mono_ns: int, wall_ns: int) -> Exposure:
        exposure = self.expect(before.camera_key, said.attempt, mono_ns, wall_ns)
        exposure.cause_before, exposure.detail_before = before.cause, before.detail
        exposure.tagged = said.tagged
        exposure.replaced = frozenset(before.photos) | before.replaced
        for photo_key in before.photos:  # should this attempt bring nothing, that photo is still there
            exposure.older = (photo_key, self.shot_of[photo_key])
        return exposure

    def expect(self, key: str, attempt: int, mono_ns: int, wall_ns: int) -> Exposure:
        """Freeze what is known of a camera that is about to fire."""
        exposure = Exposure(key, attempt=attempt, base_ns=mono_ns, requested_ns=mono_ns, requested_wall_ns=wall_ns)
        place = self._state.place_of(key)
        camera = self._state.cameras.get(key)
        if place is not None:
            self.seated = True
            exposure.position, exposure.serial = place.position, place.serial or None
        if camera is not None:
            exposure.serial = text_of(camera.get("CameraSerialNumber")) or exposure.serial
            exposure.status_before = camera.status
            exposure.batch_expected = camera.count("PhotoBatchNum")
            exposure.taken_before = camera.count("CameraNumPhotosTaken")
            exposure.failed_before = camera.count("CameraNumPhotosFailed")
            exposure.downloads_failed_before = camera.count("CameraNumDownloadsFailed")
            # Only seen in a capture of v5.3; where it is not said, one photo is all there is to wait for.
            exposure.photos_expected = min(max(camera.count("CameraPhotosPerCapture") or 1, 1), 8)
        return exposure

    def _note_fired(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Take in what became of the release, and when it was sent."""
        said = read_note(fields, FiredNote)
        shot = self.shots.get(said.shot_id)
        if shot is None:
            return
        shot.outcome, sent_ns, sent_wall_ns = said.outcome, said.sent_mono_ns, said.sent_wall_ns
        shot.released[shot.attempt] = (sent_ns, sent_wall_ns)
        if shot.attempt == 1:  # the times of a shot are those of its first release
            shot.first_outcome = shot.outcome
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
            causes: dict[str, tuple[str, str]] = {}
            for one in mine:
                causes[one.camera_key] = (nothing_fired, "")
                if one.cause_before == "unknown":
                    causes[one.camera_key] = doubt
                elif one.cause_before is not None:  # why it is missing is still what it was
                    again = f"attempt {shot.attempt} was {'refused' if shot.outcome == 'refused' else 'not sent'}"
                    causes[one.camera_key] = (one.cause_before, "; ".join(filter(None, (one.detail_before, again))))
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
                    shot.reopen(key)
                self.follow(shot)

    def _note_verdict(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        if shot is None:
            return
        accepted, reason, by = fields["accepted"], fields.get("reason"), fields.get("superseded_by", shot.superseded_by)
        if not (isinstance(accepted, bool | None) and isinstance(reason, str | None) and isinstance(by, int | None)):
            raise TypeError("a verdict is true, false or null, with words and a number")
        shot.accepted, shot.reason, shot.superseded_by = accepted, reason, by

    def _note_labels(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        shot = self.shots.get(fields["shot_id"])
        if shot is not None:
            shot.labels.update(check_labels(fields["labels"]))

    def _note_resumed(self, fields: Mapping[str, Any], mono_ns: int, wall_ns: int) -> None:
        """Count deadlines anew: the monotonic clock of the sitting before may be another boot's."""
        for shot in self.shots.values():
            self._revive(shot)
        for shot in self.open_shots():
            for exposure in shot.exposures.values():
                exposure.base_ns = mono_ns
                exposure.asked_ns = exposure.download_asked_ns = exposure.files_asked_ns = None
                exposure.asked_full = False
                if exposure.heard_ns is not None and not exposure.on_disk:
                    exposure.download_asked_ns = mono_ns

    def _revive(self, shot: ShotAccount) -> None:
        """Wait again for what the session was closed over."""
        early = [one for one in shot.exposures.values() if one.cause == EARLY or one.detail == EARLY_FILE]
        for exposure in early:
            exposure.status = "waiting" if exposure.cause == EARLY else exposure.status
            exposure.cause = exposure.detail = None
            shot.reopen(exposure.camera_key)
        if early:
            shot.unjudged = True
            self.follow(shot)

    def _settle(self, shot: ShotAccount, causes: Mapping[str, Any]) -> None:
        for key, (cause, detail) in causes.items():
            exposure = shot.exposures.get(key)
            if exposure is None or (exposure.exposed and exposure.on_disk):
                continue
            exposure.cause, exposure.detail = cause, detail or None
            if cause is None:  # in no note of ours; a journal may be damaged
                shot.reopen(key)
            if not exposure.exposed:
                exposure.status = "missing"
                shot.unjudged = True
                if exposure.older is not None:
                    replaced = exposure.older[0] in exposure.replaced
                    self._fall_back(exposure, *exposure.older)
                    if replaced and cause == "unknown":  # Reshoot gives the new photo the old one's file name
                        exposure.cause = cause
                        exposure.detail = "fired again: a photo nobody heard of may have taken its file's place"
        self.follow(shot)

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
