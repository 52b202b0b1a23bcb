"""What one session of the campaign is: the rig, what goes wrong, and what the user does. All from one seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rigkit.sim import SimSettings
from rigkit.sim.build import names_of
from tests.campaign.world import Path, RequestFate

__all__ = ["Plan", "Step", "draw"]

Verb = Literal["shoot", "trigger", "latch", "press"]
Wait = Literal["exposed", "files"] | None


@dataclass
class Step:
    """One thing the user does.

    Attributes
    ----------
    verb : str
        How shutters are released.
    cameras : tuple of str or None
        Names of some cameras; None: the whole rig.
    wait, timeout_s, anyway
        As for ``rig.shoot()``.
    pause_s : float
        Before it, s.
    reshoot : bool
        What is missing afterwards is shot again.
    interrupt_s, kill_s : float or None
        The person presses stop, or the kernel dies, so long after the start of the call, s.
    boot : bool
        With the kernel the computer went too: its monotonic clock begins again.
    wall_step_s : float
        The host's wall clock jumps before it, s.
    """

    verb: Verb = "shoot"
    cameras: tuple[str, ...] | None = None
    wait: Wait = "exposed"
    timeout_s: float | None = None
    anyway: bool = True
    pause_s: float = 0.5
    reshoot: bool = False
    interrupt_s: float | None = None
    kill_s: float | None = None
    boot: bool = False
    wall_step_s: float = 0.0


@dataclass
class Plan:
    """One session: what is drawn from its seed."""

    seed: int
    settings: SimSettings
    path: Path
    steps: list[Step] = field(default_factory=list)


class _Draw:
    """Draws by chance: every kind of trouble is on or off for a whole session, so that each is also met alone."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"campaign/{seed}")

    def on(self, share: float = 0.25) -> bool:
        return self.rng.random() < share

    def of(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    def seconds(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)


def draw(seed: int) -> Plan:
    """Draw a session."""
    by = _Draw(seed)
    cameras = 60 if by.on(0.02) else by.rng.randint(1, 12)
    shots = by.rng.randint(1, 8) if cameras < 60 else by.rng.randint(1, 3)
    names = [name for _, name in names_of(cameras)]
    scenario: dict[str, Any] = {"faults": _faults(by, names, shots) if by.on(0.75) else []}
    if by.on(0.4):
        scenario["cameras"] = {name: {"properties": {"Quality": "RAW + JPEG Fine"}} for name in names if by.on(0.7)}
    settings = SimSettings(
        cameras=cameras,
        seed=seed,
        dialect=by.of("v5", "v5", "v3"),
        storage=by.of("Disk", "Disk", "Disk", "Card", "Both"),
        shot_order=by.of("captured", "captured", "ready_after_photo", "ready_before_photo"),
        latch_fires=by.of("release", "engage"),
        echo_origin=by.on(0.85),
        ping_s=by.of(0.0, 5.0),
        detect_ms=by.of((80.0, 200.0), (80.0, 200.0), (500.0, 3000.0)),
        as_captured=by.on(0.3),
        scenario=scenario,
        photos="none",
    )
    return Plan(seed, settings, _path(by), [_step(by, names) for _ in range(shots)])


def _faults(by: _Draw, names: Sequence[str], shots: int) -> list[dict[str, Any]]:
    kinds = [kind for kind in _AMOUNTS if by.on(0.2)] or [by.of(*_AMOUNTS)]
    return [_fault(by, by.of(*kinds), names, shots) for _ in range(by.rng.randint(1, 4))]


def _amount_ms(low: float, high: float, share: float = 1.0) -> Any:
    return lambda by: by.seconds(low, high) if by.on(share) else None


#: Kinds of faults of the application and its cameras, and how their amount is drawn.
_AMOUNTS: dict[str, Any] = {
    "lost": _amount_ms(100, 20_000, 0.6),
    "hub_down": _amount_ms(100, 20_000, 0.6),
    "misfire": lambda by: None,
    "late": lambda by: by.of(40.0, 3000.0, 12_000.0, 30_000.0),
    "double": lambda by: by.of(150.0, 1500.0),
    "download_failed": lambda by: None,
    "download_slow": lambda by: by.of(2000.0, 15_000.0, 60_000.0),
    "drop": lambda by: by.of(1, 2, 5, 0.5),
    "duplicate": lambda by: by.of(1, 3, 0.5),
    "reorder": lambda by: by.of(1, 3, 0.5),
    "setting": lambda by: {"ISO": "400"},
    "clock_step": lambda by: by.seconds(-5000, 5000),
    "restart": lambda by: by.of(200.0, 2000.0, 9000.0),
    "hang": lambda by: by.of(500.0, 4000.0, 8000.0, 30_000.0),
}


def _fault(by: _Draw, kind: str, names: Sequence[str], shots: int) -> dict[str, Any]:
    fault: dict[str, Any] = {"kind": kind, "at": by.rng.randint(1, shots)}
    if by.on(0.3):
        fault["at"] = f"{by.seconds(0, 20):.2f}s"
    if by.on(0.5):
        fault["after_s"] = by.seconds(0.0, 1.5)
    if kind not in {"restart", "hang"}:
        fault["camera"] = "*" if by.on(0.1) else by.of(*names)
    amount = _AMOUNTS[kind](by)
    if amount is not None:
        fault["amount"] = amount
    return fault


def _path(by: _Draw) -> Path:
    path = Path()
    if by.on(0.15):
        path.drop = by.of(0.02, 0.1, 0.3, 0.6, 0.9, 1.0)
    if by.on(0.1):
        path.gap_every, path.gap_length = by.rng.randint(3, 40), by.rng.randint(1, 15)
    if by.on(0.1):
        path.tail_after = by.rng.randint(0, 30)
    if by.on(0.15):
        begin = by.seconds(0, 20)
        path.blackouts = [(begin, begin + by.of(1.0, 10.0, 1e6))]
    if by.on(0.1):
        path.duplicate = by.of(0.01, 0.1, 0.5)
    if by.on(0.1):
        path.reorder = by.of(0.01, 0.1, 0.5)
    if by.on(0.2):
        path.latency_s, path.late_s = by.of((0.0, 0.05), (0.1, 1.0)), by.of(0.01, 0.3)
    if by.on(0.25):
        fates: tuple[RequestFate, ...] = ("slow", "unsent", "lost", "unanswered", "delayed")
        path.fates = {fate: by.of(0.02, 0.1, 0.3) for fate in fates if by.on(0.35)}
        if sum(path.fates.values()) > 0.95:  # nobody could ever connect
            path.fates.popitem()
    return path


def _step(by: _Draw, names: Sequence[str]) -> Step:
    step = Step(
        verb=by.of("shoot", "shoot", "shoot", "trigger", "latch", "press"),
        wait=by.of("exposed", "exposed", "files", None),
        pause_s=by.of(0.0, 0.0, 0.5, 5.0, 70.0),
        anyway=by.on(0.8),
        reshoot=by.on(0.3),
    )
    if by.on(0.15):
        step.cameras = tuple(by.rng.sample(names, by.rng.randint(1, len(names))))
    if by.on(0.15):
        step.timeout_s = by.of(0.0, 0.3, 3.0, 20.0)
    if by.on(0.06):
        step.interrupt_s = by.of(by.seconds(0, 0.01), by.seconds(0, 1.0), by.seconds(0, 8.0))
    elif by.on(0.06):
        step.kill_s = by.of(by.seconds(0, 0.01), by.seconds(0, 1.0), by.seconds(0, 8.0))
        step.boot = by.on(0.5)
    if by.on(0.05):
        step.wall_step_s = by.of(-3600.0, -1.0, 1.0, 86_400.0)
    return step
