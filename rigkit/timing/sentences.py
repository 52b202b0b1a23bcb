"""Findings in plain sentences: what is so, how much, how well it is founded, and what to do about it.

A sentence about time names its evidence level by letter and name: A reference, B calibrated stamps, C uncalibrated stamps, D host
arrival. Whatever came from outside is one printable line by :func:`rigkit.record.rows.plain`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from rigkit.account.conditions import LIMITS, RULES
from rigkit.errors import listed
from rigkit.record.causes import CAUSES
from rigkit.record.rows import noun, plain, plural
from rigkit.timing.evidence import LETTERS
from rigkit.timing.found import Found

__all__ = ["QUESTIONS", "number", "quantity", "sentence"]

#: Rule -> what it asks. The order is that of findings of one severity.
QUESTIONS: dict[str, str] = {
    "common_cause": "do the cameras that failed together share a computer, a hub or a group?",
    "missing": "did every expected camera deliver a photo in every shot that counts?",
    "late_camera": "is a camera always late or early?",
    "late_once": "was an exposure later or earlier than its camera's own usual?",
    "unstable_camera": "is a camera's jitter far above that of the rig?",
    "correctable_lag": "would a delay per camera make the rig more simultaneous?",
    "drift": "does a clock drift from the rig?",
    "clock_step": "was a clock set during the session?",
    "coarse_stamps": "are the stamps too coarse for a skew in milliseconds?",
    "batch_slip": "are all batch numbers in step?",
    "settings_mismatch": "are the cameras set alike?",
    "name_collision": "did a photo get another name than planned?",
    "slow_download": "is a camera or a hub slower to deliver its files than its peers?",
    "battery_forecast": "is a battery low, and how long will it last?",
    "card": "is a card missing or full? (the application does not tell how much room is left)",
    "flash_missed": "was the flash missed?",
    "blur": "is a photo blurred or out of focus?",
    "white_balance": "is a photo's white balance or exposure off?",
    "duplicates": "did a camera deliver more than one exposure for a shot?",
    "events_lost": "were events lost?",
    "too_fast": "did shots that came before the files of the one before were on disk lack cameras?",
    "bumped_camera": "was a camera moved?",
    "protocol_deviation": "was the shoot protocol followed?",
    "host_stamps": "did the computer instead of the cameras make the capture times?",
}


def number(value: float) -> str:
    """Spell a number as exactly as findings need it: whole from 10 on, else two digits that count."""
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value + 0.0:.2g}"  # + 0.0: no -0


def quantity(value: float, unit: str | None) -> str:
    """Spell a number with its unit; 10 000 ms and more in seconds, and factors in words."""
    if unit == "ms" and abs(value) >= 1e4:
        value, unit = value / 1e3, "s"
    return f"{number(value)} {unit or ''}".strip()


def sentence(found: Found) -> tuple[str, str]:
    """Say what was found, and what to do about it.

    Parameters
    ----------
    found : Found
        Of a rule in :data:`QUESTIONS` that can be checked.

    Returns
    -------
    (str, str)
        The finding and the suggestion, each one printable line without a full stop.
    """
    text, suggestion = _SENTENCES[found.rule](found)
    return plain(text, 1000), plain(suggestion, 400)


def _interval(found: Found, scale: float = 1.0) -> str:
    """Spell the bounds: `` [31, 44]``; empty: not estimated."""
    if found.lo is None or found.hi is None:
        return ""
    low, high = sorted((found.lo * scale, found.hi * scale))
    return f" [{number(low)}, {number(high)}]"


def _amount(found: Found) -> str:
    """Spell a size without its sign, with its interval: ``38 ms [31, 44]``."""
    effect = found.effect or 0.0
    sign = -1.0 if effect < 0 else 1.0
    scale = sign / 1e3 if found.unit == "ms" and abs(effect) >= 1e4 else sign
    return f"{quantity(abs(effect), found.unit)}{_interval(found, scale)}"


def _basis(found: Found, what: str = "shot") -> str:
    """Say what it rests on: `` (A: reference, 14 shots, p_adj < 0.001)``."""
    parts = [] if found.evidence is None else [f"{LETTERS[found.evidence]}: {found.evidence}"]
    parts += [] if found.n is None else [plural(found.n, what)]
    if found.p_adj is not None:
        parts.append("p_adj < 0.001" if found.p_adj < 1e-3 else f"p_adj = {found.p_adj:.2g}")
    return f" ({', '.join(parts)})" if parts else ""


def _who(found: Found) -> str:
    return found.position or plain(found.key, 24) or "the whole rig"


def _without(found: Found) -> str:
    return f"rig.without({json.dumps(_who(found), ensure_ascii=False)}, reason=...)"


def _shots(shot_ids: Sequence[int], most: int = 8) -> str:
    return f"{noun(len(shot_ids), 'shot')} {listed(shot_ids, most=most)}"


# -- facts of the record ------------------------------------------------------------------------------------------------


#: Causes whose name alone is no sentence.
_CAUSES = {
    "lost_during": "lost during the shot",
    "storage": "card or disk full",
    "unknown": "release not answered",
    "closed_early": "session closed while waiting",
}


def _missing(found: Found) -> tuple[str, str]:
    causes: Sequence[tuple[str, int]] = found.more["causes"]
    shot_ids, streak = found.more["shots"], found.more["streak"]
    told = [(_CAUSES.get(cause) or cause.replace("_", " "), count) for cause, count in causes]
    why = (
        ", ".join(f"{cause} {count}" for cause, count in told) if len(told) > 1 else "".join(cause for cause, _ in told)
    )
    share = f"{number(found.effect or 0.0)} %{_interval(found)}"
    text = f"{_who(found)} delivered no photo in {len(shot_ids)} of {plural(found.n or 0, 'shot')} ({share})"
    text += f", {streak} in a row" if streak > 1 else ""
    text += f": {why} ({_shots(shot_ids)})" if why else f": {_shots(shot_ids)}"
    known = [cause for cause, _ in causes if cause in CAUSES]
    todo = CAUSES[known[0]][1] if known else "look at the camera, then shot.reshoot()"
    return text, f"{todo}; it goes on failing: {_without(found)}" if streak >= LIMITS.failures else todo


_SHARED = {
    "node": "check that computer and its network, then rig.recover() and shot.reshoot()",
    "hub": "check its power and its cable to the computer, then rig.recover() and shot.reshoot()",
    "group": "look for what these cameras share: power strip, cable, release line; then rig.recover()",
}


def _place(kind: str, name: str | None) -> str:
    """Name a hub, a computer or a group; one that is called "hub 3" is not "hub hub 3"."""
    word, shown = {"node": "computer"}.get(kind, kind), plain(name)
    return shown if shown.casefold().startswith(word) else f"{word} {shown}"


def _common_cause(found: Found) -> tuple[str, str]:
    times: Mapping[int, str] = found.more["shots"]
    where = listed([f"{shot_id} ({count})" if count else shot_id for shot_id, count in times.items()], most=6)
    name = _place(found.subject_kind, found.key)
    text = f"{name[0].upper()}{name[1:]}: most of its cameras failed together in {noun(len(times), 'shot')} {where}"
    return text, _SHARED.get(found.subject_kind, _SHARED["group"])


def _batch_slip(found: Found) -> tuple[str, str]:
    shot_ids, now, usual = found.more["shots"], found.more["now"], found.more["usual"]
    off = now is not None and usual is not None and now != usual
    text = f"{_who(found)}'s batch number slipped in {_shots(shot_ids)}" if shot_ids else ""
    text += f" ({plain(found.more['detail'], 60)})" if shot_ids and found.more["detail"] else ""
    if off:
        next_is = f"next batch number is {now} where most have {usual}"
        text = f"{text}; its {next_is}" if text else f"{_who(found)}'s {next_is}"
    if not off and now is not None and usual is not None:
        return text, f"its number is level again; look whether {_shots(shot_ids)} holds the right photo of it"
    return text, RULES["batch"][1]


def _settings(found: Found) -> tuple[str, str]:
    name, usual, others = found.more["name"], plain(found.more["usual"]), found.more["others"]
    whose = f" of {plain(found.more['model'])}" if found.more["model"] else ""
    told = "; ".join(f"{plain(value) or 'nothing'} on {listed(who, most=6)}" for value, who in list(others.items())[:4])
    told += f"; and {len(others) - 4} more values" if len(others) > 4 else ""
    agree = (found.n or 0) - int(found.effect or 0)
    if found.more["golden"]:
        text = f"{name} should be {usual} by the golden profile{whose}, but is {told}"
        return text, RULES["dial" if found.more["dial"] else "setting"][1]
    text = f"{name} is {usual} on {agree} of {plural(found.n or 0, 'camera')}{whose}, but {told}"
    value = usual if usual.isdecimal() else json.dumps(usual, ensure_ascii=False)
    return text, "turn the dial on the body" if found.more[
        "dial"
    ] else f"rig.set({name}={value}), if that is not on purpose"


def _collision(found: Found) -> tuple[str, str]:
    names = listed(found.more["photos"], most=4)
    count = int(found.effect or 0)
    text = f"{count} of {plural(found.n or 0, 'photo')} got another name than planned, as that one was taken: {names}"
    todo = "put [S], or [C] and [B], into the file names: rig.set_options(filename_expression=...); session.photos has both names"
    return text, todo


def _battery(found: Found) -> tuple[str, str]:
    text, before = f"{_who(found)}'s battery was last heard at {number(found.effect or 0.0)} %", found.more["before"]
    if before is not None:
        percent, minutes, left = before
        text += (
            f"; it was at {percent} % {number(minutes)} min before: at this pace it is empty {number(left)} min later"
        )
    return text, RULES["battery"][1]


def _card(found: Found) -> tuple[str, str]:
    storage, shot_ids = found.more["storage"], found.more["shots"]
    if storage:
        return f"{_who(found)} writes to a card (storage {plain(storage)}) and has none", RULES["card"][1]
    detail = f" ({plain(found.more['detail'], 80)})" if found.more["detail"] else ""
    return f"{_who(found)} had trouble storing its photo in {_shots(shot_ids)}{detail}", CAUSES["storage"][1]


def _duplicates(found: Found) -> tuple[str, str]:
    return f"{_who(found)} delivered more than one exposure in {_shots(found.more['shots'])}", CAUSES["duplicate"][1]


def _events_lost(found: Found) -> tuple[str, str]:
    places: Mapping[str, int] = found.more["where"]
    names = {
        "gap": ("gap in the numbers", "gaps in the numbers"),
        "tail": ("last ones", "last ones"),
        "away": ("time without a listener", "times without a listener"),
    }
    names["restart"] = ("restart of the application", "restarts of the application")
    where = ", ".join(plural(count, *names.get(place, (place, place))) for place, count in places.items())
    least = "" if found.more["all_known"] else "at least "
    what = (
        "Events, how many is not known, were"
        if found.effect is None
        else f"{least}{plural(int(found.effect), 'event')} {noun(int(found.effect), 'was', 'were')}"
    )
    text = f"{what[0].upper()}{what[1:]} published and never heard ({where})"
    by, still = listed(found.more["by"], most=3), found.more["open"]
    text += f"; asking again ({by}) made up for it" if found.more["by"] and not still else ""
    lost = plural(found.n or 0, "loss", "losses")
    text += f"; {still} of {lost} {noun(still, 'is', 'are')} not made up for" if still else ""
    asked = found.more["recovered"]
    text += f"; {plural(asked, 'exposure')} {noun(asked, 'was', 'were')} found by asking" if asked else ""
    if still:
        return text, 'rig.request("Synchronise") asks for the whole state; then look at the network'
    return text, "nothing is left to do; if it goes on, look at the network and at the load of this computer"


def _too_fast(found: Found) -> tuple[str, str]:
    pairs: Sequence[tuple[int, float, int]] = found.more["shots"]
    told = listed(
        [f"{shot_id} ({number(early)} s too early, {missing} missing)" for shot_id, early, missing in pairs], most=6
    )
    text = f"Released before the last file of the shot before was on disk, and lacking cameras: {noun(len(pairs), 'shot')} {told}"
    busy = found.more["busy"]
    text += f"; still busy with the file before: {listed(busy, most=6)}" if busy else ""
    todo = 'wait for the files between shots: shot.wait("files"), or at least for Ready: rig.shoot(ready_timeout=...)'
    return text, todo


# -- estimates ----------------------------------------------------------------------------------------------------------


def _step_text(quantum_ms: float) -> tuple[str, str]:
    value, unit = (quantum_ms / 1e3, "s") if quantum_ms >= 1e3 else (quantum_ms, "ms")
    return f"{value:g}-{unit}", f"{value:g} {unit}"


def _coarse(found: Found) -> tuple[str, str]:
    steps, size = _step_text(found.effect or 0.0)
    text = f"The stamps come in {steps} steps: a skew below {size} can't be known{_basis(found, 'stamp')}"
    return text, "let rigkit read the files (EXIF with sub-seconds), or put an LED counter in view of the cameras"


def _host(found: Found) -> tuple[str, str]:
    why = plain(found.more["why"], 200)
    text = f"PhotoDateCaptured is made by the computer, not by the cameras: no skew can be read from it ({why})"
    todo = "let rigkit read the files (EXIF of the cameras' own clocks), or put an LED counter in view of the cameras"
    return text, todo


def _late_camera(found: Found) -> tuple[str, str]:
    way = "early" if (found.effect or 0.0) < 0 else "late"
    text = f"{_who(found)} was {way} by {_amount(found)} against the rig{_basis(found)}"
    todo = (
        "session.timing.propose() gives the delay of each camera; check its cable, focus mode and mirror lock-up first"
    )
    return text, todo


def _late_once(found: Found) -> tuple[str, str]:
    way = "earlier" if (found.effect or 0.0) < 0 else "later"
    text = f"{_who(found)} was {_amount(found)} {way} than its own usual in shot {found.shot_id}{_basis(found)}"
    return text, "compare its photo with the others of that shot; where something moved, shot.retake()"


def _unstable(found: Found) -> tuple[str, str]:
    text = f"{_who(found)}'s jitter is {number(found.effect or 0.0)} times{_interval(found)} that of the rig{_basis(found)}"
    todo = f"no delay corrects jitter: check focus mode (manual), mirror lock-up and battery; else {_without(found)}"
    return text, todo


def _correctable(found: Found) -> tuple[str, str]:
    text = f"The cameras' lags lie {_amount(found)} apart{_basis(found)}"
    now, then = found.more["now"], found.more["then"]
    if now is not None and then is not None and then < now:
        text += f"; a delay per camera would take the spread of a shot from {quantity(now, 'ms')} to about {quantity(then, 'ms')}"
    return text, "session.timing.propose() gives the delay of each camera"


def _drift(found: Found) -> tuple[str, str]:
    way = "slow" if (found.effect or 0.0) < 0 else "fast"
    hourly = quantity(abs(found.effect or 0.0) * 3.6, "ms")
    text = f"{_who(found)}'s clock runs {way} by {_amount(found)} against the rig, {hourly} an hour{_basis(found, 'stamp')}"
    return text, "rig.sync_clocks() before each sitting, not during one"


def _clock_step(found: Found) -> tuple[str, str]:
    way = "back" if (found.effect or 0.0) < 0 else "forward"
    whose = f"{_who(found)}'s clock was" if found.key is not None else "The clocks of the whole rig were"
    text = f"{whose} put {way} by {_amount(found)} before shot {found.shot_id}{_basis(found, 'stamp')}"
    return text, "session.clock has both parts; rig.sync_clocks() before a sitting, not during one"


def _slow(found: Found) -> tuple[str, str]:
    who = _who(found) if found.subject_kind == "camera" else _place(found.subject_kind, found.key)
    others = found.more["hub"]
    peers = "the other cameras" if others is None else f"the others on {_place(*others)}"
    longer = f"{number(found.effect or 0.0)} times{_interval(found)} as long per MB"
    text = f"Files of {who} took {longer} as those of {peers}, waiting included{_basis(found)}"
    if found.subject_kind == "camera":
        return text, "check its cable and port, its card and its image quality; try it on another hub"
    return text, "spread its cameras over more hubs or controllers, and check its cable to the computer"


_SENTENCES: dict[str, Callable[[Found], tuple[str, str]]] = {
    "missing": _missing,
    "common_cause": _common_cause,
    "late_camera": _late_camera,
    "late_once": _late_once,
    "unstable_camera": _unstable,
    "correctable_lag": _correctable,
    "drift": _drift,
    "clock_step": _clock_step,
    "coarse_stamps": _coarse,
    "batch_slip": _batch_slip,
    "settings_mismatch": _settings,
    "name_collision": _collision,
    "slow_download": _slow,
    "battery_forecast": _battery,
    "card": _card,
    "duplicates": _duplicates,
    "events_lost": _events_lost,
    "too_fast": _too_fast,
    "host_stamps": _host,
}
