"""List the cameras: the subscriber is connected at the last moment, the state is taken from the publisher."""

import json
import sys

import zmq

context = zmq.Context()
sub = context.socket(zmq.SUB)
sub.setsockopt(zmq.SUBSCRIBE, b"")
sub.connect(sys.argv[1])
req = context.socket(zmq.REQ)
req.connect(sys.argv[2])
req.send_string(json.dumps({"msg_type": "Request", "msg_id": "SynchroniseMsg", "msg_ref_num": 0}))
reply = json.loads(str(req.recv(), "utf-8-sig"))
print("Result:", reply["Result"], sorted(reply))
while True:
    event = json.loads(str(sub.recv(), "utf-8-sig"))
    if event["msg_id"] == "SynchroniseMsg":
        break
for camera in event["CameraUpdatedMsg"]:
    print(camera["CameraSerialNumber"], camera["CameraMake"], camera["CameraModel"], camera["CameraName"], camera["CameraStatus"], camera["CameraGroup"], sep=", ")  # fmt: skip # noqa: E501
for camera in event["PropertyUpdatedMsg"]:
    for one in camera["PropertyInfoMsg"]:
        if one["CameraPropertyType"] == "ISO":
            print("ISO", one["CameraPropertyValue"], "of", len(one["CameraPropertyRange"]))
context.destroy()
