"""Record a video with one camera and fetch everything, with fields in the request that no specification lists for it."""

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


def send(number, msg_id, **fields):
    req.send_string(json.dumps({"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": number, **fields}))
    reply = json.loads(req.recv().decode())
    if not reply["msg_result"]:
        print(msg_id, "failed:", reply.get("msg_error", "no reason given"))
    return reply


def wait(condition):
    while True:
        event = json.loads(sub.recv().decode())
        if condition(event):
            return event


poller = zmq.Poller()
poller.register(sub, zmq.POLLIN)
while not poller.poll(50):
    send(0, "RelayCustomText", CustomText="there?")
key = send(1, "GetCamera", CameraSelection="All")["CameraInfo"][0]["CameraKey"]
one = {"CameraSelection": "Single", "CameraKey": key}
send(2, "EnableVideo", **one, Enable=True)
wait(lambda event: event.get("CameraKey") == key and event.get("CameraVideoElapsedTime", 0) > 0)
send(3, "EnableVideo", **one, Enable=False)
video = wait(lambda event: event["msg_id"] == "PhotoUpdated" and not event["PhotoIsImage"])
print("recorded", video["PhotoOriginalName"], video["PhotoLocation"])
print("download", send(5, "Download", **one, PhotoSelection="All", DownloadPath=folder)["msg_result"])
fetched = wait(lambda event: event["msg_id"] == "PhotoUpdated" and event["PhotoLocation"] == "Local Disk")
print("fetched", fetched["PhotoName"], fetched["PhotoFilesize"])
print("format", send(6, "Shoot", CameraSelection="Single", CameraKey="nobody")["msg_result"])
context.destroy()
