"""What only shows when a shot is looked at as a whole: a camera that fired twice, a counter that slipped, a common cause. Pure."""

from __future__ import annotations

from math import comb

from rigkit.account.majority import majority
from rigkit.account.shots import ShotAccount
from rigkit.record.state import State, text_of

__all__ = ["common_causes", "judge"]

#: Fewer cameras than this that fail together are no pattern.
_PATTERN = 3
#: How improbable it must be that chance alone puts the failures there (one-sided Fisher exact test).
_CHANCE = 0.01


def judge(shot: ShotAccount, state: State, offsets: dict[str, tuple[int, int]]) -> None:
    """Write down what is odd about the exposures of a shot, and what those that failed have in common.

    Parameters
    ----------
    shot : ShotAccount
        Everybody in it is accounted for.
    state : State
        The cameras as last heard, and the layout.
    offsets : dict of str to (int, int)
        Camera key -> the last shot before in which its batch number was seen, and by how much it was off; brought up to date.
    """
    exposures = shot.exposures.values()
    usual = majority(one.batch_num for one in exposures if one.exposed and one.batch_num is not None)
    for exposure in exposures:
        exposure.remark = ("duplicate", "more than one exposure") if exposure.duplicate else None
        exposure.offset = None if usual is None or exposure.batch_num is None else exposure.batch_num - usual
        if exposure.offset is None:
            continue
        before_id, before = offsets.get(exposure.camera_key, (0, 0))
        # A counter that has slipped stays off until somebody levels it: that is said once, where it happened.
        if exposure.offset != before and before_id < shot.shot_id:
            offsets[exposure.camera_key] = (shot.shot_id, exposure.offset)
        slipped_here = exposure.offset != 0 and offsets.get(exposure.camera_key, (0, 0))[0] == shot.shot_id
        if slipped_here and exposure.remark is None:
            exposure.remark = ("batch_slip", f"batch {exposure.batch_num}, most have {usual}")
    common = common_causes(shot, state)
    for exposure in exposures:
        exposure.common = common.get(exposure.camera_key)


def common_causes(shot: ShotAccount, state: State) -> dict[str, str]:
    """Find out what the cameras that failed have in common: the computer or the hub they hang on, or a group.

    Parameters
    ----------
    shot : ShotAccount
        The shot.
    state : State
        Where NodeKey and CameraGroup are found, and hubs and groups of the layout.

    Returns
    -------
    dict of str to str
        Camera key of a missing camera -> ``"group ring 2 (8 of 8)"``. Empty: nothing that chance does not explain as well.
    """
    missing = {key for key, one in shot.exposures.items() if one.status == "missing"}
    if len(missing) < _PATTERN:
        return {}
    best: dict[str, tuple[float, str]] = {}
    for kind, levels in _levels(shot, state).items():
        for level, members in levels.items():
            failed = members & missing
            if len(failed) < _PATTERN or 2 * len(failed) < len(members):
                continue  # what half of its cameras got through is not what the others failed by
            chance = _tail(len(failed), len(members), len(missing), len(shot.exposures))
            if chance < _CHANCE:
                text = f"{kind} {level} ({len(failed)} of {len(members)})"
                for key in failed:
                    if chance < best.get(key, (1.0, ""))[0]:
                        best[key] = (chance, text)
    return {key: text for key, (_, text) in best.items()}


def _levels(shot: ShotAccount, state: State) -> dict[str, dict[str, set[str]]]:
    """Sort the cameras of a shot by what they share: kind -> what -> camera keys. Of two as improbable, the first kind is named."""
    levels: dict[str, dict[str, set[str]]] = {"node": {}, "hub": {}, "group": {}}
    for key in shot.exposures:
        camera, place = state.cameras.get(key), state.place_of(key)
        node = text_of(camera.get("NodeKey")) if camera is not None else None
        shared = [("node", node), ("hub", place.hub if place is not None else None)]
        shared += [("group", one) for one in state.groups_of(key)]
        for kind, level in shared:
            if level:
                levels[kind].setdefault(level, set()).add(key)
    return levels


def _tail(failed_here: int, here: int, failed: int, everybody: int) -> float:
    """Probability that at least so many of the failed are here by chance: the one-sided Fisher exact test.

    Exact whole numbers: the hypergeometric tail is this one sum, and importing scipy.stats for it would cost a shot 0.5 s.
    """
    ways = sum(comb(here, n) * comb(everybody - here, failed - n) for n in range(failed_here, min(here, failed) + 1))
    return ways / comb(everybody, failed)
