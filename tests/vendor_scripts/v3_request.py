"""Send one simple request: shoot, half (and off again), property TYPE VALUE, options TAG BARCODE FOLDER, numbers S B, text T."""

import json
import sys

import zmq

context = zmq.Context()
req = context.socket(zmq.REQ)
req.connect(sys.argv[2])
number = 0


def send(msg_id, msg_type="Request", **fields):
    global number
    req.send_string(json.dumps({"msg_type": msg_type, "msg_id": msg_id, "msg_ref_num": number, **fields}))
    reply = json.loads(str(req.recv(), "utf-8-sig"))
    print(reply["msg_id"], reply["msg_ref_num"], reply["Result"])
    number += 1


command, *words = sys.argv[3:]
if command == "shoot":
    send("ShootMsg", CameraSelection="All")
elif command == "half":
    send("SetShutterButtonMsg", CameraSelection="All", CameraShutterButton="half")
    send("SetShutterButtonMsg", CameraSelection="All", CameraShutterButton="off")
elif command == "property":
    send("SetPropertyMsg", CameraSelection="All", CameraPropertyType=words[0], CameraPropertyValue=words[1])
elif command == "options":
    send("SetOptionsMsg", GridUniqueTag=words[0], GridBarcode=words[1], GridPhotoPath=words[2])
elif command == "numbers":
    send("SetSequenceNumMsg", GridSequenceNum=int(words[0]))
    send("SetBatchNumMsg", GridBatchNum=int(words[1]))
elif command == "text":
    send("RelayCustomTextMsg", "Event", CustomText=words[0])
context.destroy()
