"""Setting properties on many cameras, and reading back what they made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.errors import NoReply, UnknownName
from rigkit.record.columns import frame
from rigkit.record.state import CameraRecord
from rigkit.sitting import Sitting
from rigkit.wire.selection import selection
from rigkit.wire.values import match_value, nearest_value, property_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Wanted", "apply", "check_offered", "give", "send_to_all"]

#: How long a camera may take to report the value it was given, s.
_READ_BACK_S = 3.0

#: Camera key -> property, by the name of the wire -> value as people write it.
Wanted = Mapping[str, Mapping[str, Any]]
#: Property -> camera key -> that camera's own spelling of the value it is to have; None: it has no such value.
_Plan = Mapping[str, Mapping[str, str | None]]


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
    named = {property_named(name): value for name, value in values.items()}
    check_offered(sitting, keys, named)
    return give(sitting, dict.fromkeys(keys, named))


def check_offered(sitting: Sitting, keys: list[str], values: Mapping[str, Any]) -> None:
    """Check that somebody has each of these values.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    keys : list of str
        The cameras; none: nobody can be asked, so whatever is wanted may be.
    values : mapping
        Properties by the names of the wire to values as people write them.

    Raises
    ------
    UnknownName
        None of the cameras has such a value; it names the nearest.
    """
    for kind, value in values.items():
        if keys and all(match_value(value, _camera(sitting, key).choices(kind)) is None for key in keys):
            valid = list(dict.fromkeys(choice for key in keys for choice in _camera(sitting, key).choices(kind)))
            raise UnknownName(f"{kind} value", value, valid, near=nearest_value(value, valid))


def give(sitting: Sitting, wanted: Wanted) -> pd.DataFrame:
    """Give each camera its own values, read them back, tell what came of it. A value that a camera has not is no error here.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    wanted : mapping
        What each camera is to have.

    Returns
    -------
    pandas.DataFrame
        As :func:`apply` does.
    """
    kinds = dict.fromkeys(kind for values in wanted.values() for kind in values)
    plan = {
        kind: {
            key: match_value(values[kind], _camera(sitting, key).choices(kind))
            for key, values in wanted.items()
            if kind in values
        }
        for kind in kinds
    }
    for kind, spellings in plan.items():
        for spelling in dict.fromkeys(one for one in spellings.values() if one is not None):
            chosen = [
                key
                for key, own in spellings.items()
                if own == spelling and _camera(sitting, key).writeable(kind) is not False
            ]
            if chosen:
                fields = {"CameraPropertyType": kind, "CameraPropertyValue": spelling}
                send_to_all(sitting, chosen, "SetProperty", fields)
    _read_back(sitting, list(wanted), plan)
    return _table(sitting, wanted, plan)


def _camera(sitting: Sitting, key: str) -> CameraRecord:
    """Return what is known of a camera; of one that was never heard of, nothing."""
    return sitting.session.state.cameras.get(key) or CameraRecord(key)


def send_to_all(sitting: Sitting, keys: list[str], msg_id: str, fields: Mapping[str, Any]) -> list[str]:
    """Send one request for many cameras; one stubborn camera must not stop the rest, so a refusal is split up.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    keys : list of str
        The cameras, at least one.
    msg_id, fields : str, mapping
        The request, without its selection.

    Returns
    -------
    list of str
        Cameras for which the application said no.
    """
    if sitting.request(msg_id, {**selection(keys), **fields}).msg_result:
        return []
    if len(keys) == 1:
        return keys
    return [key for key in keys if not sitting.request(msg_id, {**selection([key]), **fields}).msg_result]


def _read_back(sitting: Sitting, keys: list[str], plan: _Plan) -> None:
    """Wait for the cameras to report their new values, and ask if they don't."""

    def arrived() -> bool:
        return all(
            spelling is None
            or _camera(sitting, key).writeable(kind) is False
            or _camera(sitting, key).setting(kind) == spelling
            for kind, spellings in plan.items()
            for key, spelling in spellings.items()
        )

    if not sitting.wait_for(arrived, _READ_BACK_S / 10):
        try:
            sitting.synchronise(keys, photos=False)
        except NoReply:
            return
        sitting.wait_for(arrived, _READ_BACK_S)


def _table(sitting: Sitting, wanted: Wanted, plan: _Plan) -> pd.DataFrame:
    rows = [
        {
            "camera_key": key,
            "property": kind,
            "position": sitting.session.label(key),
            "asked": str(value),
            "got": _camera(sitting, key).setting(kind),
            "writeable": _camera(sitting, key).writeable(kind),
            "ok": plan[kind][key] is not None and _camera(sitting, key).setting(kind) == plan[kind][key],
        }
        for key, values in wanted.items()
        for kind, value in values.items()
    ]
    return frame("set", rows)
