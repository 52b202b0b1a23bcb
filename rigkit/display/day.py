"""A sitting in one sentence that a tired person understands, and what there is to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rigkit.display.counting import Tally, apart, counted
from rigkit.display.grids import because, by_position, label_of, noun, plain, plural, rows_of, shot_label
from rigkit.errors import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PYTHON", "SHELL", "day_line", "heard_at", "how_it_stands", "inside_line", "journal_lines", "to_look_at"]

#: How sittings are opened, in Python and in a shell.
PYTHON = 'rigkit.open(r"{}")'
SHELL = 'rigkit show "{}"'
#: More shots than these with something missing are counted, not named one by one.
_MOST_SHOTS = 5
#: Findings of one rule that are listed one by one.
_MOST_ALIKE = 3

Rows = Sequence[Mapping[str, Any]]


def day_line(facts: Mapping[str, Any], rows: Rows, sums: Tally, whens: Sequence[datetime], n_things: int) -> str:
    """Say what the day came to.

    Parameters
    ----------
    facts : Mapping
        As ``rigkit.reporting.facts_of`` gives them.
    rows : sequence of Mapping
        Rows of the shots.
    sums : Tally
        What they come to.
    whens : sequence of datetime
        When they were released, as far as is known.
    n_things : int
        How many things there are to look at.

    Returns
    -------
    str
        ``P017, sitting 1, 22 Nov 2026 10:02-10:41 UTC: 12 poses, 14 shots (2 rejected), 1152 of 1152 exposures in the 12 that
        count; 1 thing to look at``
    """
    who = plain(facts.get("subject"), 60) or f"Session {plain(facts.get('session_id')) or 'of unknown id'}"
    who += f", sitting {facts['sitting']}" if facts.get("sitting") else ""
    who += " (simulated)" if facts.get("simulated") else ""
    when = _span(whens) or _day_text(facts.get("created"))
    head = f"{who}, {when}: " if when else f"{who}: "
    if not sums.shots:
        tail = "no shot yet"
    else:
        poses = {row["pose"] for row in counted(map(dict, rows)) if row.get("pose")}
        tail = f"{plural(len(poses), 'pose')}, " if poses else ""
        tail += f"{plural(sums.shots, 'shot')}{apart(sums)}, {_complete(sums)}"
    things = f"{plural(n_things, 'thing')} to look at" if n_things else "nothing to look at"
    return f"{head}{tail}; {things}"


def _complete(sums: Tally) -> str:
    if not sums.counted:
        return "none that counts"
    among = "" if sums.counted == sums.shots else f" in the {sums.counted} that {noun(sums.counted, 'counts', 'count')}"
    return f"{sums.exposed} of {plural(sums.expected, 'exposure')}{among}"


def _day_text(value: Any) -> str:
    """Show the day and the minute, zone named: ``22 Nov 2026 10:02 UTC``; what is no ISO 8601 date is shown as it is."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return plain(value)
    return "" if value is None else f"{value.day} {value:%b %Y %H:%M %Z}".strip()


def _span(whens: Sequence[datetime]) -> str:
    """Show from when to when; within one day it is named once."""
    if not whens:
        return ""
    first, last = min(whens), max(whens)
    if first.date() != last.date():
        return f"{_day_text(first)} to {_day_text(last)}"
    times = list(dict.fromkeys([f"{first:%H:%M}", f"{last:%H:%M}"]))
    return f"{first.day} {first:%b %Y} {'-'.join(times)} {first:%Z}".strip()


def heard_at(rows: Rows, photos: pd.DataFrame) -> dict[int, datetime]:
    """Say when each shot was: its release; of one that somebody else released, the first news of its photos.

    Parameters
    ----------
    rows : sequence of Mapping
        Rows of the shots.
    photos : pandas.DataFrame
        The ``photos`` table.

    Returns
    -------
    dict of int to datetime
        By shot id; what is not known is not in it.
    """
    known = {row["shot_id"]: row["requested"] for row in rows if row.get("requested") is not None}
    if len(known) == len(rows) or not len(photos):
        return known
    released = set(known)
    for one in rows_of(photos, "shot_id", "first_heard"):
        if one["shot_id"] is not None and one["first_heard"] is not None and one["shot_id"] not in released:
            known[one["shot_id"]] = min(known.get(one["shot_id"], one["first_heard"]), one["first_heard"])
    return known


