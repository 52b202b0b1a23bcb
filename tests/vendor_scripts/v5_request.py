"""Send one simple request: shoot, half (and off again), property TYPE VALUE, options TAG BARCODE FOLDER, numbers S B, text T."""

import json
import sys

import zmq

context = zmq.Context()
req = context.socket(zmq.REQ)
req.connect(sys.argv[2])
number = 0


def send(msg_id, **fields):
    global number
    req.send_string(json.dumps({"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": number, **fields}))
    reply = json.loads(str(req.recv(), "utf-8"))
    print(reply["msg_id"], reply["msg_seq_num"], reply["msg_result"])
    number += 1


command, *words = sys.argv[3:]
if command == "shoot":
    send("Shoot", CameraSelection="All")
elif command == "half":
    send("SetShutterButton", CameraSelection="All", CameraShutterButton="half")
    send("SetShutterButton", CameraSelection="All", CameraShutterButton="off")
elif command == "property":
    send("SetProperty", CameraSelection="All", CameraPropertyType=words[0], CameraPropertyValue=words[1])
elif command == "options":
    send("SetOptions", UniqueTag=words[0], Barcode=words[1], DownloadPath=words[2])
elif command == "numbers":
    send("SetSequenceNum", PhotoSequenceNum=int(words[0]))
    send("SetBatchNum", PhotoBatchNum=int(words[1]))
elif command == "text":
    send("RelayCustomText", CustomText=words[0])
elif command == "active":
    send("SetActiveCamera", CameraKey=words[0])
elif command == "licence":
    send("ActivateLicense", ActivationCode=words[0])
    send("DeactivateLicense")
context.destroy()
