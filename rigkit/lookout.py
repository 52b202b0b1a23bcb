"""Looking the rig over: what has gone wrong with it is noted when it is seen, and so is that it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigkit.account.conditions import RULES, conditions, unjudged

if TYPE_CHECKING:
    from rigkit.record.warned import WarningRecord
    from rigkit.session import Session

__all__ = ["look_over"]


def look_over(session: Session, now_ns: int) -> list[WarningRecord]:
    """Note what has gone wrong with the rig since it was looked over last, and what is over.

    Parameters
    ----------
    session : Session
        A live one.
    now_ns : int
        Host monotonic clock.

    Returns
    -------
    list of WarningRecord
        What is new.
    """
    with session.log.guard:
        session.refresh()
        warned = session.state.warned
        named = bool(session.manifest.subject)
        found = conditions(session.state, session.account, named=named, now_ns=now_ns)
        now = {one.which: one for one in found}
        undecided = unjudged(session.state, session.account, now_ns)
        over = [one for which, one in warned.open.items() if which not in now and which[:2] not in undecided]
        new = [one for which, one in now.items() if which not in warned.open]
        first = len(warned.rows)
        for one in new:
            session.log.note(
                "warning", **one._asdict(), position=session.label(one.camera_key), todo=RULES[one.rule][1]
            )
        for ended in over:
            session.log.note(
                "warning_over", rule=ended.rule, camera_key=ended.camera_key, wanted=ended.wanted, stop=ended.stop
            )
        if new or over:
            session.refresh()
        return warned.rows[first:]
