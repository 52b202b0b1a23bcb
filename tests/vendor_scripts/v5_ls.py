"""List the cameras."""

import json
import sys

import zmq

context = zmq.Context()
req = context.socket(zmq.REQ)
req.connect(sys.argv[2])
req.send_string(json.dumps({"msg_type": "Request", "msg_id": "GetCamera", "msg_seq_num": 0, "CameraSelection": "All"}))
reply = json.loads(str(req.recv(), "utf-8"))
print("Number of cameras:", len(reply["CameraInfo"]))
for camera in reply["CameraInfo"]:
    print(camera["CameraSerialNumber"], camera["CameraMake"], camera["CameraModel"], camera["CameraName"], camera["CameraStatus"], camera["CameraGroup"], sep=", ")  # fmt: skip # noqa: E501
context.destroy()
