"""Releasing shutters: the requests of one release in order, what became of them, and letting go of what was engaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rigkit.account.shots import tag_of
from rigkit.ending import Held
from rigkit.errors import BadMessage, NoReply, Refused, RigError
from rigkit.sitting import Sitting
from rigkit.wire.values import value_number

__all__ = ["Awaited", "Release", "fire", "open_shot"]


class Release(NamedTuple):
    """How shutters are released.

    Attributes
    ----------
    trigger : str
        The word in the tables: shoot, trigger, latch, press.
    steps : tuple
        Requests in order, as (message id, fields).
    fires : int
        Which of them opens the shutters.
    undo : tuple or None
        The request that lets go of what the steps engage, should one of them fail.
    hold_s : float
        Seconds between two steps.
    lasts_s : float
        Seconds that the release itself takes on top of the shutter time: bulb, intervals, holding.
    """

    trigger: str
    steps: tuple[tuple[str, dict[str, Any]], ...]
    fires: int = 0
    undo: Held | None = None
    hold_s: float = 0.0
    lasts_s: float = 0.0


def fire(
    sitting: Sitting,
    keys: list[str],
    release: Release,
    *,
    not_ready: Mapping[str, str],
    labels: Mapping[str, Any],
    excluded: Mapping[str, str] | None = None,
    again: int | None = None,
) -> int:
    """Open a shot, release the shutters, note what became of the release.

    Parameters
    ----------
    keys : list of str
        Every expected camera.
    release : Release
        How.
    not_ready : mapping of str to str
        Cameras of ``keys`` that are not asked to fire, and their status.
    labels : mapping
        subject, pose, rep, note.
    excluded : mapping of str to str, or None
        Cameras that were left out by name, and why.
    again : int or None
        The shot of which these cameras are fired once more, as its next attempt; None: a new shot.

    Returns
    -------
    int
        The shot id.

    Raises
    ------
    Refused
        The application said no; nothing was fired.
    NoReply
        The request was not delivered; nothing was fired. One of unknown delivery does not raise: the account says what
        came of it.
    """
    for msg_id, fields in release.steps:
        sitting.check(msg_id, fields)
    ready = [key for key in keys if key not in not_ready]
    tagged = sitting.client.dialect.name != "v3" and any(msg_id == "Shoot" for msg_id, _ in release.steps)
    with sitting.client.exclusive:
        sitting.session.refresh()
        if ready and not tagged and sitting.session.state.loss.open:
            # Its photos will be known by the counters alone, and events that told of them were lost.
            with contextlib.suppress(RigError):
                sitting.synchronise(ready, photos=False, timeout=min(1.0, sitting.client.timeout))
        allowance_s = _shutter_s(sitting, ready) + release.lasts_s
        shot_id = open_shot(
            sitting,
            keys,
            release.trigger,
            not_ready=not_ready,
            labels=labels,
            excluded=excluded or {},
            again=again,
            tagged=tagged,
            allowance_s=allowance_s,
        )
        if ready:
            shot = sitting.session.account.shots[shot_id]
            try:
                _send(sitting, shot_id, tag_of(sitting.session.id, shot_id, shot.attempt), release)
            except KeyboardInterrupt as exc:
                exc.add_note(
                    f"Shot {shot_id} may have fired: rig.shot({shot_id}).wait() finds out; it is never fired again by itself"
                )
                raise
        else:
            _note_fired(sitting, shot_id, "undelivered", None)
    # After the release, which must not wait for a disk; all shots before are then safe from a power failure, too.
    sitting.session.log.sync()
    return shot_id


class Awaited(NamedTuple):
    """A release by somebody else.

    Attributes
    ----------
    timeout_s : float
        Within which it comes.
    lasts_s : float
        How long it takes.
    """

    timeout_s: float
    lasts_s: float


def open_shot(
    sitting: Sitting,
    keys: list[str],
    trigger: str,
    *,
    not_ready: Mapping[str, str],
    labels: Mapping[str, Any],
    excluded: Mapping[str, str],
    again: int | None = None,
    tagged: bool = False,
    allowance_s: float = 0.0,
    awaited: Awaited | None = None,
) -> int:
    """Note that a shot begins, and who is expected in it.

    Parameters
    ----------
    sitting, keys, not_ready, labels, excluded, again
        As for :func:`fire`.
    trigger : str
        The word in the tables.
    tagged : bool
        Its release carries a tag.
    allowance_s : float
        Seconds on top of every deadline.
    awaited : Awaited or None
        Somebody else releases it; None: rigkit does.

    Returns
    -------
    int
        The shot id.
    """
    session = sitting.session
    ready = [key for key in keys if key not in not_ready]
    waits = {} if awaited is None else {"awaited": True, "lasts_s": awaited.lasts_s + _shutter_s(sitting, ready)}
    # Nobody folds between the look at the last number and the note, or an unannounced release could be seen under this one.
    with session.log.guard:
        session.refresh()
        # The journal of a session that goes on may have lost shots that its manifest knows of: no number is given twice.
        last = max(session.account.shots, default=0)
        shot_id = max(last, session.manifest.shots) + 1 if again is None else again
        attempt = 1 if again is None else session.account.shots[again].attempt + 1
        session.log.note(
            "shot" if again is None else "attempt",
            shot_id=shot_id,
            attempt=attempt,
            expected=keys,
            trigger=trigger,
            tag=tag_of(session.id, shot_id, attempt) if awaited is None else "",
            tagged=tagged,
            labels=dict(labels),
            allowance_s=allowance_s if awaited is None else awaited.timeout_s,
            not_ready={key: ("not_ready", status) for key, status in not_ready.items()},
            **({"excluded": dict(excluded)} if excluded else {}),
            **waits,
        )
        session.refresh()
    return shot_id


def _send(sitting: Sitting, shot_id: int, tag: str, release: Release) -> None:
    """Send the requests of a release in order; whatever happens, note it, and let go of what was engaged."""
    sent: tuple[int, int, int] | None = None

    def on_sent(seq: int, mono_ns: int, wall_ns: int) -> None:
        nonlocal sent
        sent = (seq, mono_ns, wall_ns)

    outcome, undo = "undelivered", release.undo
    try:
        for number, (msg_id, fields) in enumerate(release.steps):
            fires = number == release.fires
            if msg_id == "Shoot" and sitting.client.dialect.name != "v3":  # the field is new in 4.0
                fields = {**fields, "PhotoOrigin": tag}
            if number and release.hold_s:
                sitting.wait_for(lambda: False, release.hold_s)
            reply = sitting.client.request(msg_id, fields, on_sent=on_sent if fires else None)
            if not reply.msg_result:
                outcome = "refused" if number <= release.fires else outcome
                hint = "Nothing was fired. " if outcome == "refused" else ""
                raise Refused({"msg_id": msg_id, **fields}, reply, hint=f"{hint}See rig.cameras for their states")
            if fires:
                outcome = "accepted"
        undo = None  # the last step has let go
    except NoReply as exc:
        if outcome != "accepted":
            outcome = "undelivered" if sent is None or exc.delivery == "no" else "unknown"
        if outcome == "undelivered":
            raise
    except BadMessage:  # answered, and nobody knows what
        if outcome != "accepted":
            outcome = "undelivered" if sent is None else "unknown"
        if outcome == "undelivered":
            raise
    except Refused:
        raise
    except BaseException:  # an interrupt: it may have been sent
        if outcome != "accepted":
            outcome = "undelivered" if sent is None else "unknown"
        raise
    finally:
        try:
            if undo is not None:
                sitting.let_go(*undo)
        finally:  # also if a second interrupt comes while letting go
            _note_fired(sitting, shot_id, outcome, sent)


def _note_fired(sitting: Sitting, shot_id: int, outcome: str, sent: tuple[int, int, int] | None) -> None:
    clock = sitting.clock
    seq, mono_ns, wall_ns = sent or (None, clock.monotonic_ns(), clock.time_ns())
    sitting.session.log.note(
        "fired", shot_id=shot_id, outcome=outcome, msg_seq_num=seq, sent_mono_ns=mono_ns, sent_wall_ns=wall_ns
    )
    sitting.session.refresh()


def _shutter_s(sitting: Sitting, keys: Iterable[str]) -> float:
    """Longest shutter time set on these cameras, s: no photo can arrive before it is over."""
    longest = 0.0
    for key in keys:
        value = sitting.session.state.cameras[key].properties.get("ShutterSpeed", {}).get("CameraPropertyValue")
        longest = max(longest, value_number(value) or 0.0) if isinstance(value, str) else longest
    return min(longest, 3600.0)
