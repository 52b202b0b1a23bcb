"""Whose clock PhotoDateCaptured shows: sessions of each kind, with wrong clocks, steps and zones, and the simulator's own."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigkit.record.exif import read_many
from rigkit.record.stamps import INPUT, MIN_PHOTOS, classify_origin
from rigkit.sim.clocks import captured_text
from rigkit.sim.studio import develop
from tests.sim_desk import Desk

#: 2026-11-22 12:00 UTC, ms.
NOON_MS = 1_795_348_800_000


def cut(ms: float, step: int) -> int:
    return int(ms // step * step)


def session(
    first: str = "camera",
    last: str | None = None,
    *,
    cameras: int = 8,
    shots: int = 10,
    clock_s: float = 0.3,
    step_ms: int = 10,
    stamp_ms: int = 1,
    exif_digits: int | None = 2,
    zone_min: int = 0,
    camera_zone_min: int | None = None,
    jump: tuple[int, float] | None = None,
    application_s: float = 0.0,
    files: float = 1.0,
    seed: int = 1,
) -> pd.DataFrame:
    """Make the photos of a session of which one clock or the other made the stamps.

    ``clock_s``: how far the cameras' clocks are off (s, standard deviation). ``step_ms``: of a camera's stamps, ``stamp_ms``: of
    the host's. ``jump``: from a shot on all camera clocks are off by so many seconds more. ``application_s``: how far the clock of the
    application's computer is ahead of the one that hears the news. ``files``: share of which EXIF was read.
    """
    dice = random.Random(seed)
    offsets = [dice.gauss(0.0, clock_s) for _ in range(cameras)]
    own_zone = zone_min if camera_zone_min is None else camera_zone_min
    rows = []
    for shot in range(shots):
        for camera, offset_s in enumerate(offsets):
            exposed = NOON_MS + 7_300 * shot + dice.random() * 1000 + 60
            error_s = offset_s + (jump[1] if jump and shot >= jump[0] else 0.0)
            own = exposed + 1000 * error_s + 60_000 * own_zone
            noticed = exposed + dice.uniform(80, 200)
            local = noticed + 1000 * application_s + 60_000 * zone_min
            said = {"camera": captured_text(cut(own, step_ms)), "host": captured_text(cut(local, stamp_ms)), "none": ""}
            exif_step = 10 ** (3 - (exif_digits or 0))
            read = dice.random() < files
            rows.append(
                {
                    "camera_key": f"K{camera:02d}",
                    "captured_first": said[first],
                    "captured_last": said[last or first],
                    "t_exif": pd.Timestamp(cut(own, max(step_ms, exif_step)), unit="ms") if read else pd.NaT,
                    "subsec_digits": exif_digits if read else None,
                    "first_heard": pd.Timestamp(noticed + dice.uniform(1, 30), unit="ms", tz="UTC"),
                }
            )
    table = pd.DataFrame(rows, columns=list(INPUT))
    return table.astype({"t_exif": "datetime64[us]", "subsec_digits": "Int64"})


@pytest.mark.parametrize(
    ("wishes", "origin", "why"),
    [
        ({}, "camera", "equal to EXIF to 10 ms in 80 of 80 photos"),
        ({"clock_s": 500.0}, "camera", "80 of 80"),
        ({"exif_digits": 3, "step_ms": 1}, "camera", "equal to EXIF to 1 ms"),
        ({"exif_digits": 1, "step_ms": 100, "clock_s": 30.0}, "camera", "to 100 ms"),
        # the camera gives milliseconds by another way than EXIF
        ({"step_ms": 1, "exif_digits": 2, "clock_s": 30.0}, "camera", "80 of 80"),
        ({"step_ms": 1000, "clock_s": 30.0}, "camera", "in whole seconds always"),
        ({"step_ms": 1000, "exif_digits": None, "clock_s": 30.0}, "camera", "in whole seconds always"),
        ({"zone_min": -300, "camera_zone_min": 60}, "camera", "80 of 80"),
        ({"zone_min": 345}, "camera", "80 of 80"),
        ({"jump": (5, -7_305.5)}, "camera", "80 of 80"),
        ({"application_s": 5.0}, "camera", "80 of 80"),
        ({"files": 0.5, "shots": 24}, "camera", "equal to EXIF to 10 ms"),
        ({"first": "host"}, "host", "with milliseconds, where EXIF has steps of 10 ms"),
        ({"first": "host", "clock_s": 500.0}, "host", "within 1 s of the host's first news in 80 of 80 photos"),
        ({"first": "host", "exif_digits": None, "step_ms": 1000, "clock_s": 0.2}, "host", "steps of 1000 ms"),
        ({"first": "host", "clock_s": 0.0}, "host", "with milliseconds"),
        ({"first": "host", "exif_digits": 3, "step_ms": 1}, "host", "equal to EXIF to 1 ms in 0 of 80 photos"),
        ({"first": "host", "stamp_ms": 10}, "host", "80 of 80"),
        ({"first": "host", "stamp_ms": 1000, "clock_s": 30.0}, "host", "in whole seconds always"),
        ({"first": "host", "zone_min": -300, "camera_zone_min": 60}, "host", "80 of 80"),
        ({"first": "host", "jump": (5, -7_305.5)}, "host", "80 of 80"),
        # what nobody can tell
        ({"step_ms": 1000, "clock_s": 0.05}, "unknown", "either clock fits"),
        ({"files": 0.0}, "unknown", "can't exclude the camera"),
        ({"first": "host", "files": 0.0}, "unknown", "can't exclude the camera"),
        ({"first": "host", "application_s": 5.0}, "unknown", "neither clock fits"),
        ({"first": "none"}, "unknown", "0 photos of the rig have a PhotoDateCaptured"),
        ({"cameras": 2, "shots": 2}, "unknown", "4 photos of the rig have a PhotoDateCaptured; 5 are needed"),
        ({"cameras": 0}, "unknown", "0 photos"),
    ],
)
def test_a_session_of_each_kind(wishes: dict[str, Any], origin: str, why: str):
    found = classify_origin(session(**wishes))
    assert (found.rig.origin, found.rig.origin_before) == (origin, origin), found.rig
    assert why in found.rig.reason
    assert len(found.cameras) == wishes.get("cameras", 8)
    assert set(found.cameras["origin"]) <= {origin}, found.cameras.to_string()
    assert all(found.cameras["reason"])


def test_the_value_may_change_with_the_download():
    found = classify_origin(session("host", "camera"))
    assert (found.rig.origin_before, found.rig.origin, found.rig.changed) == ("host", "camera", 1.0)
    assert "the value changes with the download (100% of the photos), before it: host, " in found.rig.reason
    assert set(found.cameras["origin_before"]) == {"host"}
    assert set(found.cameras["origin"]) == {"camera"}
    assert classify_origin(session("none", "camera")).rig.changed == 0.0, "it came later, it did not change"


def test_a_rig_of_two_minds_is_said_to_be():
    others = session("host", cameras=5, seed=2)
    others["camera_key"] = "H" + others["camera_key"]
    found = classify_origin(pd.concat([session(cameras=4), others]))
    assert (found.rig.origin, found.rig.origin_before) == ("unknown", "unknown")
    assert found.rig.reason == "the cameras differ (4 camera, 5 host, 0 unknown): look at them one by one"
    assert found.cameras["origin"].to_dict() == {
        **{f"HK{n:02d}": "host" for n in range(5)},
        **{f"K{n:02d}": "camera" for n in range(4)},
    }


def test_a_camera_whose_clock_is_right_takes_the_verdict_of_the_rig():
    photos = session("host", stamp_ms=10, clock_s=5.0)
    right = photos["camera_key"] == "K03"
    photos.loc[right, "t_exif"] = pd.to_datetime(photos.loc[right, "captured_last"], format="%Y%m%d %H:%M:%S.%f")
    found = classify_origin(photos)
    assert (found.rig.origin, found.cameras.loc["K03", "origin"]) == ("host", "host")
    assert "its clock is right, so that both fit" in str(found.cameras.loc["K03", "reason"])


def test_the_evidence_is_told():
    found = classify_origin(session(shots=12, cameras=3, zone_min=60, files=0.5))
    table = found.cameras
    assert list(table["n"]) == [12, 12, 12]
    assert found.rig.n_exif == table["n_exif"].sum() < 36
    assert (found.rig.n_news, found.rig.step_ms, found.rig.equal_exif) == (36, 10.0, 1.0)
    assert found.rig.news_after_s is not None
    assert abs(found.rig.news_after_s) < 1.5, "modulo the zone"
    assert table.index.name == "camera_key"
    few = classify_origin(session(shots=MIN_PHOTOS - 1, cameras=3))
    assert few.rig.origin == "camera"
    assert set(few.cameras["origin"]) == {"unknown"}
    assert few.cameras["step_ms"].isna().all()


def test_a_damaged_session_is_no_trouble():
    photos = session(shots=20)
    photos.loc[::40, ["captured_first", "captured_last"]] = "20260230 99:00:00.000"
    photos.loc[5, "camera_key"] = None
    photos["first_heard"] = pd.Series(pd.NaT, photos.index, dtype="datetime64[us, UTC]")
    found = classify_origin(photos.sample(frac=1.0, random_state=1))
    assert (found.rig.origin, found.rig.n, found.rig.near_host) == ("camera", 156, None)
    with pytest.raises(ValueError, match="no column t_exif, subsec_digits; it needs camera_key"):
        classify_origin(photos.drop(columns=["t_exif", "subsec_digits"]))


@given(
    made_by=st.sampled_from(["camera", "host"]),
    seed=st.integers(0, 2**32),
    clock_s=st.sampled_from([0.0, 0.01, 0.1, 1.0, 10.0, 1000.0, 1e6]),
    step_ms=st.sampled_from([1, 10, 100]),
    stamp_ms=st.sampled_from([1, 10]),
    digits=st.sampled_from([None, 1, 2, 3]),
    zones=st.tuples(st.integers(-48, 56), st.integers(-48, 56)),
    jump=st.none() | st.tuples(st.integers(1, 9), st.floats(-1e5, 1e5)),
    application_s=st.sampled_from([0.0, 0.2, -3.0]),
)
def test_the_wrong_clock_is_never_named(made_by, seed, clock_s, step_ms, stamp_ms, digits, zones, jump, application_s):
    zone, own = zones
    found = classify_origin(
        session(
            made_by,
            seed=seed,
            clock_s=clock_s,
            step_ms=10 if digits and 10 ** (3 - digits) > step_ms else step_ms,
            stamp_ms=stamp_ms,
            exif_digits=digits,
            zone_min=15 * zone,
            camera_zone_min=15 * own,
            jump=jump,
            application_s=application_s,
        )
    )
    assert found.rig.origin in {made_by, "unknown"}, found.rig


# -- the simulator


def photographed(stamp: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **wishes: Any) -> pd.DataFrame:
    """Shoot with a simulated rig, note what is heard when, and read the files."""
    monkeypatch.setattr("tests.sim_desk.develop", develop)
    desk = Desk(cameras=6, files=True, ping_s=0, stamp=stamp, **wishes)
    rows: dict[str, dict[str, Any]] = {}
    for _ in range(8):
        desk.all("Shoot")
        for _ in range(40):
            for event in desk.wait(0.05):
                if event["msg_id"] == "PhotoUpdated":
                    row = rows.setdefault(
                        event["PhotoKey"],
                        {
                            "camera_key": event["CameraKey"],
                            "captured_first": event["PhotoDateCaptured"],
                            "first_heard": pd.Timestamp(desk.rig.wall(desk.now), unit="s", tz="UTC"),
                        },
                    )
                    row |= {"captured_last": event["PhotoDateCaptured"], "filename": event.get("PhotoFilename")}
    paths = []
    for number, row in enumerate(rows.values()):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(desk.disk[row["filename"]])
    photos = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="photo_key"))
    return photos.join(read_many(paths, index=photos.index))


@pytest.mark.parametrize("stamp", ["camera", "host"])
@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"clock_spread_s": 40.0, "utc_offset_minutes": -210},
        {"quantum_ms": 1.0},
        {"scenario": {"faults": [{"at": 4, "camera": "*", "kind": "clock_step", "amount": -3_600_250}]}},
    ],
)
def test_the_simulators_setting_is_found_out(stamp, wishes, tmp_path, monkeypatch):
    photos = photographed(stamp, tmp_path, monkeypatch, **wishes)
    assert (photos["reason"] == "").all()
    found = classify_origin(photos)
    assert (found.rig.origin, found.rig.n) == (stamp, 48), found.rig
    assert set(found.cameras["origin"]) == {stamp}, found.cameras.to_string()
