"""The stream that benches of the hot paths read: one shot of a large rig, unique messages of the simulator's own shape."""

from __future__ import annotations

import functools
from typing import Any

from rigkit.sim import SimSettings, SimulatedRig
from rigkit.wire import encode_frame

__all__ = ["CAMERA_BYTES", "PHOTO_BYTES", "mixed_stream"]

#: Compact size of a PhotoUpdated with its file and of a CameraUpdated with all properties, as the field lists of the External
#: API give them; the simulator's own are 5-10 % smaller and are filled up with a longer name and one property more.
PHOTO_BYTES, CAMERA_BYTES = 972, 5717
#: Events per camera and shot.
_PHOTO_EVENTS, _CAMERA_EVENTS = 4, 6


@functools.lru_cache(maxsize=4)
def mixed_stream(cameras: int = 200) -> tuple[bytes, ...]:
    """Make one shot's events: per camera 4 of its photo and 6 of itself with all properties.

    Parameters
    ----------
    cameras : int
        How many; 200 make 2000 events, 7.6 MB.

    Returns
    -------
    tuple of bytes
        Compact JSON in the order of a shot: all cameras' first events, then all their second ones, and so on.
    """
    rig = SimulatedRig(SimSettings(cameras=cameras, seed=1, photos="none", ping_s=0))
    rig.tick(4.0)
    reply = rig.request(_request(1, "GetCamera"), 4.0).reply
    assert reply is not None
    rig.request(_request(2, "Shoot"), 4.5)
    events = rig.tick(60.0).events
    photos = {one["CameraKey"]: dict(one) for one in events if one["msg_id"] == "PhotoUpdated" and "PhotoHash" in one}
    infos: dict[str, dict[str, Any]] = {one["CameraKey"]: dict(one) for one in reply["CameraInfo"]}
    assert len(photos) == len(infos) == cameras
    frames: list[bytes] = []
    for turn in range(_PHOTO_EVENTS + _CAMERA_EVENTS):
        for key, info in infos.items():
            number = {"msg_seq_num": len(frames) + 1}
            if turn % 5 in {0, 3}:
                frames.append(_filled({**photos[key], **number}, PHOTO_BYTES))
            else:
                envelope = {
                    "msg_type": "Event",
                    "msg_id": "CameraUpdated",
                    **number,
                    "msg_user_id": 0,
                    "msg_result": True,
                }
                frames.append(_filled({**envelope, **info}, CAMERA_BYTES))
    return tuple(frames)


def _request(number: int, msg_id: str) -> dict[str, Any]:
    return {"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": number, "CameraSelection": "All"}


def _filled(body: dict[str, Any], size: int) -> bytes:
    """Spell a message and fill it up to a size as its own fields would: paths are long, properties have ranges."""
    lacking = size - len(encode_frame(body))
    if "PhotoKey" in body:
        body = {**body, "PhotoFilename": body["PhotoFilename"].rjust(len(body["PhotoFilename"]) + lacking, "d")}
    else:
        choices = [f"{step * 64}" for step in range(100, 100 + max(0, lacking - 130) // 8)]
        property_info = {
            "CameraPropertyType": "FlashPower",
            "CameraPropertyValue": "64",
            "CameraPropertyIsWriteable": True,
        }
        body = {
            **body,
            "CameraPropertyInfo": [*body["CameraPropertyInfo"], {**property_info, "CameraPropertyRange": choices}],
        }
    return encode_frame(body)
