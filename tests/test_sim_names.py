"""File names, clocks and picture files."""

from __future__ import annotations

import io
import ntpath
import posixpath
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rigkit.sim.clocks import CameraClock, captured_text
from rigkit.sim.names import computed_name, inside, renamed, unique_key
from rigkit.sim.outcome import Recipe, Refusal
from rigkit.sim.photos import PhotoKeys
from rigkit.sim.properties import MODELS, exposure_of, properties_of, quality_of
from rigkit.sim.studio import develop

VALUES = {"N": "session", "I": 3, "S": 31, "B": 7, "C": "A01", "X": "3119826", "U": "tag", "Z": "code", "E": "JPG"}
RECIPE = Recipe("jpeg", "A01", "Nikon Corporation", "D850", "3119826", 0.3, 17, 160, 107, 9000, 1_427_147_654_870)


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("SSP_[S]", "SSP_31.JPG"),
        ("[N]/[I]/[C]_[B]", "session/3/A01_7.JPG"),
        ("[X][E][U][Z]", "3119826JPGtagcode.JPG"),
        ("[Q]_[s]", "[Q]_[s].JPG"),
        ("", "photo.JPG"),
        ("///", "photo.JPG"),
        ("../../x", "_/_/x.JPG"),
        ("/etc/passwd", "etc/passwd.JPG"),
        ("C:\\x", "C__x.JPG"),
        ("a b.", "a b.JPG"),
        ("con", "_con.JPG"),
        ("[U]\0\n", "tag__.JPG"),
    ],
)
def test_expressions(expression: str, name: str) -> None:
    assert computed_name(expression, VALUES.get, "JPG") == name


def test_spaces_may_be_forbidden() -> None:
    assert computed_name("a [C] b", VALUES.get, "JPG", spaces=False) == "a_A01_b.JPG"


def stays_inside(name: str) -> bool:
    """Say whether a relative name stays in its folder, on either kind of system."""
    for path in (posixpath, ntpath):
        folder = path.join("root", "downloads")
        ended = path.normpath(path.join(folder, name))
        if path.isabs(name) or not ended.startswith(folder + path.sep) or path.splitdrive(name)[0]:
            return False
    return True


@given(st.text(max_size=60), st.text(max_size=30))
def test_no_expression_and_no_tag_leads_out(expression: str, tag: str) -> None:
    name = computed_name(expression + "[U]", {"U": tag}.get, "JPG")
    assert stays_inside(name)
    assert name.endswith(".JPG")
    assert name.count("/") <= expression.count("/"), "a value makes no folder"


@given(st.text(alphabet="ab./\\:~ \0", max_size=12))
def test_no_new_name_leads_out(name: str) -> None:
    try:
        new = renamed(name, "JPG")
    except Refusal:
        return
    assert stays_inside(new)


def test_inside_and_unique() -> None:
    assert inside("/a/b", "/a")
    assert inside("/a", "/a/")
    assert not inside("/ab", "/a")
    assert not inside("/a/../b", "/a")
    assert unique_key("Photos/A.JPG") == unique_key("photos\\a.jpg")


def test_a_clock_drifts_steps_and_stamps() -> None:
    clock = CameraClock(offset_s=1.5, drift_ppm=10, quantum_ms=10)
    assert clock.error_s(1000) == pytest.approx(1.51)
    assert clock.stamp_ms(0.0, 1_000_000.127) == 1_000_001_620
    clock.set(1000, 0.0)
    assert clock.error_s(1000) == 0.0
    clock.step(-2)
    assert clock.error_s(1000) == -2.0
    assert [CameraClock(0, 0, q).stamp_ms(0, 12.3456) for q in (0, 1, 10, 1000)] == [12345, 12345, 12340, 12000]
    assert captured_text(1_427_147_654_878) == "20150323 21:54:14.878"


@given(st.lists(st.floats(0, 2e9), max_size=30))
def test_photo_keys_are_version_1_unique_and_tell_the_time(times: list[float]) -> None:
    import random

    keys = PhotoKeys(random.Random(1))
    made = [uuid.UUID(keys.new(time)) for time in times]
    assert len(set(made)) == len(made)
    assert {one.version for one in made} <= {1}
    if times:
        assert (made[0].time - 0x01B21DD213814000) / 1e7 == pytest.approx(times[0], abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_every_value_of_every_property_is_usable(model: str) -> None:
    properties = properties_of(model, "Disk")
    assert all(one.value in one.choices for one in properties.values())
    assert all(len(set(one.choices)) == len(one.choices) for one in properties.values())
    seconds = [top / bottom for top, bottom in map(exposure_of, properties["ShutterSpeed"].choices[:-1])]
    assert seconds == sorted(seconds)
    assert {quality_of(quality) for quality in properties["Quality"].choices} == {
        (False, True),
        (True, False),
        (True, True),
    }
    assert properties["ISO"].stepped(-1000) == properties["ISO"].choices[0]


def test_a_photo_is_a_real_jpeg_with_the_cameras_own_time() -> None:
    recipe = RECIPE._replace(utc_offset_minutes=-330, exposure=(1, 1600), f_number=3.3, iso=12800, focal_mm=30.0)
    content = develop(recipe)
    assert len(content) == 9000
    assert develop(recipe) == content
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("JPEG", (160, 107))
        exif = picture.getexif()
    inner = exif.get_ifd(0x8769)
    assert (exif[0x010F], exif[0x0110], inner[0xA431]) == ("Nikon Corporation", "D850", "3119826")
    assert (inner[0x9003], inner[0x9291], inner[0x9011]) == ("2015:03:23 21:54:14", "87", "-05:30")
    assert (float(inner[0x829A]), float(inner[0x829D]), inner[0x8827], float(inner[0x920A])) == (
        1 / 1600,
        3.3,
        12800,
        30.0,
    )


def test_photos_differ_by_number_camera_and_ring() -> None:
    variants = [RECIPE, RECIPE._replace(number=18), RECIPE._replace(camera="A02"), RECIPE._replace(hue=0.6)]
    pictures = []
    for recipe in variants:
        with Image.open(io.BytesIO(develop(recipe))) as picture:
            pictures.append(picture.convert("RGB").tobytes())
    assert len(set(pictures)) == 4


@pytest.mark.parametrize("size", [7000, 8191, 65_536 + 7000, 131_070 + 6000, 200_001])
def test_a_photo_has_the_announced_size(size: int) -> None:
    assert len(develop(RECIPE._replace(size=size))) == size
    assert len(develop(RECIPE._replace(kind="video", size=size))) == size


def test_a_size_too_small_is_told() -> None:
    with pytest.raises(ValueError, match="too few"):
        develop(RECIPE._replace(size=900))
    with pytest.raises(ValueError, match="too few"):
        develop(RECIPE._replace(kind="raw", size=900))


def test_a_raw_file_is_a_tiff_and_a_frame_a_jpeg() -> None:
    with Image.open(io.BytesIO(develop(RECIPE._replace(kind="raw", size=21_000)))) as picture:
        assert picture.format == "TIFF"
        assert picture.getexif().get_ifd(0x8769)[0xA431] == "3119826"
    with Image.open(io.BytesIO(develop(RECIPE._replace(kind="frame", number=3)))) as picture:
        assert picture.format == "JPEG"
