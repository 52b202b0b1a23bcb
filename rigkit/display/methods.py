"""Two paragraphs for the Methods section of a paper, from what is recorded and nothing else.

What was not recorded is said not to be. Shots that were rejected, superseded or not fired are named with their reasons and counted no
further. The interval of the completeness is Wilson's (:func:`rigkit.timing.intervals.wilson`): E. B. Wilson, Probable inference, the
law of succession, and statistical inference, J. Am. Stat. Assoc. 22 (1927) 209-212.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.display.counting import COUNTS, counted, shot_counts, standing, tally
from rigkit.display.day import heard_at
from rigkit.display.grids import plain, plural, rows_of
from rigkit.display.readings import NAMES, SOURCES, Reading, read_settings
from rigkit.errors import listed
from rigkit.record.state import UNSEEN
from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Recorded", "methods_text"]

_RELEASES = {
    "shoot": "released together by one request (Shoot) to the application's External API",
    "trigger": "released by the application's synchronised trigger (cameras armed, then ReleaseTrigger of its External API)",
    "latch": "released by a latch of the application's External API (EngageLatch, ReleaseLatch)",
    "press": "released by pressing the shutter buttons through the application's External API (SetShutterButton)",
    "external": "released by something else than rigkit (a trigger box, the application itself or another program; which was not "
    "recorded)",
}
_EXPOSURES = ("shot_id", "camera_key", "position", "serial", "status", "cause", "attempt", "late", "duplicate")


class Recorded(NamedTuple):
    """What a sitting recorded: facts, as ``rigkit.reporting.facts_of`` gives them, and tables by name."""

    facts: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]


class _Sitting(NamedTuple):
    """A sitting, its rows read; exposures, and keys of photos, are those of the shots that count."""

    facts: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    shots: list[dict[str, Any]]
    exposures: list[dict[str, Any]]
    whens: Mapping[int, datetime]

    @property
    def counting(self) -> list[dict[str, Any]]:
        return counted(self.shots)


def methods_text(recorded: Iterable[Recorded]) -> str:
    """Write the paragraphs.

    Parameters
    ----------
    recorded : iterable of Recorded
        One sitting, or several of one study.

    Returns
    -------
    str
        Plain text, two paragraphs parted by an empty line; the same record gives the same text.
    """
    sittings = [_read(one) for one in recorded]
    if not sittings:
        return "No sitting was recorded."
    if not any(one.shots for one in sittings):
        none = f"No shot was recorded in {plural(len(sittings), 'sitting')}."
        return _spaced([_simulated(sittings), none, _software(sittings)])
    apparatus = [
        _simulated(sittings),
        _bodies(sittings),
        *_lenses(sittings),
        _releases(sittings),
        _software(sittings),
        _settings(sittings),
    ]
    course = [
        _people(sittings),
        _shots(sittings),
        *_excluded(sittings),
        *_completeness(sittings),
        *_left_out(sittings),
        *_events(sittings),
        *_times(sittings),
    ]
    return f"{_spaced(apparatus)}\n\n{_spaced(course)}"


def _read(one: Recorded) -> _Sitting:
    shots = shot_counts(one.tables["shots"], one.tables["exposures"])
    counting = {row["shot_id"] for row in counted(shots)}
    exposures = [row for row in rows_of(one.tables["exposures"], *_EXPOSURES) if row["shot_id"] in counting]
    return _Sitting(one.facts, one.tables, shots, exposures, heard_at(shots, one.tables["photos"]))


def _spaced(sentences: Iterable[str]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _and(parts: Sequence[str]) -> str:
    """Join for a sentence: ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _simulated(sittings: Sequence[_Sitting]) -> str:
    simulated = sum(bool(one.facts.get("simulated")) for one in sittings)
    if not simulated:
        return ""
    if simulated == len(sittings):
        return "Simulated cameras; not a measurement."
    return f"Simulated cameras in {simulated} of {len(sittings)} sittings; these are not a measurement."


# -- what it was recorded with --------------------------------------------------------------------------------------------


