"""A day at the rig, from power-up to the paper: every step held against what the simulator knows really happened.

Twelve places and a spare body, three sittings of two participants, and in between: a camera that is not connected, one that is set
wrong, a misfire, a blink, a battery that dies, a card that is full, a trigger box, kill -9 of the notebook's kernel, a hub that fails.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import rigkit
from rigkit.doctor import examine
from rigkit.link.child import SimulatorProcess, own_environment
from rigkit.session import Session
from tests.kernel import TABLES, check_equal, photographed
from tests.trigger_box import TriggerBox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")

#: What goes wrong, by the number of the release (see the steps below); the thirteenth camera lies on the bench.
SCENARIO = {
    "cameras": {
        "A05": {"battery_percent": 18, "battery_per_shot": 4},  # four exposures, and it is empty at the fifth
        "B02": {"card_gb": 0.035, "properties": {"Storage": "Both"}},  # room for five photos
        "B03": {"status": "Disconnected"},
        "B04": {"properties": {"ISO": "400"}},
        "B05": {"name": "spare", "hub": "hub1"},
    },
    "faults": [
        {"at": 2, "camera": "A07", "kind": "misfire"},
        {"at": 6, "camera": "A02", "kind": "setting", "amount": {"ISO": "400"}},
        {"at": 14, "camera": "B01", "kind": "hub_down", "amount": 2500},
    ],
}
#: The kernel of the afternoon: it is killed while the files of its third shot are on their way.
AFTERNOON = """
import sys, time, rigkit
requests, publisher, day = sys.argv[1:]
rig = rigkit.connect(requests, publisher=publisher, session=day, layout="rig.csv")
rig.load_profiles("golden.yaml")
rig.begin("P018")
for pose in ["apose", "tpose"]:
    print(rig.shoot(pose=pose, wait="files"), flush=True)
