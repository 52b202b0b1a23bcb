"""Check the order of events: autofocus, shot on the card, download; each time Busy, then Ready, then the photo."""

import json
import sys

import zmq

context = zmq.Context()
sub = context.socket(zmq.SUB)
sub.setsockopt(zmq.SUBSCRIBE, b"")
sub.connect(sys.argv[1])
req = context.socket(zmq.REQ)
req.connect(sys.argv[2])
number = 0


def send(msg_id, **fields):
    global number
    number += 1
    req.send_string(json.dumps({"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": number, **fields}))
    reply = json.loads(str(req.recv(), "utf-8"))
    assert reply["msg_type"] == "Response"
    assert reply["msg_id"] == msg_id
    assert reply["msg_seq_num"] == number
    return reply["msg_result"]


def wait(what, **fields):
    """Wait for an event with these values; all others are thrown away."""
    while True:
        event = json.loads(str(sub.recv(), "utf-8"))
        if event["msg_id"] == what and all(event.get(name) == value for name, value in fields.items()):
            print(what, *fields.values())
            return event


poller = zmq.Poller()
poller.register(sub, zmq.POLLIN)
while not poller.poll(50):
    send("RelayCustomText", CustomText="there?")
print("card", send("SetOptions", DefaultStorage="Card"))
all_cameras = {"CameraSelection": "All"}
print("autofocus", send("Autofocus", **all_cameras))
wait("CameraUpdated", CameraStatus="Busy")
wait("CameraUpdated", CameraStatus="Ready")
print("shoot", send("Shoot", **all_cameras))
wait("CameraUpdated", CameraStatus="Busy")
seen: set[str] = set()
while len(seen) < 2:  # the one may come before the other
    told = json.loads(str(sub.recv(), "utf-8"))
    if told["msg_id"] == "CameraUpdated" and told.get("CameraStatus") == "Ready":
        seen.add("ready")
    elif told["msg_id"] == "PhotoUpdated" and told["PhotoLocation"] == "Camera":
        seen.add("photo")
        key = told["PhotoKey"]
print(*sorted(seen))
print("download", send("Download", PhotoSelection="Single", PhotoKey=key))
wait("CameraUpdated", CameraStatus="Busy")
wait("CameraUpdated", CameraStatus="Ready")
wait("PhotoUpdated", PhotoLocation="Local Disk")
context.destroy()
