"""Waiting for cameras to be Ready, before anything is fired."""

from __future__ import annotations

import contextlib

from rigkit.errors import NoReply, NotReady, listed
from rigkit.record.state import NOT_SEEN
from rigkit.sitting import Sitting, say

__all__ = ["READY_S", "wait_idle", "wait_ready"]

#: How long cameras have to become Ready, if nobody says otherwise, s.
READY_S = 10.0
#: How long a camera may be Busy before that is worth a word, s: a file on its way takes about 1 s.
_BUSY_S = 2.0
#: Statuses that waiting can mend; the others need hands.
_SOON_READY = frozenset({"Busy", ""})


def wait_idle(sitting: Sitting) -> bool:
    """Wait a moment for cameras that are Busy, as with the files of a shot that somebody fired just now; say if none is."""
    state = sitting.session.state
    return sitting.wait_for(
        lambda: not any(key in state.cameras and state.cameras[key].status == "Busy" for key in state.members()),
        _BUSY_S,
    )


def wait_ready(sitting: Sitting, keys: list[str], timeout: float, anyway: bool, hint: str = "") -> dict[str, str]:
    """Wait for cameras to be Ready; return those that are not, with their status.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    keys : list of str
        Who is expected.
    timeout : float
        Seconds at most.
    anyway : bool
        Wait only for those that are about to be Ready, and do without the others.
    hint : str
        What to do, for the error; empty: as for ``rig.shoot()``.

    Raises
    ------
    NotReady
        Some are not, and ``anyway`` was not said; nothing was fired.
    """
    session, clock = sitting.session, sitting.clock
    deadline = clock.monotonic() + timeout
    statuses: dict[str, str] = {}
    told = False

    def settled() -> bool:
        cameras = session.state.cameras
        statuses.clear()
        statuses.update({key: cameras[key].status if key in cameras else NOT_SEEN for key in keys})
        # The event that says Busy may still be on its way: who owes an exposure is not ready for the next one.
        owing = session.account.owing()
        statuses.update({key: "Busy" for key in keys if key in owing and statuses[key] == "Ready"})
        unready = {status for status in statuses.values() if status != "Ready"}
        return not unready or (not anyway and NOT_SEEN in unready) or (anyway and not unready & _SOON_READY)

    while not sitting.wait_for(settled, min(1.0, max(0.0, deadline - clock.monotonic()))):
        # A second of silence: the event that said Ready may have been lost, so ask.
        left = deadline - clock.monotonic()
        if left > 0:
            seen = [key for key in keys if key in session.state.cameras]
            with contextlib.suppress(NoReply):  # nobody answers: then nobody is Ready either
                sitting.synchronise(seen, photos=False, timeout=min(left, sitting.client.timeout))
        if settled() or clock.monotonic() >= deadline:
            break
        if not told:  # somebody may be standing in the rig
            told = True
            late = listed(f"{session.label(key)} ({status})" for key, status in statuses.items() if status != "Ready")
            say(f"Waiting for {late} to become Ready, {timeout:g} s at most …")
    not_ready = {key: status for key, status in statuses.items() if status != "Ready"}
    if not_ready and not anyway:
        waited = 0.0 if NOT_SEEN in not_ready.values() else timeout
        who = {session.label(key): status or "unknown" for key, status in not_ready.items()}
        raise NotReady(who, waited, hint or None)
    return not_ready
