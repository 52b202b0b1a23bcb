"""Carrying out what a scenario holds; the kinds are described in :mod:`rigkit.sim.scenario`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rigkit.errors import UnknownName
from rigkit.sim import plugging
from rigkit.sim.scenario import OF_A_SHOT, OF_EVENTS, Fault

if TYPE_CHECKING:
    from rigkit.sim.camera import SimulatedCamera
    from rigkit.sim.release import Exposure
    from rigkit.sim.rig import SimulatedRig

__all__ = ["Faults", "carry_out"]


class Faults:
    """What is still to go wrong.

    Parameters
    ----------
    rig : SimulatedRig
        The rig, cameras and hubs built.
    faults : sequence of Fault
        The scenario's.

    Attributes
    ----------
    events_suffer : bool
        Whether any fault on the way of events may be in force; lets the rest of the model skip the question.
    """

    def __init__(self, rig: SimulatedRig, faults: Sequence[Fault]) -> None:
        self._rig = rig
        self._by_release: dict[int, list[Fault]] = {}
        self._next_shot: dict[str, list[Fault]] = {}
        self._fates: dict[str, list[tuple[str, float, int]]] = {}  # camera: kind, count or share, release it began with
        self.events_suffer = False
        self._keys = {name: key for key, camera in rig.cameras.items() for name in (camera.name, key)}
        self._keys |= {name: key for name, key in rig.first_names.items() if name not in self._keys}
        for fault in faults:
            self._check(fault)
            if fault.release is not None:
                self._by_release.setdefault(fault.release, []).append(fault)
            else:
                rig.at((fault.at_s or 0.0) + (fault.after_s or 0.0), carry_out, fault)

    def _check(self, fault: Fault) -> None:
        """Raise UnknownName if a fault sets a property to what its cameras can't have."""
        for kind, value in fault.amount.items() if fault.kind == "setting" else ():
            for camera in self.targets(fault):
                where = f"camera {camera.name!r} in a fault of the scenario"
                if kind not in camera.properties:
                    raise UnknownName("property", kind, list(camera.properties), where=where)
                if value not in camera.properties[kind].choices:
                    raise UnknownName(f"{kind} value", value, camera.properties[kind].choices, where=where)

    def targets(self, fault: Fault) -> list[SimulatedCamera]:
        """Return the cameras that a fault concerns."""
        cameras = self._rig.cameras
        if fault.camera == "*":
            return list(cameras.values())
        if fault.kind == "hub_down":
            hub = cameras[self._keys[fault.camera]].hub if fault.camera in self._keys else fault.camera
            return [camera for camera in cameras.values() if camera.hub == hub]
        return [cameras[self._keys[fault.camera]]] if fault.camera in self._keys else []

    def release(self, number: int) -> None:
        """Carry out what belongs to a release, just before it fires; what comes after it is planned."""
        rig = self._rig
        for fault in self._by_release.pop(number, ()):
            if fault.kind in OF_A_SHOT:
                self.keep_for_next_shot(fault)
            elif fault.after_s is None and fault.kind != "restart":
                carry_out(rig, fault)
            else:  # the application that restarts has taken this request and replied
                rig.at(rig.now + (fault.after_s or 0.0), carry_out, fault)

    def keep_for_next_shot(self, fault: Fault) -> None:
        """Keep a fault for the next exposure of its cameras."""
        for camera in self.targets(fault):
            self._next_shot.setdefault(camera.key, []).append(fault)

    def of_shot(self, camera: SimulatedCamera, exposure: Exposure) -> float:
        """Burden an exposure with what is kept for its camera.

        Returns
        -------
        float
            How much later it happens (s).
        """
        late_s = 0.0
        for fault in self._next_shot.pop(camera.key, ()) if self._next_shot else ():
            if fault.kind == "misfire":
                exposure.misfire = True
            elif fault.kind == "late":
                late_s += fault.amount / 1000
            elif fault.kind == "double":
                exposure.double_s = max(fault.amount, 1.0) / 1000
            elif fault.kind == "download_failed":
                exposure.download_fails = True
            elif fault.kind == "download_slow":
                exposure.slow_s = fault.amount / 1000
        return late_s

    def begin_fate(self, fault: Fault) -> None:
        """Let events about some cameras suffer from now on."""
        self.events_suffer = True
        for camera in self.targets(fault):
            self._fates.setdefault(camera.key, []).append((fault.kind, fault.amount, self._rig.releases))

    def fate_of_event(self, camera: SimulatedCamera) -> str:
        """Decide what becomes of one event about a camera: drop, duplicate, reorder, or nothing (empty)."""
        fates = self._fates.get(camera.key)
        if not fates:
            return ""
        for n, (kind, amount, release) in enumerate(fates):
            if amount < 1:  # a share holds until the next release
                if release != self._rig.releases:
                    del fates[n]
                    return self.fate_of_event(camera)
                if self._rig.rng.random() < amount:
                    return kind
            else:
                fates[n : n + 1] = [(kind, amount - 1, release)] if amount >= 2 else []
                return kind
        return ""


def carry_out(rig: SimulatedRig, fault: Fault) -> None:
    """Let one thing go wrong now."""
    kind = fault.kind
    if kind in OF_A_SHOT:
        rig.faults.keep_for_next_shot(fault)
    elif kind in OF_EVENTS:
        rig.faults.begin_fate(fault)
    elif kind == "restart":
        restart(rig, fault.amount / 1000)
    elif kind == "hang":
        rig.fall_silent(fault.amount / 1000)
    else:
        for camera in rig.faults.targets(fault):
            _carry_out_on(rig, camera, fault)


def _carry_out_on(rig: SimulatedRig, camera: SimulatedCamera, fault: Fault) -> None:
    if fault.kind in ("lost", "hub_down"):
        plugging.lose(rig, camera)
        if fault.amount is not None:
            rig.at(rig.now + fault.amount / 1000, plugging.plug_in, camera)
    elif fault.kind == "clock_step":
        camera.clock.step(fault.amount / 1000)
    else:  # setting: what a hand on the body does, so neither read-only nor stubborn holds it back
        for kind, value in fault.amount.items():
            camera.properties[kind].value = value
        if camera.connected:
            rig.publish_properties(camera, list(fault.amount))


def restart(rig: SimulatedRig, away_s: float) -> None:
    """Restart the application: work in progress is forgotten, cameras connect again, photos are remembered."""
    rig.restart_application(away_s)
    rig.on_the_way = 0
    for hub in rig.hubs.values():
        hub.active.clear()
        hub.plan += 1
    for camera in rig.cameras.values():
        camera.forget_work()
        camera.reset_counters()
        for photo in camera.held.values():
            photo.downloading = photo.arrived = False
        if camera.status in ("Ready", "Busy"):
            camera.status = "Disconnected"
            if rig.options["AutoConnect"]:
                rig.at(rig.now + away_s + rig.settings.connect_ms / 1000, plugging.come_ready, camera, camera.life)
