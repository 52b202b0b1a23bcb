"""Releases that nobody announced: photos of no shot are put together into shots of trigger ``external``. Pure.

A trigger box, the application's own button or another program fires; all that is heard are photos. Those that come together are
one release. Who else should have fired with them follows from who did: the whole rig if at least half of it did, else those
groups of which at least half did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigkit.account.pairing import JOIN_S, TOGETHER_S, may_come
from rigkit.account.shots import Paired, ShotAccount, parse_tag, shared_pair
from rigkit.record.state import NOT_SEEN, UNSEEN, PhotoRecord, State, whole_of

if TYPE_CHECKING:
    from rigkit.account.fold import Account

__all__ = ["claim", "give_way", "widen"]

_SECOND = 1_000_000_000


def claim(account: Account, state: State, photo: PhotoRecord, camera_key: str, mono_ns: int) -> Paired | None:
    """Find the unannounced release that a photo belongs to, or open one.

    Parameters
    ----------
    account, state : Account, State
        The folds.
    photo : PhotoRecord
        Heard of just now, for the first time, by its own event; of no shot.
    camera_key : str
        Its camera.
    mono_ns : int
        When, host monotonic clock.

    Returns
    -------
    Paired or None
        Where it belongs. None: it is no news of a release.
    """
    if not _is_exposure(account, state, photo, camera_key):
        return None
    batch = whole_of(photo.get("PhotoBatchNum"))
    shot = _joins(account, camera_key, batch, mono_ns)
    method = "window" if shot is None or shot.level is None or batch != shot.level else "batch"
    if shot is None:
        if _waited_for(account, camera_key, batch):
            return None
        shot = _open(account, state, batch, mono_ns)
    if camera_key not in shot.exposures:
        shot.exposures[camera_key] = account.expect(camera_key, 1, mono_ns, 0)
        shot.reopen(camera_key)
    return shared_pair(shot.shot_id, method, 1)


def _is_exposure(account: Account, state: State, photo: PhotoRecord, camera_key: str) -> bool:
    camera = state.cameras.get(camera_key)
    if camera is None or photo.get("PhotoIsImage") is False:
        return False
    if state.layout is not None and state.place_of(camera_key) is None:
        return False  # nobody expects it to fire, so it is no part of a release
    if photo.get("PhotoLocation") not in {"Camera", "Local Disk"}:
        return False
    tag = parse_tag(photo.get("PhotoOrigin"))
    if tag is not None and tag[0] == account.session_id:
        return False  # of a shot of ours that the journal has lost
    batch, coming = whole_of(photo.get("PhotoBatchNum")), camera.count("PhotoBatchNum")
    # An older photo that was imported, or renamed by hand, is news too; its number has been given out before. The camera's own
    # news may come first, and name the number after this one.
    return batch is None or coming is None or batch >= coming - 1


def _waited_for(account: Account, camera_key: str, batch: int | None) -> bool:
    """Whether a photo that comes alone is what an own shot waited for in vain: then it is no release of somebody else."""
    return any(
        not one.exposed and one.batch_expected is not None and one.batch_expected == batch
        for shot in account.shots.values()
        if shot.trigger != "external"
        and (one := shot.exposures.get(camera_key)) is not None
        and may_come(account, shot, one)
    )


def _joins(account: Account, camera_key: str, batch: int | None, mono_ns: int) -> ShotAccount | None:
    """Find the last unannounced release, if this camera's photo can be of it."""
    shot = account.unannounced
    if shot is None:
        return None
    since_s = (mono_ns - shot.requested_ns) / _SECOND
    there = shot.exposures.get(camera_key)
    if there is not None and there.photos:
        if batch is None:  # RAW and JPEG, without any number that says so
            return shot if len(there.photos) < there.photos_expected and since_s <= TOGETHER_S else None
        return shot if batch == there.batch_num and since_s <= JOIN_S else None
    level = batch is None or shot.level is None or batch == shot.level
    return shot if since_s <= (JOIN_S if level else TOGETHER_S) else None


def _open(account: Account, state: State, batch: int | None, mono_ns: int) -> ShotAccount:
    shot_id = max(account.shots, default=0) + 1
    shot = ShotAccount(
        shot_id=shot_id,
        labels={"subject": account.subject} if account.subject else {},
        trigger="external",
        tag="",
        attempt=1,
        exposures={},
        requested_ns=mono_ns,
        requested_wall_ns=0,
        unannounced=True,
        level=batch,
        crowds=_crowds(state),
    )
    account.shots[shot_id] = account.unannounced = shot
    return shot


def widen(account: Account, shot: ShotAccount) -> None:
    """Expect everybody who should have fired with those that did.

    Parameters
    ----------
    account : Account
        The fold.
    shot : ShotAccount
        An unannounced one, of which a photo was just heard.
    """
    fired = {key for key, one in shot.exposures.items() if one.photos}
    for members in [crowd for crowd in shot.crowds if 2 * len(fired & crowd.keys()) >= len(crowd)]:
        for key in members:
            if key not in shot.exposures:
                shot.exposures[key] = account.expect(key, 1, shot.requested_ns, 0)
                # Its counters may have risen already: whether it took one can't be told by them.
                shot.exposures[key].taken_before = None
                if key.startswith(UNSEEN):
                    shot.exposures[key].status, shot.exposures[key].cause = "missing", "not_ready"
                    shot.exposures[key].detail = NOT_SEEN
                shot.reopen(key)
        # Tables list them as those of any other shot, not as their photos came.
        shot.exposures = {key: shot.exposures[key] for key in dict.fromkeys((*members, *shot.exposures))}
    shot.crowds = [crowd for crowd in shot.crowds if not crowd.keys() <= shot.exposures.keys()]


def _crowds(state: State) -> list[dict[str, None]]:
    """Return each group and, last, the whole rig, as ordered sets; single cameras are none."""
    members = dict.fromkeys(state.members())
    groups: dict[str, dict[str, None]] = {}
    for key in members:
        for group in state.groups_of(key):
            groups.setdefault(group, {})[key] = None
    return [crowd for crowd in (*groups.values(), members) if len(crowd) > 1]


def give_way(account: Account, shot_id: int) -> bool:
    """Renumber an unannounced release whose number is wanted for a shot that was being fired just then.

    Returns
    -------
    bool
        Whether there was one.
    """
    shot = account.shots.get(shot_id)
    if shot is None or not shot.unannounced:
        return False
    del account.shots[shot_id]
    account.forget_open(shot_id)
    account.move_offsets(shot_id, max([*account.shots, shot_id]) + 1)
    shot.shot_id = max([*account.shots, shot_id]) + 1
    account.shots[shot.shot_id] = shot
    for exposure in shot.exposures.values():
        for key in exposure.photos:
            account.shot_of[key] = shared_pair(shot.shot_id, account.shot_of[key].method, 1)
    account.follow(shot)
    return True
