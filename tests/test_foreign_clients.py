"""Programs of other people's kind, run unchanged against `rigkit sim`: what they print is what they would print elsewhere.

The programs are in ``vendor_scripts``; the habits they have are those of section 9 to 12 of the reference. Every request of
``samples.jsonl`` that a real client or script has sent is answered true as well.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from rigkit.link.child import SimulatorProcess

SCRIPTS = Path(__file__).parent / "vendor_scripts"
SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "reference" / "samples.jsonl"
TIMEOUT = 30.0  # s; the scripts themselves wait for ever


class Stand:
    """A running simulator and what scripts need of it.

    Parameters
    ----------
    dialect : str
        What it speaks.
    folder : Path
        Where its photos go.
    """

    def __init__(self, dialect: str, folder: Path, *options: str, cameras: int = 3) -> None:
        self.dialect = dialect
        self.folder = folder
        self.process = SimulatorProcess(
            [
                *("--dialect", dialect, "--cameras", str(cameras), "--speed", "10", "--seed", "2"),
                *("--download", str(folder), *options),
            ]
        )
        self.endpoints = [self.process.publisher, self.process.reqrep]

    def command(self, script: str, *words: str) -> list[str]:
        """Return what starts a script."""
        return [sys.executable, str(SCRIPTS / f"{script}.py"), *self.endpoints, *words]

    def run(self, script: str, *words: str) -> list[str]:
        """Run a script to its end and return the lines it printed."""
        done = subprocess.run(
            self.command(script, *words), capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def request(self, *words: str) -> list[str]:
        """Run the script of simple requests in this dialect."""
        return self.run(f"{self.dialect}_request", *words)


@pytest.fixture(scope="module", params=["v5", "v3"])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Give a stand of either dialect."""
    one = Stand(request.param, tmp_path_factory.mktemp("stand") / "photos")
    yield one
    one.process.close()


@contextlib.contextmanager
def fresh(dialect: str, folder: Path, *options: str, cameras: int = 3) -> Iterator[Stand]:
    """Give a stand that nobody has touched."""
    one = Stand(dialect, folder, *options, cameras=cameras)
    try:
        yield one
    finally:
        one.process.close()


class Listener:
    """The listening script, running; a thread reads what it prints, since a pipe can't be polled everywhere."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            stand.command(f"{stand.dialect}_listen"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.reader = threading.Thread(target=self._read, name="listener")
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def __enter__(self) -> Listener:
        try:
            self._until_it_hears()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _until_it_hears(self) -> None:
        """Send texts until one is printed: before that its subscription has not arrived."""
        suffix = "Msg" if self.stand.dialect == "v3" else ""
        text = {"msg_type": "Request", "msg_id": f"RelayCustomText{suffix}", "CustomText": "listening?"}
        with zmq.Context() as context, context.socket(zmq.REQ) as req:
            req.linger = 0
            req.rcvtimeo = round(TIMEOUT * 1000)
            req.connect(self.stand.endpoints[1])
            for _ in until("the listener hears something", lambda: len(self.lines) > 1):
                req.send_string(json.dumps(text))
                req.recv()
        assert self.lines[0] == "listening\n"

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def all(self) -> list[dict[str, Any]]:
        """Stop it by its word and return the events it printed."""
        assert self.stand.request("text", "stop")[0].endswith("True")
        assert self.process.wait(TIMEOUT) == 0
        self.reader.join(TIMEOUT)
        assert self.process.stderr is not None
        assert self.process.stderr.read() == ""
        return [json.loads(line) for line in self.lines[1:]]


def until(what: str, condition: Callable[[], bool]) -> Iterator[None]:
    """Let the caller do something every 20 ms until a condition holds."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, what
        yield
        time.sleep(0.02)


def photos_in(folder: Path, n: int = 0) -> list[Path]:
    """Wait until a folder holds so many photos and return them."""

    def found() -> list[Path]:
        return [path for path in folder.rglob("*.JPG") if not path.name.startswith(".")]

    for _ in until(f"{n} photos in {folder}", lambda: len(found()) >= n):
        pass
    return found()


def test_ls(stand: Stand) -> None:
    """[D] Serial number, make, model, name, status, group: what the vendor's scripts and library index of every camera."""
    lines = stand.run(f"{stand.dialect}_ls")
    cameras = [line.split(", ") for line in lines if ", Nikon" in line]
    assert [line[1:] for line in cameras] == [
        ["Nikon Corporation", "D850", name, "Ready", group]
        for name, group in (("A01", "A"), ("A02", "A"), ("A03", "A"))
    ]
    assert len({line[0] for line in cameras}) == 3
    if stand.dialect == "v5":
        assert lines[0] == "Number of cameras: 3"
    else:
        assert lines[0] == "Result: True ['Result', 'msg_id', 'msg_ref_num', 'msg_type']"
        assert [line for line in lines if line.startswith("ISO 100 of ")]


