"""Which shot a photo is of. Pure.

Best first: the tag echoed in PhotoOrigin (``origin``); the camera's batch number, known before the shot (``batch``); the time alone
(``window``). Photos of no shot may be of a release that nobody announced: see :mod:`rigkit.account.external`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rigkit.account.shots import Exposure, Paired, ShotAccount, parse_tag, shared_pair
from rigkit.record.state import PhotoRecord, whole_of

if TYPE_CHECKING:
    from rigkit.account.fold import Account

__all__ = ["JOIN_S", "TOGETHER_S", "WINDOW_S", "find_shot", "is_over", "may_come"]

#: How long after its release a photo without a tag may still be taken for a shot's, s, on top of the shutter time.
WINDOW_S = 60.0
#: Photos of one release are heard of within so long, s: the transfer of the news, not the shutters. Beyond it the batch number says
#: whether they belong together, as long as ``JOIN_S``.
TOGETHER_S = 1.0
JOIN_S = 10.0
#: A camera that ended like this exposed nothing, so an untagged photo of it is somebody else's.
_NOTHING_TO_COME = frozenset({"misfire", "not_ready", "refused", "not_sent", "not_released"})
_SECOND = 1_000_000_000


def find_shot(account: Account, photo: PhotoRecord, camera_key: str, mono_ns: int, *, asked: bool) -> Paired | None:
    """Find the shot of a photo heard of for the first time.

    Parameters
    ----------
    account : Account
        The fold.
    photo : PhotoRecord
        The photo.
    camera_key : str
        Its camera.
    mono_ns : int
        When it was heard of, host monotonic clock.
    asked : bool
        A state that was asked for told of it, not its own event.

    Returns
    -------
    Paired or None
        Where it belongs; None: to no shot that is known.
    """
    tag = parse_tag(photo.get("PhotoOrigin"))
    if tag is not None and tag[0] == account.session_id:
        _, shot_id, attempt = tag
        if shot_id not in account.shots:
            return None
        account.echoes = True
        # A photo taken again by Reshoot may bring the tag of the one it replaces; its batch number says which it is.
        exposure = account.shots[shot_id].exposures.get(camera_key)
        if exposure is not None and not exposure.tagged and not exposure.photos:
            batch = whole_of(photo.get("PhotoBatchNum"))
            if batch is not None and batch == exposure.batch_expected:
                attempt = exposure.attempt
        account.shot_of[photo.key] = shared_pair(shot_id, "origin", attempt)
        return account.shot_of[photo.key]
    if photo.key in account.unpaired:
        return None
    batch = whole_of(photo.get("PhotoBatchNum"))
    found: list[tuple[ShotAccount, Exposure, str]] = []
    for shot, exposure in _candidates(account, camera_key, batch):
        if tag is not None and shot.trigger != "external":  # released by another rigkit
            continue
        method = _fits(account, shot, exposure, batch, mono_ns, asked)
        if method is not None and not (found and _overtaken(shot, exposure, by=found[-1][0])):
            found.append((shot, exposure, method))
        if method == "window":
            break
    if not found:
        return None
    # Where two shots wait for the same number, a counter was out of date when the second was fired. The first is the likelier,
    # and it is no more than that.
    shot, exposure, method = found[-1]
    sure = method if len(found) == 1 else "window"
    account.shot_of[photo.key] = shared_pair(shot.shot_id, sure, exposure.attempt)
    return account.shot_of[photo.key]


def _candidates(account: Account, camera_key: str, batch: int | None) -> Iterator[tuple[ShotAccount, Exposure]]:
    """Go through the shots of a camera, the last one first, as long as one may have a photo of this number."""
    for shot in reversed(account.shots.values()):
        exposure = shot.exposures.get(camera_key)
        if exposure is None:
            continue
        yield shot, exposure
        # The camera counts upwards: no shot before one with a lower number has this photo, unless it was released after that.
        if batch is not None and (exposure.batch_num or batch) < batch:
            before = [one for one in account.open_shots() if one.by_others and one.shot_id < shot.shot_id]
            yield from ((one, one.exposures[camera_key]) for one in reversed(before) if camera_key in one.exposures)
            return


def _overtaken(shot: ShotAccount, exposure: Exposure, by: ShotAccount) -> bool:
    """Whether a later shot has the better claim to a photo that fits both."""
    if shot.by_others:  # that is still to come
        return True
    # What was waited for in vain has not come just when somebody else released.
    return by.trigger == "external" and exposure.status == "missing"


def may_come(account: Account, shot: ShotAccount, exposure: Exposure) -> bool:
    """Whether an untagged photo can be of this camera of this shot, as far as the shot itself tells."""
    if not shot.may_expose or exposure.cause in _NOTHING_TO_COME:
        return False
    # Where tags do come back, a photo without one was not released by a Shoot of ours; triggers, latches and buttons
    # carry none.
    return not (account.echoes and exposure.tagged and shot.trigger == "shoot")


def _fits(
    account: Account, shot: ShotAccount, exposure: Exposure, batch: int | None, now_ns: int, asked: bool
) -> str | None:
    """Say how an untagged photo fits a camera of a shot: ``batch``, ``window`` or not at all."""
    if not may_come(account, shot, exposure):
        return None
    begun = shot.trigger == "external" and not shot.awaited and exposure.attempt == 1  # later attempts are our own
    began_ns = shot.requested_ns if shot.unannounced else exposure.base_ns
    if begun and not exposure.photos and not asked and is_over(account, shot, began_ns, now_ns):
        return None
    # Nobody looked at the counters before that release; this camera's may have risen before it was expected.
    level = asked and shot.unannounced and not exposure.photos and batch is not None
    if level and (batch or 0) + 1 == exposure.batch_expected == (shot.level or 0) + 1:
        return "window"
    in_time = 0 <= (now_ns - exposure.base_ns) / _SECOND <= WINDOW_S + shot.allowance_s
    number = exposure.batch_expected if exposure.batch_num is None else exposure.batch_num
    if number is not None and (batch is not None or exposure.batch_num is not None):
        # However late it is heard of, be it after another boot: what is still waited for (also the JPEG beside the RAW), or
        # what nobody could be asked about, is told by its number.
        open_end = exposure.cause == "unknown" or (exposure.exposed and len(exposure.photos) < exposure.photos_expected)
        expected = in_time or open_end or exposure.status == "waiting"
        if batch != number or not expected:
            return None
        # A camera that missed somebody else's release has the same number for the next one.
        alone = begun and not exposure.photos and (now_ns - began_ns) / _SECOND > TOGETHER_S + shot.lasts_s
        return "window" if alone else "batch"
    return "window" if in_time and not exposure.photos else None


def is_over(account: Account, shot: ShotAccount, began_ns: int, now_ns: int) -> bool:
    """Whether news comes too late to be of a release by somebody else: whoever fires every few seconds fires again.

    Parameters
    ----------
    account : Account
        The fold.
    shot : ShotAccount
        Of trigger ``external``, and released.
    began_ns, now_ns : int
        When its first photo was heard of, and this one, host monotonic clock.
    """
    latest = account.unannounced
    overtaken = latest is not None and latest is not shot and latest.requested_ns > began_ns
    return (now_ns - began_ns) / _SECOND > (TOGETHER_S if overtaken else JOIN_S) + shot.lasts_s
