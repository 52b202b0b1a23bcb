"""Print every event, pings left out, until the text "stop" is heard."""

import json
import sys

import zmq

context = zmq.Context()
sub = context.socket(zmq.SUB)
sub.setsockopt(zmq.SUBSCRIBE, b"")
sub.connect(sys.argv[1])
print("listening", flush=True)
while True:
    raw = sub.recv()
    event = json.loads(str(raw, "utf-8-sig"))
    if event["msg_id"] == "NetworkPingMsg":
        continue
    print(json.dumps(event), flush=True)
    if event.get("CustomText") == "stop":
        break
context.destroy()