# -- what there is to look at -------------------------------------------------------------------------------------------


def to_look_at(
    facts: Mapping[str, Any],
    rows: Rows,
    exposures: Rows,
    photos: pd.DataFrame,
    warnings: pd.DataFrame,
    loss: pd.DataFrame,
    findings: pd.DataFrame,
) -> list[str]:
    """List what somebody should look at before the rig is taken down, most important first; one line each.

    Parameters
    ----------
    facts : Mapping
        As ``rigkit.reporting.facts_of`` gives them.
    rows : sequence of Mapping
        Rows of the shots.
    exposures : sequence of Mapping
        Rows of the exposures of the shots that count.
    photos, warnings, loss, findings : pandas.DataFrame
        The tables. Findings that are mere notes are not listed, nor what another line says already.
    """
    unknown = [shot_label(row["shot_id"], row["pose"]) for row in rows if row.get("outcome") == "unknown"]
    waiting = sum(row["status"] == "waiting" for row in exposures)
    loss_open = int(loss["recovered_by"].isna().sum())
    things = [
        *_missing(exposures),
        *([f"{plural(waiting, 'exposure')} not accounted for yet"] if waiting else []),
        *([f"Released or not, nobody answered: {listed(unknown, most=4)}"] if unknown else []),
        *_files(exposures, photos),
        *_twice(exposures),
        *_still(warnings),
        *([f"{plural(loss_open, 'loss', 'losses')} of events not made up for"] if loss_open else []),
        *_found(findings, warnings, loss_open),
        *journal_lines(facts),
    ]
    return [thing[0].upper() + thing[1:] for thing in things]


def _missing(exposures: Rows) -> list[str]:
    lost = [dict(row) for row in exposures if row["status"] == "missing"]
    by_shot: dict[int, list[dict[str, Any]]] = {}
    for row in lost:
        by_shot.setdefault(row["shot_id"], []).append(row)
    if len(by_shot) > _MOST_SHOTS:
        return [f"{plural(len(lost), 'exposure')} missing in {plural(len(by_shot), 'shot')}"]
    told = []
    for shot_id, missing in by_shot.items():
        reasons = {because(row["cause"], row["detail"]) for row in missing} - {""}
        shared = {row.get("common_cause") for row in missing}
        why = ", all of " + plain(shared.pop()) if len(shared) == 1 and None not in shared else ""
        why += f": {reasons.pop()}" if len(reasons) == 1 else ""
        who = listed(map(label_of, by_position(missing)), most=6)
        told.append(f"{shot_label(shot_id, missing[0]['pose'])}: no photo of {who}{why}")
    return told


def _files(exposures: Rows, photos: pd.DataFrame) -> list[str]:
    taken = sum(row["status"] in ("captured", "recovered") and row["cause"] in _NOT_HERE for row in exposures)
    told = [f"{plural(taken, 'exposure')} taken, and the file not on the application's disk"] if taken else []
    states = photos["path_state"].astype(object).value_counts()
    told += [
        f"{plural(int(states[state]), 'file')} {words}" for state, words in _STATES.items() if states.get(state, 0)
    ]
    return told


_NOT_HERE = ("download_failed", "pending")
_STATES = {"missing": "not where the application put it", "size_differs": "not of the size it was announced with"}


def _twice(exposures: Rows) -> list[str]:
    twice = [dict(row) for row in exposures if row["duplicate"]]
    if not twice:
        return []
    who = listed((f"{label_of(row)} in shot {row['shot_id']}" for row in by_position(twice)), most=6)
    return [f"more than one exposure for a shot: {who}"]


