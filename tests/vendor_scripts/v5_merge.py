"""Keep a table of cameras the way the vendor's library does: the whole state once, then whatever CameraUpdated says, merged."""

import json
import sys
from typing import Any

import zmq

context = zmq.Context()
sub = context.socket(zmq.SUB)
sub.setsockopt(zmq.SUBSCRIBE, b"")
sub.connect(sys.argv[1])
req = context.socket(zmq.REQ)
req.connect(sys.argv[2])


def send(msg_id, **fields):
    req.send_string(json.dumps({"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": 1, **fields}))
    return json.loads(str(req.recv(), "utf-8"))


def merge(known, info):
    for name, value in info.items():
        if name != "CameraPropertyInfo":
            known[name] = value
    for one in info.get("CameraPropertyInfo", []):
        known.setdefault("properties", {})[one["CameraPropertyType"]] = one


poller = zmq.Poller()
poller.register(sub, zmq.POLLIN)
while not poller.poll(50):
    send("RelayCustomText", CustomText="there?")
state = send("Synchronise")
cameras: "dict[str, dict[str, Any]]" = {}
for info in state["CameraInfo"]:
    merge(cameras.setdefault(info["CameraKey"], {}), info)
photos = {info["PhotoKey"]: info for info in state["PhotoInfo"]}
print(len(cameras), "cameras", len(photos), "photos")
first = next(iter(cameras))
values = cameras[first]["properties"]["Aperture"]["CameraPropertyRange"]
send(
    "SetProperty",
    CameraSelection="Single",
    CameraKey=first,
    CameraPropertyType="Aperture",
    CameraPropertyValue=values[-1],
)
send("EnableLiveview", CameraSelection="Single", CameraKey=first, Enable=True)


def done():
    live = cameras[first]["CameraLiveviewIsEnabled"] and cameras[first]["CameraLiveviewNumFrames"] > 0
    return live and cameras[first]["properties"]["Aperture"]["CameraPropertyValue"] == values[-1]


while not done():
    event = json.loads(str(sub.recv(), "utf-8"))
    if event["msg_id"] == "CameraUpdated":
        merge(cameras[event["CameraKey"]], event)
send("EnableLiveview", CameraSelection="Single", CameraKey=first, Enable=False)
print(
    cameras[first]["CameraStatus"],
    cameras[first]["CameraMake"],
    cameras[first]["properties"]["Aperture"]["CameraPropertyValue"],
)
context.destroy()
