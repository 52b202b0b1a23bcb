"""Every message of the External API, as one table.

Client, server, documentation and tests are derived from it. Ids are those of the current dialect; ``v3`` is the id on a 3.x
wire. A request is answered by exactly one response of the same id; ``reply`` names what it carries beyond the envelope.

Source: the vendor's ``external_api.json``, versions 3.38, 4.28, 5.6, 5.9 and 6.0.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from rigkit.errors import UnknownName
from rigkit.wire.fields import (
    CAMERA_INFO,
    CAMERA_SELECTION,
    ENVELOPE,
    FIELDS,
    OPTIONS_INFO,
    PHOTO_INFO,
    PHOTO_SELECTION,
    VERSIONS,
    within,
)

__all__ = ["ALIASES", "MESSAGES", "MessageSpec", "check_request", "messages_of"]


class MessageSpec(NamedTuple):
    """What the specification says of one message.

    Attributes
    ----------
    msg_id : str
        Its id in the current dialect.
    kind : {"request", "event", "event+request", "udp"}
        How it travels.
    fields : tuple of str
        What a request or an event carries beyond the envelope, by current names.
    reply : tuple of str
        What the response carries beyond the envelope.
    since, until : str
        First and last specification that lists it.
    v3 : str
        Its id on a 3.x wire; empty if it has none.
    public_since : str
        First specification that makes it public; empty: internal, never sent by a client and ignored when received.
    required : tuple of str
        Fields without which a request means nothing; selection keys are judged by the selection itself.
    """

    msg_id: str
    kind: str = "request"
    fields: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()
    since: str = "3.38"
    until: str = "6.0"
    v3: str = ""
    public_since: str = "3.38"
    required: tuple[str, ...] = ()

    @property
    def is_request(self) -> bool:
        """Whether a client may send it to the request endpoint."""
        return "request" in self.kind

    def listed_in(self, version: str) -> bool:
        """Whether a specification, one of ``VERSIONS``, has this message."""
        return within(version, self.since, self.until)

    def fields_in(self, version: str) -> tuple[str, ...]:
        """Fields of this message in one specification, by current names.

        Parameters
        ----------
        version : str
            One of ``VERSIONS``.
        """
        return tuple(
            name
            for name in self.fields
            if FIELDS[name].listed_in(version)
            # 3.38 tells of properties in a message of their own.
            and not (name == "CameraPropertyInfo" and self.msg_id == "CameraUpdated" and version == VERSIONS[0])
        )

    def reply_in(self, version: str) -> tuple[str, ...]:
        """Fields of its response beyond the envelope in one specification; a 3.x Synchronise publishes them instead."""
        return tuple(name for name in self.reply if FIELDS[name].listed_in(version))


def _camera(msg_id: str, *fields: str, since: str = "3.38") -> MessageSpec:
    """Describe a request on a selection of cameras."""
    v3 = f"{msg_id}Msg" if since == "3.38" else ""
    required = tuple(name for name in fields if name not in {"BulbTimer", "PhotoOrigin", "CameraLiveviewVideoFPS"})
    return MessageSpec(
        msg_id,
        fields=(*CAMERA_SELECTION, *fields),
        since=since,
        v3=v3,
        public_since=since,
        required=("CameraSelection", *required),
    )


def _photo(msg_id: str, *fields: str, since: str = "3.38") -> MessageSpec:
    """Describe a request on a selection of photos."""
    v3 = f"{msg_id}Msg" if since == "3.38" else ""
    required = tuple(name for name in fields if name != "DeleteFiles")
    return MessageSpec(
        msg_id,
        fields=(*PHOTO_SELECTION, *fields),
        since=since,
        v3=v3,
        public_since=since,
        required=("PhotoSelection", *required),
    )


def _plain(
    msg_id: str, *fields: str, since: str = "3.38", v3: str | None = None, optional: tuple[str, ...] = ()
) -> MessageSpec:
    """Describe a request that concerns the whole application."""
    v3_id = (f"{msg_id}Msg" if since == "3.38" else "") if v3 is None else v3
    required = tuple(name for name in fields if name not in optional)
    return MessageSpec(msg_id, fields=fields, since=since, v3=v3_id, public_since=since, required=required)


def _internal(msg_id: str, kind: str = "request", until: str = "6.0") -> MessageSpec:
    return MessageSpec(msg_id, kind=kind, until=until, v3=f"{msg_id}Msg", public_since="")


_TABLE = (
    _plain("ActivateLicense", "ActivationCode", since="4.28"),
    _camera("Autofocus"),
    _plain("CancelLatch", "CameraLatchIndex", since="4.28"),
    _plain("CancelTrigger", since="4.28"),
    _plain("CheckClocks"),
    _camera("Connect"),
    _plain("DeactivateLicense", since="4.28"),
    _photo("Delete", "DeleteFiles"),
    _plain("DetectCameras"),
    _camera("Disconnect"),
    _photo("Download"),
    _camera("EnableLiveview", "Enable"),
    _camera("EnableLiveviewDOF", "Enable"),
    _camera("EnableLiveviewRecord", "Enable")._replace(until="3.38"),
    _camera("EnableLiveviewZoom", "Enable"),
    _camera("EnableVideo", "Enable"),
    _camera("EngageLatch", "CameraLatchIndex", since="4.28"),
    _camera("EngageTrigger", since="4.28"),
    _plain("Format", v3="FormatAllMsg"),
    _camera("GetCamera", since="4.28")._replace(reply=("CameraInfo",)),
    _camera("Identify"),
    _camera("IncrementProperty", "CameraPropertyType", "CameraPropertyStep", since="4.28"),
    _camera("LiveviewFPS", "CameraLiveviewFPS", "CameraLiveviewVideoFPS"),
    _camera("LiveviewFocus", "CameraLiveviewFocusStep"),
    _camera("LiveviewPosition", "CameraLiveviewPositionX", "CameraLiveviewPositionY"),
    _camera("PowerZoomDirection", "CameraPowerZoomDirection", since="4.28"),
    _camera("PowerZoomPosition", "CameraPowerZoomPosition", since="4.28"),
    _camera("PowerZoomStop", since="4.28"),
    _plain("RelayCustomText", "CustomText")._replace(kind="event+request", reply=("CustomText",)),
    _plain("ReleaseLatch", "CameraLatchIndex", since="4.28"),
    _plain("ReleaseTrigger", "CameraTriggerInterval", since="4.28", optional=("CameraTriggerInterval",)),
    _camera("RenameCamera", "CameraName"),
    _photo("RenamePhoto", "PhotoComputedName"),
    _photo("Reshoot"),
    _plain("SetActiveCamera", "CameraKey", since="6.0"),
    _plain("SetBatchNum", "PhotoBatchNum"),
    # CameraGroup is both the new value and the key of a Group selection, so the selection must not be Group here.
    _camera("SetCameraGroup")._replace(required=("CameraSelection", "CameraGroup")),
    _camera("SetCameraTriggerIndex", "CameraTriggerIndex", since="4.28"),
    _plain("SetOptions", *OPTIONS_INFO, optional=OPTIONS_INFO),
    _camera("SetProperty", "CameraPropertyType", "CameraPropertyValue"),
    _plain("SetSequenceNum", "PhotoSequenceNum"),
    _camera("SetShutterButton", "CameraShutterButton"),
    _camera("Shoot", "BulbTimer", "PhotoOrigin"),
    _plain("Shutdown", since="4.28"),
    _plain("SyncBatchNum"),
    _plain("SyncClocks", "CameraDateTimeOffset", optional=("CameraDateTimeOffset",)),
    _plain("Synchronise")._replace(
        reply=("OptionsInfo", "NodeInfo", "LicenseMsg", "CameraInfo", "PhotoInfo", "PropertyUpdated")
    ),
    _photo("Transfer", since="4.28"),
    # events
    MessageSpec("CameraUpdated", "event", CAMERA_INFO, v3="CameraUpdatedMsg"),
    MessageSpec(
        "LiveviewUpdated",
        "event",
        (*CAMERA_SELECTION, "CameraLiveviewImage"),
        v3="LiveviewUpdatedMsg",
        public_since="5.6",
    ),
    MessageSpec(
        "OptionsUpdated",
        "event",
        tuple(name for name in OPTIONS_INFO if not name.startswith("Grid")),
        since="4.28",
        public_since="4.28",
    ),
    MessageSpec("PhotoUpdated", "event", PHOTO_INFO, v3="PhotoUpdatedMsg"),
    MessageSpec(
        "PropertyUpdated", "event", (*CAMERA_SELECTION, "CameraPropertyInfo"), until="3.38", v3="PropertyUpdatedMsg"
    ),
    # between nodes and inside the application
    _internal("License"),
    _internal("NetworkDiscovery", "udp"),
    _internal("NetworkPing"),
    _internal("NodeEndpoint", until="3.38"),
    _internal("NodeUpdated", "event"),
    _internal("RemoveNode"),
    _internal("RenameNode"),
    _internal("TransferPhoto"),
)

#: Every message by its current id.
MESSAGES: dict[str, MessageSpec] = {spec.msg_id: spec for spec in _TABLE}

#: Ids that applications between 4.0 and 4.25 used for a message that has another id now.
ALIASES = {"FormatAll": "Format"}


@functools.cache
def messages_of(version: str, *, public: bool = True) -> tuple[MessageSpec, ...]:
    """Messages listed by one specification.

    Parameters
    ----------
    version : str
        One of ``VERSIONS``.
    public : bool
        Only those that this specification makes public.
    """
    at = VERSIONS.index(version)
    return tuple(
        spec
        for spec in MESSAGES.values()
        if spec.listed_in(version) and (not public or (spec.public_since and VERSIONS.index(spec.public_since) <= at))
    )


def check_request(msg_id: str, fields: Mapping[str, Any]) -> None:
    """Check a request against the table before it is sent.

    Parameters
    ----------
    msg_id : str
        The id in the current dialect.
    fields : Mapping
        What it carries beyond the envelope, by current names.

    Raises
    ------
    UnknownName
        No such request, or a field that this request does not have.
    ValueError
        A field that is missing, or a value of the wrong type or out of range.
    """
    spec = MESSAGES.get(ALIASES.get(msg_id, msg_id))
    if spec is None or not spec.is_request or not spec.public_since:
        requests = sorted(one.msg_id for one in MESSAGES.values() if one.is_request and one.public_since)
        raise UnknownName("request", msg_id, requests)
    for name, value in fields.items():
        if name not in spec.fields or name in ENVELOPE:
            raise UnknownName("field", name, spec.fields, where=f"the request {msg_id}")
        problem = FIELDS[name].problem(value)
        if problem:
            raise ValueError(f"{msg_id}: {problem}")
    missing = [name for name in spec.required if name not in fields]
    if missing:
        raise ValueError(f"{msg_id} needs {', '.join(missing)}")
