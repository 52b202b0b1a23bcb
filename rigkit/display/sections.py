"""Grids of the report: what became of each shot, who was missing, what went wrong, which bodies there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rigkit.display.counting import COUNTS, standing
from rigkit.display.grids import (
    Cell,
    Grid,
    battery_cell,
    because,
    by_position,
    grid_of,
    instant,
    label_of,
    noun,
    plain,
    plural,
    rows_of,
    shot_label,
    status_cell,
)
from rigkit.errors import listed
from rigkit.record.state import UNSEEN
from rigkit.record.tables import natural
from rigkit.record.timed import EVIDENCE

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "account_grid",
    "alike_line",
    "body_grid",
    "download_grid",
    "file_grid",
    "lost_grid",
    "odd_grid",
    "ranges",
    "request_grid",
    "unknown_list",
    "warning_grid",
]

#: Cameras missing from one shot for one reason: more than these are one row, so that a failed hub is one line, not forty.
_MOST_ALONE = 4
#: Warnings that arose within so many seconds of one another for the same reason are one row.
_TOGETHER_S = 2.0

Rows = Sequence[Mapping[str, Any]]


def account_grid(rows: Rows, whens: Mapping[int, datetime]) -> Grid:
    """One row per shot: when, who, what, how complete, and what is thought of it.

    Parameters
    ----------
    rows : sequence of Mapping
        Rows of the shots, with counts.
    whens : Mapping of int to datetime
        When each was; one that is not in it is shown without a time.
    """
    pattern = "%H:%M:%S" if len({when.date() for when in whens.values()}) <= 1 else "%Y-%m-%d %H:%M:%S"
    # What is the same in all shots is said once, by `alike_line`.
    told = {name for name in _ALIKE if len({row.get(name) for row in rows}) > 1}
    cells = []
    for row in rows:
        exposed, on_disk = _completeness(row)
        cells.append(
            (
                str(row["shot_id"]),
                f"{whens[row['shot_id']]:{pattern}}" if row["shot_id"] in whens else "",
                plain(row.get("subject"), 24) if "subject" in told else "",
                plain(row.get("pose"), 24),
                "" if row.get("rep") is None else str(row["rep"]),
                plain(row.get("trigger")) if "trigger" in told else "",
                exposed,
                on_disk,
                str(row.get("n_excluded") or ""),
                _verdict(row),
                plain(row.get("note"), 200),
            )
        )
    heads = ("shot", "time", "subject", "pose", "rep", "trigger", "exposed", "on disk", "left out", "verdict", "note")
    return grid_of(heads, cells, right=("shot", "rep", "exposed", "on disk", "left out"))


_ALIKE = {"subject": "subject", "trigger": "released by"}


def alike_line(rows: Rows) -> str:
    """Say what all shots have in common: ``Of all shots: subject P017, released by shoot``; empty: nothing that is known."""
    values = {name: {row.get(name) for row in rows} for name in _ALIKE}
    told = (
        [f"{_ALIKE[name]} {plain(one, 60)}" for name, (one, *others) in values.items() if one and not others]
        if rows
        else []
    )
    return f"Of all shots: {', '.join(told)}." if told else ""


def _completeness(row: Mapping[str, Any]) -> tuple[Cell, Cell]:
    """Exposed of expected, and on disk of expected."""
    complete = 0 < row["n_expected"] == row["n_exposed"]
    waits = row["n_exposed"] + row["n_missing"] < row["n_expected"]
    exposed = "good" if complete else "" if waits else "bad"
    files = "" if waits or row["n_on_disk"] >= row["n_exposed"] else "bad"
    if standing(row).word != COUNTS:
        exposed = files = "quiet"
    return Cell(f"{row['n_exposed']}/{row['n_expected']}", exposed), Cell(
        f"{row['n_on_disk']}/{row['n_expected']}", files
    )


def _verdict(row: Mapping[str, Any]) -> Cell:
    word, why = standing(row)
    if word != COUNTS:
        return Cell(f"{word} {why}" if word == "superseded" else f"{word}: {why}" if why else word, "out")
    if row.get("outcome") == "unknown":
        return Cell("not answered", "bad")
    reason = plain(row.get("reason"), 200)
    return Cell(f"accepted: {reason}" if reason else "accepted") if row.get("accepted") else Cell(COUNTS, "quiet")


def lost_grid(rows: Iterable[dict[str, Any]]) -> Grid:
    """One row per exposure without a photo, or without its file, grouped by shot; what many cameras of a shot share is one row.

    Parameters
    ----------
    rows : iterable of dict
        Rows of the exposures; those that are as they should be are skipped.
    """
    alike: dict[tuple[int, str, bool, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["status"] == "missing" or (row["cause"] and row["cause"] not in _ODD):
            reason, shared = because(row["cause"], row["detail"]), plain(row.get("common_cause"), 60)
            alike.setdefault((row["shot_id"], reason, row["status"] == "missing", shared), []).append(row)
    cells: list[tuple[Cell | str, ...]] = []
    for (shot_id, reason, lost, shared), who in sorted(alike.items(), key=lambda one: one[0][0]):
        together = len(who) > _MOST_ALONE or (shared and len(who) > 1)
        ordered = by_position(who)
        cells += [
            (
                shot_label(shot_id, some[0]["pose"]),
                str(len(some)),
                listed(map(label_of, some), most=40),
                plain(some[0].get("serial"), 24) if len(some) == 1 else "",
                Cell("no photo", "bad") if lost else Cell(_but(some[0])),
                reason,
                shared,
            )
            for some in ([ordered] if together else [[one] for one in ordered])
        ]
    heads = ("shot", "n", "cameras", "serial", "what", "cause", "what they share")
    return grid_of(heads, cells, right=("n",))


#: Causes of exposures that are there, and are odd.
_ODD = ("duplicate", "batch_slip", "storage")


def _but(row: Mapping[str, Any]) -> str:
    """Say what is amiss with an exposure of which there is a photo."""
    return "photo taken, file not on disk" if row["on_disk_s"] is None else "photo taken, one file not on disk"


def odd_grid(rows: Iterable[dict[str, Any]]) -> Grid:
    """One row per shot and oddity of exposures that are there: exposed twice, counter slipped, file elsewhere."""
    alike: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["status"] != "missing" and (row["duplicate"] or row["cause"] in _ODD):
            what = because(row["cause"], row["detail"]) if row["cause"] in _ODD else "duplicate"
            alike.setdefault((row["shot_id"], what), []).append(row)
    cells = [
        (shot_label(shot_id, who[0]["pose"]), str(len(who)), listed(map(label_of, by_position(who)), most=12), what)
        for (shot_id, what), who in sorted(alike.items(), key=lambda one: one[0][0])
    ]
    return grid_of(("shot", "n", "cameras", "what"), cells, right=("n",))


def warning_grid(warnings: pd.DataFrame) -> Grid:
    """Warnings in the order in which they arose; the same one of many cameras at once is one row."""
    alike: list[list[dict[str, Any]]] = []
    for row in rows_of(warnings.sort_values("since", kind="stable")):
        # Not only the last row: two rules that strike the same cameras take turns.
        for others in reversed(alike[-8:]):
            if _same(others[0], row):
                others.append(row)
                break
        else:
            alike.append([row])
    cells = [
        (
            instant(who[0]["since"], "%H:%M:%S"),
            Cell("still so", "bad") if (over := who[-1]["over"]) is None else instant(over, "%H:%M:%S"),
            plain(who[0]["rule"]).replace("_", " "),
            listed(dict.fromkeys(map(label_of, by_position(who))), most=12),
            plain(who[0]["found"], 120),
            plain(who[0]["wanted"], 120),
            plain(who[0]["todo"], 300),
        )
        for who in alike
    ]
    return grid_of(("since", "until", "warning", "cameras", "found", "should be", "what to do"), cells)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if any(one[name] != other[name] for name in ("rule", "found", "wanted", "todo")):
        return False
    if (one["over"] is None) is not (other["over"] is None):
        return False
    over_s = 0.0 if one["over"] is None else abs((other["over"] - one["over"]).total_seconds())
    since_s = abs((other["since"] - one["since"]).total_seconds())
    return bool(max(over_s, since_s) <= _TOGETHER_S)


def request_grid(requests: pd.DataFrame) -> Grid:
    """One row per request that was refused or not answered; the same one of the same shot, again and again, is one."""
    bad = requests[(requests["ok"].eq(False).fillna(False)) | requests["delivery"].isin(["no", "unknown"])]
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows_of(bad, "host_wall", "msg_id", "delivery", "ok", "shot_id"):
        alike.setdefault((row["msg_id"], row["delivery"], row["shot_id"]), []).append(row)
    cells = [
        (
            instant(rows[0]["host_wall"], "%H:%M:%S"),
            plain(msg_id),
            "" if shot_id is None else str(shot_id),
            {"no": "not sent", "unknown": "sent, not answered"}.get(delivery, "refused"),
            str(len(rows)),
        )
        for (msg_id, delivery, shot_id), rows in alike.items()
    ]
    return grid_of(("first", "request", "shot", "what came of it", "times"), cells, right=("shot", "times"))


def download_grid(requests: pd.DataFrame, photos: pd.DataFrame) -> Grid:
    """Photos whose files had to be asked for, by shot and camera: they did not come on their own."""
    import msgspec

    asked: Counter[str] = Counter()
    for payload in requests["payload"][requests["msg_id"] == "Download"].dropna():
        try:
            body = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            continue
        keys = body.get("PhotoKeys", [body.get("PhotoKey")]) if isinstance(body, dict) else []
        asked.update(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else None
    by_shot: dict[int | None, list[tuple[str, int, str]]] = {}
    for row in rows_of(
        photos[photos.index.isin(list(asked))], "photo_key", "shot_id", "position", "camera_key", "location"
    ):
        by_shot.setdefault(row["shot_id"], []).append((label_of(row), asked[row["photo_key"]], plain(row["location"])))
    cells = []
    for shot_id, told in by_shot.items():
        who = [f"{label} ({times} times)" if times > 1 else label for label, times, _ in sorted(told)]
        here = sum(location == "Local Disk" for *_, location in told)
        cells.append(("none" if shot_id is None else str(shot_id), str(len(told)), listed(who, most=12), str(here)))
    return grid_of(
        ("shot", "files asked for", "cameras", "on disk now"), cells, right=("shot", "files asked for", "on disk now")
    )


# -- bodies, files, and what nobody knows ----------------------------------------------------------------------------------


def body_grid(cameras: pd.DataFrame, exposures: Rows) -> Grid:
    """One row per body and position: of a position whose body was swapped, one row for each.

    Parameters
    ----------
    cameras : pandas.DataFrame
        The ``cameras`` table.
    exposures : sequence of Mapping
        Rows of the exposures of the shots that count; their positions are those at the time of the shot.
    """
    known = {row["camera_key"]: row for row in rows_of(cameras)}
    stood: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in exposures:
        stood.setdefault((label_of(row), row["camera_key"]), []).append(row)
    there = {key for _, key in stood}
    for key, camera in known.items():
        if key not in there or (camera["position"] and camera["expected"]):
            stood.setdefault((label_of(camera), key), [])
    bodies: Counter[str] = Counter(position for position, _ in stood)
    # By the layout these are of the place, whoever stands there.
    places = {label_of(camera): camera for camera in known.values() if camera["expected"]}
    cells = []
    for (position, key), taken in sorted(stood.items(), key=lambda one: _in_order(*one)):
        camera, place = known.get(key, {}), places.get(position, {})
        unseen = key.startswith(UNSEEN)
        missing = sum(row["status"] == "missing" for row in taken)
        serial = next((row["serial"] for row in reversed(taken) if row.get("serial")), camera.get("serial"))
        name = plain(camera.get("name"), 24)
        cells.append(
            (
                position,
                plain(serial, 24),
                "" if name == position else name,
                plain(camera.get("model"), 24),
                plain(place.get("lens"), 24),
                plain(place.get("hub"), 24),
                plain(camera.get("group"), 24),
                str(sum(row["status"] in ("captured", "recovered") for row in taken)),
                Cell(str(missing), "bad" if missing else "quiet"),
                ranges(row["shot_id"] for row in taken) if bodies[position] > 1 else "",
                battery_cell(camera),
                Cell("not seen", "bad") if unseen else status_cell(camera),
            )
        )
    heads = (
        "position",
        "serial",
        "name",
        "model",
        "lens",
        "hub",
        "group",
        "captured",
        "missing",
        "in shot",
        "battery",
        "status",
    )
    return grid_of(heads, cells, right=("captured", "missing", "battery"))


def _in_order(who: tuple[str, str], taken: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    first = min((row["shot_id"] for row in taken), default=float("inf"))
    return natural(who[0]), first, who[1]


def ranges(numbers: Iterable[int]) -> str:
    """Spell numbers shortly: ``1-3, 7``; none: the empty text."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


