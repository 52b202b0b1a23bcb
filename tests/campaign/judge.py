"""What must hold after every session, whatever went wrong in it: the tables against the simulator's truth.

Each check yields what broke, in one line; none: the session is good.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rigkit.account.shots import Exposure, ShotAccount
from rigkit.record.causes import CAUSES
from rigkit.record.columns import TABLES
from rigkit.record.lines import read_line, write_line
from rigkit.record.log import Log
from rigkit.record.loss import _SMALL_JUMP
from rigkit.session import Session
from tests.campaign.application import TruePhoto
from tests.campaign.drive import Run, manifest

__all__ = ["Verdict", "judge", "table_names"]

#: Questions that one attempt of one shot may cost: three about exposures, and per file wait a few of 10 s each, twice (light, then
#: full); a camera that fires half a minute late or whose files take a minute is asked about again and again.
QUESTIONS_PER_ATTEMPT = 40
#: ... and waiting for Ready: one each second of the ten that it may take.
QUESTIONS_PER_CALL = 22


@dataclass
class Verdict:
    """How one session ended.

    Attributes
    ----------
    counts : Counter
        What is added up over a campaign.
    causes : Counter
        Of missing exposures.
    broken : list of str
        What must hold and did not.
    allowed : list of str
        What could not be known, and is counted.
    """

    seed: int
    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    causes: collections.Counter[str] = field(default_factory=collections.Counter)
    broken: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)


def table_names() -> list[str]:
    """Names of the tables that a session has."""
    return [name for name in TABLES if isinstance(getattr(Session, name, None), property)]


def judge(run: Run) -> Verdict:
    """Hold a session against the truth."""
    verdict = Verdict(run.plan.seed)
    case = _Case(run, verdict)
    for check in (
        case.everything_is_accounted_for,
        case.nothing_is_made_up,
        case.nothing_that_is_there_is_missing,
        case.nothing_fired_by_itself,
        case.loss_is_counted,
        case.questions_end,
        case.counts_agree,
        case.reopened_is_equal,
    ):
        verdict.broken += [f"{check.__name__}: {text}" for text in check()]
    case.count()
    return verdict


class _Case:
    """One session before the judge."""

    def __init__(self, run: Run, verdict: Verdict) -> None:
        self.run, self.verdict = run, verdict
        self.session = run.session
        self.account = self.session.account
        self.application = run.world.application
        self.photos: dict[str, TruePhoto] = self.application.photos()
        self.truth: dict[tuple[tuple[int, int] | None, str], list[TruePhoto]] = {}
        for photo in self.photos.values():
            self.truth.setdefault((photo.owner, photo.camera_key), []).append(photo)

    def _each(self) -> Iterator[tuple[ShotAccount, Exposure, str]]:
        for shot in self.account.shots.values():
            for exposure in shot.exposures.values():
                yield shot, exposure, f"shot {shot.shot_id} {self.session.label(exposure.camera_key)}"

    # 1
    def everything_is_accounted_for(self) -> Iterator[str]:
        """Every expected camera of every shot ends captured, recovered, or missing with a cause."""
        for shot, exposure, who in self._each():
            if exposure.status not in {"captured", "recovered", "missing"}:
                self.verdict.counts["unaccounted"] += 1
                yield f"{who} is {exposure.status}, outcome {shot.outcome}"
            elif exposure.status == "missing" and exposure.cause not in CAUSES:
                yield f"{who} is missing because of {exposure.cause!r}"
            elif exposure.exposed and not exposure.photos:
                yield f"{who} is {exposure.status} without a photo"

    # 2
    def nothing_is_made_up(self) -> Iterator[str]:
        """A claimed exposure happened, then and there, and a photo is given to no other shot or attempt."""
        for key, paired in self.account.shot_of.items():
            true = self.photos.get(key)
            if true is None:
                yield f"photo {key} does not exist"
            elif true.owner != (paired.shot_id, paired.attempt):
                text = f"photo of {true.owner} by {true.camera_key} batch {true.batch} is given to {paired}"
                if paired.method == "window":
                    self._allow("window wrong", text)
                elif paired.method == "batch" and self._was_out_of_date(paired.shot_id, true):
                    self._allow("batch wrong", text)
                else:
                    yield text
        for _shot, exposure, who in self._each():
            batches = [self.photos[key].batch for key in exposure.photos if key in self.photos]
            if exposure.exposed and batches and exposure.batch_num != batches[0]:
                yield f"{who} has batch {exposure.batch_num}, truly {batches}"

    def _was_out_of_date(self, shot_id: int, true: TruePhoto) -> bool:
        """Whether rigkit could not know the camera's counter when it fired, since what told of it was lost."""
        exposure = self.account.shots[shot_id].exposures[true.camera_key]
        mine = self.truth.get(((shot_id, exposure.attempt), true.camera_key), [])
        return all(photo.batch != exposure.batch_expected for photo in mine)

    # 3
    def nothing_that_is_there_is_missing(self) -> Iterator[str]:
        """What the application holds and could be asked about is not missing."""
        decided = self._decisions()
        for shot, exposure, who in self._each():
            if exposure.status != "missing":
                continue
            mine = [
                photo
                for attempt in range(1, shot.attempt + 1)
                for photo in self.truth.get(((shot.shot_id, attempt), exposure.camera_key), [])
            ]
            mine = [photo for photo in mine if photo.key in self.application.rig.photos]
            if not mine:
                continue
            known = [photo.key for photo in mine if photo.key in self.session.state.photos]
            decided_ns = decided.get((shot.shot_id, exposure.camera_key))
            born_ns = min(photo.born_ns for photo in mine)
            if known and self._tagged(known):
                yield f"{who} is missing ({exposure.cause}), and its photo is known: {known}"
            elif known:
                self._allow("untagged, not paired", f"{who} is missing ({exposure.cause}), and {mine} is known")
            elif decided_ns is not None and born_ns > decided_ns:
                self._allow("exposed after it was given up", f"{who}: {mine}")
            elif exposure.cause == "unknown":
                self._allow("nobody could be asked", f"{who}: {mine}")
            else:
                yield f"{who} is missing ({exposure.cause}, {exposure.detail}), and the application holds {mine}"

    def _allow(self, what: str, text: str) -> None:
        self.verdict.counts[what] += 1
        self.verdict.allowed.append(f"{what}: {text}")

    def _tagged(self, keys: list[str]) -> bool:
        return any(str(self.session.state.photos[key].get("PhotoOrigin")).startswith("rk:") for key in keys)

    def _decisions(self) -> dict[tuple[int, str], int]:
        """Virtual time at which each camera of each shot was last given up, ns."""
        found: dict[tuple[int, str], int] = {}
        for note, now_ns in self.run.world.noted:
            if note.get("note") == "decided":
                found |= {(note["shot_id"], key): now_ns for key in note["causes"]}
        return found

    # 4
    def nothing_fired_by_itself(self) -> Iterator[str]:
        """No release but the user's, none twice, and none that was reported as not sent or refused."""
        firing = collections.Counter(self.application.firing)
        yield from (
            f"{msg_id} of {owner} reached the application {n} times" for (msg_id, owner), n in firing.items() if n > 1
        )
        fired = {owner for owner in self.application.owner_of_release.values() if owner is not None}
        if None in self.application.owner_of_release.values():
            yield "a release that nobody asked for"
        if len(self.application.owner_of_release) > len(fired):
            yield f"{len(self.application.owner_of_release)} releases for {len(fired)} attempts"
        if len({shot_id for shot_id, _ in fired}) > self.run.calls:
            yield f"{len(fired)} shots fired in {self.run.calls} calls"
        exposed = {owner for owner, _ in self.application.exposures()}
        for shot in self.account.shots.values():
            if shot.outcome in {"refused", "undelivered"} and (shot.shot_id, shot.attempt) in exposed:
                yield f"shot {shot.shot_id} attempt {shot.attempt} is {shot.outcome}, and it fired"

    # 6
    def loss_is_counted(self) -> Iterator[str]:
        """Events between the first and the last that were heard, by whichever kernel, and were not, are the n of the loss table."""
        rows = self.session.loss
        heard = [[number for _, number in link.heard] for link in self.run.links]
        disordered = self.run.plan.path.reorder or self.run.plan.path.duplicate
        if disordered and any(highest - number >= _SMALL_JUMP for one in heard for highest, number in _behind(one)):
            return  # an event that comes this late is taken for a restart
        restarts = int((rows["where"] == "restart").sum())
        if restarts > self.application.lives - 1:
            yield f"{restarts} restarts in the loss table, truly {self.application.lives - 1}"
        if self.application.lives > 1:
            return  # numbers that were given twice can't be told apart
        missing = _not_heard([number for one in heard for number in one])
        counted = int(rows["n"].sum())
        if counted != missing:
            yield f"{counted} events are counted as lost, truly {missing}"

    # 7
    def questions_end(self) -> Iterator[str]:
        """Rigkit asks so often, and not for ever."""
        asked = collections.Counter(request.msg_id for request in self.session.state.requests)
        questions = asked["GetCamera"] + asked["Synchronise"] + asked["Download"]
        attempts = sum(shot.attempt for shot in self.account.shots.values())
        allowed = QUESTIONS_PER_ATTEMPT * attempts + QUESTIONS_PER_CALL * self.run.calls + 50 * len(self.run.links)
        if questions > allowed:
            yield f"{questions} questions, at most {allowed} expected: {dict(asked)}"

    # 8
    def counts_agree(self) -> Iterator[str]:
        """n_photos, n_files and duplicate agree with the photos table and with the truth."""
        exposures, photos = self.session.exposures, self.session.photos
        if exposures.index.has_duplicates or photos.index.has_duplicates:
            yield "a row is there twice"
        keys = ["shot_id", "camera_key", "attempt"]
        paired = [photos[name].tolist() for name in (*keys, "location")]
        n_photos = collections.Counter(
            (shot, camera, attempt) for shot, camera, attempt, _ in zip(*paired, strict=True)
        )
        n_files = collections.Counter((*at, where) for *at, where in zip(*paired, strict=True))
        on_disk = {photo.key for photo in self.application.rig.photos.values() if photo.location == "Local Disk"}
        for row in exposures.reset_index()[[*keys, "status", "n_photos", "n_files", "position"]].to_dict("records"):
            shot_id, camera_key, attempt = (row[name] for name in keys)
            who = f"shot {shot_id} {row['position']}"
            told, files = n_photos[shot_id, camera_key, attempt], n_files[shot_id, camera_key, attempt, "Local Disk"]
            if row["status"] != "missing" and (row["n_photos"], row["n_files"]) != (told, files):
                yield f"{who}: n_photos {row['n_photos']}, n_files {row['n_files']}, photos table {told}, {files}"
            exposure = self.account.shots[shot_id].exposures[camera_key]
            # Of a photo that a reshoot may have replaced the row says so.
            in_doubt = exposure.exposed and exposure.cause == "unknown"
            if not in_doubt and not {key for key, here in exposure.photos.items() if here} <= on_disk:
                yield f"{who}: a file is claimed that is not on disk"
            batches = {
                photo.batch
                for (owner, key), mine in self.truth.items()
                if owner is not None and owner[0] == shot_id and key == camera_key
                for photo in mine
            }
            # A photo of another shot that is here by mistake is told of above.
            batches |= {self.photos[key].batch for key in exposure.photos if key in self.photos}
            if exposure.duplicate and len(batches) < 2 and exposure.pairing_method != "window":
                yield f"{who} is a duplicate, truly batches {sorted(batches)}"
            seen = {self.photos[key].batch for key in exposure.photos if key in self.photos}
            if len(seen) > 1 and not exposure.duplicate:
                yield f"{who} has photos of batches {sorted(seen)} and is no duplicate"

    # 5
    def reopened_is_equal(self) -> Iterator[str]:
        """The same entries, read back from the journal's lines, give the same tables."""
        entries = [entry for entry in (read_line(write_line(entry)) for entry in self.run.entries) if entry is not None]
        again = Session(Path("virtual"), manifest(self.run.plan), Log(None, entries))
        # Building all tables twice is most of the work: those of one session in four, and always those of the account.
        names = table_names() if self.run.plan.seed % 4 == 0 else ["shots", "exposures", "photos", "loss"]
        for name in names:
            live, read = getattr(self.session, name), getattr(again, name)
            if live.equals(read) and live.dtypes.equals(read.dtypes) and live.attrs == read.attrs:
                continue  # a tenth of the time; what follows says where they differ
            try:
                pd.testing.assert_frame_equal(live, read)
            except AssertionError as exc:
                yield f"{name} differs when re-opened: {' '.join(str(exc).split())[:300]}"
        if self.session.state.bad or again.state.bad:
            yield f"{self.session.state.bad} entries could not be folded: {self._bad()}"

    def _bad(self) -> list[Any]:
        events = self.session.events
        return events[events["bad"]]["payload"].str.slice(0, 200).tolist()[:2]

    # -- sums ---------------------------------------------------------------------------------------------------------

    def count(self) -> None:
        counts, world = self.verdict.counts, self.run.world
        counts["sessions"] += 1
        counts["shots"] += len(self.account.shots)
        counts["events"] += self.application.published
        counts["not heard"] += world.lost
        counts["kernels"] += len(self.run.links)
        counts["restarts"] += self.application.lives - 1
        counts["virtual s"] += world.clock.now_ns // 1_000_000_000
        for _, exposure, _who in self._each():
            counts["exposures"] += 1
            counts[exposure.status] += 1
            if exposure.status == "missing":
                self.verdict.causes[str(exposure.cause)] += 1


def _behind(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Give each number with the highest before it."""
    return zip(itertools.accumulate(numbers, max), numbers, strict=True)


def _not_heard(numbers: list[int]) -> int:
    """Count the numbers between the first that was heard and the highest that were not."""
    if not numbers:
        return 0
    heard = {number for number in numbers if number >= numbers[0]}
    return max(heard) - numbers[0] + 1 - len(heard)
