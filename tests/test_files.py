"""Where the files of photos are, seen from here; their checksums, and whether they still are what they were."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.account.tables import located
from rigkit.files import _FINISH_S
from rigkit.record.checksums import sum_file
from rigkit.record.folder import Manifest, read_manifest
from rigkit.record.lines import entry_of
from rigkit.record.log import Log
from rigkit.record.mapping import checked_mapping, local_path, merged_mapping, reach
from rigkit.record.whereabouts import Whereabouts
from rigkit.session import Session
from tests.fakes import FakeServer, say_yes

# -- the mapping: both syntaxes on any host -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "mapping", "expected"),
    [
        ("D:\\scans\\a\\b.jpg", {"d:/Scans/": "/mnt/rig"}, "/mnt/rig/a/b.jpg"),
        ("D:/b.jpg", {"d:": "/mnt/d"}, "/mnt/d/b.jpg"),
        ("D:b.jpg", {"D:/": "/mnt/d"}, None),
        ("//nas/share/a.jpg", {"\\\\NAS\\Share\\": "/mnt/nas"}, "/mnt/nas/a.jpg"),
        ("\\\\?\\UNC\\nas\\share\\a.jpg", {"//nas/share": "/mnt/nas"}, "/mnt/nas/a.jpg"),
        ("\\\\?\\D:\\scans\\a.jpg", {"D:/scans": "/mnt/rig"}, "/mnt/rig/a.jpg"),
        ("\\\\nas\\share2\\a.jpg", {"//nas/share": "/mnt/nas"}, None),
        ("/Scans/a.jpg", {"/scans": "/mnt/rig"}, None),  # a disk that tells cases apart
        ("D:/straße/a.jpg", {"D:/strasse": "/mnt/rig"}, None),
        ("D:/s/a/b.jpg", {"D:/s/a": "/inner", "D:\\s": "/outer"}, "/inner/b.jpg"),
        ("D:/s/ab/b.jpg", {"D:/s/a": "/inner", "D:\\s": "/outer"}, "/outer/ab/b.jpg"),
        ("D:/s/../x/b.jpg", {"D:/s": "/mnt"}, None),
        ("D:/s/a\\..\\..\\b.jpg", {"D:/s": "/mnt"}, None),
        ("/s/./a//b.jpg", {"/s": "/mnt"}, "/mnt/a/b.jpg"),
        ("/s/a\\b.jpg", {"/s": "/mnt"}, "/mnt/a\\b.jpg"),  # a backslash is a letter there
        ("/s/a\0b.jpg", {"/s": "/mnt"}, None),
        ("/" + unicodedata.normalize("NFD", "Bühne") + "/a.jpg", {"/Bühne": "/mnt"}, "/mnt/a.jpg"),
    ],
)
def test_a_path_of_another_computer_is_found_here(filename, mapping, expected):
    found = local_path(filename, mapping)
    assert (None if found is None else found.as_posix()) == expected


@pytest.mark.parametrize("name", ["NUL", "nul.jpg", "CON .txt", "com1", "LPT³.x", "a\\b", "x.jpg:y", "..\\up", "AUX. "])
def test_on_windows_a_name_never_becomes_a_device_or_another_path(name):
    assert reach(f"/scans/{name}", {"/scans": "C:\\rig"}, on_windows=True) is None
    assert reach(f"/scans/{name}", {"/scans": "/rig"}, on_windows=False) is not None, (
        "elsewhere it is a name like any other"
    )


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters='/\\:\0<>"|?*'), min_size=1, max_size=12
).filter(lambda name: name.strip(". ") != "")
paths = st.lists(names, min_size=1, max_size=4)
roots = st.sampled_from(["D:", "\\\\nas\\share", "", "//nas/share", "z:"])


@given(roots, paths, paths, st.data())
def test_whatever_the_spelling_a_file_of_a_mapped_folder_is_found_below_it(root, folder, below, data):
    slashes = st.sampled_from("/\\" if root else "/")

    def spelt(parts: list[str]) -> str:
        doubled = [0, *(data.draw(st.integers(0, 1)) for _ in parts[1:])]  # two slashes in front would be a share
        return str(root) + "".join(
            data.draw(slashes) * (1 + more) + part for more, part in zip(doubled, parts, strict=True)
        )

    there = spelt(folder) + data.draw(st.sampled_from(["", "/"]))
    found = reach(spelt(folder + below), {there: "/here"}, on_windows=False)
    assert found is not None
    assert (found.base, list(found.parts)) == ("/here", below)


@given(st.text(max_size=40), st.sampled_from(["D:/s", "//nas/share", "/s", "s", "/"]), st.booleans())
def test_no_name_leads_out_of_the_mapped_folder(rest, there, on_windows):
    found = reach(f"{there}/{rest}", {there: "/mnt/rig"}, on_windows=on_windows)
    if found is not None and os.name != "nt":
        path = os.path.normpath(Path(found.base, *found.parts))
        assert path == "/mnt/rig" or path.startswith("/mnt/rig/")
        assert not on_windows or not any("\\" in part or ":" in part for part in found.parts)


# -- what is given to connect(photos=...) --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photos", "says"),
    [
        ({"": "/mnt"}, "on the application's computer is empty"),
        ({"D:/scans": "  "}, "here is empty"),
        ({"D:/scans": None}, "here is no text but NoneType"),
        ({7: "/mnt"}, "no text but int"),
        ({"D:/a": "/m\0nt"}, "NUL"),
        ({"D:/scans": "/a", "d:\\Scans\\": "/b"}, "the same folder"),
        ("D:/scans", "give folders there and here"),
    ],
)
def test_a_mapping_that_is_none_is_refused_before_anything_is_made(photos, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=re.escape(says)):
        rigkit.connect("tcp://127.0.0.1:9", photos=photos)
    assert list(tmp_path.iterdir()) == []


def test_an_entry_that_leads_nowhere_is_warned_of_and_kept(tmp_path):
    (tmp_path / "file").write_text("no folder")
    entries = {
        "D:/scans": (
            str(tmp_path / "nowhere" / "x"),
            f"there is no folder .*nowhere.x here .there is {re.escape(str(tmp_path))}",
        ),
        "E:/scans": (str(tmp_path / "file"), "is a file, not a folder"),
        "scans": (str(tmp_path), "scans is no full path"),
        "F:scans": (str(tmp_path), "F:scans is no full path"),
        "/scans": (str(tmp_path), ""),
    }
    with FakeServer() as far, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mapping = {there: here for there, (here, _) in entries.items()}
        with rigkit.connect(far.requests, publisher=far.publisher, session=tmp_path / "s", photos=mapping):
            pass
    texts = [str(one.message) for one in told if "photos=" in str(one.message)]
    assert all(one.filename == __file__ for one in told if "photos=" in str(one.message)), (
        "it points at the user's line"
    )
    for (there, (_, says)), text in zip([one for one in entries.items() if one[1][1]], texts, strict=True):
        assert repr(there) in text
        assert re.search(says, text)
    assert read_manifest(tmp_path / "s").photos == mapping


def test_a_folder_here_is_kept_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert checked_mapping({"/a": "rig", "/b": "~/rig", "/c": Path("x")}) == {
        "/a": str(tmp_path / "rig"),
        "/b": str(tmp_path / "home" / "rig"),
        "/c": str(tmp_path / "x"),
    }
    assert checked_mapping(None) == {}
    assert merged_mapping({"D:/a": "/old", "/b": "/kept"}, {"d:\\A\\": "/new"}) == {"/b": "/kept", "d:\\A\\": "/new"}


# -- looking for files ---------------------------------------------------------------------------------------------------


def look(where: Whereabouts, folder: str, count: int, size: int | None = 1) -> list[str | None]:
    return [
        state for _, state in where.locate_all([f"{folder}/{number}.jpg" for number in range(count)], [size] * count)
    ]


def fill(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(b"x")


@pytest.mark.parametrize("count", [3, 20])  # asked for one by one, and listed
def test_a_file_that_is_taken_away_is_here_no_more(tmp_path, count):
    fill(tmp_path / "p", count)
    where = Whereabouts(tmp_path, Manifest(photos={"D:/scans": str(tmp_path / "p")}))
    assert look(where, "D:\\scans", count) == ["here"] * count
    (tmp_path / "p" / "1.jpg").unlink()
    (tmp_path / "p" / "2.jpg").rename(tmp_path / "2.jpg")
    assert look(where, "D:\\scans", count) == ["here", "missing", "missing", *["here"] * (count - 3)]
    (tmp_path / "2.jpg").rename(tmp_path / "p" / "2.jpg")
    assert look(where, "D:\\scans", count) == ["here", "missing", *["here"] * (count - 2)]
    (tmp_path / "p").rename(tmp_path / "q")
    assert look(where, "D:\\scans", count) == ["missing"] * count
    (tmp_path / "q").rename(tmp_path / "p")
    assert look(where, "D:\\scans", count)[2:] == ["here"] * (count - 2)


def test_a_listing_is_believed_while_the_folder_stands_still_and_never_longer(tmp_path, monkeypatch):
    fill(tmp_path / "p", 20)
    where = Whereabouts(tmp_path, Manifest(photos={"/scans": str(tmp_path / "p")}))
    lists, stats, now = [0], [0], [100.0]
    real_list, real_stat = os.listdir, os.stat

    def listing(path: Any) -> list[str]:
        lists[0] += 1
        return real_list(path)

    def stating(path: Any, **options: Any) -> os.stat_result:
        stats[0] += 1
        return real_stat(path, **options)

    monkeypatch.setattr("rigkit.record.whereabouts.os.listdir", listing)
    monkeypatch.setattr("rigkit.record.whereabouts.os.stat", stating)
    monkeypatch.setattr("rigkit.record.whereabouts.time.monotonic", lambda: now[0])

    def cost() -> tuple[int, int]:
        before = lists[0], stats[0]
        assert look(where, "/scans", 20) == ["here"] * 20
        return lists[0] - before[0], stats[0] - before[1]

    assert cost() == (1, 21)
    assert cost() == (1, 1), "its time may have been taken right before a change that did not move it"
    now[0] += 2.5
    assert cost() == (1, 1)
    assert cost() == (0, 1)
    (tmp_path / "p" / "new").touch()
    os.utime(tmp_path / "p", ns=(0, 12345))
    assert cost() == (1, 1)


def test_a_file_that_grows_becomes_here_and_what_is_no_file_never_does(tmp_path):
    where = Whereabouts(tmp_path, Manifest(photos={"/scans": str(tmp_path)}))
    (tmp_path / "0.jpg").write_bytes(b"ab")
    assert look(where, "/scans", 2, 4) == ["size_differs", "missing"]
    (tmp_path / "0.jpg").write_bytes(b"abcd")
    (tmp_path / "1.jpg").mkdir()
    assert look(where, "/scans", 2, 4) == ["here", "missing"]
    assert where.locate("/scans/0.jpg", 5) == (tmp_path / "0.jpg", "size_differs"), (
        "it was taken again, and is another file"
    )
    assert where.locate("/scans/0.jpg", None) == (tmp_path / "0.jpg", "here")
    assert where.locate("/other/0.jpg", 4) == (None, "unreachable")
    assert where.locate("/scans/../0.jpg", 4) == (None, "unreachable")
    assert where.locate("/scans/\0.jpg", 4)[1] != "here"
    assert where.locate("", 4) == (None, None)


@pytest.mark.skipif(sys.platform == "darwin", reason="its disk takes both spellings for one")
def test_a_name_that_is_spelt_otherwise_here_is_found(tmp_path):
    apart, whole = (unicodedata.normalize(form, "Bühne é") for form in ("NFD", "NFC"))
    (tmp_path / whole).mkdir()
    (tmp_path / whole / f"{whole}.jpg").write_bytes(b"x")
    where = Whereabouts(tmp_path, Manifest(photos={"/scans": str(tmp_path), "D:/scans": str(tmp_path)}))
    expected = (tmp_path / whole / f"{whole}.jpg", "here")
    assert where.locate(f"/scans/{apart}/{apart}.jpg", 1) == expected
    assert where.locate(f"D:\\scans\\{apart.upper()}\\{whole.upper()}.JPG", 1) == expected
    assert where.locate(f"/scans/{apart.upper()}/{whole}.jpg", 1)[1] == "missing", "a disk that tells cases apart"


def test_a_symbolic_link_in_a_mapped_folder_is_followed(tmp_path):
    fill(tmp_path / "big-disk", 10)
    (tmp_path / "rig").mkdir()
    try:
        (tmp_path / "rig" / "today").symlink_to(tmp_path / "big-disk")
    except OSError:
        pytest.skip("no links for this user")
    where = Whereabouts(tmp_path, Manifest(photos={"/scans": str(tmp_path / "rig")}))
    assert look(where, "/scans/today", 10) == ["here"] * 10


def test_without_a_mapping_an_application_on_this_computer_names_files_here(tmp_path):
    fill(tmp_path / "p", 3)
    local, far = (Whereabouts(tmp_path, Manifest(local=here)) for here in (True, False))
    assert look(local, str(tmp_path / "p"), 4) == [*["here"] * 3, "missing"]
    assert look(local, str(tmp_path / "q"), 2) == ["unreachable"] * 2, (
        "an address here may be a tunnel to somewhere else"
    )
    assert look(far, str(tmp_path / "p"), 2) == ["unreachable"] * 2
    assert local.locate("p/0.jpg", 1) == (None, "unreachable")


# -- one session over pretended news -------------------------------------------------------------------------------------


def photo(key: str, filename: str, size: int, **more: Any) -> bytes:
    told = {"PhotoKey": key, "PhotoFilename": filename, "PhotoFilesize": size, "PhotoLocation": "Local Disk", **more}
    return json.dumps({"msg_type": "Event", "msg_id": "PhotoUpdated", "msg_seq_num": 1, **told}).encode()


def pub(*frames: bytes) -> list[Any]:
    return [entry_of("pub", 1, 1, raw) for raw in frames]


def note(**fields: Any) -> Any:
    return entry_of("note", 2, 2, json.dumps(fields).encode())


def test_a_file_that_vanishes_is_missing_in_the_live_table_too_and_comes_back(tmp_path):
    fill(tmp_path / "p", 12)
    manifest = Manifest(photos={"/scans": str(tmp_path / "p")})
    session = Session(
        tmp_path, manifest, Log(None, pub(*(photo(f"k{one}", f"/scans/{one}.jpg", 1) for one in range(12))))
    )
    assert set(session.photos["path_state"]) == {"here"}
    (tmp_path / "p" / "7.jpg").unlink()
    assert list(session.photos["path_state"] == "missing") == [one == 7 for one in range(12)]
    (tmp_path / "p" / "7.jpg").write_bytes(b"y")
    assert set(session.photos["path_state"]) == {"here"}
    (tmp_path / "p" / "7.jpg").unlink()
    _ = session.photos
    (tmp_path / "p").rename(tmp_path / "elsewhere")
    assert set(session.photos["path_state"]) == {"missing"}
    session.map_photos({"/scans": tmp_path / "elsewhere"})
    assert list(session.photos["path_state"]).count("here") == 11
    with pytest.raises(ValueError, match="empty"):
        session.map_photos({"/scans": ""})


def test_the_checksum_of_a_photo_that_was_taken_again_counts_no_more(tmp_path):
    summed = note(note="checksum", photo_key="k", sha256="ab" * 32, size=3, filename="/x/a.jpg")
    damaged = note(note="checksum", photo_key="k", sha256="cd" * 32, size="three")
    stranger = note(note="checksum", photo_key="nobody", sha256="ef" * 32, size=3)
    entries = [*pub(photo("k", "/x/a.jpg", 3), photo("m", "/x/b.jpg", 3)), summed, damaged, stranger]
    session = Session(tmp_path, Manifest(), Log(None, entries))
    live = session.photos["sha256"]
    assert live["k"] == "ab" * 32
    assert live.isna()["m"]
    assert session.state.bad == 1
    session.log.show(pub(photo("k", "/x/a.jpg", 4)))
    assert session.photos["sha256"].isna().all()
    again = Session(tmp_path, Manifest(), Log(None, session.log.since(0)))
    assert_frame_equal(again.photos, session.photos)


def test_verify_names_whatever_is_not_as_it_was(tmp_path):
    fill(tmp_path / "p", 8)
    digest = hashlib.sha256(b"x").hexdigest()
    entries = pub(*(photo(f"k{one}", f"/scans/{one}.jpg", 1, PhotoName=f"{one}.jpg") for one in range(7)))
    entries += pub(photo("far", "D:/other/a.jpg", 1), photo("card", "", 1, PhotoLocation="Camera"))
    entries += pub(photo("k7", "/scans/7.jpg", 1))
    entries += [note(note="checksum", photo_key=f"k{one}", sha256=digest, size=1) for one in (0, 1, 2, 3, 5, 7)]
    entries += pub(photo("k7", "/scans/7.jpg", 1, PhotoLocation="Deleted"))
    session = Session(tmp_path, Manifest(photos={"/scans": str(tmp_path / "p")}), Log(None, entries))
    (tmp_path / "p" / "1.jpg").write_bytes(b"y")
    (tmp_path / "p" / "2.jpg").unlink()
    (tmp_path / "p" / "3.jpg").write_bytes(b"xx")
    if os.name == "posix" and os.geteuid() != 0:
        (tmp_path / "p" / "5.jpg").chmod(0)
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    table = session.verify()
    assert "card" not in table.index
    ok = {
        key: None if value is None else bool(value)
        for key, value in table["ok"].astype(object).where(table["ok"].notna(), None).items()
    }
    unreadable = os.name == "posix" and os.geteuid() != 0
    assert ok == {
        "k0": True,
        "k1": False,
        "k2": False,
        "k3": False,
        "k4": None,
        "k5": not unreadable,
        "k6": None,
        "k7": None,
        "far": None,
    }
    assert table["problem"]["k1"] == "its content is not what it was"
    assert table["problem"]["k3"] == "2 bytes, and the application said 1"
    assert table["problem"]["k0"] == ""
    fine = 1 if unreadable else 2
    assert table.attrs["summary"].startswith(
        f"{fine} of 9 files are what they were; 1 changed; 1 missing; 1 of another size"
    )
    assert "2 without a checksum" in table.attrs["summary"]
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before, "something was written"


def test_verifying_nothing_says_so(tmp_path):
    assert "nothing to verify" in Session(tmp_path, Manifest(), Log(None)).verify().attrs["summary"]


def test_where_kept_photos_are_is_looked_up_anew(tmp_path):
    fill(tmp_path / "p", 2)
    session = Session(tmp_path, Manifest(), Log(None, pub(photo("a", "/s/0.jpg", 1), photo("b", "", 1))))
    table = session.photos.copy()
    again = located(table, Whereabouts(tmp_path, Manifest(photos={"/s": str(tmp_path / "p")})).locate_all)
    assert list(again["path_state"].astype(object).fillna("")) == ["here", ""]
    assert again.dtypes.equals(session.photos.dtypes)


# -- sums of files -------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=5000))
def test_a_sum_is_what_sha256sum_prints(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "summed"
    path.write_bytes(content)
    assert sum_file(str(path)) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_file_that_changes_while_it_is_read_has_no_sum(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(1_000_000))
    turns = iter(range(100))

    def meddle() -> None:
        if next(turns) == 1:
            with path.open("r+b") as file:
                file.write(b"x")
            os.utime(path, ns=(1, 1))

    with pytest.raises(OSError, match="changed while"):
        sum_file(str(path), meddle)

    def grow() -> None:
        with path.open("ab") as file:
            file.write(bytes(300_000))

    with pytest.raises(OSError, match="grows while"):
        sum_file(str(path), grow)
    with pytest.raises(OSError):
        sum_file(str(tmp_path / "nothing"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_where_a_photo_was_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="plain file"):
        sum_file(str(tmp_path / "pipe"))


# -- in the background, on a real link -----------------------------------------------------------------------------------


class Application(FakeServer):
    """An application of which a test says which photos it has; they are told to every Synchronise, and published."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        super().__init__(self._reply)

    def _reply(self, request: dict[str, Any]) -> bytes:
        reply = json.loads(say_yes(request))
        if request["msg_id"] == "Synchronise":
            reply["PhotoInfo"] = self.told
        return json.dumps(reply).encode()

    def tell(self, key: str, filename: str, size: int) -> None:
        """Publish a photo that is on its disk."""
        self.publish(photo(key, filename, size, CameraKey="k1"))