def _cameras(sittings: Sequence[_Sitting]) -> dict[str, dict[str, Any]]:
    """Bodies that were expected in shots that count: row of the cameras table by serial number, else by key."""
    bodies: dict[str, dict[str, Any]] = {}
    for one in sittings:
        known = {
            row["camera_key"]: row
            for row in rows_of(one.tables["cameras"], "camera_key", "make", "model", "serial", "lens")
        }
        for row in one.exposures:
            key = row["camera_key"]
            if not key.startswith(UNSEEN):
                camera = known.get(key, {})
                bodies.setdefault(row["serial"] or camera.get("serial") or key, camera)
    return bodies


def _bodies(sittings: Sequence[_Sitting]) -> str:
    bodies = _cameras(sittings)
    places = {row["position"] for one in sittings for row in one.exposures if row["position"]}
    if not bodies:
        return "Which cameras were used was not recorded."
    models = Counter(_model(camera) for camera in bodies.values())
    told = [f"{count} {name}" for name, count in sorted(models.items(), key=lambda item: (-item[1], item[0]))]
    what = f" ({listed(told)})" if len(models) > 1 else f" ({next(iter(models))})"
    where = f" at {plural(len(places), 'position')}" if places and len(places) != len(bodies) else ""
    return f"Images were taken with {plural(len(bodies), 'camera')}{what}{where}."


def _model(camera: Mapping[str, Any]) -> str:
    make, model = plain(camera.get("make")), plain(camera.get("model"))
    if not model:
        return f"{make}, model not recorded" if make else "model not recorded"
    # Some models carry the make in their name.
    first = make.split()[0] if make else ""
    return model if first and model.casefold().startswith(first.casefold()) else f"{make} {model}".strip()


def _lenses(sittings: Sequence[_Sitting]) -> list[str]:
    """By the layout a lens is of a place, whoever stands there; another sitting may have another one there."""
    places: set[tuple[str, str]] = set()
    for one in sittings:
        stood = {row["position"] for row in one.exposures}
        for row in rows_of(one.tables["cameras"], "position", "expected", "lens"):
            if row["position"] in stood and row["expected"]:
                places.add((row["position"], plain(row["lens"]) or "not recorded"))
    lenses = Counter(lens for _, lens in places)
    if not set(lenses) - {"not recorded"}:
        return ["The lenses were not recorded."]
    if len(lenses) == 1:
        return [f"The lenses, by the layout of the rig, were all {next(iter(lenses))}."]
    told = [f"{name} ({count})" for name, count in sorted(lenses.items(), key=lambda item: (natural(item[0]), item[0]))]
    return [f"The lenses, by the layout of the rig and by position, were {listed(told)}."]


def _releases(sittings: Sequence[_Sitting]) -> str:
    triggers = Counter(str(row.get("trigger")) for one in sittings for row in one.counting)
    total = sum(triggers.values())
    if not total:
        return ""
    told = [(triggers[name], words) for name, words in _RELEASES.items() if triggers[name]]
    unsaid = total - sum(count for count, _ in told)
    told += [(unsaid, "released in a way that was not recorded")] if unsaid else []
    if len(told) == 1:
        return f"The cameras of each shot were {told[0][1]}."
    return f"Of the shots that count, {_and([f'{count} {_were(count)} {words}' for count, words in told])}."


def _software(sittings: Sequence[_Sitting]) -> str:
    facts = [one.facts for one in sittings]
    application, dialect, rigkit, python, platform = (
        _said(facts, name) for name in ("application", "dialect", "rigkit_version", "python_version", "platform")
    )
    application = f"version {application}, as it reported itself" if application else "version not recorded"
    return (
        f"The camera control application ({application}) was driven through the Smart Shooter / CaptureGRID External API (messages of "
        f"dialect {dialect or 'not recorded'}) by rigkit {rigkit or '(version not recorded)'} under Python "
        f"{python or '(version not recorded)'} on {platform or 'a platform that was not recorded'}."
    )


def _said(facts: Sequence[Mapping[str, Any]], name: str) -> str:
    """All values of a fact, each once."""
    values = dict.fromkeys(plain(one.get(name), 60) for one in facts)
    values.pop("", None)
    return " and ".join(sorted(values))