rig.shoot(pose="arms-up", wait=None)
print("fired", flush=True)
time.sleep(600)
"""
EQUAL = (*TABLES, "warnings")


class Place:
    """Where the day happens: an application that outlives every kernel, and a folder."""

    def __init__(self, folder: Path, application: SimulatorProcess) -> None:
        self.folder = folder
        self.application = application
        self.day = folder / "scans" / "2026-11-22"

    def connect(self, session: Path, **more: Any) -> rigkit.Rig:
        return rigkit.connect(self.application.reqrep, publisher=self.application.publisher, session=session, **more)

    def trigger_box(self) -> None:
        """Fire all cameras, as a program does that knows nothing of rigkit."""
        with TriggerBox(self.application.reqrep) as box:
            box.ask("Shoot", CameraSelection="All")

    def truth(self) -> list[set[str]]:
        """The cameras that fired, release by release."""
        table = pd.read_csv(self.folder / "truth" / "exposures.csv")
        return [set(cameras["camera_key"]) for _, cameras in table.groupby("shot_id", sort=True)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    settings = ["--cameras", "13", "--seed", "5", "--speed", "2", "--scenario", json.dumps(SCENARIO)]
    folders = ["--download", str(tmp_path / "photos"), "--truth", str(tmp_path / "truth")]
    application = SimulatorProcess([*settings, *folders])
    try:
        yield Place(tmp_path, application)
    finally:
        application.close()


def releases(session: Session) -> list[set[str]]:
    """The cameras that exposed, release by release: a reshoot is one of its own."""
    taken = session.exposures.reset_index()
    taken = taken[taken["status"].isin(["captured", "recovered"])]
    return [set(one["camera_key"]) for _, one in taken.groupby(["shot_id", "attempt"], sort=True)]


def positions(table: pd.DataFrame) -> list[str]:
    return sorted(table["position"])


# -- the steps ------------------------------------------------------------------------------------------------------------


def power_up(place: Place, capsys: pytest.CaptureFixture[str]) -> rigkit.Rig:
    """Doctor, layout, check, golden settings."""
    requests, publisher = place.application.reqrep, place.application.publisher
    swapped = examine(publisher, publisher=requests, timeout=1.0)
    assert not swapped.attrs["connects"]
    assert requests in str(swapped.loc["request", "todo"]), "it says which of the two is which"
    assert examine(requests, publisher=publisher).attrs["connects"]
    with place.connect(place.folder / "first") as rig:
        rig.save_layout("rig.csv")
    places = pd.read_csv("rig.csv", dtype=str, index_col="position").drop("spare")
    places["hub"] = [f"hub{1 + n // 8}" for n in range(12)]
    places.to_csv("rig.csv", sep=";", encoding="utf-8-sig")  # as a spreadsheet saves it

    capsys.readouterr()
    rig = place.connect(place.day, layout="rig.csv")
    said = capsys.readouterr().out
    assert "11 of 12 Ready; B03 Disconnected" in said
    assert "spare (3524982)" in said
    before = rig.check()
    assert before.attrs["verdict"] == "NO-GO"
    assert before.loc["ready", "positions"] == "B03"
    assert (before.loc["settings", "positions"], before.loc["battery", "positions"]) == ("B04", "A05")

    rig.profile(iso=100, aperture=8, shutter_speed="1/125")
    recovered = rig.recover()
    assert positions(recovered[recovered["ok"]]) == positions(recovered) == ["B03", "B04"]
    assert set(rig.get("iso")["value"]) == {"100"}
    after = rig.check()
    assert after.attrs["verdict"] == "GO, with warnings"
    assert set(after.index[after["level"] == "warn"]) == {"strangers", "battery", "verdict"}
    rig.save_profiles("golden.yaml")
    rig.set_options(filename_expression="[N]_[U]_[C]_[S]")
    return rig


def first_participant(rig: rigkit.Rig) -> None:
    """Three poses, and everything that goes wrong with them."""
    heard: list[str] = []
    rig.on_warning(lambda warning: heard.append(f"{warning.position} {warning.rule}"))
    with pytest.raises(ValueError, match="Anna"):
        rig.begin("Anna Schmidt", rule=r"P\d{3}")
    rig.begin("P017", rule=r"P\d{3}")
    assert rig.session.path.name == "P017_ses-01"

    first = rig.shoot(pose="apose", wait="files")
    assert first.ok
    assert set(first.photos["name"].str.split("_").str[:2].map(tuple)) == {("P017", "apose")}

    second = rig.shoot(pose="tpose", wait="files")
    assert second.missing[["position", "cause"]].to_numpy().tolist() == [["A07", "misfire"]]
    with pytest.warns(RuntimeWarning, match="A07 will show another instant"):
        second.reshoot(wait="files")
    assert second.ok
    assert set(second.photos["name"].str.split("_").str[1]) == {"tpose"}

    blinked = rig.shoot(pose="arms-up", wait="files").reject("blinked")
    again = blinked.retake(wait="files")
    assert again.ok
    assert (blinked.accepted, rig.session.shots.loc[3, "superseded_by"]) == (False, again.id)

    # All at once: the battery dies, a card is full, and a dial was bumped.
    fifth = rig.shoot(pose="seated", wait="files")
    assert fifth.missing.set_index("position")["cause"].to_dict() == {"A05": "lost_during", "B02": "misfire"}
    now = rig.warnings.set_index("rule")["position"]
    assert (now["disconnected"], now["setting"]) == ("A05", "A02")
    assert {"A05 disconnected", "A02 setting"} <= set(heard)

    assert rig.replace("A05", serial="3524982")["status"].tolist() == ["Ready"]
    rig.save_layout("rig.csv")
    assert positions(rig.recover()) == ["A02"]
    assert "strangers" not in rig.check().query("level != 'ok'").index, "the body that was taken off is in nobody's way"
    sixth = fifth.retake(wait="files")
    assert sixth.missing[["position", "cause"]].to_numpy().tolist() == [["B02", "storage"]]
    rig["B02"].set(storage="Disk")
    with pytest.warns(RuntimeWarning, match="B02 will show another instant"):
        sixth.reshoot(wait="files")
    assert sixth.ok
    rig.set_numbers(level=True)
    assert rig.check().loc["batch", "level"] == "ok"

    bodies = rig.session.exposures.query("position == 'A05'").groupby("serial").size()
    assert bodies.to_dict() == {"3038910": 5, "3524982": 1}, "each body keeps its own history"


def trigger_box(place: Place, rig: rigkit.Rig) -> None:
    """One release that was announced, and one that was not."""
    with rig.expect(pose="flash", timeout=20, wait="files") as expected:
        place.trigger_box()
    assert expected.ok
    known = len(rig.session.shots)
    place.trigger_box()
    shots = rig.session.account.shots
    assert rig._sitting.wait_for(lambda: len(shots) > known and shots[known + 1].done(files=True), 20.0, files=True)
    external = rig.session.shots.loc[[expected.id, known + 1], ["trigger", "pose", "complete"]]
    assert external.to_numpy().tolist() == [["external", "flash", True], ["external", pd.NA, True]]
    assert rig.session.shots["subject"].tolist() == ["P017"] * (known + 1), "whoever fired: it is their sitting"


def kernel_dies(place: Place, capsys: pytest.CaptureFixture[str]) -> rigkit.Rig:
    """The second participant's sitting is run by another kernel, which is killed; then this one goes on."""
    command = [sys.executable, "-c", AFTERNOON, place.application.reqrep, place.application.publisher, str(place.day)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own_environment()) as kernel:
        assert kernel.stdout is not None
        try:
            told = list(iter(kernel.stdout.readline, "fired\n"))
        finally:
            kernel.send_signal(signal.SIGKILL)
    assert [line for line in told if line.startswith("Shot")] == [
        "Shot 1 apose: 12/12 exposed, 12/12 on disk\n",
        "Shot 2 tpose: 12/12 exposed, 12/12 on disk\n",
    ]
    capsys.readouterr()
    rig = place.connect(place.day / "P018_ses-01")
    assert capsys.readouterr().out.startswith("12 of 12 Ready"), (
        "a moment is left to cameras whose files are on their way"
    )
    third = rig.shot(3).wait("files")
    assert repr(third) == "Shot 3 arms-up: 12/12 exposed, 12/12 on disk"
    assert rig.session.manifest.subject == "P018"
    assert [one.position for one in rig.layout or ()] == [
        *(f"A0{n}" for n in range(1, 9)),
        *(f"B0{n}" for n in range(1, 5)),
    ]

    fourth = rig.shoot(pose="seated", wait="files")
    assert positions(fourth.missing) == ["B01", "B02", "B03", "B04"]
    assert fourth.missing["common_cause"].str.contains("hub2").all()
    assert rig.recover()["ok"].all()
    assert fourth.retake(wait="files").ok
    return rig