def until(condition: Callable[[], bool], timeout: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return condition()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("rigkit.files._QUIET_NS", 50_000_000)
    monkeypatch.setattr("rigkit.files._LOOK_S", 0.02)


@pytest.fixture
def application() -> Iterator[Application]:
    one = Application()
    yield one
    one.close()


def attach(application: Application, folder: Path, **options: Any) -> rigkit.Rig:
    options = {"photos": {"/scans": folder / "photos"}, **options}
    (folder / "photos").mkdir(exist_ok=True)
    return rigkit.connect(application.requests, publisher=application.publisher, session=folder / "s", **options)


def test_every_photo_file_gets_a_checksum_in_the_record(tmp_path, impatient, no_leaks):
    with rigkit.simulate(4, seed=1, session=tmp_path / "s", speed=5.0) as rig:
        shot = rig.shoot(wait="files")
        table = rig.checksums(timeout=20)
        assert len(table) == 4
        for path, sha256, size in zip(table["path"], table["sha256"], table["size_bytes"], strict=True):
            content = Path(path).read_bytes()
            assert (sha256, size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (shot.photos["sha256"] == table["sha256"]).all()
        assert len(rig["A02"].checksums()) == 1
        assert rig.session.verify().attrs["summary"] == "4 of 4 files are what they were"
        notes = rig.session.events.query("msg_id == 'checksum'")
        assert len(notes) == 4
        rig.checksums()
        assert len(rig.session.events.query("msg_id == 'checksum'")) == 4, "each is taken once"
        live = rig.session.photos
    kept, folded = rigkit.open(tmp_path / "s"), rigkit.open(tmp_path / "s")
    assert_frame_equal(kept.photos, live)
    assert kept._log is None
    folded.refresh()
    assert_frame_equal(folded.photos, live)
    with rigkit.simulate(4, seed=1, session=tmp_path / "s", speed=5.0) as rig:
        assert len(rig.checksums()) == 4
        assert len(rig.session.events.query("msg_id == 'checksum'")) == 4, "nor again when the session goes on"


def test_the_command_verify_finds_one_flipped_bit(tmp_path, impatient):
    with rigkit.simulate(3, seed=2, session=tmp_path / "s", speed=5.0) as rig:
        rig.shoot(wait="files")
        paths = list(rig.checksums(timeout=20)["path"])

    def verify() -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "rigkit", "verify", str(tmp_path / "s")]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return told.returncode, told.stdout.splitlines()

    assert verify() == (0, ["3 of 3 files are what they were"])
    content = bytearray(Path(paths[1]).read_bytes())
    content[len(content) // 2] ^= 1
    Path(paths[1]).write_bytes(content)
    Path(paths[2]).unlink()
    code, lines = verify()
    assert code == 3
    assert len(lines) == 3
    assert re.fullmatch(r"A0\d .*\.JPG: its content is not what it was", lines[0])
    assert lines[1].endswith("there is no such file")
    assert lines[2] == "1 of 3 files are what they were; 1 changed; 1 missing"


def test_kept_tables_of_an_older_rigkit_count_no_more(tmp_path, impatient, monkeypatch):
    with rigkit.simulate(2, seed=2, session=tmp_path / "s", speed=5.0) as rig:
        rig.shoot(wait="files")
        rig.checksums(timeout=20)
        live = rig.session.photos
        # As it was kept before there was such a column.
        photos = property(lambda self: Session._living(self, "photos").drop(columns="sha256"))
        monkeypatch.setattr(Session, "photos", photos)
    monkeypatch.undo()
    again = rigkit.open(tmp_path / "s")
    assert_frame_equal(again.photos, live)
    assert again._log is not None, "it was folded"


def test_a_file_that_comes_late_and_one_that_grows_are_summed_once_they_are_whole(tmp_path, application, impatient):
    with attach(application, tmp_path) as rig:
        application.tell("late", "/scans/late.jpg", 5)
        application.tell("grows", "/scans/grows.jpg", 5)
        application.tell("far", "D:/elsewhere/x.jpg", 5)
        (tmp_path / "photos" / "grows.jpg").write_bytes(b"123")
        assert rig._sitting.wait_for(lambda: len(rig.session.state.photos) == 3, 5)
        assert rig.checksums(timeout=5).empty
        assert rig.session.photos["path_state"].to_dict() == {
            "late": "missing",
            "grows": "size_differs",
            "far": "unreachable",
        }
        (tmp_path / "photos" / "grows.jpg").write_bytes(b"12345")
        (tmp_path / "photos" / "late.jpg").write_bytes(b"12345")
        table = rig.checksums(timeout=5)
        assert set(table["sha256"]) == {hashlib.sha256(b"12345").hexdigest()}
        assert sorted(table.index) == ["grows", "late"]


def test_a_file_that_cannot_be_read_is_tried_again_and_then_left(tmp_path, application, impatient, monkeypatch):
    tried: list[str] = []

    def refuse(path: str, before_each: Any) -> Any:
        tried.append(Path(path).name)
        if path.endswith("bad.jpg"):
            raise PermissionError(13, "Permission denied")
        return sum_file(path, before_each)

    monkeypatch.setattr("rigkit.files.sum_file", refuse)
    monkeypatch.setattr("rigkit.files._AGAIN_S", 0.01)
    with attach(application, tmp_path) as rig:
        for name in ("bad", "good"):
            (tmp_path / "photos" / f"{name}.jpg").write_bytes(b"x")
            application.tell(name, f"/scans/{name}.jpg", 1)
        assert rig._sitting.wait_for(lambda: len(rig.session.state.photos) == 2, 5)
        table = rig.checksums(timeout=5)
        assert table["sha256"].isna().to_dict() == {"bad": True, "good": False}
        assert (tried.count("bad.jpg"), tried.count("good.jpg")) == (4, 1)
        rig.checksums(timeout=5)
        assert tried.count("bad.jpg") == 4


def test_closing_while_a_huge_file_is_read_is_quick_and_notes_nothing(tmp_path, application, impatient, no_leaks):
    huge = tmp_path / "photos" / "huge.jpg"
    rig = attach(application, tmp_path)
    with huge.open("wb") as file:
        file.truncate(200_000_000_000)
    application.tell("huge", "/scans/huge.jpg", 200_000_000_000)
    sums = rig.session.sums
    assert sums is not None
    assert until(lambda: bool(sums._attempts)), "it is being read"
    assert rig.checksums(timeout=0.3)["sha256"].isna().all()
    began = time.monotonic()
    rig.close()
    assert time.monotonic() - began < _FINISH_S + 1.0
    count = len(rig.session.log)
    assert not sums._thread.is_alive()
    assert len(rigkit.open(tmp_path / "s").events) == len(rig.session.events) == count


def test_it_rests_while_the_rig_is_busy(tmp_path, application, monkeypatch):
    monkeypatch.setattr("rigkit.files._LOOK_S", 0.02)
    monkeypatch.setattr("rigkit.files._QUIET_NS", 3_600_000_000_000)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with attach(application, tmp_path) as rig:
        application.tell("a", "/scans/a.jpg", 1)
        assert rig._sitting.wait_for(lambda: "a" in rig.session.state.photos, 5)
        assert rig.checksums(timeout=0.3)["sha256"].isna().all(), "news of a photo an instant ago"
        sums = rig.session.sums
        assert sums is not None
        sums._busy_until_ns = 0
        assert rig.checksums(timeout=5)["sha256"].notna().all()
        rig.session.log.note("shot", shot_id=1, allowance_s=2.5)
        assert until(lambda: sums._busy_until_ns > time.monotonic_ns()), "a shot begins"


def test_an_interrupt_while_closing_leaves_a_whole_journal(tmp_path, application, impatient, monkeypatch):
    rig = attach(application, tmp_path)
    sums = rig.session.sums
    assert sums is not None
    join = sums._thread.join

    def interrupted(timeout: float | None = None) -> None:
        monkeypatch.setattr(sums._thread, "join", join)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sums._thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rig.close()
    assert until(lambda: not sums._thread.is_alive())
    rig.close()
    assert len(rigkit.open(tmp_path / "s").events) == len(rig.session.events)


def test_the_next_sitting_takes_its_own(tmp_path, impatient, no_leaks):
    with rigkit.simulate(2, seed=3, session=tmp_path / "day", speed=5.0) as rig:
        rig.shoot(wait="files")
        assert rig.checksums(timeout=20)["sha256"].notna().all()
        first = rig.session
        rig.begin("P001")
        assert first.sums is not None
        assert not first.sums._thread.is_alive()
        rig.shoot(wait="files")
        assert rig.checksums(timeout=20)["sha256"].notna().all()
    assert first.verify()["ok"].all()


# -- no mapping where one is needed --------------------------------------------------------------------------------------


def test_photos_that_cannot_be_reached_are_told_of_once_with_the_line_to_write(tmp_path, monkeypatch):
    with rigkit.simulate(2, seed=1, session=tmp_path / "s", speed=5.0) as rig:
        manifest = rig.session.manifest  # as if the simulator ran on another computer
        monkeypatch.setattr(manifest, "local", False)
        monkeypatch.setattr(manifest, "folder", "")
        monkeypatch.setattr(manifest, "photos", {})
        monkeypatch.setattr(manifest, "address", "tcp://rig-pc")
        photos = tmp_path / "s" / "photos"
        line = f"rigkit.connect('tcp://rig-pc', photos={{{photos.as_posix()!r}: '/where/it/is/here'}})"
        with pytest.warns(RuntimeWarning, match=re.escape(line)) as told:
            shot = rig.shoot(wait="files")
        assert str(photos) in str(told[0].message)
        assert set(shot.photos["path_state"]) == {"unreachable"}
        rig.shoot(wait="files")  # a second warning would be an error here
        rig.session.map_photos({str(photos): photos})
        assert set(rig.session.photos["path_state"]) == {"here"}
        rig.shoot(wait="files")


def test_connecting_again_with_a_mapping_uses_it(tmp_path, application, impatient, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with attach(application, tmp_path, photos=None) as rig:
        application.tell("a", "D:\\scans\\a.jpg", 1)
        assert rig._sitting.wait_for(lambda: "a" in rig.session.state.photos, 5)
        assert list(rig.session.photos["path_state"]) == ["unreachable"]
        assert attach(application, tmp_path, photos={"D:/scans": tmp_path / "photos"}) is rig
        assert "connected already" in capsys.readouterr().out
        assert list(rig.session.photos["path_state"]) == ["here"]
        assert rig.checksums(timeout=5)["sha256"].notna().all()
    assert list(rigkit.open(tmp_path / "s").photos["path_state"]) == ["here"], "it is in the manifest"
