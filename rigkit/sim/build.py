"""Putting a rig together: rings of named cameras, their hubs, clocks and characters, all from one seed."""

from __future__ import annotations

import math
import random
from typing import Any

from rigkit.errors import UnknownName
from rigkit.sim.camera import SimulatedCamera
from rigkit.sim.clocks import CameraClock
from rigkit.sim.properties import MODELS, properties_of
from rigkit.sim.scenario import Scenario
from rigkit.sim.settings import SimSettings
from rigkit.wire import DIALECTS

__all__ = ["build_cameras", "names_of"]

_PER_RING = 8
_RINGS = 6  # 48 cameras; above that the rings grow
_FACE = 3  # cameras of the group "face"


def names_of(cameras: int) -> list[tuple[int, str]]:
    """Name the cameras ring by ring.

    Parameters
    ----------
    cameras : int
        How many there are.

    Returns
    -------
    list of (int, str)
        Ring, from 0, and name: ``A01`` is the first of the lowest ring.
    """
    per_ring = max(_PER_RING, math.ceil(cameras / _RINGS))
    digits = max(2, len(str(per_ring)))
    return [(n // per_ring, f"{chr(ord('A') + n // per_ring)}{n % per_ring + 1:0{digits}d}") for n in range(cameras)]


def build_cameras(settings: SimSettings, scenario: Scenario) -> dict[str, SimulatedCamera]:
    """Build the cameras of a rig.

    Parameters
    ----------
    settings : SimSettings
        What the rig is like.
    scenario : Scenario
        What it says about single cameras overrides the settings.

    Returns
    -------
    dict of str to SimulatedCamera
        By CameraKey, in the order of the rig.

    Raises
    ------
    UnknownName
        A model, or a camera of the scenario, that does not exist.
    """
    for model in settings.models:
        if model not in MODELS:
            raise UnknownName("camera model", model, list(MODELS))
    names = names_of(settings.cameras)
    serials = random.Random(f"{settings.seed}/serials").sample(range(3_000_000, 4_000_000), settings.cameras)
    rings = names[-1][0] + 1
    built = [_camera(settings, n, ring, name, str(serials[n]), rings, scenario) for n, (ring, name) in enumerate(names)]
    # Names and hubs of the scenario are those of the finished rig, so that a camera can be spoken of by its new name too.
    scenario.check_names(
        list(dict.fromkeys([*(name for _, name in names), *(one.name for one in built)])),
        [one.key for one in built],
        {one.hub for one in built},
    )
    return {one.key: one for one in built}


def _camera(
    settings: SimSettings, index: int, ring: int, name: str, serial: str, rings: int, scenario: Scenario
) -> SimulatedCamera:
    model = settings.models[ring % len(settings.models)]
    rng = random.Random(f"{settings.seed}/camera/{index}")
    per_ring = max(_PER_RING, math.ceil(settings.cameras / _RINGS))
    in_ring = index - ring * per_ring
    ring_size = min(per_ring, settings.cameras - ring * per_ring)
    face = ring == rings // 2 and in_ring < _FACE < ring_size
    # Every draw is made whatever the scenario says, so that overriding one value changes no other.
    lag = max(1.0, rng.gauss(settings.lag_ms, settings.lag_spread_ms))
    clock = CameraClock(
        offset_s=rng.gauss(0.0, settings.clock_spread_s),
        drift_ppm=rng.gauss(0.0, settings.drift_spread_ppm),
        quantum_ms=settings.quantum_ms,
    )
    key = f"{MODELS[model].make}|{model}|{serial}"
    wishes: dict[str, Any] = {}
    for who in ("*", name, key):
        wishes.update(scenario.cameras.get(who, {}))
    camera = SimulatedCamera(
        index=index,
        ring=ring,
        name=wishes.get("name", name),
        group=wishes.get("group", "face" if face else chr(ord("A") + ring)),
        model=wishes.get("model", model),
        serial=serial,
        hub=wishes.get("hub", f"hub{index // settings.cameras_per_hub + 1}"),
        rng=rng,
        clock=clock,
        properties=properties_of(wishes.get("model", model), settings.storage, DIALECTS[settings.dialect].version),
    )
    camera.hue = ring / rings
    camera.lag_ms = lag
    camera.jitter_ms, camera.jitter = settings.jitter_ms, settings.jitter
    camera.detect_ms = settings.detect_ms
    camera.powersource = "Battery" if "battery_percent" in wishes else settings.powersource
    camera.battery, camera.battery_per_shot = settings.battery_percent, settings.battery_per_shot
    camera.card_mb = settings.card_gb * 1000
    camera.barcode = settings.barcode if index == 0 else ""
    _apply(camera, wishes)
    camera.plugged = camera.status not in ("Absent", "Lost")
    return camera


def _apply(camera: SimulatedCamera, wishes: dict[str, Any]) -> None:
    """Let a scenario have its way with one camera."""
    for name in ("lag_ms", "jitter_ms", "jitter", "battery_per_shot", "powersource", "barcode", "status"):
        if name in wishes:
            setattr(camera, name, wishes[name])
    clock = camera.clock
    clock.offset_s = float(wishes.get("clock_offset_s", clock.offset_s))
    clock.drift_ppm = float(wishes.get("drift_ppm", clock.drift_ppm))
    clock.quantum_ms = float(wishes.get("quantum_ms", clock.quantum_ms))
    if "detect_ms" in wishes:
        camera.detect_ms = (float(wishes["detect_ms"]), float(wishes["detect_ms"]))
    camera.battery = min(100.0, float(wishes.get("battery_percent", camera.battery)))
    camera.card_mb = float(wishes["card_gb"]) * 1000 if "card_gb" in wishes else camera.card_mb
    where = f"camera {camera.name!r} of the scenario"
    for kind, value in wishes.get("properties", {}).items():
        _property(camera, kind, where)
        if str(value) not in camera.properties[kind].choices:
            raise UnknownName(f"{kind} value", value, camera.properties[kind].choices, where=where)
        camera.properties[kind].value = str(value)
    for kind in wishes.get("read_only", ()):
        _property(camera, kind, where)
        camera.properties[kind].writeable = False
    for kind in wishes.get("stubborn", ()):
        _property(camera, kind, where)
        camera.properties[kind].stubborn = True


def _property(camera: SimulatedCamera, kind: Any, where: str) -> None:
    if kind not in camera.properties:
        raise UnknownName("property", kind, list(camera.properties), where=where)