def next_week(place: Place, live: dict[str, Session]) -> None:
    """With no server: what the tables say, what is thought of it now, and what goes into the paper."""
    week = rigkit.open("scans/*/P*")
    assert isinstance(week, rigkit.Sessions)
    assert [one.path.name for one in week] == ["P017_ses-01", "P018_ses-01"]
    for session in week:
        check_equal(session, live[session.path.name], EQUAL)
    told = [
        (n, key) for n, keys in enumerate((one for session in week for one in releases(session)), 1) for key in keys
    ]
    truth = [(n, key) for n, keys in enumerate(place.truth(), 1) for key in keys]
    assert set(told) <= set(truth), "nothing that did not happen"
    dead = live["P017_ses-01"].exposures.query("cause == 'lost_during'").index[0][1]
    # It opened its shutter, and died before it could say so: release 6 is that of the fifth shot, after a reshoot.
    assert set(truth) - set(told) == {(6, dead)}, "every camera of every release of the day"

    exposures = week.exposures.assign(missing=week.exposures["status"] == "missing")
    assert exposures.groupby("subject")["missing"].agg(["size", "sum"]).to_numpy().tolist() == [[96, 2], [60, 4]]
    assert week.photos["path_state"].eq("here").all()

    week["P018_ses-01"].shot(2).reject("left the marks")
    week["P017_ses-01"].shot(1).accept()
    anew = rigkit.open("scans/*/P*")
    assert isinstance(anew, rigkit.Sessions)
    assert anew["P018_ses-01"].shots.loc[2, "reason"] == "left the marks"
    assert anew["P017_ses-01"].shots.loc[1, "accepted"]
    assert photographed(anew["P018_ses-01"]) == photographed(live["P018_ses-01"])

    one = anew["P017_ses-01"]
    page = one.report().read_text(encoding="utf-8")
    assert all(word in page for word in ("P017", "blinked", "A07", "simulated"))
    verified = one.verify()
    assert verified["ok"].all()
    assert len(verified) == len(one.photos)
    damage(Path(verified["path"].iloc[0]))
    assert one.verify()["ok"].tolist().count(False) == 1
    text = anew.methods()
    assert all(
        word in text for word in ("Simulated cameras; not a measurement", "blinked", "left the marks", "2 participants")
    )


def damage(file: Path) -> None:
    """Change one byte."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.usefixtures("no_leaks")
def test_a_day_at_the_rig(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    rig = power_up(place, capsys)
    first_participant(rig)
    trigger_box(place, rig)
    rig.checksums(timeout=20)
    morning = rig.session
    rig.close()
    rig = kernel_dies(place, capsys)
    rig.checksums(timeout=20)
    afternoon = rig.session
    rig.close()
    next_week(place, {one.path.name: one for one in (morning, afternoon)})
