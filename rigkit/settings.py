"""Setting properties on many cameras, and reading back what they made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.errors import NoReply, UnknownName
from rigkit.record.columns import frame
from rigkit.sitting import Sitting
from rigkit.wire.selection import selection
from rigkit.wire.values import match_value, nearest_value, property_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["apply"]

#: How long a camera may take to report the value it was given, s.
_READ_BACK_S = 3.0


def apply(sitting: Sitting, keys: list[str], values: Mapping[str, Any]) -> pd.DataFrame:
    """Set properties, read them back, tell what came of it.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    keys : list of str
        The cameras.
    values : mapping
        Property names in any spelling to values as people write them.

    Returns
    -------
    pandas.DataFrame
        Index camera_key; columns position, property, asked, got, writeable, ok.

    Raises
    ------
    UnknownName
        No such property, or no camera has such a value; nothing was sent.
    """
    plan = {kind: _plan(sitting, keys, kind, value) for kind, value in _named(values).items()}
    for kind, spellings in plan.items():
        for spelling in dict.fromkeys(one for one in spellings.values() if one is not None):
            chosen = [key for key in keys if spellings[key] == spelling and _writeable(sitting, key, kind) is not False]
            if chosen:
                _send(sitting, chosen, kind, spelling)
    _read_back(sitting, keys, plan)
    return _table(sitting, keys, values, plan)


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {property_named(name): value for name, value in values.items()}


def _info(sitting: Sitting, key: str, kind: str) -> Mapping[str, Any]:
    camera = sitting.session.state.cameras.get(key)
    return camera.properties.get(kind, {}) if camera is not None else {}


def _choices(sitting: Sitting, key: str, kind: str) -> list[str]:
    choices = _info(sitting, key, kind).get("CameraPropertyRange")
    return [one for one in choices if isinstance(one, str)] if isinstance(choices, list) else []


def _writeable(sitting: Sitting, key: str, kind: str) -> bool | None:
    writeable = _info(sitting, key, kind).get("CameraPropertyIsWriteable")
    return writeable if isinstance(writeable, bool) else None


def _plan(sitting: Sitting, keys: list[str], kind: str, value: Any) -> dict[str, str | None]:
    """Each camera's own spelling of a value; None where it has no such value.

    Raises
    ------
    UnknownName
        None of the cameras has it.
    """
    spellings = {key: match_value(value, _choices(sitting, key, kind)) for key in keys}
    if keys and all(spelling is None for spelling in spellings.values()):
        valid = dict.fromkeys(choice for key in keys for choice in _choices(sitting, key, kind))
        raise UnknownName(f"{kind} value", value, list(valid), near=nearest_value(value, list(valid)))
    return spellings


def _send(sitting: Sitting, keys: list[str], kind: str, spelling: str) -> None:
    """Set one value on the cameras that have it; one stubborn camera must not stop the rest, so a refusal is split up."""
    fields = {"CameraPropertyType": kind, "CameraPropertyValue": spelling}
    reply = sitting.request("SetProperty", {**selection(keys), **fields})
    if not reply.msg_result and len(keys) > 1:
        for key in keys:
            sitting.request("SetProperty", {**selection([key]), **fields})


def _read_back(sitting: Sitting, keys: list[str], plan: Mapping[str, Mapping[str, str | None]]) -> None:
    """Wait for the cameras to report their new values, and ask if they don't."""

    def arrived() -> bool:
        return all(
            spelling is None
            or _writeable(sitting, key, kind) is False
            or _info(sitting, key, kind).get("CameraPropertyValue") == spelling
            for kind, spellings in plan.items()
            for key, spelling in spellings.items()
        )

    if not sitting.wait_for(arrived, _READ_BACK_S / 10):
        try:
            sitting.synchronise(keys, photos=False)
        except NoReply:
            return
        sitting.wait_for(arrived, _READ_BACK_S)


def _table(
    sitting: Sitting, keys: list[str], values: Mapping[str, Any], plan: Mapping[str, Mapping[str, str | None]]
) -> pd.DataFrame:
    rows = [
        {
            "camera_key": key,
            "property": kind,
            "position": sitting.session.label(key),
            "asked": str(value),
            "got": _info(sitting, key, kind).get("CameraPropertyValue"),
            "writeable": _writeable(sitting, key, kind),
            "ok": plan[kind][key] is not None
            and _info(sitting, key, kind).get("CameraPropertyValue") == plan[kind][key],
        }
        for key in keys
        for kind, value in _named(values).items()
    ]
    return frame("set", rows)
