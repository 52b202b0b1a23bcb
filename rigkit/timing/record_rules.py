"""Rules about facts of the record: who is missing, what slipped, what was lost. They count and compare, and never estimate.

What these find is so; no share of the budget of false findings is spent on it. Sources: the failure catalogue of rig users; the
account of each shot (:mod:`rigkit.account`).
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rigkit.account.conditions import LIMITS, PICTURE, same_value
from rigkit.account.majority import majority
from rigkit.record.rows import by_position, label_of
from rigkit.timing.found import Found, Looked, Record, Row
from rigkit.timing.intervals import wilson
from rigkit.wire.values import python_name

__all__ = ["RECORD_RULES", "Golden", "settings_mismatch"]

#: Camera key -> property -> group of the golden profile that holds for it (empty: all cameras), and its value.
Golden = Mapping[str, Mapping[str, tuple[str, str]]]

_NO_EXPOSURES = "there are no exposures"
_SHARED = re.compile(r"(node|hub|group) (.*?)(?: \((\d+ of \d+)\))?", re.DOTALL)
_PERCENT = re.compile(r"(\d{1,3}) ?%")
#: A battery that fell by less (%) tells nothing of its pace: it is told in whole percent, and by many bodies in steps of four bars.
_LEAST_FALL_PCT = 3
#: A file that was on disk later than this (s) was not waited for: it stayed on the card, or was asked for again by the evening.
_SLOWEST_FILE_S = 300.0


def _by_camera(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Group rows by camera, in the order of the positions."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["camera_key"], []).append(row)
    return {row["camera_key"]: groups[row["camera_key"]] for row in by_position(group[-1] for group in groups.values())}


def _only(shot_ids: list[int]) -> int | None:
    """Give the shot that a finding is about, if it is about one."""
    return shot_ids[0] if len(shot_ids) == 1 else None


def _shots_of(rows: Iterable[Row]) -> list[int]:
    return sorted({row["shot_id"] for row in rows})


# -- what became of the exposures ---------------------------------------------------------------------------------------


def missing(record: Record) -> Looked:
    """Find cameras that are missing from shots that count."""
    looked = Looked("missing", len(record.counted), reason="" if record.counted else _NO_EXPOSURES)
    lost = {row["camera_key"] for row in record.counted if row["status"] == "missing"}
    for key, rows in _by_camera(row for row in record.counted if row["camera_key"] in lost).items():
        last = {row["shot_id"]: row for row in rows}  # rows that are there twice count once
        absent = [row for _, row in sorted(last.items()) if row["status"] == "missing"]
        if not absent:
            continue
        causes = Counter(row["cause"] for row in absent if row["cause"])
        lo, hi = wilson(len(absent), len(last))
        shot_ids = _shots_of(absent)
        looked.found.append(
            record.of_camera(
                "missing",
                "error",
                key,
                shot_ids,
                effect=100 * len(absent) / len(last),
                unit="%",
                lo=100 * lo,
                hi=100 * hi,
                n=len(last),
                more={"causes": causes.most_common(), "streak": _streak(last), "shots": shot_ids},
            )
        )
    return looked


def _streak(rows: Mapping[int, Row]) -> int:
    """Count the most shots in a row from which a camera was missing; a shot it was not expected in breaks no row."""
    longest = current = 0
    for shot_id in sorted(rows):
        current = current + 1 if rows[shot_id]["status"] == "missing" else 0
        longest = max(longest, current)
    return longest


def common_cause(record: Record) -> Looked:
    """Find what the cameras that failed together share; the test was made when the shot was accounted for."""
    looked = Looked(
        "common_cause", len({row["shot_id"] for row in record.counted}), reason="" if record.counted else _NO_EXPOSURES
    )
    shared: dict[tuple[str, str], dict[int, list[str]]] = {}
    for row in record.counted:
        if row["status"] == "missing" and row["common_cause"]:
            match = _SHARED.fullmatch(row["common_cause"])
            kind, what, count = match.groups("") if match else ("group", row["common_cause"], "")
            shared.setdefault((kind, what), {}).setdefault(row["shot_id"], []).append(count)
    for (kind, what), shots in sorted(shared.items()):
        found = Found(
            "common_cause",
            "error",
            kind,
            what,
            None,
            _only(list(shots)),
            effect=float(sum(map(len, shots.values()))),
            unit="exposures",
            n=len(shots),
            more={"shots": {shot_id: counts[0] for shot_id, counts in shots.items()}},
        )
        looked.found.append(found)
    return looked


def duplicates(record: Record) -> Looked:
    """Find cameras that delivered more than one exposure for a shot."""
    looked = Looked("duplicates", len(record.counted), reason="" if record.counted else _NO_EXPOSURES)
    expected = Counter(row["camera_key"] for row in record.counted)
    for key, rows in _by_camera(row for row in record.counted if row["duplicate"]).items():
        shot_ids = _shots_of(rows)
        found = record.of_camera(
            "duplicates",
            "warn",
            key,
            shot_ids,
            effect=float(len(shot_ids)),
            unit="exposures",
            n=expected[key],
            more={"shots": shot_ids},
        )
        looked.found.append(found)
    return looked


def batch_slip(record: Record) -> Looked:
    """Find cameras whose batch number left that of the others: in a shot, or by what they say comes next."""
    slipped = _by_camera(row for row in record.exposures if row["cause"] == "batch_slip")
    # Numbers move with each shot, one camera after the other: while a shot is under way they tell nothing.
    under_way = any(row["status"] == "waiting" for row in record.exposures)
    told = [] if under_way else [row for row in record.there if row["batch_next"] is not None]
    usual = majority(row["batch_next"] for row in told)
    now = {row["camera_key"]: row["batch_next"] for row in told}
    off = [row for row in told if usual is not None and row["batch_next"] != usual and row["camera_key"] not in slipped]
    looked = Looked("batch_slip", max(len(told), len({row["camera_key"] for row in record.exposures})))
    looked.reason = "" if looked.n else "no camera tells a batch number"
    for key in [*slipped, *(row["camera_key"] for row in by_position(off))]:
        rows, number = slipped.get(key, []), now.get(key)
        shot_ids = _shots_of(rows)
        effect = None if number is None or usual is None else float(number - usual)
        detail = rows[0]["detail"] if len(rows) == 1 else None
        more = {"shots": shot_ids, "detail": detail, "now": number, "usual": usual}
        looked.found.append(
            record.of_camera(
                "batch_slip", "warn", key, shot_ids, effect=effect, unit="exposures", n=len(rows) or None, more=more
            )
        )
    return looked


def too_fast(record: Record) -> Looked:
    """Find shots that lack cameras and were released before the last file of the one before was on disk."""
    ends = _file_ends(record)
    timed = sorted(
        (row for row in record.shots if row["requested_mono_s"] is not None), key=lambda row: int(row["shot_id"])
    )
    absent: dict[int, set[str]] = {}
    for row in record.counted:
        if row["status"] == "missing":
            absent.setdefault(row["shot_id"], set()).add(row["camera_key"])
    looked, early, busy = Looked("too_fast"), [], set[str]()
    for before, shot in itertools.pairwise(timed):
        files, released = ends.get(before["shot_id"], {}), float(shot["requested_mono_s"])
        # The host's monotonic clock starts again with the host: a release before the one before is of another start.
        if not files or released < float(before["requested_mono_s"]):
            continue
        looked.n += 1
        ahead = max(files.values()) - released
        lost = absent.get(shot["shot_id"], set())
        if ahead > 0 and lost:
            early.append((int(shot["shot_id"]), ahead, len(lost)))
            busy |= {key for key in lost if files.get(key, released) > released}
    looked.reason = "" if looked.n else "no shot follows one whose files were heard of"
    if early:
        shot_ids = [shot_id for shot_id, _, _ in early]
        more = {"shots": early, "busy": sorted(map(record.label, busy))}
        looked.found.append(
            Found(
                "too_fast",
                "warn",
                "shot",
                None,
                None,
                _only(shot_ids),
                effect=max(ahead for _, ahead, _ in early),
                unit="s",
                n=looked.n,
                more=more,
            )
        )
    return looked


def _file_ends(record: Record) -> dict[int, dict[str, float]]:
    """Say when the file of each camera of each shot was on disk, s on the host monotonic clock; of a shot's first attempt."""
    releases = {row["shot_id"]: row["requested_mono_s"] for row in record.shots}
    ends: dict[int, dict[str, float]] = {}
    for row in record.rows("exposures", "shot_id", "camera_key", "attempt", "on_disk_s"):
        released, took = releases.get(row["shot_id"]), row["on_disk_s"]
        if released is not None and took is not None and took <= _SLOWEST_FILE_S and row["attempt"] in (None, 1):
            ends.setdefault(row["shot_id"], {})[row["camera_key"]] = float(released) + float(took)
    return ends


