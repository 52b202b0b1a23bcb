"""What has not been said: when to ask about it, when to give up on it, and what then was the cause. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rigkit.account.shots import Decide, Download, Exposure, Instruction, Reconcile, ShotAccount
from rigkit.record.state import State, text_of

if TYPE_CHECKING:
    from rigkit.account.fold import Account

__all__ = ["AWAY", "GONE", "card_only", "storage_of", "tick", "took_one"]

#: First guess of how long a camera takes from the release to news of its photo, s; then learned, within these bounds.
FIRST_LATENCY_S = 5.0
LATENCY_BOUNDS_S = (0.5, 60.0)
#: How long past its learned latency a camera may stay silent before it is asked about, s.
PATIENCE_S = 1.0
#: After asking, how long a camera that is still Busy gets before it is asked about once more, s.
BUSY_PATIENCE_S = 10.0
#: How long nothing may be heard of a file before the application is asked where it is, and asked again, s.
FILE_S = 10.0
#: ... before it is asked for again (Download), and after that before it is given up, s.
DOWNLOAD_S = 30.0
#: Statuses in which a camera can't deliver.
GONE = frozenset({"Lost", "Absent", "Disconnected", "Error"})
#: Of these, a camera that is not there at all.
AWAY = frozenset({"Lost", "Absent"})

SECOND = 1_000_000_000


def tick(account: Account, state: State, now_ns: int, files: bool) -> list[Instruction]:
    """Say what to do about everything that has not been heard of in time; changes nothing.

    Parameters
    ----------
    account, state : Account, State
        The folds.
    now_ns : int
        Host monotonic clock.
    files : bool
        Somebody waits for files: photos left on the card are asked for, overdue ones asked for again.
    """
    instructions: list[Instruction] = []
    for shot in account.open_shots():
        unsettled = [one for one in shot.exposures.values() if not one.settled]
        overdue = [
            one for one in unsettled if one.status == "waiting" and deadline_ns(account, state, shot, one) <= now_ns
        ]
        instructions += _questions(state, shot, overdue)
        causes = {one.camera_key: _cause(account, state, shot, one) for one in overdue if not _ask(state, one)}
        if files:
            whereabouts, given_up = _files(state, [one for one in unsettled if one.exposed], now_ns)
            if whereabouts:
                instructions.append(Reconcile(shot.shot_id, whereabouts, full=True))
            causes |= given_up
        if causes:
            instructions.append(Decide(shot.shot_id, causes))
        if files:
            instructions.extend(_downloads(state, shot, unsettled, now_ns))
    return instructions


def deadline_ns(account: Account, state: State, shot: ShotAccount, exposure: Exposure) -> int:
    """Host monotonic clock at which silence about a waiting camera calls for a question, or, once asked, for a decision.

    Parameters
    ----------
    account, state : Account, State
        The folds.
    shot : ShotAccount
        Its shot.
    exposure : Exposure
        A waiting one.
    """
    if exposure.asked_ns is not None:
        again = exposure.answered and not exposure.asked_full and _status(state, exposure) == "Busy"
        return exposure.asked_ns + int(BUSY_PATIENCE_S * SECOND) if again else exposure.asked_ns
    # Nobody knows when somebody else releases: until then there is the time that was given for it, and nothing more.
    latency = 0.0 if shot.awaited else latency_s(account, exposure.camera_key)
    patience = latency + shot.allowance_s + PATIENCE_S
    due = exposure.base_ns + int(patience * SECOND)
    if exposure.suspect_ns is not None:
        due = min(due, exposure.suspect_ns + int(PATIENCE_S * SECOND))
    return due


def latency_s(account: Account, camera_key: str) -> float:
    """Learned time from a release to the news of this camera's photo, s: half as much again as the slowest remembered."""
    arrivals = account.arrivals.get(camera_key)
    if not arrivals or len(arrivals) < 3:
        return FIRST_LATENCY_S
    low, high = LATENCY_BOUNDS_S
    return min(high, max(low, 1.5 * max(arrivals)))


def _status(state: State, exposure: Exposure) -> str:
    camera = state.cameras.get(exposure.camera_key)
    return camera.status if camera is not None else "Absent"


def _ask(state: State, exposure: Exposure) -> bool:
    """Whether an overdue camera is to be asked about: never yet, or only its counters were asked for and there is more to know.

    That is so if it is Busy still, or if its counters have risen since: then there is a photo, whose event is lost or on its way.
    """
    if exposure.asked_ns is None:
        return True
    more = _status(state, exposure) == "Busy" or took_one(state, exposure)
    return exposure.answered and not exposure.asked_full and more


def took_one(state: State, exposure: Exposure) -> bool:
    """Whether the camera's own counters say that it took a photo since it was fired, or don't say that it didn't."""
    camera = state.cameras.get(exposure.camera_key)
    if camera is None:
        return False
    for name, before in (
        ("CameraNumPhotosTaken", exposure.taken_before),
        ("PhotoBatchNum", exposure.batch_expected),
    ):
        now = camera.count(name)
        if now is None or before is None or now > before:
            return True
    return False