def _settings(sittings: Sequence[_Sitting]) -> str:
    readings = read_settings((one.exposures, one.tables["photos"], one.tables["settings"]) for one in sittings)
    told_of = {NAMES[kind]: reading for kind, reading in readings.items()}
    same = {name: one for name, one in told_of.items() if len(one.values) == 1 and not one.untold}
    partly = {name: one for name, one in told_of.items() if len(one.values) == 1 and one.untold}
    differed = {name: one for name, one in told_of.items() if len(one.values) > 1}
    unknown = [name for name, one in told_of.items() if not one.values]
    parts = []
    if same:
        named = [f"{name} {next(iter(one.values))}" for name, one in same.items()]
        parts.append(f"{_and(named)} {_were(len(same))} the same on all cameras{_as_read(same)}")
    for name, one in partly.items():
        lacking = f"of {plural(len(one.untold), 'camera')} it was not recorded"
        parts.append(
            f"{name} was {next(iter(one.values))} wherever it was recorded{_as_read({name: one})}, and {lacking}"
        )
    if differed:
        parts.append(f"{_and(list(differed))} differed between cameras or shots{_as_read(differed)}")
    if unknown:
        parts.append(f"{_and(unknown)} {_were(len(unknown))} not recorded")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _as_read(told: Mapping[str, Reading]) -> str:
    """Say in parentheses what settings were read from."""
    by_source = {source: [name for name, one in told.items() if one.sources == source] for source in SOURCES}
    *first, (last, _) = ((source, names) for source, names in by_source.items() if names)
    words = [f"{_and(names)} {SOURCES[source]}" for source, names in first]
    words.append(f"{'the others ' if first else ''}{SOURCES[last]}")
    return f" ({', '.join(words)})"


# -- how it went -----------------------------------------------------------------------------------------------------------


def _people(sittings: Sequence[_Sitting]) -> str:
    subjects = {plain(row.get("subject"), 60) for one in sittings for row in one.counting} - {""}
    subjects |= {plain(one.facts.get("begun_for"), 60) for one in sittings if one.counting} - {""}
    whens = [when for one in sittings for when in one.whens.values()]
    unnamed = sum(not row.get("subject") for one in sittings if not one.facts.get("begun_for") for row in one.counting)
    where = f"{plural(len(sittings), 'sitting')}{_dates(whens)}"
    if not subjects:
        return f"There {_were(len(sittings))} {where}; who took part was not recorded."
    more = f" (in {plural(unnamed, 'shot')} nobody was named)" if unnamed else ""
    return f"{plural(len(subjects), 'participant')} took part in {where}{more}."


def _dates(whens: Sequence[datetime]) -> str:
    days = sorted({when.date() for when in whens})
    if not days:
        return " on a date that was not recorded"
    first, last = (f"{day.day} {day:%B %Y}" for day in (days[0], days[-1]))
    return f" on {first}" if len(days) == 1 else f" on {len(days)} days from {first} to {last}"


def _shots(sittings: Sequence[_Sitting]) -> str:
    numbers = [len(one.shots) for one in sittings]
    total = sum(numbers)
    text = f"In all, {plural(total, 'shot')} {_were(total)} recorded"
    if len(sittings) > 1:
        same = len(set(numbers)) == 1
        text += (
            f", {numbers[0]} in each sitting"
            if same
            else f", {median(numbers):g} per sitting (median; {min(numbers)} to {max(numbers)})"
        )
    poses = {plain(row.get("pose"), 40) for one in sittings for row in one.counting} - {""}
    ordered = sorted(poses, key=lambda pose: (natural(pose), pose))
    return (
        f"{text}, of {plural(len(poses), 'pose')} ({listed(ordered)})."
        if poses
        else f"{text}; poses were not recorded."
    )


def _excluded(sittings: Sequence[_Sitting]) -> list[str]:
    """Name the shots that do not count, by reason."""
    apart: dict[str, Counter[str]] = {word: Counter() for word in _APART}
    for one in sittings:
        for row in one.shots:
            word, why = standing(row)
            if word != COUNTS:
                apart[word][plain(why, 80) or "reason not recorded"] += 1
    told = []
    for word, words in _APART.items():
        reasons = [why if count == 1 else f"{why}: {count}" for why, count in sorted(apart[word].items())]
        total = apart[word].total()
        if total:
            told.append(
                f"{total} {_were(total)} {words}" + ("" if word == "superseded" else f" ({'; '.join(reasons)})")
            )
    n_apart = sum(reasons.total() for reasons in apart.values())
    return [f"Of these, {_and(told)}; {'it is' if n_apart == 1 else 'they are'} not counted below."] if told else []


_APART = {
    "rejected": "rejected",
    "superseded": "superseded by another one taken in its place",
    "not fired": "not fired",
}