def name_collision(record: Record) -> Looked:
    """Find photos that could not have the name that was computed for them."""
    photos = [row for row in record.rows("photos", *_PHOTO) if not row["before"] and row["collided"] is not None]
    looked = Looked("name_collision", len(photos), reason="" if photos else "no photo tells the name it was to have")
    collided = [row for row in photos if row["collided"]]
    if collided:
        names = [
            f"{row['name'] or row['photo_key']} of {label_of(row) or 'an unknown camera'}"
            + ("" if row["shot_id"] is None else f" in shot {row['shot_id']}")
            for row in collided
        ]
        keys, shot_ids = ({row[name] for row in collided} for name in ("camera_key", "shot_id"))
        key = keys.pop() if len(keys) == 1 else None
        shot_id = shot_ids.pop() if len(shot_ids) == 1 else None
        more = {"photos": names}
        looked.found.append(
            Found(
                "name_collision",
                "warn",
                "camera" if key else "session",
                key,
                record.label(key) if key else None,
                shot_id,
                float(len(collided)),
                "photos",
                n=len(photos),
                more=more,
            )
        )
    return looked


_PHOTO = ("photo_key", "shot_id", "camera_key", "position", "before", "collided", "name")


# -- the cameras and their settings -------------------------------------------------------------------------------------


