"""Before a shot, and after trouble: can it be fired now, and bring back what can be brought back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rigkit.account.conditions import LIMITS, RULES, Limits, golden_of
from rigkit.account.silence import GONE
from rigkit.cameras import Cameras
from rigkit.display.grids import plain
from rigkit.errors import NoReply, RigError, listed
from rigkit.preflight import ESSENTIAL, Finding, Looked, by_weight, look, shared_hub
from rigkit.profiles import apply_golden, deviations
from rigkit.record.columns import frame
from rigkit.record.state import NOT_SEEN, UNSEEN, State
from rigkit.settings import Wanted, send_to_all
from rigkit.wire.selection import selection
from rigkit.wire.values import python_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Checking"]

#: How long a camera may stay Busy before it counts as not Ready, s: a file on its way takes about 1 s.
_BUSY_S = 2.0
#: With more photos than these the application is asked for its cameras only: it would send what it knows of all of them, about
#: 1 kB each.
_FEW_PHOTOS = 1000
#: How long detecting may take before cameras that are not found yet are asked to connect, s.
_DETECT_S = 2.0
#: How often cameras that are still away are looked for again, s.
_AGAIN_S = 5.0


class Checking(Cameras):
    """Cameras that can be looked after."""

    def check(self, limits: Limits | None = None, disk_shots: int = 50, *, clocks: bool = False) -> pd.DataFrame:
        """Say whether a shot can be fired now, and what is in its way: GO or NO-GO.

        The application is asked anew for its cameras, and for all it knows while that is not more than 1000 photos; above that its
        options (file names, folders, the subject) are those it told last. Nothing is fired and nothing is set; whatever can't be
        found out is said to be unknown.

        Parameters
        ----------
        limits : Limits or None
            From where on something counts (``rigkit.account.conditions.Limits``); None: battery below 30 % is worth a word,
            below 10 % in the way.
        disk_shots : int
            There should be room for so many shots of these cameras.
        clocks : bool
            Have the application read the cameras' clocks (CheckClocks); what else that does to the bodies is not known.

        Returns
        -------
        pandas.DataFrame
            Index check, always the same rows; columns ok (``<NA>``: could not be found out), level (ok, warn, stop, unknown),
            n, positions, found, wanted, todo. The last row is the verdict: what was found in one sentence, and the first thing
            to do. ``attrs["verdict"]`` is ``GO``, ``GO, with warnings`` or ``NO-GO``, and ``attrs["summary"]`` that sentence, so
            a notebook stops by ``assert rig.check().attrs["verdict"] != "NO-GO"``.
        """
        looked = self._look(limits or LIMITS, disk_shots, clocks)
        findings = look(looked)
        verdict, sentence, first = _verdict(findings, simulated=self.simulated)
        rows = [_row(name, finding, looked) for name, finding in findings.items()]
        level = {"GO": "ok", "NO-GO": "stop"}.get(verdict, "warn")
        end = {"ok": verdict != "NO-GO", "level": level, "found": sentence, "wanted": "GO", "todo": first}
        table = frame("check", [*rows, {"check": "verdict", "n": len(looked.keys), "positions": "", **end}])
        table.attrs["verdict"], table.attrs["summary"] = verdict, sentence
        bad = {row["check"]: row["found"] for row in rows if row["level"] != "ok"}
        self.session.log.note("check", verdict=verdict, summary=sentence, findings=bad)
        return table

    def _look(self, limits: Limits, disk_shots: int, clocks: bool) -> Looked:
        """Ask whatever there is to ask, each question for itself."""
        sitting, hears, problem = self._sitting, None, ""
        try:
            self._ask_state(clocks)
            sitting.wait_for(lambda: not self._busy(), _BUSY_S)
            hears = self._hears()
        except RigError as exc:
            problem = f"the application could not be asked: {plain(exc, 300)}"
        return Looked(
            sitting, self._members(), self._keys is None, limits, disk_shots, problem, hears, clocks and not problem
        )

    def _ask_state(self, clocks: bool) -> None:
        """Ask for the state anew.

        Raises
        ------
        RigError
            Nobody answered, or the answer was no.
        """
        if clocks:
            self._sitting.request("CheckClocks", {})
        self._sitting.make_up()
        if not self._ask(photos=len(self.session.state.photos) <= _FEW_PHOTOS or not self.session.hearing):
            raise RigError("it refuses to tell its state")

    def _ask(self, *, photos: bool = False) -> bool:
        """Ask for the cameras anew, or for everything, and say whether it was told.

        Raises
        ------
        NoReply
            Nobody answered.
        """
        keys = None if self._keys is None else self.keys or None
        by = self._sitting.synchronise(keys, photos=photos)
        # A camera that the application does not know any more makes it refuse them all; everything it knows it always tells.
        return by is not None or (not photos and self._sitting.synchronise() is not None)

    def _busy(self) -> bool:
        cameras = self.session.state.cameras
        return any(cameras[key].status == "Busy" for key in self.keys)

    def _hears(self) -> bool | None:
        """Whether our own text comes back as an event; None: the application relays none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the table says it
            heard = self._sitting.check_hearing()
        sent = [one for one in self.session.state.requests if one.msg_id == "RelayCustomText"]
        return heard if sent and sent[-1].ok else None

    # -- after trouble ------------------------------------------------------------------------------------------------

    def recover(self, timeout: float = 15.0) -> pd.DataFrame:
        """Bring back the cameras that are away, and set those right that are not as their golden settings say.

        The application is told to look for cameras and to connect those that should be there; whoever comes back gets its golden
        settings again. Nothing is fired.

        Parameters
        ----------
        timeout : float
            Seconds to wait for cameras to become Ready.

        Returns
        -------
        pandas.DataFrame
            Index camera_key, only cameras that needed something; columns position, before, after, settings (``<NA>``: it has no
            golden settings, or is away), ok, todo. ``attrs["summary"]`` says it in one sentence.

        Raises
        ------
        NoReply
            The application itself does not answer.
        """
        before = self._statuses()
        self._ask()
        before = {**before, **self._statuses()}  # whoever is not listed any more was there
        away = [who for who, status in before.items() if status not in {"Ready", "Busy"}]
        if away:
            self._bring_back(away, timeout)
        off, still_off = self._set_right()
        after = self._statuses()
        places = self._by_place()
        rows = [
            self._recovered(places.get(who, who), status, after.get(who, status), still_off)
            for who, status in before.items()
            if who in away or places.get(who) in off
        ]
        table = frame("recovered", rows)
        table.attrs["summary"] = summary = _summary(rows, off, still_off, self.session.state)
        told = [{name: row[name] for name in ("camera_key", "before", "after", "settings", "ok")} for row in rows]
        self.session.log.note("recover", summary=summary, cameras=told)
        return table

    def _by_place(self) -> dict[str, str]:
        """Who stands where: position in the layout (a body may come back as another one), else camera key -> camera key."""
        state = self.session.state
        return {place.position if (place := state.place_of(key)) else key: key for key in self._members()}

    def _statuses(self) -> dict[str, str]:
        """Status of everybody who should be there, by place."""
        cameras = self.session.state.cameras
        return {
            who: NOT_SEEN if key.startswith(UNSEEN) else cameras[key].status for who, key in self._by_place().items()
        }

    def _bring_back(self, away: list[str], timeout: float) -> None:
        """Detect and connect until nobody is away any more, or the time is over.

        Raises
        ------
        NoReply
            The application itself does not answer.
        """
        clock = self._sitting.clock
        end = clock.monotonic() + timeout
        while True:
            self._tell(lambda: self._sitting.request("DetectCameras", {}))
            self._wait_for_change(away, {"Disconnected", "Ready", "Busy"}, min(_DETECT_S, end - clock.monotonic()))
            statuses, places = self._statuses(), self._by_place()
            keys = [places[who] for who in away if statuses.get(who) in GONE]
            self._connect(keys, end)
            self._wait_for_change(away, {"Ready"}, min(_AGAIN_S, end - clock.monotonic()))
            if clock.monotonic() >= end or all(self._statuses().get(who) == "Ready" for who in away):
                break
        self._ask()

    def _wait_for_change(self, away: list[str], good: set[str], timeout: float) -> None:
        def arrived() -> bool:
            statuses = self._statuses()
            return all(statuses.get(who) in good for who in away)

        self._sitting.wait_for(arrived, max(0.0, timeout))

    def _connect(self, keys: list[str], end: float) -> None:
        """Ask for these to be connected: all at once, and where that stays unanswered one by one, until the time is over.

        Raises
        ------
        NoReply
            The application itself does not answer.
        """
        sitting = self._sitting
        if not keys or self._tell(lambda: send_to_all(sitting, keys, "Connect", {})):
            return
        for key in keys:
            if sitting.clock.monotonic() >= end:
                return
            if self.session.state.cameras[key].status in GONE:
                self._tell(partial(sitting.request, "Connect", selection([key])))

    def _tell(self, ask: Callable[[], object]) -> bool:
        """Send something, and say whether it was answered at all; one stubborn camera must not stop the rest.

        Raises
        ------
        NoReply
            The application itself does not answer: it does not tell its state either.
        """
        try:
            ask()
        except NoReply:
            self._ask()
            return False
        return True

    def _set_right(self) -> tuple[Wanted, Wanted]:
        """Apply golden settings to whoever is there and differs; return who differed in what, and who still does.

        Raises
        ------
        NoReply
            The application itself does not answer.
        """
        state = self.session.state
        there = [key for key in self.keys if state.cameras[key].status not in GONE]
        wanted = {key: golden_of(state, key) for key in there} if state.profiles else {}
        if not wanted:
            return {}, {}
        off = self._off(wanted)
        if off:
            self._tell(lambda: apply_golden(self._sitting, off))
        return off, self._off({key: wanted[key] for key in off})

    def _off(self, wanted: Wanted) -> dict[str, dict[str, Any]]:
        """Who differs, and in what: camera key -> property -> as it should be. What is not told can't be found wrong."""
        off: dict[str, dict[str, Any]] = {}
        for row in deviations(self._sitting, wanted):
            if row["found"] is not None:
                off.setdefault(row["camera_key"], {})[row["property"]] = row["wanted"]
        return off

    def _recovered(self, key: str, before: str, after: str, still_off: Wanted) -> dict[str, Any]:
        """Sum up what became of one camera."""
        state = self.session.state
        settings: bool | None = key not in still_off
        todo = ""
        if after == NOT_SEEN:
            todo = RULES["not_seen"][1]
        elif after in GONE:
            place = state.place_of(key)
            hub = f" (on {plain(place.hub, 40)})" if place is not None and place.hub else ""
            todo = f"check its cable and power{hub}, switch it off and on; else rig.without(position, reason=...)"
        elif key in still_off:
            wanted = listed(f"{python_name(kind)} {plain(value)}" for kind, value in still_off[key].items())
            todo = f"set it on the body: {wanted}"
        if after in GONE or after == NOT_SEEN or not golden_of(state, key):
            settings = None
        return {
            "camera_key": key,
            "position": self.session.label(key),
            "before": plain(before) or "unknown",
            "after": plain(after) or "unknown",
            "settings": settings,
            "ok": after == "Ready" and settings is not False,
            "todo": todo or ("" if after == "Ready" else "wait until it is Ready, then rig.check()"),
        }


