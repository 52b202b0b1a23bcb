"""Shoot an object from all sides: numbers all zero or missing, the tag set straight after the shot, one photo waited for each."""

import json
import sys

import zmq

publisher, requests, folder = sys.argv[1:4]
context = zmq.Context()
sub = context.socket(zmq.SUB)
sub.setsockopt(zmq.SUBSCRIBE, b"")
sub.connect(publisher)
req = context.socket(zmq.REQ)
req.connect(requests)


def send(text):
    req.send_string(text)
    return json.loads(str(req.recv(), "utf-8-sig"))["Result"]


# Until the publisher is heard, nothing may be shot.
poller = zmq.Poller()
poller.register(sub, zmq.POLLIN)
while not poller.poll(50):
    send('{"msg_type": "Event", "msg_id": "RelayCustomTextMsg", "msg_ref_num": 0, "CustomText": "there?"}')

print("connect", send('{"msg_type": "Request", "msg_id": "ConnectMsg", "msg_ref_num": 0, "CameraSelection": "All"}'))
options = {"GridPhotoPath": folder, "GridFilenameExpression": "[U]_[S]"}
print("folder", send(json.dumps({"msg_type": "Request", "msg_id": "SetOptionsMsg", "msg_ref_num": 12, **options})))
print("number", send('{"msg_type": "Request", "msg_id": "SetSequenceNumMsg", "GridSequenceNum": 1001}'))
for side in ("front", "left", "back"):
    shot = send('{"msg_type": "Request", "msg_id": "ShootMsg", "msg_ref_num": 0, "CameraSelection": "All"}')
    tag = json.dumps(
        {"msg_type": "Request", "msg_id": "SetOptionsMsg", "msg_ref_num": 2, "GridUniqueTag": f"show_{side}"}
    )
    named = send(tag)
    print(side, shot, named)
    ready = False
    while not ready:
        event = json.loads(str(sub.recv(), "utf-8-sig"))
        if event["msg_id"] == "PhotoUpdatedMsg" and event["PhotoLocation"] == "Local Disk":
            print("photo", event["GridSequenceNum"], event["GridBatchNum"], event["PhotoComputedName"])
            ready = True
context.destroy()
