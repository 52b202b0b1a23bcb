"""Bench ``fold``: from frames to the account, in virtual time and without sockets."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from rigkit.account.shots import tag_of
from rigkit.record.folder import Manifest
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.session import Session
from rigkit.sim import SimSettings, SimulatedRig
from rigkit.wire import encode_frame
from tests.bench.measure import Row, interleaved, ratios

__all__ = ["ABOUT", "record", "run"]

ABOUT = "the frames of 24-camera shots through Session: decode, state, account; CPU"

CAMERAS = 24
#: Shots of the session that is folded, and how many of its first and last ones count.
SHOTS, PART = 42, 4
#: Simulated seconds from one shot to the next: everything has arrived by then.
_SHOT_S = 4.0
_SESSION_ID = "0123abcd"

Frame = tuple[str, int, int, bytes]


def run(rounds: int) -> list[Row]:
    """Fold the same recorded session in several ways.

    Parameters
    ----------
    rounds : int
        How often.

    Returns
    -------
    list of Row
        Microseconds per event (notes and requests included), and what becomes of them as a session grows.
    """
    start, *shots = record(CAMERAS, SHOTS)
    per_shot = sum(map(len, shots)) / SHOTS

    def timed(step: Callable[[Session, list[Frame]], None], journal: bool = False) -> Callable[[], tuple[float, float]]:
        def early_and_late() -> tuple[float, float]:
            with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name:
                log = Log(JournalWriter(Path(name), "bench") if journal else None)
                session = Session(Path(name), Manifest(session_id=_SESSION_ID), log)
                step(session, start)
                took = []
                for shot in shots:
                    began = time.process_time()
                    step(session, shot)
                    took.append((time.process_time() - began) * 1e6 / len(shot))
                log.close()
            return sum(took[1 : 1 + PART]) / PART, sum(took[-PART:]) / PART

        return early_and_late

    def appended(session: Session, shot: list[Frame]) -> None:
        """Only keep each frame, as it comes."""
        for frame in shot:
            session.log.append([frame])

    def folded(session: Session, shot: list[Frame]) -> None:
        """Fold a whole shot at once, as re-opening does."""
        session.log.append(shot)
        session.refresh()

    def awaited(session: Session, shot: list[Frame]) -> None:
        """Fold and look around after each frame, as ``wait("files")`` does when events come one by one."""
        for frame in shot:
            session.log.append([frame])
            session.refresh()
            session.account.tick(frame[1], files=True)
            if session.account.shots:
                session.account.shots[max(session.account.shots)].done(files=True)

    ways = {
        "kept": timed(appended),
        "journalled": timed(appended, journal=True),
        "folded": timed(folded),
        "awaited": timed(awaited),
        "json": _json(shots),
    }
    took = interleaved(ways, rounds)
    early = {name: [one[0] for one in values] for name, values in took.items()}
    late = {name: [one[1] for one in values] for name, values in took.items()}
    ms = [us * per_shot / 1000 for us in early["awaited"]]
    return [
        Row("decode + state + account, a shot at once", early["folded"], "us/event"),
        Row("json.loads + a dict per photo and camera", early["json"], "us/event"),
        Row("ours / json", ratios(early["folded"], early["json"])),
        Row("event by event, with a tick and a look after each, as waiting does", early["awaited"], "us/event"),
        Row(f"    the same per shot of {per_shot:.0f} frames", ms, "ms"),
        Row("keep in memory, event by event", early["kept"], "us/event"),
        Row("keep and journal, event by event", early["journalled"], "us/event"),
        Row(f"shots {SHOTS - PART + 1}-{SHOTS} / shots 2-{PART + 1}, at once", ratios(late["folded"], early["folded"]), goal=1.1),
        Row(f"shots {SHOTS - PART + 1}-{SHOTS} / shots 2-{PART + 1}, waiting", ratios(late["awaited"], early["awaited"]), goal=1.1),
    ]  # fmt: skip


def _json(shots: list[list[Frame]]) -> Callable[[], tuple[float, float]]:
    """Return the way of a plain script."""

    def fold(photos: dict[str, dict[str, Any]], cameras: dict[str, dict[str, Any]], shot: list[Frame]) -> float:
        began = time.process_time()
        for _, _, _, raw in shot:
            body = json.loads(raw)
            if "PhotoKey" in body:
                photos.setdefault(body["PhotoKey"], {}).update(body)
            elif "CameraKey" in body:
                cameras.setdefault(body["CameraKey"], {}).update(body)
        return (time.process_time() - began) * 1e6 / len(shot)

    def early_and_late() -> tuple[float, float]:
        photos: dict[str, dict[str, Any]] = {}
        cameras: dict[str, dict[str, Any]] = {}
        took = [fold(photos, cameras, shot) for shot in shots]
        return sum(took[1 : 1 + PART]) / PART, sum(took[-PART:]) / PART

    return early_and_late


def record(cameras: int, shots: int) -> list[list[Frame]]:
    """Make what a session would hold, in virtual time: the frames as ``(channel, mono_ns, wall_ns, raw)``.

    Parameters
    ----------
    cameras : int
        How many.
    shots : int
        How many.

    Returns
    -------
    list of list
        What was said at the start, then shot by shot; rigkit's own notes as ``Sitting.fire`` makes them.
    """
    rig = SimulatedRig(SimSettings(cameras=cameras, seed=1, photos="none"))
    heard: list[Frame] = []

    def keep(channel: str, now: float, body: Any) -> None:
        mono_ns = int(now * 1e9)
        heard.append((channel, mono_ns, mono_ns + int(rig.settings.epoch) * 10**9, encode_frame(body)))

    def note(now: float, kind: str, **fields: Any) -> None:
        keep("note", now, msgspec.to_builtins({"note": kind, **fields}))

    def ask(now: float, number: int, msg_id: str, **fields: Any) -> None:
        body = {"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": number, "CameraSelection": "All", **fields}
        keep("req", now, body)
        outcome = rig.request(body, now)
        assert outcome.reply is not None
        assert outcome.reply["msg_result"]
        keep("rep", now, outcome.reply)
        for event in outcome.events:
            keep("pub", now, event)

    def let_pass(until: float) -> None:
        while rig.next_due is not None and rig.next_due <= until:
            due = rig.next_due
            for event in rig.tick(due).events:
                keep("pub", due, event)

    let_pass(_SHOT_S)
    ask(_SHOT_S, 1, "GetCamera")
    parts = [list(heard)]
    for shot_id in range(1, shots + 1):
        heard.clear()
        now, tag = (shot_id + 1) * _SHOT_S, tag_of(_SESSION_ID, shot_id, 1)
        labels = {"subject": None, "pose": None, "rep": None, "note": None}
        fields = {"shot_id": shot_id, "attempt": 1, "expected": list(rig.cameras), "trigger": "shoot", "tag": tag}
        note(now, "shot", **fields, labels=labels, allowance_s=0.008, not_ready={})
        ask(now, shot_id + 1, "Shoot", PhotoOrigin=tag)
        sent = {"msg_seq_num": shot_id + 1, "sent_mono_ns": heard[1][1], "sent_wall_ns": heard[1][2]}
        note(now, "fired", shot_id=shot_id, outcome="accepted", **sent)
        let_pass(now + 0.999 * _SHOT_S)
        parts.append(list(heard))
    return parts