def _still(warnings: pd.DataFrame) -> list[str]:
    """Warnings that were not over, by rule."""
    by_rule: dict[str, list[str]] = {}
    for row in by_position(rows_of(warnings[warnings["over"].isna()], "rule", "camera_key", "position")):
        by_rule.setdefault(plain(row["rule"]).replace("_", " "), []).append(label_of(row))
    return [f"warning not over: {rule}, {listed(dict.fromkeys(who), most=6)}" for rule, who in by_rule.items()]


#: Rules whose findings other lines tell: who is missing and what these share, and who exposed twice.
_TOLD = ("missing", "common_cause", "duplicates")
#: Finding -> the warnings that say the same of the same camera.
_WARNED = {
    "battery_forecast": ("battery",),
    "card": ("card",),
    "settings_mismatch": ("setting", "dial"),
    "batch_slip": ("batch",),
}


def _found(findings: pd.DataFrame, warnings: pd.DataFrame, loss_open: int) -> list[str]:
    """List findings that somebody should look at and that no other line tells, at most three of a rule."""
    open_now = rows_of(warnings[warnings["over"].isna()], "rule", "camera_key")
    warned = {(row["rule"], row["camera_key"]) for row in open_now}
    rules = {row["rule"] for row in open_now}
    told: dict[str, list[str]] = {}
    for row in rows_of(findings, "severity", "rule", "key", "text"):
        same = _WARNED.get(row["rule"], ())
        # A finding about settings names a property, not one camera: a warning of any camera is about it.
        over = any((rule, row["key"]) in warned or (row["key"] is None and rule in rules) for rule in same)
        lost = row["rule"] == "events_lost" and loss_open
        if row["severity"] != "info" and row["rule"] not in _TOLD and not over and not lost:
            told.setdefault(row["rule"], []).append(plain(row["text"], 300))
    lines = []
    for rule, texts in told.items():
        lines += texts[:_MOST_ALIKE]
        more = len(texts) - _MOST_ALIKE
        lines += [f"{plural(more, 'more finding')} like the last: {rule.replace('_', ' ')}"] if more > 0 else []
    return lines


def how_it_stands(facts: Mapping[str, Any]) -> str:
    """Say whether a sitting was closed."""
    if facts.get("broke_off"):
        return "ended without being closed: connect again with this session folder to settle what was waited for"
    return "closed" if facts.get("closed") else "open"


def inside_line(facts: Mapping[str, Any], how: str) -> str:
    """Say that sittings of participants lie in this folder of a day, and how they are opened as one; empty: none do.

    Parameters
    ----------
    facts : Mapping
        As ``rigkit.reporting.facts_of`` gives them.
    how : str
        What to type, ``{}`` standing for the pattern: ``PYTHON``, ``SHELL``, or both. The pattern is never cut short.
    """
    sittings, folder = facts.get("sittings"), facts.get("folder")
    if not sittings or not folder:
        return ""
    pattern = plain(f"{folder}/*_ses-*", most=len(str(folder)) + 8)
    return f"{plural(sittings, 'sitting')} {noun(sittings, 'lies', 'lie')} in this folder: {how.replace('{}', pattern)}"


def journal_lines(facts: Mapping[str, Any]) -> list[str]:
    """Say what of the journal is not on disk, or can't be read; nothing where all is well."""
    lines = []
    if unsaved := facts.get("not_on_disk"):
        which = f"{plural(unsaved, 'message')} {noun(unsaved, 'is', 'are')}"
        lines.append(f"{which} not on disk: the journal can't be written")
    if count := facts.get("unreadable_lines"):
        places = [
            plain(f"{file} line {line_no}: {why}" if line_no else f"{file}: {why}", 80)
            for file, line_no, why in facts.get("unreadable", ())
        ]
        more = f"; … and {count - 3} more in session.unreadable" if count > 3 else ""
        named = f": {'; '.join(places[:3])}" if places else ""
        lines.append(f"{plural(count, 'place')} of the journal can't be read{named}{more}")
    if shots := facts.get("unknown_shots"):
        named = listed(shots, most=6)
        lines.append(f"photos tell of shots that the journal does not know ({named}): part of the record is missing")
    return lines