def battery_forecast(record: Record) -> Looked:
    """Find low batteries; with a warning of before, say how long they will last."""
    told = [
        row
        for row in record.cameras
        if row["battery_pct"] is not None and row["battery_pct"] >= 0 and row["power"] != "AC"
    ]
    looked = Looked("battery_forecast", len(told), reason="" if told else "no camera on a battery tells its charge")
    history = _batteries_before(record)
    for row in by_position(told):
        level, key = int(row["battery_pct"]), row["camera_key"]
        if level < LIMITS.battery_warn_pct:
            before = _pace(history.get(key), level, row["last_heard"])
            looked.found.append(
                record.of_camera(
                    "battery_forecast", "warn", key, effect=float(level), unit="%", n=1, more={"before": before}
                )
            )
    return looked


def _batteries_before(record: Record) -> dict[str, Row]:
    """Give the warning about each battery that is not over, with the charge it was given at."""
    kept: dict[str, Row] = {}
    for row in record.rows("warnings", "rule", "camera_key", "since", "over", "found"):
        match = _PERCENT.match(str(row["found"]))
        if row["rule"] == "battery" and row["over"] is None and row["since"] is not None and match:
            kept.setdefault(row["camera_key"], {**row, "percent": int(match[1])})
    return kept


def _pace(before: Row | None, level: int, heard: Any) -> tuple[int, float, float] | None:
    """Say from which charge it fell, in how many minutes, and in how many more it is empty; None: not known."""
    if before is None or heard is None or before["percent"] - level < _LEAST_FALL_PCT:
        return None
    minutes = (heard - before["since"]).total_seconds() / 60
    return (before["percent"], minutes, level * minutes / (before["percent"] - level)) if minutes > 0 else None


def card(record: Record) -> Looked:
    """Find cameras without the card they write to, and cameras that had trouble storing."""
    storage = {
        row["camera_key"]: row["value"]
        for row in record.rows(
            "settings", "camera_key", "property", "value", where=lambda table: _property_is(table, "Storage")
        )
    }
    told = [row for row in record.there if row["n_cards"] is not None]
    looked = Looked(
        "card", len(told) or len(record.counted), reason="" if told or record.counted else "no camera tells its cards"
    )
    for row in by_position(told):
        key = row["camera_key"]
        if row["n_cards"] == 0 and storage.get(key) in ("Card", "Both"):
            more = {"storage": storage[key], "shots": [], "detail": None}
            looked.found.append(record.of_camera("card", "warn", key, more=more))
    for key, rows in _by_camera(row for row in record.counted if row["cause"] == "storage").items():
        shot_ids = _shots_of(rows)
        details = {row["detail"] for row in rows}
        more = {"storage": None, "shots": shot_ids, "detail": details.pop() if len(details) == 1 else None}
        lost = any(row["status"] == "missing" for row in rows)
        looked.found.append(
            record.of_camera(
                "card",
                "error" if lost else "warn",
                key,
                shot_ids,
                effect=float(len(rows)),
                unit="exposures",
                n=len(rows),
                more=more,
            )
        )
    return looked


