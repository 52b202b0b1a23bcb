"""Scenarios: what the cameras of a rehearsal are like, and what goes wrong when.

A scenario is a mapping, as YAML or Python::

    cameras:
      "*":  {jitter_ms: 4, drift_ppm: 20}
      A07:  {lag_ms: 95, clock_offset_s: -1.5}
    settings: {shot_order: ready_after_photo, detect_ms: [100, 400]}
    faults:
      - {at: 6, camera: A07, kind: lost}
      - {at: 5, after_s: 0.5, camera: A03, kind: lost, amount: 3000}
      - {at: 12.5s, camera: "*", kind: clock_step, amount: 3600000}

``settings`` are those of :class:`~rigkit.sim.settings.SimSettings` by name, where no option of ``rigkit sim`` sets them; what
is said of a camera (``CAMERA_KEYS``) overrides both. ``at`` is the number of a release, counted from 1, or a text like
``12.5s``: seconds since the start. ``after_s`` delays the fault by so many seconds. Kinds that concern one shot, given with a
time, concern the camera's next release.

=================  ==========================================================================  ====================  ===========
kind               what happens                                                                amount                if absent
=================  ==========================================================================  ====================  ===========
lost               unplugged, just before the release fires                                    ms until plugged in   stays away
hub_down           every camera on that hub (``camera``: a hub, or a camera on it) is lost      ms until up again     stays down
misfire            does not expose; its failed counter goes up, its batch number stays
late               exposes later                                                               ms                    40
double             exposes twice                                                               ms between            150
download_failed    its first transfer fails; the photo stays on the camera
download_slow      its transfer takes longer                                                   ms more               2000
drop               events about it get their number and are not published                      count, or share < 1   1
duplicate          events about it are published twice, same number                            count, or share < 1   1
reorder            events about it come after the next event                                   count, or share < 1   1
setting            properties change by themselves, as by a bumped dial                        {ISO: 400} or ISO=400
clock_step         its clock jumps                                                             ms, + = forward
restart            the application restarts: events count from 1, cameras connect again        ms away               500
hang               the application neither answers nor publishes; without ``after_s`` the      ms                    1000
                   reply to that very release waits too
=================  ==========================================================================  ====================  ===========

``drop``, ``duplicate`` and ``reorder`` hold from that release on: a count until it is used up, a share until the next release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rigkit.errors import UnknownName, listed
from rigkit.sim.properties import MODELS

__all__ = ["CAMERA_KEYS", "KINDS", "Fault", "Scenario"]

#: Kinds of faults and the amount that holds if none is given.
KINDS: dict[str, float | None] = {
    "lost": None,
    "hub_down": None,
    "misfire": None,
    "late": 40.0,
    "double": 150.0,
    "download_failed": None,
    "download_slow": 2000.0,
    "drop": 1.0,
    "duplicate": 1.0,
    "reorder": 1.0,
    "setting": None,
    "clock_step": None,
    "restart": 500.0,
    "hang": 1000.0,
}

#: Kinds that concern one exposure or its photo.
OF_A_SHOT = frozenset({"misfire", "late", "double", "download_failed", "download_slow"})
#: Kinds that concern the way of an event, not the camera.
OF_EVENTS = frozenset({"drop", "duplicate", "reorder"})
_OF_THE_APPLICATION = frozenset({"restart", "hang"})

_NUMBER: tuple[type, ...] = (int, float)
#: What a scenario may say about a camera, and the types of it.
CAMERA_KEYS: dict[str, tuple[type, ...]] = {
    "lag_ms": _NUMBER,
    "jitter_ms": _NUMBER,
    "jitter": (str,),
    "clock_offset_s": _NUMBER,
    "drift_ppm": _NUMBER,
    "quantum_ms": _NUMBER,
    "detect_ms": _NUMBER,
    "battery_percent": _NUMBER,
    "battery_per_shot": _NUMBER,
    "powersource": (str,),
    "card_gb": _NUMBER,
    "barcode": (str,),
    "name": (str,),
    "group": (str,),
    "model": (str,),
    "hub": (str,),
    "status": (str,),
    "properties": (dict,),
    "read_only": (list, tuple),
    "stubborn": (list, tuple),
}
_CHOICES = {
    "jitter": ("gaussian", "frame-uniform", "bimodal"),
    "status": ("Ready", "Disconnected", "Lost", "Absent", "Error"),
    "powersource": ("AC", "Battery", "Unknown"),
    "model": tuple(MODELS),
}
_NOT_NEGATIVE = ("lag_ms", "jitter_ms", "quantum_ms", "detect_ms", "battery_percent", "battery_per_shot", "card_gb")
_FAULT_KEYS = ("at", "after_s", "camera", "kind", "amount")


class Fault(NamedTuple):
    """One thing that goes wrong.

    Attributes
    ----------
    kind : str
        One of ``KINDS``.
    camera : str
        Name, key or hub; ``"*"`` for all; empty where the kind concerns the application.
    release : int or None
        The release it belongs to, from 1; None: it has a time instead.
    at_s : float or None
        Seconds since the start.
    after_s : float or None
        Further delay (s); None: at once, before anything else of that release.
    amount : float, dict or None
        See the table above, milliseconds where it is a time.
    """

    kind: str
    camera: str
    release: int | None
    at_s: float | None
    after_s: float | None
    amount: Any


class Scenario(NamedTuple):
    """A checked scenario.

    Attributes
    ----------
    cameras : dict
        What it says about cameras, by name, key or ``"*"``.
    faults : tuple of Fault
        What goes wrong, in the order given.
    settings : dict
        Settings by name, checked when they are applied.
    """

    cameras: dict[str, dict[str, Any]]
    faults: tuple[Fault, ...]
    settings: dict[str, Any]

    @classmethod
    def from_text(cls, text: str) -> Scenario:
        """Read YAML, of which JSON is a part.

        Raises
        ------
        ValueError
            It is not YAML, or not a scenario.
        UnknownName
            It uses a key, kind or word that does not exist; the error lists those that do.
        """
        import yaml

        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError) as exc:
            raise ValueError(f"the scenario is not YAML: {' '.join(str(exc).split())}") from None
        return cls.from_data({} if data is None else data)

    @classmethod
    def from_data(cls, data: Any) -> Scenario:
        """Check a scenario given as a mapping; raises as :meth:`from_text` does."""
        if not isinstance(data, Mapping):
            raise ValueError(f"a scenario is a mapping with 'cameras' and 'faults', not {type(data).__name__}")
        _known(data, ("cameras", "faults", "settings"), "key", "a scenario")
        cameras = data.get("cameras") or {}
        faults = data.get("faults") or []
        if not isinstance(cameras, Mapping):
            raise ValueError("'cameras' in a scenario maps names to what they are like")
        if not isinstance(faults, list | tuple):
            raise ValueError("'faults' in a scenario is a list")
        settings = data.get("settings") or {}
        if not isinstance(settings, Mapping):
            raise ValueError("'settings' in a scenario maps names to values")
        return cls(
            {str(name): _camera(str(name), one) for name, one in cameras.items()},
            tuple(_fault(n, one) for n, one in enumerate(faults, 1)),
            {str(name): value for name, value in settings.items()},
        )

    def check_names(self, names: Iterable[str], keys: Iterable[str], hubs: Iterable[str]) -> None:
        """Raise UnknownName if it speaks of a camera or hub that the rig does not have."""
        names, hubs = list(names), set(hubs)
        cameras = {*names, *keys, "*"}
        for name in self.cameras:
            if name not in cameras:
                raise UnknownName("camera", name, names, where="the cameras of the scenario")
        for n, fault in enumerate(self.faults, 1):
            allowed = cameras | hubs if fault.kind == "hub_down" else cameras
            if fault.camera not in allowed and fault.kind not in _OF_THE_APPLICATION:
                raise UnknownName("camera", fault.camera, names, where=f"fault {n} ({fault.kind}) of the scenario")


def _known(data: Mapping[Any, Any], allowed: Iterable[str], kind: str, where: str) -> None:
    allowed = list(allowed)
    for key in data:
        if key not in allowed:
            raise UnknownName(kind, key, allowed, where=where)


def _camera(name: str, data: Any) -> dict[str, Any]:
    """Check what a scenario says about one camera."""
    where = f"camera {name!r} of a scenario"
    if not isinstance(data, Mapping):
        raise ValueError(f"{where}: expected a mapping, got {data!r:.80}")
    _known(data, CAMERA_KEYS, "key", where)
    for key, value in data.items():
        if not isinstance(value, CAMERA_KEYS[key]) or isinstance(value, bool):
            raise ValueError(f"{where}: {key} can't be {value!r:.80}")
        if key in _CHOICES and value not in _CHOICES[key]:
            raise UnknownName(key, value, _CHOICES[key], where=where)
        if key in _NOT_NEGATIVE and not 0 <= float(data[key]) < 1e12:
            raise ValueError(f"{where}: {key} must not be negative or endless: {value}")
    return dict(data)


def _fault(n: int, data: Any) -> Fault:
    """Check one fault."""
    where = f"fault {n} of the scenario"
    if not isinstance(data, Mapping):
        raise ValueError(f"{where}: expected a mapping with {listed(_FAULT_KEYS)}, got {data!r:.80}")
    _known(data, _FAULT_KEYS, "key", where)
    kind = data.get("kind")
    if kind not in KINDS:
        raise UnknownName("kind of fault", kind, list(KINDS), where=where)
    if "at" not in data:
        raise ValueError(f"{where} ({kind}): 'at' is missing: the number of a release, or a text like '12.5s'")
    release, at_s = _when(data["at"], where)
    after_s: Any = data.get("after_s")
    if after_s is not None and (
        not isinstance(after_s, int | float) or isinstance(after_s, bool) or not 0 <= after_s < 1e9
    ):
        raise ValueError(f"{where} ({kind}): after_s is a number of seconds, not {after_s!r:.80}")
    camera = str(data.get("camera", ""))
    if not camera and kind not in _OF_THE_APPLICATION:
        raise ValueError(f"{where} ({kind}): 'camera' is missing: a name, a key, or '*' for all")
    amount = data.get("amount")
    amount = _amount(str(kind), KINDS[str(kind)] if amount is None else amount, where)
    return Fault(str(kind), camera, release, at_s, after_s, amount)


def _when(at: Any, where: str) -> tuple[int | None, float | None]:
    """Tell a release number from a time."""
    if isinstance(at, int) and not isinstance(at, bool) and at >= 1:
        return at, None
    if isinstance(at, str) and at.endswith("s"):
        try:
            seconds = float(at[:-1])
        except ValueError:
            seconds = -1.0
        if 0 <= seconds < 1e9:
            return None, seconds
    raise ValueError(f"{where}: 'at' is the number of a release from 1, or a text like '12.5s', not {at!r:.80}")


def _amount(kind: str, amount: Any, where: str) -> Any:
    """Check the amount of a fault; properties come back as a mapping of texts."""
    if kind == "setting":
        if isinstance(amount, str) and "=" in amount:
            name, _, value = amount.partition("=")
            amount = {name.strip(): value.strip()}
        if not isinstance(amount, Mapping) or not amount:
            raise ValueError(
                f"{where} (setting): amount says what changes, for example {{ISO: 400}}, not {amount!r:.80}"
            )
        return {str(name): str(value) for name, value in amount.items()}
    if amount is None:
        if kind == "clock_step":
            raise ValueError(f"{where} (clock_step): amount is missing: milliseconds, + = forward")
        return None
    if not isinstance(amount, int | float) or isinstance(amount, bool) or not -1e12 < amount < 1e12:
        raise ValueError(f"{where} ({kind}): amount is a number, not {amount!r:.80}")
    if amount < 0 and kind != "clock_step":
        raise ValueError(f"{where} ({kind}): amount must not be negative: {amount}")
    return float(amount)