def _questions(state: State, shot: ShotAccount, overdue: Iterable[Exposure]) -> Iterator[Reconcile]:
    asked = [one for one in overdue if _ask(state, one)]
    first = tuple(one.camera_key for one in asked if one.asked_ns is None)
    again = tuple(one.camera_key for one in asked if one.asked_ns is not None)
    if first:
        yield Reconcile(shot.shot_id, first, full=False)
    if again:
        yield Reconcile(shot.shot_id, again, full=True)


def _cause(account: Account, state: State, shot: ShotAccount, exposure: Exposure) -> tuple[str, str]:
    """Say why a camera that was asked about still has no photo."""
    camera, status = state.cameras.get(exposure.camera_key), _status(state, exposure)
    failed = camera.count("CameraNumPhotosFailed") if camera is not None else None
    if failed is not None and exposure.failed_before is not None and failed > exposure.failed_before:
        # The API does not tell how full a card is. One failure is a misfire; a second in a row of a camera that writes to its
        # card is what a full or locked card looks like.
        if storage_of(state, exposure.camera_key) in {"Card", "Both"} and _failed_before(account, shot, exposure):
            return ("storage", "CameraNumPhotosFailed rose again, and it writes to its card")
        return ("misfire", "CameraNumPhotosFailed rose")
    if shot.awaited:
        return ("not_released", "")
    if not exposure.answered:
        return ("unknown", "the application did not answer when asked about it")
    if status in GONE and exposure.status_before in GONE:
        return ("not_ready", exposure.status_before)
    if _restarted(state, exposure):
        return ("lost_during", f"the application started again during the shot; {status or 'unknown'} now")
    if status in GONE:
        return ("lost_during", status)
    if exposure.went is not None:
        return ("lost_during", f"{exposure.went}, then {status}")
    if shot.outcome == "unknown":
        return ("unknown", "the release was not answered")
    return ("no_response", status)


def _restarted(state: State, exposure: Exposure) -> bool:
    """Whether the application started again since this camera was released."""
    return any(loss.where == "restart" and loss.wall_ns >= exposure.requested_wall_ns > 0 for loss in state.loss.rows)


def _failed_before(account: Account, shot: ShotAccount, exposure: Exposure) -> bool:
    """Whether the same camera failed in the last shot before, or in this one's attempt before."""
    if exposure.attempt > 1:
        return exposure.cause_before in {"misfire", "storage"}
    for other in reversed(account.shots.values()):
        before = other.exposures.get(exposure.camera_key) if other.shot_id < shot.shot_id else None
        if before is not None:
            return before.cause in {"misfire", "storage"}
    return False


def storage_of(state: State, camera_key: str) -> str | None:
    """Say where a camera puts its photos: Disk, Card or Both, by its own setting, else by DefaultStorage; None: not told."""
    camera = state.cameras.get(camera_key)
    own = camera.setting("Storage") if camera is not None else None
    return own or text_of(state.options.get("DefaultStorage"))


def card_only(state: State, exposure: Exposure) -> bool:
    """Whether this camera's photos stay on the card until somebody asks for them."""
    return storage_of(state, exposure.camera_key) == "Card"


def _downloads(state: State, shot: ShotAccount, unsettled: Iterable[Exposure], now_ns: int) -> Iterator[Download]:
    wanted = [one for one in unsettled if one.exposed and one.download_asked_ns is None and _wants(state, one, now_ns)]
    if wanted:
        keys = tuple(key for one in wanted for key, on_disk in one.photos.items() if not on_disk)
        yield Download(shot.shot_id, keys, tuple(one.camera_key for one in wanted))


def _wants(state: State, exposure: Exposure, now_ns: int) -> bool:
    """Whether its files are to be asked for: they stay on the card, failed to come, or are overdue."""
    overdue = exposure.heard_ns is not None and exposure.heard_ns + int(DOWNLOAD_S * SECOND) <= now_ns
    return card_only(state, exposure) or _download_failed(state, exposure) or overdue


def _download_failed(state: State, exposure: Exposure) -> bool:
    camera = state.cameras.get(exposure.camera_key)
    failed = camera.count("CameraNumDownloadsFailed") if camera is not None else None
    before = exposure.downloads_failed_before
    return failed is not None and before is not None and failed > before


def _files(
    state: State, exposed: Iterable[Exposure], now_ns: int
) -> tuple[tuple[str, ...], dict[str, tuple[str, str]]]:
    """Cameras whose files the application is to be asked about, and those whose files are given up.

    The event that said Local Disk may be lost while the file is there: ask before downloading, and before giving up.
    """
    whereabouts, given_up = [], {}
    for exposure in exposed:
        news_ns = max(exposure.heard_ns or 0, exposure.download_asked_ns or 0)
        asked_ns = exposure.files_asked_ns or 0
        over_ns = (exposure.download_asked_ns or now_ns) + int(DOWNLOAD_S * SECOND)
        if over_ns <= now_ns and asked_ns >= over_ns - int(FILE_S * SECOND):
            cause = "download_failed" if _download_failed(state, exposure) else "pending"
            given_up[exposure.camera_key] = (cause, "asked for again")
        elif max(news_ns, asked_ns) + int(FILE_S * SECOND) <= now_ns:
            whereabouts.append(exposure.camera_key)
    return tuple(whereabouts), given_up
