"""What is looked at before a shot, row by row: who is there, what is set, where the files go, whether it is recorded.

Nothing is sent from here, and nothing is changed: it judges what was heard last, and looks at the disks of this computer.
Source: the failure catalogue of rig users.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping

from rigkit.account.silence import storage_of
from rigkit.display.grids import plain
from rigkit.errors import RigError
from rigkit.preflight import cameras, files
from rigkit.preflight.cameras import shared_hub
from rigkit.preflight.looked import Finding, Looked, judged, several
from rigkit.record.folder import ROOM_FOR_JOURNAL

__all__ = ["ESSENTIAL", "Finding", "Looked", "by_weight", "look", "shared_hub"]

#: With less room than this nothing can be relied on, bytes; the journal of a sitting takes about four times as much.
_JOURNAL_STOP = 50_000_000


def look(looked: Looked) -> dict[str, Finding]:
    """Look at everything, in the order of the table; what can't be found out is a finding, too."""
    findings = {}
    for name, check in _CHECKS.items():
        try:
            unasked = looked.problem and check not in _HERE
            findings[name] = Finding("unknown", looked.problem) if unasked else check(looked)
        except (RigError, OSError, ValueError, LookupError) as exc:  # one question can't be answered
            findings[name] = Finding("unknown", plain(exc, 300))
    return findings


def by_weight(findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """Put findings in the order in which a sentence names them, and in which they are best seen to."""
    rest = [name for name in _CHECKS if name not in (*_NAMED_FIRST, *_NAMED_LAST)]
    return {name: findings[name] for name in (*_NAMED_FIRST, *rest, *_NAMED_LAST) if name in findings}


# -- the record -------------------------------------------------------------------------------------------------------


def _events(looked: Looked) -> Finding:
    client = looked.sitting.client
    if not looked.sitting.session.hearing or looked.hears is False:
        found = f"no event arrives from {client.publisher_endpoint}"
        todo = "look at firewall and network: rigkit doctor says where it ends. No photo would be heard of"
        return Finding("stop", found, "our own text, heard again", todo)
    if looked.hears is None:
        return Finding("unknown", "the application relays no text, so it can't be tried")
    return Finding("ok", "our own text came back")


def _loss(looked: Looked) -> Finding:
    losses = looked.state.loss.rows
    if not losses:
        return Finding("ok", "nothing was lost")
    lost = sum(one.n or 1 for one in losses)
    if looked.state.loss.open:
        todo = "rig.session.loss has it; look at the network and at what else this computer does"
        return Finding("warn", f"{lost} events were lost, and the state could not be asked for since", "none", todo)
    return Finding("ok", f"{lost} events were lost in this session; the state was asked for since")


def _journal(looked: Looked) -> Finding:
    session = looked.sitting.session
    trouble = session.log.trouble()
    if trouble is not None:
        return Finding("stop", f"{session.log.unsaved} messages are not on disk", "", plain(trouble, 400))
    free = shutil.disk_usage(session.path).free
    found = f"written; {free / 1e9:.1f} GB free in {session.path}"
    if free < ROOM_FOR_JOURNAL:
        return Finding(
            "stop" if free < _JOURNAL_STOP else "warn", found, f"{ROOM_FOR_JOURNAL / 1e9:.1f} GB", "make room"
        )
    return Finding("ok", found)


def _shots(looked: Looked) -> Finding:
    wrong = looked.wrong("failing")
    if wrong:
        return judged(looked, wrong, "")
    waiting: dict[str, tuple[str, ...]] = {}
    for shot in looked.sitting.session.account.open_shots():
        own = [(key, shot.exposures[key]) for key in looked.keys if key in shot.exposures]
        waiting[f"Shot {shot.shot_id} waits for"] = tuple(key for key, one in own if one.status == "waiting")
        filing = [key for key, one in own if one.exposed and not one.settled]
        coming = tuple(key for key in filing if storage_of(looked.state, key) != "Card")
        waiting[f"Shot {shot.shot_id} waits for the files of"] = coming
    keys = tuple(dict.fromkeys(key for keys in waiting.values() for key in keys))
    if not keys:
        return Finding("ok", "none is waited for")
    found = several(f"{what} {looked.labels(who)}" for what, who in waiting.items() if who)
    return Finding("warn", found, "all accounted for", "rig.shot().wait('files')", keys)


#: What is looked at, in this order.
_CHECKS: dict[str, Callable[[Looked], Finding]] = {
    "present": cameras.present,
    "strangers": cameras.strangers,
    "ready": cameras.ready,
    "battery": cameras.battery,
    "cards": cameras.cards,
    "disk": files.disk,
    "settings": cameras.settings,
    "dials": cameras.dials,
    "focus": cameras.focus,
    "clocks": cameras.clocks,
    "live_view": cameras.live_view,
    "batch": cameras.batch,
    "names": files.names,
    "subject": files.subject,
    "events": _events,
    "loss": _loss,
    "journal": _journal,
    "shots": _shots,
}
#: Without knowing these nobody should fire.
ESSENTIAL = ("present", "ready")
#: What a sentence names first, as it costs photos, and what last: a spare body on the bench is in nobody's way.
_NAMED_FIRST = (*ESSENTIAL, "battery", "batch", "settings", "dials")
_NAMED_LAST = ("strangers",)
#: What can be told without asking the application.
_HERE = (_loss, _journal, _shots)