def _row(name: str, finding: Finding, looked: Looked) -> dict[str, Any]:
    return {
        "check": name,
        "ok": None if finding.level == "unknown" else finding.level == "ok",
        "level": finding.level,
        "n": len(finding.keys),
        "positions": looked.labels(finding.keys) if finding.keys else "",
        "found": finding.found,
        "wanted": finding.wanted,
        "todo": finding.todo,
    }


def _verdict(findings: dict[str, Finding], *, simulated: bool) -> tuple[str, str, str]:
    """Return the verdict, a sentence that names what stops, or else what warns, and the first thing to do."""
    stops = {name: one for name, one in findings.items() if one.level == "stop"}
    stops |= {name: findings[name] for name in ESSENTIAL if findings[name].level == "unknown"}
    stops = by_weight(stops)
    warns = by_weight({name: one for name, one in findings.items() if one.level == "warn"})
    unknown = [name for name, one in findings.items() if one.level == "unknown" and name not in stops]
    verdict = "NO-GO" if stops else "GO, with warnings" if warns else "GO"
    why = "; ".join(f"{name} ({one.found})" for name, one in (stops or warns).items())
    sentence = f"{verdict}: {why or findings['ready'].found}"
    if stops and warns:
        sentence += f". Also to be looked at: {', '.join(warns)}"
    if unknown:
        sentence += f". Not found out: {', '.join(unknown)}"
    todo = next((one.todo for one in (stops or warns).values() if one.todo), "")
    return verdict, sentence + (" (simulated)" if simulated else ""), todo


def _summary(rows: list[dict[str, Any]], off: Wanted, still_off: Wanted, state: State) -> str:
    """Say what became of it: ``2 of 3 are back; F03 is Lost. Settings put right on 4 of 5``."""
    if not rows:
        return "nothing to recover: all are there, and set as they should be"
    away = [row for row in rows if row["before"] not in {"Ready", "Busy"}]
    left = [row for row in away if row["after"] != "Ready"]
    parts = []
    if away:
        hub = shared_hub(state, [row["camera_key"] for row in left])
        named = listed(f"{plain(row['position'], 24)} is {row['after']}" for row in left)
        parts.append(f"{len(away) - len(left)} of {len(away)} are back" + (f"; {named}" if left else "") + hub)
    if off:
        parts.append(f"Settings put right on {len(off) - len(still_off)} of {len(off)}")
    return ". ".join(parts)