def _property_is(table: Any, *kinds: str) -> Any:
    told = table["property"] if "property" in table.columns else table.index.get_level_values("property")
    return told.isin(kinds)


def settings_mismatch(record: Record, golden: Golden) -> Looked:
    """Find cameras that are not set as their golden profile says, or, without one, otherwise than most of their model.

    Parameters
    ----------
    record : Record
        The tables.
    golden : mapping
        The golden profiles that hold.
    """
    cameras = {row["camera_key"]: row for row in record.cameras}
    looked = Looked("settings_mismatch", reason="there are no settings of any camera")
    if not record.has("settings", "property"):
        return looked
    wanted = ("camera_key", "position", "property", "value", "writeable")
    rows = record.rows("settings", *wanted, where=lambda table: _property_is(table, *PICTURE, *_golden_kinds(golden)))
    told = [row for row in rows if row["value"] is not None and (row["camera_key"] in cameras or not cameras)]
    looked.n = len({row["camera_key"] for row in told})
    looked.reason = (
        "" if looked.n >= 3 or golden else f"{looked.n} cameras: it takes 3 to say which one is set otherwise"
    )
    held: dict[tuple[str, str], list[Row]] = {}
    free: dict[tuple[str, str], list[Row]] = {}
    for row in told:
        kind, key = row["property"], row["camera_key"]
        if kind in golden.get(key, {}):
            held.setdefault((kind, golden[key][kind][1]), []).append(row)
        else:
            free.setdefault((kind, str(cameras.get(key, {}).get("model") or "")), []).append(row)
    several = len({model for _, model in free}) > 1
    for (kind, value), alike in sorted(held.items()):
        looked.found += _deviating(record, kind, value, alike, "", golden=True)
    for (kind, model), alike in sorted(free.items()):
        usual = majority(row["value"] for row in alike)
        if usual is not None:
            looked.found += _deviating(record, kind, usual, alike, model if several else "", golden=False)
    return looked


def _golden_kinds(golden: Golden) -> set[str]:
    return {kind for held in golden.values() for kind in held}


def _deviating(record: Record, kind: str, usual: str, rows: list[Row], model: str, *, golden: bool) -> Iterator[Found]:
    """Name who has another value than the usual one; nobody: nothing."""
    odd = by_position(row for row in rows if not same_value(usual, row["value"]))
    if not odd:
        return
    others: dict[str, list[str]] = {}
    for row in odd:
        others.setdefault(row["value"], []).append(record.label(row["camera_key"]))
    keys = {row["camera_key"] for row in odd}
    key = keys.pop() if len(keys) == 1 else None
    dial = all(row["writeable"] is False for row in odd)
    more = {"name": python_name(kind), "usual": usual, "others": others, "model": model, "golden": golden, "dial": dial}
    yield Found(
        "settings_mismatch",
        "warn",
        "camera" if key else "rig",
        key,
        record.label(key) if key else None,
        None,
        effect=float(len(odd)),
        unit="cameras",
        n=len(rows),
        more=more,
    )


# -- the connection -----------------------------------------------------------------------------------------------------


def events_lost(record: Record) -> Looked:
    """Find events that were published and never heard, and say what made up for them."""
    rows = record.rows("loss", "where", "n", "recovered_by")
    looked = Looked("events_lost", len(record.shots))
    if rows:
        still = sum(row["recovered_by"] is None for row in rows)
        known = [int(row["n"]) for row in rows if row["n"] is not None]
        more = {
            "where": Counter(str(row["where"] or "place not known") for row in rows),
            "by": sorted({row["recovered_by"] for row in rows if row["recovered_by"] is not None}),
            "open": still,
            "all_known": len(known) == len(rows),
            "recovered": sum(row["status"] == "recovered" for row in record.exposures),
        }
        effect = float(sum(known)) if known else None
        looked.found.append(
            Found(
                "events_lost",
                "warn" if still else "info",
                "session",
                None,
                None,
                None,
                effect=effect,
                unit="events",
                n=len(rows),
                more=more,
            )
        )
    return looked


#: Every rule of facts that needs the tables alone.
RECORD_RULES: tuple[Callable[[Record], Looked], ...] = (
    *(missing, common_cause, batch_slip, name_collision, battery_forecast, card, duplicates, events_lost, too_fast),
)