def _left_out(sittings: Sequence[_Sitting]) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for one in sittings:
        counting = {row["shot_id"] for row in one.counting}
        counts.update(
            (plain(position, 24), plain(reason, 80))
            for shot_id, position, reason in one.facts.get("left_out", ())
            if shot_id in counting
        )
    if not counts:
        return []
    ordered = sorted(counts.items(), key=lambda item: (natural(item[0][0]), item[0]))
    told = [
        f"{position} ({reason or 'reason not recorded'}; {plural(count, 'shot')})"
        for (position, reason), count in ordered
    ]
    return [f"Left out by name, and not expected: {listed(told)}."]


def _completeness(sittings: Sequence[_Sitting]) -> list[str]:
    from rigkit.timing.intervals import wilson  # here, as it imports numpy

    sums = [tally(one.shots) for one in sittings]
    shots, expected, captured, waiting = (
        sum(getattr(one, name) for one in sums) for name in ("counted", "expected", "exposed", "waiting")
    )
    if not expected:
        return ["No exposure was expected." if shots else "No shot counts, so nothing is said of completeness."]
    low, high = wilson(captured, expected)
    interval = f"95 % Wilson interval {100 * low:.2f} to {100 * high:.2f} %, taking exposures as independent"
    which = f"The {plural(shots, 'shot that counts', 'shots that count')}"
    if shots == sum(one.shots for one in sums):
        which = "It" if shots == 1 else "They"
    had = f"{which} had {plural(expected, 'expected exposure')}"
    exposures = [row for one in sittings for row in one.exposures]
    return [
        f"{had}, of which {captured} {_were(captured)} captured ({_percent(captured / expected)}; {interval}).",
        *_captured([row for row in exposures if row["status"] in ("captured", "recovered")]),
        *_missing([row for row in exposures if row["status"] == "missing"]),
        *(
            [f"{plural(waiting, 'exposure')} {_were(waiting)} not accounted for when this was written."]
            if waiting
            else []
        ),
    ]


def _captured(there: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what is particular about exposures that are there."""
    asked = sum(row["status"] == "recovered" for row in there)
    again = sum((row["attempt"] or 1) > 1 for row in there)
    twice = sum(bool(row["duplicate"]) for row in there)
    told = [
        (asked, "found by asking the application after the event that tells of it was lost"),
        (again, "taken in a later attempt (reshoot), hence at another instant than the rest of the shot"),
        (twice, "of a camera that exposed more than once in that shot"),
    ]
    return [f"Of the captured, {count} {_were(count)} {words}." for count, words in told if count]


def _missing(missing: Sequence[Mapping[str, Any]]) -> list[str]:
    if not missing:
        return []
    causes = Counter(plain(row["cause"]).replace("_", " ") or "cause not recorded" for row in missing)
    if len(missing) == 1:
        return [f"Cause of the missing exposure: {next(iter(causes))}."]
    told = ", ".join(f"{cause} {count}" for cause, count in sorted(causes.items()))
    return [f"Causes of the {len(missing)} missing: {told}."]


def _percent(share: float) -> str:
    return "100 %" if share == 1 else f"{100 * share:.2f} %"


def _events(sittings: Sequence[_Sitting]) -> list[str]:
    """Say what was lost on the way from the application, and whether it was made up for."""
    rows = [row for one in sittings for row in rows_of(one.tables["loss"])]
    if not rows:
        return []
    known = sum(row["n"] or 0 for row in rows)
    unknown = sum(row["n"] is None for row in rows)
    made_up = sum(row["recovered_by"] is not None for row in rows)
    what = f"{'at least ' if unknown else ''}{plural(known, 'event')}" if known else "an unknown number of events"
    when = "Once" if len(rows) == 1 else f"On {len(rows)} occasions"
    all_of_it = {len(rows): "this was", 0: "this was not"}
    after = all_of_it.get(made_up, f"in {made_up} of these cases this was")
    return [f"{when} {what} of the application {_were(known)} not heard; {after} made up for by asking for its state."]


def _times(sittings: Sequence[_Sitting]) -> list[str]:
    """Say what is known of the time of exposures."""
    from rigkit.display.claims import claims  # here, as it imports numpy

    return claims((one.facts, one.tables, [row["shot_id"] for row in one.counting]) for one in sittings)