_WHERE = {
    "here": "here, of the size announced",
    "size_differs": "here, of another size",
    "missing": "not where the application put it",
    "unreachable": "in a folder that can't be seen from here: connect(photos={there: here}) says where it is",
}


def file_grid(photos: pd.DataFrame) -> Grid:
    """One row per state of the files: how many, and of which photos."""
    by_state: dict[str, list[str]] = {}
    for row in rows_of(photos, "photo_key", "path_state", "location", "name", "collided"):
        state = row["path_state"] or ("still on the camera" if row["location"] == "Camera" else "not known where")
        by_state.setdefault(_WHERE.get(state, state), []).append(plain(row["name"], 40) or plain(row["photo_key"], 40))
    good = _WHERE["here"]
    cells = [
        (
            Cell(
                words,
                "good" if words == good else "bad" if words in (_WHERE["missing"], _WHERE["size_differs"]) else "",
            ),
            str(len(by_state[words])),
            "" if words == good else listed(by_state[words], most=8),
        )
        for words in sorted(by_state, key=lambda words: (words == good, words))
    ]
    return grid_of(("where the file is", "files", "which"), cells, right=("files",))


def unknown_list(
    facts: Mapping[str, Any],
    rows: Rows,
    exposures: Rows,
    cameras: pd.DataFrame,
    loss: pd.DataFrame,
    evidence: pd.Series,
) -> list[str]:
    """Say what this record does not tell, one sentence each.

    Parameters
    ----------
    facts : Mapping
        As ``rigkit.reporting.facts_of`` gives them.
    rows, exposures : sequence of Mapping
        Rows of the shots and of their exposures.
    cameras, loss : pandas.DataFrame
        The tables.
    evidence : pandas.Series
        What is known of the time of each exposure rests on.
    """
    external = [row["shot_id"] for row in rows if row.get("trigger") == "external"]
    unknown = [row["shot_id"] for row in rows if row.get("outcome") == "unknown"]
    weak = sum(row.get("confidence") == "weak" for row in exposures)
    no_layout = bool(len(cameras) and cameras[["lens", "hub", "groups"]].isna().all(axis=None))
    told = {
        f"Released by something else than rigkit: {_shots(external)}. When is not recorded; the time shown is the first news of a "
        "photo.": bool(external),
        f"The release was not answered: {_shots(unknown)}. Where no photo came, nobody knows whether a shutter opened.": bool(
            unknown
        ),
        f"{plural(weak, 'exposure')} {noun(weak, 'was', 'were')} matched to a shot by time alone.": bool(weak),
        "How many events were lost is not known where a loss left no gap in their numbers.": bool(
            loss["n"].isna().any()
        ),
        **_times(exposures, evidence),
        "The application did not report its version.": not facts.get("application"),
        "There was no layout: positions are the names set in the application; lenses and hubs are not recorded.": no_layout,
        "Settings and states of cameras are those heard last, not those of each shot.": bool(len(cameras)),
    }
    return [sentence for sentence, applies in told.items() if applies]


def _times(exposures: Rows, evidence: pd.Series) -> dict[str, bool]:
    """Say what is not known of the time of exposures."""
    levels = set(evidence.dropna().astype(str))
    told, stamped = bool(levels & set(EVIDENCE[2:])), EVIDENCE[1] in levels
    return {
        "When the shutters opened is not observed, and no stamp of the cameras' own clocks is known.": bool(exposures)
        and not told
        and not stamped,
        "How simultaneous the shutters were: the cameras' stamps were not made comparable. A camera that is always late can't be told "
        "from one whose clock is off.": stamped and not told,
        "How simultaneous the shutters were in some of the shots: their stamps were not made comparable.": stamped
        and told,
        "When the shutters opened after the release: only differences between cameras are known.": told,
    }


def _shots(numbers: Sequence[int]) -> str:
    return f"{noun(len(numbers), 'shot')} {ranges(numbers)}"
