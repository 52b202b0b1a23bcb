"""State machines and counters: section 9 of the reference."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from tests.conformance import laws
from tests.conformance.conftest import Start
from tests.conformance.peer import Body, Peer, State


def track(peer: Peer, since: int, key: str) -> list[str]:
    """Return the statuses one camera was heard to have, repetitions left out."""
    told = [one["CameraStatus"] for one in peer.heard("CameraUpdated", since, CameraKey=key) if "CameraStatus" in one]
    return [status for n, status in enumerate(told) if n == 0 or told[n - 1] != status]


def way(peer: Peer, since: int, key: str) -> list[str]:
    """Return the locations one photo was heard to have, repetitions left out."""
    told = [one["PhotoLocation"] for one in peer.heard("PhotoUpdated", since, PhotoKey=key)]
    return [place for n, place in enumerate(told) if n == 0 or told[n - 1] != place]


class TestCameras:
    """Section 9.1: Disconnected, Ready, Busy."""

    def test_a_session_is_opened_and_closed(self, peer: Peer, first: State) -> None:
        """[I] Disconnect leads to Disconnected, Connect perhaps over Busy to Ready."""
        key = peer.ready(first)[0]
        since = peer.barrier()
        peer.one("Disconnect", key)
        peer.until_state(lambda now: now.cameras[key]["CameraStatus"] == "Disconnected", "Disconnected")
        peer.one("Connect", key)
        peer.until_state(lambda now: key in peer.ready(now), "Ready")
        peer.barrier()
        assert [one for one in track(peer, since, key) if one != "Busy"] == ["Disconnected", "Ready"]

    @pytest.mark.parametrize("work", ["Autofocus", "Shoot", "Download"])
    def test_work_makes_a_camera_busy_and_then_ready(self, peer: Peer, first: State, work: str) -> None:
        """[D the vendor's own test of the order waits for Busy, then Ready] For each camera."""
        keys = peer.ready(first)
        fields: Body = {"CameraSelection": "All"}
        if work == "Download":
            peer.store_on("Card")
            fields = {"PhotoSelection": "Multiple", "PhotoKeys": [one["PhotoKey"] for one in peer.shoot()]}
        since = peer.barrier()
        peer.do(work, **fields)
        peer.until(lambda: all(track(peer, since, key)[-1:] == ["Ready"] for key in keys), "Ready again")
        for key in keys:
            assert track(peer, since, key) == ["Busy", "Ready"]

    def test_a_camera_that_is_not_connected_does_nothing(self, peer: Peer, first: State) -> None:
        """[I] Asked by its own key it refuses; the simulator leaves it out of All, which may mean otherwise [U]."""
        gone, *others = peer.ready(first)
        peer.one("Disconnect", gone)
        if peer.target.documented:
            photos = peer.shoot()
            assert sorted(one["CameraKey"] for one in photos) == sorted(others)
        assert peer.ask("Shoot", CameraSelection="Single", CameraKey=gone)["msg_result"] is False

    def test_a_busy_camera_does_not_shoot_again(self, peer: Peer, first: State, simulated: None) -> None:
        """[I] The second of two Shoots in a row is refused: nobody is Ready. The first one is not disturbed."""
        peer.do("Shoot", CameraSelection="All", BulbTimer=2000)
        if not peer.target.v3:  # 3.x has no bulb timer, so the first one may be over by now
            assert peer.ask("Shoot", CameraSelection="All")["msg_result"] is False
        after = peer.settled()
        if not peer.target.v3:
            new = [one["CameraKey"] for key, one in after.photos.items() if key not in first.photos]
            assert sorted(new) == sorted(peer.ready(first))

    def test_half_then_off_takes_no_photo(self, peer: Peer, first: State) -> None:
        """[D lower case is what the vendor's script sends] And a full press in any spelling takes one."""
        keys = peer.ready(first)
        peer.all("SetShutterButton", CameraShutterButton="half")
        peer.all("SetShutterButton", CameraShutterButton="off")
        photos = peer.shoot()
        assert sorted(one["CameraKey"] for one in photos) == sorted(keys)
        since = peer.barrier()
        peer.all("SetShutterButton", CameraShutterButton="FULL")
        peer.until(lambda: {*keys} <= {one["CameraKey"] for one in peer.heard("PhotoUpdated", since)}, "photos")
        peer.all("SetShutterButton", CameraShutterButton="oFF")


class TestPhotos:
    """Section 9.2: Camera, Local Disk, Deleted."""

    @pytest.mark.parametrize(
        ("storage", "places"),
        [("Disk", ["Camera", "Local Disk"]), ("Card", ["Camera"]), ("Both", ["Camera", "Local Disk"])],
    )
    def test_a_photo_goes_where_storage_says(self, peer: Peer, first: State, storage: str, places: list[str]) -> None:
        """[O] It passes through Camera even when it goes to the disk. [D] On the card it waits to be downloaded."""
        peer.store_on(storage)
        since = peer.barrier()
        photos = peer.shoot()
        peer.barrier()
        assert len(photos) == len(peer.ready(first))
        for one in photos:
            assert way(peer, since, one["PhotoKey"]) == places

    def test_a_photo_is_deleted_without_being_forgotten_silently(self, peer: Peer) -> None:
        """[I] There is no event of deletion: the location says Deleted."""
        peer.allowed("Delete")
        key = peer.shoot()[0]["PhotoKey"]
        since = peer.barrier()
        peer.do("Delete", PhotoSelection="Single", PhotoKey=key)
        peer.until(lambda: way(peer, since, key) == ["Deleted"], "Deleted")
        assert peer.state().photos.get(key, {"PhotoLocation": "Deleted"})["PhotoLocation"] == "Deleted"

    def test_what_a_photo_says_of_itself(self, peer: Peer) -> None:
        """[O] The forms of the values in the samples."""
        for one in peer.shoot():
            assert re.fullmatch(r"\d{8} \d\d:\d\d:\d\d\.\d{3}", one["PhotoDateCaptured"])
            assert re.fullmatch(r"[0-9A-F]{8}", one["PhotoHash"])
            assert uuid.UUID(one["PhotoKey"])
            assert one["PhotoIsImage"] is True
            assert one["PhotoFilesize"] > 0
            if peer.target.v3:
                assert one["PhotoUUID"] == one["PhotoKey"]
                continue
            assert uuid.UUID(one["PhotoKey"]).version == 1
            assert one["PhotoOrientation"] != "Unknown"
            assert re.fullmatch(r"\d+/\d+", one["PhotoShutterSpeed"])
            assert float(one["PhotoAperture"]) > 0
            assert float(one["PhotoISO"]) > 0
            assert float(one["PhotoFocalLength"]) > 0

    def test_before_the_download_the_metadata_are_empty(self, peer: Peer) -> None:
        """[O] Strings not yet known are empty, the orientation is Unknown; 3.x has none of these."""
        since = peer.barrier()
        key = peer.shoot()[0]["PhotoKey"]
        peer.barrier()
        first, *_, last = peer.heard("PhotoUpdated", since, PhotoKey=key)
        if peer.target.v3:
            assert not {"PhotoAperture", "PhotoOrientation", "PhotoName"} & {*first, *last}
            return
        for name in ("PhotoAperture", "PhotoShutterSpeed", "PhotoISO", "PhotoFocalLength"):
            assert (first[name], bool(last[name])) == ("", True)
        assert (first["PhotoOrientation"], "PhotoName" in first) == ("Unknown", False)

    def test_three_names_of_a_photo(self, peer: Peer) -> None:
        """[D] Computed before the collision check, final after it, and the whole path."""
        if peer.target.v3:
            pytest.skip("3.x has the computed name only")
        photos = peer.shoot()
        for one in photos:
            stem, _, extension = one["PhotoComputedName"].rpartition(".")
            assert one["PhotoName"].startswith(stem)
            assert one["PhotoName"].endswith(f".{extension}")
            assert re.split(r"[/\\]", one["PhotoFilename"])[-1] == re.split(r"[/\\]", one["PhotoName"])[-1]
        assert len({one["PhotoFilename"] for one in photos}) == len(photos)

    def test_two_photos_never_have_one_file(self, peer: Peer) -> None:
        """[D a collision check exists; U how it spells] Four cameras, one name."""
        if peer.target.v3:
            pytest.skip("3.x does not tell final names")
        peer.do("SetOptions", FilenameExpression="same")
        photos = [*peer.shoot(), *peer.shoot()]
        assert {one["PhotoComputedName"].rpartition(".")[0] for one in photos} == {"same"}
        assert len({one["PhotoFilename"].casefold() for one in photos}) == len(photos)

    def test_the_letters_of_a_filename_expression(self, peer: Peer, first: State) -> None:
        """[D] Sequence, batch, camera name, serial number, tag, session, barcode, extension; no zero padding [O]."""
        options = {"FilenameExpression": "[S]-[B]-[C]-[X]-[U]-[Z]-[E]", "UniqueTag": "tag", "Barcode": "4711"}
        if not peer.target.v3:
            options["FilenameExpression"] += "-[N]-[I]"
            options["PhotoSessionName"] = "head"
        peer.do("SetOptions", **options)
        for one in peer.shoot():
            camera = first.cameras[one["CameraKey"]]
            expected = [
                *(str(one["PhotoSequenceNum"]), str(one["PhotoBatchNum"]), camera["CameraName"]),
                *(camera["CameraSerialNumber"], "tag", "4711", one["PhotoComputedName"].rpartition(".")[2]),
            ]
            if not peer.target.v3:
                expected += ["head", str(one["PhotoSessionNum"])]
            assert one["PhotoComputedName"].rpartition(".")[0] == "-".join(expected)

    def test_photos_go_to_the_folder_that_was_set(self, peer: Peer, simulated: None) -> None:
        """[D] DownloadPath; the file is there when the photo says Local Disk."""
        folder = peer.target.folder
        assert folder is not None
        peer.do("SetOptions", DownloadPath=str(folder / "elsewhere"))
        photos = peer.shoot()
        files = {path.name: path.stat().st_size for path in (folder / "elsewhere").iterdir()}
        assert sorted(files.values()) == sorted(one["PhotoFilesize"] for one in photos)
        if not peer.target.v3:
            assert {one["PhotoName"] for one in photos} == {*files}

    def test_the_tag_may_be_set_after_the_shot(self, peer: Peer, simulated: None) -> None:
        """[D names are made when the photo is detected; I a public 3.x client sets the tag straight after Shoot]"""
        if peer.target.v3:
            pytest.skip("needs a bulb timer, to be sure that the photo is not detected before")
        peer.do("SetOptions", FilenameExpression="[U]_[S]", UniqueTag="early")
        before = peer.state()
        peer.do("Shoot", CameraSelection="All", BulbTimer=1000)
        peer.do("SetOptions", UniqueTag="late")
        after = peer.until_state(lambda now: len(now.photos) > len(before.photos), "photos")
        new = [one for key, one in after.photos.items() if key not in before.photos]
        assert {one["PhotoComputedName"].partition("_")[0] for one in new} == {"late"}


class TestCounters:
    """What is counted, and by whom."""

    def test_numbers_of_a_shot(self, peer: Peer) -> None:
        """[D] Sequence: global, by one for each photo. Batch: per camera, the camera says the next, the photo the used [O]."""
        before = peer.settled()
        photos = {one["CameraKey"]: one for one in peer.shoot()}
        after = peer.settled()
        numbers = sorted(one["PhotoSequenceNum"] for one in photos.values())
        assert numbers == list(range(numbers[0], numbers[0] + len(photos)))
        for key, one in photos.items():
            was, now = before.cameras[key], after.cameras[key]
            assert one["PhotoBatchNum"] == was["PhotoBatchNum"]
            assert now["PhotoBatchNum"] == was["PhotoBatchNum"] + 1
            assert now["CameraNumPhotosTaken"] == was["CameraNumPhotosTaken"] + 1
            assert now["CameraNumDownloadsComplete"] == was["CameraNumDownloadsComplete"] + 1
            assert now["CameraNumPhotosFailed"] == was["CameraNumPhotosFailed"]
            assert now["CameraNumDownloadsFailed"] == was["CameraNumDownloadsFailed"]

    def test_the_sequence_goes_on_from_shot_to_shot(self, peer: Peer) -> None:
        """[D] By one for each photo, whoever takes it."""
        first = sorted(one["PhotoSequenceNum"] for one in peer.shoot())
        second = sorted(one["PhotoSequenceNum"] for one in peer.shoot())
        assert second == [number + len(first) for number in first]

    def test_the_download_is_counted_before_the_photo_is_on_disk(self, peer: Peer) -> None:
        """[O] The counter in CameraUpdated rises first."""
        before = peer.settled()
        since = peer.barrier()
        photos = peer.shoot()
        peer.barrier()
        name = "CameraNumDownloadsComplete"
        for one in photos:
            events = [event.body for event in peer.events[since:] if event.body.get("CameraKey") == one["CameraKey"]]
            on_disk = next(n for n, event in enumerate(events) if event.get("PhotoLocation") == "Local Disk")
            counted = [event[name] for event in events[:on_disk] if name in event]
            assert counted[-1:] == [before.cameras[one["CameraKey"]][name] + 1]

    def test_a_raw_file_and_its_jpeg_share_a_batch_number(self, peer: Peer, first: State, simulated: None) -> None:
        """[D] Two photo objects per exposure, two sequence numbers, one batch number."""
        key = peer.ready(first)[0]
        both = next(one for one in first.properties[key]["Quality"]["CameraPropertyRange"] if "+" in one)
        peer.one("SetProperty", key, CameraPropertyType="Quality", CameraPropertyValue=both)
        peer.until_state(lambda now: now.value(key, "Quality") == both, "RAW and JPEG")
        since = peer.barrier()
        peer.one("Shoot", key)
        peer.until(lambda: len(peer.heard("PhotoUpdated", since, PhotoLocation="Local Disk")) == 2, "both files")
        raw, jpeg = sorted(
            peer.heard("PhotoUpdated", since, PhotoLocation="Local Disk"),
            key=lambda one: one["PhotoFormat"],
            reverse=True,
        )
        assert (raw["PhotoFormat"], jpeg["PhotoFormat"]) == ("Raw", "JPEG")
        assert raw["PhotoBatchNum"] == jpeg["PhotoBatchNum"] == first.cameras[key]["PhotoBatchNum"]
        assert abs(raw["PhotoSequenceNum"] - jpeg["PhotoSequenceNum"]) == 1
        assert peer.settled().cameras[key]["PhotoBatchNum"] == first.cameras[key]["PhotoBatchNum"] + 1

    def test_the_origin_of_a_shot_comes_back(self, peer: Peer) -> None:
        """[I] An echo, or the application's own word for a shot by the API; in 3.x there is no such field."""
        photos = peer.shoot(PhotoOrigin="origin 7") if not peer.target.v3 else peer.shoot()
        origins = {one.get("PhotoOrigin") for one in photos}
        if peer.target.v3:
            assert origins == {None}
        elif peer.target.documented:
            assert origins == {"origin 7"}
        else:
            assert len(origins) == 1

    def test_the_trigger_fires_in_the_order_of_the_indices(self, peer: Peer, first: State, simulated: None) -> None:
        """[I] Lower indices first, equal ones together, the interval in between."""
        if peer.target.v3:
            pytest.skip("the synchronised trigger came with 4.27")
        keys = peer.ready(first)
        for key, index in zip(keys, (30, 10, 20, 10), strict=True):
            peer.one("SetCameraTriggerIndex", key, CameraTriggerIndex=index)
        peer.all("EngageTrigger")
        since = peer.barrier()
        peer.do("ReleaseTrigger", CameraTriggerInterval=1000)
        peer.until(lambda: len(peer.heard("PhotoUpdated", since, PhotoLocation="Camera")) == 4, "four photos")
        order = [one["CameraKey"] for one in peer.heard("PhotoUpdated", since, PhotoLocation="Camera")]
        assert {*order[:2]} == {keys[1], keys[3]}
        assert order[2:] == [keys[2], keys[0]]

    def test_latches_are_independent(self, peer: Peer, first: State) -> None:
        """[D] Up to 101 sets of cameras; releasing one leaves the others."""
        if peer.target.v3:
            pytest.skip("latches came with 4.27")
        keys = peer.ready(first)
        if len(keys) < 2:
            pytest.skip("needs two cameras")
        peer.one("EngageLatch", keys[0], CameraLatchIndex=0)
        peer.one("EngageLatch", keys[1], CameraLatchIndex=100)
        peer.settled()
        for key, index in ((keys[1], 100), (keys[0], 0)):
            peer.do("ReleaseLatch", CameraLatchIndex=index)
            after = peer.until_state(
                lambda now: key in {now.photos[one]["CameraKey"] for one in {*now.photos} - {*first.photos}},  # noqa: B023
                "its photo",
            )
        after = peer.settled()
        new = [one["CameraKey"] for one_key, one in after.photos.items() if one_key not in first.photos]
        assert sorted(new) == sorted(keys[:2])


SCENARIO = """{
  cameras: {A01: {detect_ms: 100}, A04: {status: Lost}},
  faults: [
    {at: 1, camera: A01, kind: misfire},
    {at: 2, camera: A02, kind: download_failed},
    {at: 3, after_s: 0.01, camera: A03, kind: lost, amount: 2000},
    {at: 4, camera: A01, kind: drop, amount: 1},
    {at: 5, after_s: 3, kind: restart, amount: 300}
  ]
}"""


class TestWhatGoesWrong:
    """How failures look on the wire; only a simulator fails on demand. Sections 9.1 to 9.3."""

    @pytest.fixture
    def faulty(self, start: Start, request: pytest.FixtureRequest) -> Any:
        """Give a client of a rig with a scenario, and the keys of its cameras by name."""
        with Peer(start(request.param, "--scenario", SCENARIO)) as peer:
            yield peer, {one["CameraName"]: key for key, one in peer.state().cameras.items()}

    @pytest.mark.parametrize("faulty", ["v5", "v3"], indirect=True)
    def test_misfires_failed_downloads_lost_cameras_lost_events_restarts(
        self, faulty: tuple[Peer, dict[str, str]]
    ) -> None:
        """[O a camera counts its failures; I no event says so; D counters; U the counter after a restart]"""
        peer, keys = faulty
        first = peer.state()
        assert first.cameras[keys["A04"]]["CameraStatus"] == "Lost"
        # 1: one camera misfires: it counts that, keeps its batch number and is Ready again
        since = peer.barrier()
        peer.all("Shoot")
        peer.until(
            lambda: peer.heard("CameraUpdated", since, CameraKey=keys["A01"], CameraNumPhotosFailed=1), "a misfire"
        )
        after = peer.settled()
        assert len(after.photos) == 2
        assert after.cameras[keys["A01"]]["PhotoBatchNum"] == first.cameras[keys["A01"]]["PhotoBatchNum"]
        # 2: one download fails: it is counted, the photo stays on the camera and can be fetched
        since = peer.barrier()
        peer.all("Shoot")
        peer.until(
            lambda: peer.heard("CameraUpdated", since, CameraKey=keys["A02"], CameraNumDownloadsFailed=1), "a failure"
        )
        peer.until(lambda: len(peer.heard("PhotoUpdated", since, PhotoLocation="Local Disk")) == 2, "the other two")
        (left,) = [one for one in peer.state().photos.values() if one["PhotoLocation"] == "Camera"]
        assert left["CameraKey"] == keys["A02"]
        peer.do("Download", PhotoSelection="Single", PhotoKey=left["PhotoKey"])
        peer.until(lambda: way(peer, since, left["PhotoKey"])[-1] == "Local Disk", "the second try")
        peer.settled()
        # 3: one camera is pulled while it fires: Lost, then plugged in and Ready again; no photo
        since = peer.barrier()
        peer.all("Shoot")
        peer.until(lambda: track(peer, since, keys["A03"])[-1:] == ["Lost"], "Lost")
        assert {one["CameraKey"] for one in peer.heard("PhotoUpdated", since)} <= {keys["A01"], keys["A02"]}
        peer.until(lambda: track(peer, since, keys["A03"])[-2:] == ["Disconnected", "Ready"], "plugged in again")
        peer.settled()
        peer.barrier()
        for law in (*laws.OF_EVENTS, *laws.OF_ALL):
            assert law(peer.target, peer.events) == []
        # 4: one event gets lost: a gap of one number is all there is to see
        since = peer.barrier()
        peer.all("Shoot")
        peer.until(lambda: len(peer.heard("PhotoUpdated", since, PhotoLocation="Local Disk")) == 3, "three photos")
        peer.barrier()
        assert len(laws.numbers(peer.target, peer.events[since - 1 :])) == 1
        # 5: the application restarts: the same endpoints, the same cameras, events counted from the start
        highest = peer.events[-1].body["msg_seq_num"]
        peer.all("Shoot")
        peer.until(lambda: peer.events[-1].body["msg_seq_num"] < highest, "events counted from the start")
        peer.until_state(
            lambda now: {*keys.values()} == {*now.cameras} and len(peer.ready(now)) == 3, "the cameras back"
        )