def test_ls_of_3x_never_waits_for_ever(tmp_path: Path) -> None:
    """[D, O] Its SUB socket is connected just before it asks; published at once, the state would reach 3 of 12 of them."""
    with fresh("v3", tmp_path / "photos") as stand:
        running = [
            subprocess.Popen(stand.command("v3_ls"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        said = [one.communicate(timeout=TIMEOUT) for one in running]
        assert {text.count("Ready") for text, _ in said} == {3}
        for _ in range(4):
            assert sum("Ready" in line for line in stand.run("v3_ls")) == 3


def test_shoot_as_a_listener_sees_it(stand: Stand) -> None:
    """[D] The reply is true; the photos and the counters come as events, every one with its id."""
    with Listener(stand) as listener:
        suffix = "Msg" if stand.dialect == "v3" else ""
        assert stand.request("shoot") == [f"Shoot{suffix} 0 True"]
        photos_in(stand.folder, 3)
        events = listener.all()
    told = [one["PhotoLocation"] for one in events if one["msg_id"] == f"PhotoUpdated{suffix}"]
    assert sorted(told) == ["Camera"] * 3 + ["Local Disk"] * 3
    assert {one["CameraStatus"] for one in events if one["msg_id"] == f"CameraUpdated{suffix}"} == {"Busy", "Ready"}
    assert all(one["msg_type"] == "Event" for one in events)
    number = "msg_ref_num" if stand.dialect == "v3" else "msg_seq_num"
    pings_too = [one[number] for one in events]
    assert pings_too == sorted(set(pings_too))


def test_half_press_and_release(stand: Stand) -> None:
    """[D] The words in lower case; the button is Off again, so the next shot is one photo of each camera."""
    before = len(photos_in(stand.folder))
    suffix = "Msg" if stand.dialect == "v3" else ""
    assert stand.request("half") == [f"SetShutterButton{suffix} 0 True", f"SetShutterButton{suffix} 1 True"]
    stand.request("shoot")
    assert len(photos_in(stand.folder, before + 3)) == before + 3


def test_set_property(stand: Stand) -> None:
    """[D] ISO 200 for all; told as PropertyUpdatedMsg in 3.x and inside CameraUpdated later."""
    suffix = "Msg" if stand.dialect == "v3" else ""
    with Listener(stand) as listener:
        assert stand.request("property", "ISO", "200") == [f"SetProperty{suffix} 0 True"]
        assert stand.request("property", "ISO", "about 200") == [f"SetProperty{suffix} 0 False"]
        events = listener.all()
    container = "PropertyInfoMsg" if stand.dialect == "v3" else "CameraPropertyInfo"
    kind = "PropertyUpdatedMsg" if stand.dialect == "v3" else "CameraUpdated"
    told = [one[container][0] for one in events if one["msg_id"] == kind and container in one]
    assert [(one["CameraPropertyType"], one["CameraPropertyValue"]) for one in told] == [("ISO", "200")] * 3


def test_set_options_and_numbers(stand: Stand) -> None:
    """[D] Three of all options in one request, the two counters, and the next photos named and counted by them."""
    suffix = "Msg" if stand.dialect == "v3" else ""
    folder = stand.folder / "tagged"
    assert stand.request("options", "tag", "code", str(folder)) == [f"SetOptions{suffix} 0 True"]
    assert stand.request("numbers", "5000", "300") == [f"SetSequenceNum{suffix} 0 True", f"SetBatchNum{suffix} 1 True"]
    with Listener(stand) as listener:
        stand.request("shoot")
        photos_in(folder, 3)
        events = listener.all()
    names = ("GridSequenceNum", "GridBatchNum") if stand.dialect == "v3" else ("PhotoSequenceNum", "PhotoBatchNum")
    photos = [
        one for one in events if one["msg_id"] == f"PhotoUpdated{suffix}" and one["PhotoLocation"] == "Local Disk"
    ]
    assert sorted(one[names[0]] for one in photos) == [5000, 5001, 5002]
    assert {one[names[1]] for one in photos} == {300}
    assert {path.name for path in folder.glob("*.JPG")} == {"SSP_5000.JPG", "SSP_5001.JPG", "SSP_5002.JPG"}


def test_relayed_texts(stand: Stand) -> None:
    """[D] Sent as an Event in 3.x and as a Request later, broadcast as an event by both."""
    with Listener(stand) as listener:
        stand.request("text", "hello, all of you")
        events = listener.all()
    texts = [one["CustomText"] for one in events if "CustomText" in one]
    assert texts[-2:] == ["hello, all of you", "stop"]


def test_the_turntable_of_3x(tmp_path: Path) -> None:
    """[I] No numbers, the tag set after the shot: it names the photo, since names are made when a photo is detected."""
    with fresh("v3", tmp_path / "photos", "--scenario", "{settings: {detect_ms: [4000, 4000]}}", cameras=1) as stand:
        lines = stand.run("v3_turntable", str(tmp_path / "photos" / "show"))
    assert lines[:3] == ["connect True", "folder True", "number True"]
    shots = [line for line in lines if line.endswith("True True")]
    assert [line.split()[0] for line in shots] == ["front", "left", "back"]
    named = [line.split()[-1] for line in lines if line.startswith("photo ")]
    assert [name.partition("_1")[0] for name in named] == ["show_front", "show_left", "show_back"]


def test_the_video_client_of_4x(tmp_path: Path) -> None:
    """[O] Its Download carries a camera selection and a folder, which are ignored; its reason for a failure is not ours."""
    with fresh("v5", tmp_path / "photos") as stand:
        lines = stand.run("v4_video", str(tmp_path / "elsewhere"))
    assert lines[0] == "recorded DSC_0001.MOV Camera"
    assert lines[1] == "download True"
    assert lines[2].startswith("fetched SSP_1.MOV ")
    assert lines[3:] == ["Shoot failed: no reason given", "format False"]
    assert not (tmp_path / "elsewhere").exists()
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["SSP_1.MOV"]


@pytest.mark.parametrize("order", ["captured", "ready_after_photo", "ready_before_photo"])
def test_the_order_that_the_vendor_tested(tmp_path: Path, order: str) -> None:
    """[D] Busy, Ready and the photo on its camera after a shot on the card; Busy, Ready, Local Disk after a download."""
    with fresh("v5", tmp_path / "photos", "--scenario", f"{{settings: {{shot_order: {order}}}}}") as stand:
        lines = stand.run("v4_order")
    busy, ready = "CameraUpdated Busy", "CameraUpdated Ready"
    assert lines == [
        *("card True", "autofocus True", busy, ready),
        *("shoot True", busy, "photo ready"),
        *("download True", busy, ready, "PhotoUpdated Local Disk"),
    ]


def test_a_table_of_cameras_kept_by_merging(tmp_path: Path) -> None:
    """[D] The vendor's library takes the whole state once and merges CameraUpdated, properties by their type."""
    with fresh("v5", tmp_path / "photos") as stand:
        lines = stand.run("v5_merge")
        assert stand.request("active", "Nikon Corporation|D850|0") == ["SetActiveCamera 0 False"]
        assert stand.request("licence", "ABC") == ["ActivateLicense 0 True", "DeactivateLicense 1 True"]
    assert lines == ["3 cameras 0 photos", "Ready Nikon Corporation 16"]


@pytest.mark.skipif(not SAMPLES.is_file(), reason="the samples are not beside the checkout")
def test_requests_that_real_clients_have_sent(stand: Stand) -> None:
    """[O] Each request of the samples, its placeholders filled in, is answered true in its dialect."""
    samples = [json.loads(line) for line in SAMPLES.read_text().splitlines()]
    v3 = stand.dialect == "v3"
    mine = [
        one["payload"] for one in samples if one["direction"] == "client->server" and (one["dialect"] == "v3") == v3
    ]
    assert len(mine) >= 13
    with zmq.Context() as context, context.socket(zmq.REQ) as req:
        req.linger = 0
        req.rcvtimeo = round(TIMEOUT * 1000)
        req.connect(stand.endpoints[1])

        def ask(payload: dict[str, Any]) -> dict[str, Any]:
            req.send_string(json.dumps(payload))
            reply = json.loads(req.recv().decode("utf-8-sig"))
            assert isinstance(reply, dict)
            return reply

        key = "none"
        if not v3:
            key = ask({"msg_type": "Request", "msg_id": "GetCamera", "CameraSelection": "All"})["CameraInfo"][0][
                "CameraKey"
            ]
        for payload in mine:
            text = (
                json.dumps(payload).replace("<key>", key).replace("<folder>", str(stand.folder).replace("\\", "\\\\"))
            )
            answered: list[bool] = []
            for _ in until(f"{payload} answered true", lambda: True in answered):  # noqa: B023
                # A camera may still be Busy with the sample before.
                answered.append(ask(json.loads(text))["Result" if v3 else "msg_result"])
                assert answered[-1] or payload["msg_id"].removesuffix("Msg") in {"Shoot", "EnableVideo", "Download"}, (
                    payload
                )
