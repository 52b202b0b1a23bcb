"""What a check goes by, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rigkit.account.conditions import RULES, Condition, Limits, conditions, odd_settings
from rigkit.account.silence import GONE
from rigkit.display.grids import plain
from rigkit.errors import listed
from rigkit.record.state import UNSEEN, CameraRecord, State
from rigkit.sitting import Sitting

__all__ = ["Finding", "Looked", "judged", "several"]


class Finding(NamedTuple):
    """What was found of one thing.

    Attributes
    ----------
    level : {"ok", "warn", "stop", "unknown"}
        ``stop``: in the way of a shot.
    found, wanted, todo : str
        What is so, what should be, what to do; empty: nothing to say.
    keys : tuple of str
        The cameras concerned.
    """

    level: str
    found: str
    wanted: str = ""
    todo: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Looked:
    """What a check goes by.

    Attributes
    ----------
    sitting : Sitting
        The connection; the application was asked just now.
    keys : list of str
        Whom a shot would expect, also places at which nobody has been seen.
    whole : bool
        They are all there are.
    limits : Limits
        From where on something is worth a word.
    disk_shots : int
        For so many shots there should be room.
    problem : str
        Why the application could not be asked; empty: it was.
    hears : bool or None
        Whether our own text came back as an event; None: the application relays none.
    read_clocks : bool
        The cameras' clocks were read just now (CheckClocks).
    """

    sitting: Sitting
    keys: list[str]
    whole: bool
    limits: Limits
    disk_shots: int
    problem: str
    hears: bool | None
    read_clocks: bool

    @property
    def state(self) -> State:
        """As last heard."""
        return self.sitting.session.state

    @property
    def cameras(self) -> list[CameraRecord]:
        """Those that were seen and can be spoken to."""
        known = (self.state.cameras[key] for key in self.keys if not key.startswith(UNSEEN))
        return [camera for camera in known if camera.status not in GONE]

    def label(self, key: str) -> str:
        """Where a camera stands, fit to be printed."""
        return plain(self.sitting.session.label(key), 24)

    def labels(self, keys: Iterable[str]) -> str:
        """Name cameras in a sentence."""
        return listed(map(self.label, keys))

    @cached_property
    def all_wrong(self) -> list[Condition]:
        """Whatever is wrong with these cameras."""
        session = self.sitting.session
        mine = set(self.keys)
        named = bool(session.manifest.subject)
        found = conditions(session.state, session.account, self.limits, named=named)
        return [one for one in found if one.camera_key in mine]

    def wrong(self, rule: str) -> list[Condition]:
        """Whatever is wrong with these cameras by one of the rules."""
        return [one for one in self.all_wrong if one.rule == rule]

    @cached_property
    def odd(self) -> list[Condition]:
        """Settings of these cameras that are not those of most of their model, and of which no profile says how they are to be."""
        return list(odd_settings(self.state, [one.key for one in self.cameras]))


def judged(looked: Looked, wrong: list[Condition], fine: str) -> Finding:
    """Sum up conditions: cameras with the same trouble together.

    Parameters
    ----------
    looked : Looked
        What the check goes by.
    wrong : list of Condition
        What is wrong; empty: nothing.
    fine : str
        What is said then.
    """
    if not wrong:
        return Finding("ok", fine)
    alike: dict[str, list[str]] = {}
    for one in wrong:
        alike.setdefault(plain(one.found, 80), []).append(one.camera_key)
    told = [f"{listed(map(looked.label, keys), most=6)}: {found}" for found, keys in alike.items()]
    wanted = dict.fromkeys(plain(one.wanted, 80) for one in wrong)
    todo = dict.fromkeys(RULES[one.rule][1] for one in wrong)
    level = "stop" if any(one.stop for one in wrong) else "warn"
    keys = tuple(dict.fromkeys(one.camera_key for one in wrong))
    return Finding(level, several(told), several(wanted), "; ".join(todo), keys)


def several(texts: Iterable[str], most: int = 6) -> str:
    """Join findings for a sentence, the surplus as a count."""
    texts = list(texts)
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more
