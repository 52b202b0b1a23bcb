"""EXIF: read from files of every kind it knows, quickly, and from hostile ones without harm."""

from __future__ import annotations

import io
import os
import random
import struct
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rigkit.record import imageheads
from rigkit.record.exif import EXIF, ExifStamp, read_exif, read_many
from rigkit.sim.outcome import Recipe
from rigkit.sim.studio import develop

RECIPE = Recipe(
    kind="jpeg",
    camera="A01",
    make="Nikon Corporation",
    model="D850",
    serial="3119826",
    hue=0.1,
    number=17,
    width=160,
    height=107,
    size=9000,
    taken_ms=1_427_147_654_870,
    utc_offset_minutes=-330,
    exposure=(1, 1600),
    f_number=3.3,
    iso=12800,
    focal_mm=30.0,
)
#: EXIF's times have no zone.
local = datetime.fromisoformat
#: Of the simulator's files.
TAKEN = local("2015-03-23T21:54:14.870")
#: CPU time (s) within which any file is dealt with; a sound one takes 0.0001.
BOUND_S = 0.5

Entry = tuple[int, int, bytes]  # type of the field, count, bytes

# -- a writer of small EXIF blocks, from the description of TIFF 6.0


def text(value: str | bytes) -> Entry:
    raw = value if isinstance(value, bytes) else value.encode() + b"\0"
    return 2, len(raw), raw


def short(order: str, value: int) -> Entry:
    return 3, 1, struct.pack(order + "H", value)


def ratio(order: str, value: Fraction, kind: int = 5) -> Entry:
    return kind, 1, struct.pack(order + ("II" if kind == 5 else "ii"), value.numerator, value.denominator)


def directory(order: str, at: int, entries: dict[int, Entry]) -> bytes:
    """Lay out a directory that begins at an offset: entries in the order of their tags, and their data behind it."""
    table, data = b"", b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, (kind, count, raw) in sorted(entries.items()):
        field = raw.ljust(4, b"\0")
        if len(raw) > 4:
            field = struct.pack(order + "I", behind + len(data))
            data += raw + b"\0" * (len(raw) % 2)
        table += struct.pack(order + "HHI", tag, kind, count) + field
    return struct.pack(order + "H", len(entries)) + table + bytes(4) + data


def tiff(order: str, first: dict[int, Entry], exif: dict[int, Entry], mark: bytes = b"") -> bytes:
    """Write a TIFF structure with a first directory and an EXIF directory."""
    mark = mark or (b"II*\0" if order == "<" else b"MM\0*")
    pointer = lambda at: {**first, 0x8769: (4, 1, struct.pack(order + "I", at))}  # noqa: E731
    at = 8 + len(directory(order, 8, pointer(0)))
    return mark + struct.pack(order + "I", 8) + directory(order, 8, pointer(at)) + directory(order, at, exif)


def segment(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(content) + 2) + content


def jpeg(block: bytes, before: bytes = b"") -> bytes:
    frame = struct.pack(">BHHB", 8, 107, 160, 1) + bytes(3)
    return b"\xff\xd8" + before + segment(0xE1, b"Exif\0\0" + block) + segment(0xC0, frame) + b"\xff\xda\xff\xd9"


def raf(block: bytes) -> bytes:
    head = b"FUJIFILMCCD-RAW 0201FF000000".ljust(84, b"\0") + struct.pack(">II", 400, 0)
    return head.ljust(400, b"\0") + jpeg(block)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def cr3(first: bytes, exif: bytes) -> bytes:
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    parts = box(b"CNCV", b"CanonCR3") + box(b"CMT1", first) + box(b"CMT2", exif)
    uuid = box(b"uuid", canon + parts)
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", uuid + box(b"mvhd", bytes(100)))


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "jpeg": jpeg,
    "raf": raf,
    "tiff": lambda block: block + bytes(20_000),
    "behind xmp": lambda block: jpeg(block, segment(0xE0, b"JFIF\0") + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")),
    "behind fill bytes": lambda block: jpeg(block, b"\xff" * 7),
    "behind 20 kB": lambda block: jpeg(block, segment(0xFE, bytes(20_000))),
    "behind 600 kB": lambda block: jpeg(block, segment(0xE2, bytes(60_000)) * 10),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that is written again and again."""
    return tmp_path_factory.mktemp("exif") / "photo"


def read(place: Path, content: bytes) -> ExifStamp:
    place.write_bytes(content)
    return read_exif(place)


def stamped(place: Path, *, original: str | bytes = "2026:11:22 12:00:00", **texts: str | bytes) -> ExifStamp:
    """Read a JPEG with these texts."""
    tags = {"subsec": 0x9291, "offset": 0x9011, "lens": 0xA434}
    return read(place, jpeg(tiff("<", {}, {0x9003: text(original), **{tags[k]: text(v) for k, v in texts.items()}})))


# -- what is read

WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=40)
RATIOS = st.builds(Fraction, st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
BIASES = st.builds(Fraction, st.integers(-(2**31), 2**31 - 1), st.integers(1, 2**31 - 1))


@given(
    order=st.sampled_from("<>"),
    container=st.sampled_from(sorted(CONTAINERS)),
    taken=st.datetimes(local("1000-01-01"), local("9999-12-31")),
    digits=st.text("0123456789", max_size=9),
    words=st.lists(WORDS, min_size=4, max_size=4),
    numbers=st.lists(RATIOS, min_size=3, max_size=3),
    bias=BIASES,
    iso=st.integers(1, 65_534),
    orientation=st.integers(1, 8),
    flash=st.integers(0, 127),
    balance=st.integers(0, 1),
    junk=st.dictionaries(st.integers(0xC000, 0xFFFF), st.binary(min_size=1, max_size=60).map(lambda raw: (7, len(raw), raw))),
)  # fmt: skip
def test_what_was_written_is_read(
    place, order, container, taken, digits, words, numbers, bias, iso, orientation, flash, balance, junk
):
    make, model, serial, lens = words
    f_number, exposure, focal = numbers
    first = {0x010F: text(make), 0x0110: text(model), 0x0112: short(order, orientation), **junk}
    exif = {
        0x829A: ratio(order, exposure),
        0x829D: ratio(order, f_number),
        0x8827: short(order, iso),
        0x9003: text(taken.strftime("%Y:%m:%d %H:%M:%S")),
        0x9011: text("-09:30"),
        0x9204: ratio(order, bias, 10),
        0x9209: short(order, flash),
        0x920A: ratio(order, focal),
        0x9291: text(digits),
        0xA002: (4, 1, struct.pack(order + "I", 8256)),
        0xA003: short(order, 5504),
        0xA403: short(order, balance),
        0xA431: text(serial),
        0xA434: text(lens),
        **junk,
    }
    stamp = read(place, CONTAINERS[container](tiff(order, first, exif)))
    fraction = timedelta(microseconds=int(digits[:6].ljust(6, "0"))) if digits else timedelta(0)
    assert stamp == ExifStamp(
        t_exif=taken.replace(microsecond=0) + fraction,
        subsec_digits=len(digits) or None,
        offset_min=-570,
        iso=iso,
        f_number=f_number.numerator / f_number.denominator,
        exposure_s=exposure.numerator / exposure.denominator,
        exposure_bias_ev=bias.numerator / bias.denominator,
        white_balance=("auto", "manual")[balance],
        flash_fired=bool(flash & 1),
        focal_mm=focal.numerator / focal.denominator,
        make=make,
        model=model,
        serial=serial,
        lens=lens,
        orientation=orientation,
        width_px=8256,
        height_px=5504,
    )


@pytest.mark.parametrize(
    ("written", "microsecond", "digits"),
    [
        ("7", 700_000, 1),
        ("07", 70_000, 2),
        ("070", 70_000, 3),
        (b"07", 70_000, 2),
        (b"07  \0", 70_000, 2),
        (b"07\0\0\0\0\0\0", 70_000, 2),
        (b"7\0009", 700_000, 1),
        ("123456789", 123_456, 9),
        ("00", 0, 2),
        ("", 0, None),
        ("    ", 0, None),
        (" 7", 0, None),
        ("-7", 0, None),
        ("7e1", 0, None),
        ("٣٤", 0, None),
        ("1234567890", 0, None),
        (b"\xff\xfe", 0, None),
    ],
)
def test_sub_seconds_are_a_decimal_fraction(place, written, microsecond, digits):
    stamp = stamped(place, subsec=written)
    assert (stamp.t_exif, stamp.subsec_digits) == (
        local("2026-11-22T12:00:00").replace(microsecond=microsecond),
        digits,
    )
    assert stamp.reason == ""


@pytest.mark.parametrize(
    ("written", "minutes"),
    [("+09:00", 540), ("-05:30", -330), ("+00:00", 0), ("+14:00", 840), ("   :  ", None), ("+15:00", None), ("+09:75", None),
     ("Z", None), ("+0900", None)],
)  # fmt: skip
def test_the_zone_is_told_and_not_applied(place, written, minutes):
    stamp = stamped(place, offset=written)
    assert (stamp.offset_min, stamp.t_exif) == (minutes, local("2026-11-22T12:00:00"))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("    :  :     :  :  ", "no DateTimeOriginal"),
        ("", "no DateTimeOriginal"),
        ("0000:00:00 00:00:00", "no date"),
        ("2026:02:30 12:00:00", "no date"),
        ("2026:11:22 24:61:00", "no date"),
        ("2026:11:22 12:00+01", "no date"),
        ("2026-W01-1 12:00:00", "no date"),
        ("2026:11:22", "no date"),
        ("２０２６:11:22 12:00:00", "no date"),
        ("\x1b[2J" * 60, "no date"),
        (b"\xff" * 300, "no date"),
    ],
)
def test_a_date_that_is_none_is_told(place, written, why):
    stamp = stamped(place, original=written, lens="50 mm")
    assert (stamp.t_exif, stamp.lens) == (None, "50 mm")
    assert why in stamp.reason
    assert stamp.reason.isprintable()
    assert len(stamp.reason) < 300


def test_what_makes_no_sense_is_none(place):
    first = {0x010F: text("\x1b[31mevil"), 0x0110: text("   "), 0x0112: short(">", 9)}
    exif = {
        0x829A: (5, 1, struct.pack(">II", 1, 0)),
        0x829D: (5, 1, struct.pack(">II", 0, 1)),
        0x8827: text("100"),
        0x9003: (4, 1, struct.pack(">I", 7)),
        0x920A: (3, 1, struct.pack(">H", 50)),
        0xA403: short(">", 7),
        0xA431: (99, 3, b"abc"),
    }
    stamp = read(place, jpeg(tiff(">", first, exif)))
    assert stamp == ExifStamp(
        make="\ufffd[31mevil", width_px=160, height_px=107, reason="its EXIF holds no DateTimeOriginal"
    )


def test_a_sensitivity_beyond_16_bits_stands_elsewhere(place):
    def iso(**entries: Entry) -> int | None:
        return read(place, jpeg(tiff("<", {}, {int(tag[1:], 16): entry for tag, entry in entries.items()}))).iso

    high = (4, 1, struct.pack("<I", 102_400))
    assert iso(x8827=short("<", 65_535), x8832=high) == 102_400
    assert iso(x8827=short("<", 65_535)) == 65_535
    assert iso(x8833=high) == 102_400
    assert iso(x8827=short("<", 400), x8832=high) == 400
    assert iso(x8827=(3, 2, struct.pack("<HH", 200, 0))) == 200
    assert iso() is None


def test_a_tiff_tells_the_time_in_either_directory(place):
    date = text("2026:11:22 12:00:00")
    assert read(place, tiff("<", {0x9003: date}, {0x9291: text("25")})).t_exif == local("2026-11-22T12:00:00.250")


@pytest.mark.parametrize("mark", [b"IIRO", b"IIRS", b"MMOR"])
def test_olympus_raw_is_a_tiff_with_another_mark(place, mark):
    order = "<" if mark[:2] == b"II" else ">"
    stamp = read(place, tiff(order, {}, {0x9003: text("2026:11:22 12:00:00")}, mark))
    assert stamp.t_exif == local("2026-11-22T12:00:00")


def test_cr3_has_its_directories_in_boxes(place):
    first = b"II*\0\x08\0\0\0" + directory("<", 8, {0x010F: text("Canon")})
    exif = b"II*\0\x08\0\0\0" + directory("<", 8, {0x9003: text("2026:11:22 12:00:00"), 0x9291: text("42")})
    stamp = read(place, cr3(first, exif))
    assert (stamp.make, stamp.t_exif, stamp.subsec_digits) == ("Canon", local("2026-11-22T12:00:00.420"), 2)
    assert read(place, cr3(first, exif).replace(b"CMT", b"CMX")).reason == "the CR3 holds no EXIF"


# -- against Pillow, on files that rigkit's simulator and Pillow made


def by_pillow(path: Path) -> ExifStamp:
    with Image.open(path) as picture:
        first = picture.getexif()
        exif = first.get_ifd(0x8769)
        size = picture.size if picture.format == "JPEG" else (None, None)
    second = local(exif[0x9003].replace(":", "-", 2))
    sign, hours, minutes = exif[0x9011][0], int(exif[0x9011][1:3]), int(exif[0x9011][4:])
    return ExifStamp(
        t_exif=second + timedelta(seconds=float(f"0.{exif[0x9291]}")),
        subsec_digits=len(exif[0x9291]),
        offset_min=(hours * 60 + minutes) * (-1 if sign == "-" else 1),
        iso=exif[0x8827],
        f_number=float(exif[0x829D]),
        exposure_s=float(exif[0x829A]),
        focal_mm=float(exif[0x920A]),
        make=first[0x010F],
        model=first[0x0110],
        serial=exif[0xA431],
        width_px=size[0],
        height_px=size[1],
    )


def test_files_of_the_simulator_read_as_pillow_reads_them(place):
    dice = random.Random(1)
    for number in range(40):
        recipe = RECIPE._replace(
            kind=("jpeg", "raw")[number % 2],
            number=number,
            size=(0, 0, 12_000, 90_000)[number % 4],
            taken_ms=1_427_147_654_000 + dice.randrange(10**9),
            subsec_digits=dice.choice([2, 3]),
            utc_offset_minutes=dice.choice([-330, 0, 540]),
            exposure=(1, dice.choice([60, 125, 8000])),
            iso=dice.choice([64, 100, 12800]),
        )
        stamp = read(place, develop(recipe))
        assert stamp == by_pillow(place), recipe
        assert stamp.exposure_s == 1 / recipe.exposure[1]


def test_the_picture_itself_is_not_read(place, monkeypatch):
    lengths: list[int] = []

    def counted(descriptor: int, length: int) -> bytes:
        got = os.read(descriptor, length)
        lengths.append(len(got))
        return got

    class Counting:
        SEEK_SET, read, lseek = os.SEEK_SET, staticmethod(counted), staticmethod(os.lseek)

    content = develop(RECIPE) + bytes(5_000_000)
    monkeypatch.setattr(imageheads, "os", Counting)
    assert read(place, content).t_exif == TAKEN
    assert lengths == [16_384]
    lengths.clear()
    assert read(place, jpeg(content[30:300], segment(0xE2, bytes(60_000)) * 10)).t_exif == TAKEN
    assert sum(lengths) <= imageheads.MOST_BYTES


def test_heif_is_read_as_pillow_reads_it(place):
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif.get_ifd(0x8769).update({0x9003: "2026:11:22 12:00:00", 0x9291: "31"})
    out = io.BytesIO()
    try:
        Image.new("RGB", (64, 48)).save(out, "AVIF", exif=exif)
    except (KeyError, OSError):
        pytest.skip("this Pillow writes no AVIF, the HEIF it could make")
    stamp = read(place, out.getvalue())
    with Image.open(place, formats=["AVIF"]) as picture:
        assert picture.getexif().get_ifd(0x8769)[0x9003] == "2026:11:22 12:00:00"
    assert (stamp.make, stamp.t_exif) == ("Canon", local("2026-11-22T12:00:00.310"))
    assert read(place, out.getvalue().replace(b"Exif", b"Exix")).reason == "the HEIF file holds no EXIF"


# -- files that are not as they should be


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n", "no EXIF reader for this format"),
        (b"II\x2b\0" + bytes(40), "no EXIF reader for this format"),
        (develop(RECIPE._replace(kind="video", size=4000)), "no EXIF reader for this format"),
        (develop(RECIPE._replace(kind="frame")), "the JPEG holds no EXIF"),
        (b"\xff\xd8\xff", "the JPEG holds no EXIF"),
        (jpeg(b"QQ*\0" + bytes(20)), "does not begin as a TIFF does"),
        (jpeg(b"II*\0")[:16], "does not begin as a TIFF does"),
        (b"II*\0\x08\0\0\0", "no DateTimeOriginal"),
        (b"MM\0*\xff\xff\xff\xff", "no DateTimeOriginal"),
        (b"FUJIFILMCCD-RAW " + b"\xff" * 200, "not where the file says"),
        (box(b"ftyp", b"heic\0\0\0\0mif1"), "the HEIF file holds no EXIF"),
        (box(b"ftyp", b"crx \0\0\0\1crx "), "the CR3 holds no EXIF"),
    ],
)
def test_what_holds_no_time_says_why(place, content, why):
    stamp = read(place, content)
    assert stamp.t_exif is None
    assert why in stamp.reason


def test_what_is_no_file_says_why(tmp_path):
    assert read_exif(tmp_path / "none.jpg").reason.startswith("can't be read: ")
    assert read_exif(tmp_path).reason.startswith("can't be read: ")
    assert read_exif("a\0b").reason.startswith("can't be read: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_hangs_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert read_exif(tmp_path / "pipe.jpg").reason == "the file is empty"


def hostile() -> dict[str, bytes]:
    """Files made to waste time or memory."""
    date = {0x9003: text("2026:11:22 12:00:00")}
    everywhere = b"".join(
        struct.pack("<HHII", tag, 2, 200, 20_000 * n) for n, tag in enumerate([0x9003, 0x9011, 0xA431, 0xA434] * 120, 1)
    )
    return {
        "the directory is its own EXIF directory": b"II*\0\x08\0\0\0" + b"\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) * 2,
        "65535 entries": b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 0x9003, 2, 2**32 - 1, 2**32 - 1) * 65_535,
        "texts all over the file": b"II*\0\x08\0\0\0" + struct.pack("<H", 480) + everywhere + bytes(12_000_000),
        "a text of 4 GB": tiff("<", {}, {**date, 0xA434: (2, 2**32 - 1, b"\0\0\0\0\0")}),
        "fill bytes without end": b"\xff\xd8" + b"\xff" * 1_000_000,
        "segments without end": b"\xff\xd8" + b"\xff\xe0\0\x02" * 300_000,
        "markers without end": b"\xff\xd8" + b"\xff\xd0" * 500_000,
        "boxes without end": box(b"ftyp", b"crx crx ") + box(b"moov", b"\0\0\0\x08free" * 100_000),
        "boxes in boxes": box(b"ftyp", b"crx crx ") + box(b"moov", box(b"uuid", b"\0\0\0\x08free" * 500) * 300),
        "a box of 2^64": box(b"ftyp", b"crx crx ") + b"\0\0\0\x01moov" + b"\xff" * 8 + bytes(100),
        "a box with no end": box(b"ftyp", b"heic") + b"\0\0\0\0meta" + bytes(100_000),
        "items without end": box(b"ftyp", b"heic")
        + box(b"meta", bytes(4) + box(b"iinf", bytes(60_000)) + box(b"iloc", b"\x01\0\0\0" + bytes(60_000))),
        "an item at 2^64": box(b"ftyp", b"heic")
        + box(
            b"meta",
            bytes(4)
            + box(b"iinf", bytes(6) + box(b"infe", b"\x02\0\0\0\0\x01\0\0Exif\0"))
            + box(b"iloc", bytes(4) + b"\x88\0\0\x01" + b"\0\x01\0\0\0\x01" + b"\xff" * 16),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(hostile()))
def test_hostile_files_cost_little(place, name, monkeypatch):
    content = hostile()[name]
    place.write_bytes(content)
    spent = [0]

    def counted(descriptor: int, length: int) -> bytes:
        spent[0] += length
        return os.read(descriptor, length)

    class Counting:
        SEEK_SET, read, lseek = os.SEEK_SET, staticmethod(counted), staticmethod(os.lseek)

    monkeypatch.setattr(imageheads, "os", Counting)
    began = time.process_time()
    stamp = read_exif(place)
    assert time.process_time() - began < BOUND_S
    assert spent[0] <= imageheads.MOST_BYTES
    assert (stamp.t_exif is None) == bool(stamp.reason)


def test_a_file_cut_off_anywhere_is_read_as_far_as_it_goes(place):
    content = develop(RECIPE)
    for length in range(400):
        stamp = read(place, content[:length])
        assert (stamp.t_exif is None) == bool(stamp.reason), length
        assert stamp.t_exif in {None, TAKEN, TAKEN.replace(microsecond=0)}, length
    assert read(place, content[:400]).t_exif == TAKEN


SOUND: dict[str, bytes] = {
    "jpeg": develop(RECIPE),
    "raw": develop(RECIPE._replace(kind="raw", size=0)),
    "cr3": cr3(tiff("<", {0x010F: text("Canon")}, {}), tiff("<", {0x9003: text("2026:11:22 12:00:00")}, {})),
    "raf": raf(tiff(">", {}, {0x9003: text("2026:11:22 12:00:00")})),
}


@given(
    kind=st.sampled_from(sorted(SOUND)),
    changes=st.lists(st.tuples(st.integers(0, 500), st.binary(min_size=1, max_size=8)), min_size=1, max_size=12),
    cut=st.none() | st.integers(0, 500),
)
def test_a_damaged_file_never_raises_and_never_takes_long(place, kind, changes, cut):
    content = bytearray(SOUND[kind])
    for at, raw in changes:
        content[at : at + len(raw)] = raw
    place.write_bytes(content[:cut])
    began = time.process_time()
    stamp = read_exif(place)
    table = read_many([place])
    assert time.process_time() - began < BOUND_S
    assert (stamp.t_exif is None) == bool(stamp.reason)
    assert table["reason"].iloc[0] == stamp.reason
    assert all(one.isprintable() for one in stamp if isinstance(one, str))


# -- many files


@pytest.mark.parametrize("missing", [pd.NA, None, float("nan")])
def test_a_table_of_many_files(tmp_path, missing):
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(develop(RECIPE._replace(taken_ms=RECIPE.taken_ms + 10 * number)))
    paths: list[Any] = [tmp_path / "2.jpg", str(tmp_path / "0.jpg"), missing, tmp_path / "none.jpg", tmp_path / "1.jpg"]
    table = read_many(paths, index=pd.Index([*"abcde"], name="photo_key"))
    assert list(table.index) == [*"abcde"]
    assert table.index.name == "photo_key"
    assert list(table["t_exif"].dt.microsecond.dropna()) == [890_000, 870_000, 880_000]
    assert list(table["subsec_digits"].isna()) == [False, False, True, True, False]
    assert list(table["exposure_s"].dropna()) == [1 / 1600] * 3
    assert table.loc["c", "reason"] == "no path: the file is not reachable from here"
    assert str(table.loc["d", "reason"]).startswith("can't be read")
    assert list(read_many(paths[:2]).index) == [str(tmp_path / "2.jpg"), str(tmp_path / "0.jpg")]
    pd.testing.assert_series_equal(read_many([]).dtypes, table.dtypes)
    with pytest.raises(ValueError, match="5 paths, but an index of 2"):
        read_many(paths, index=["a", "b"])


def test_the_table_is_declared_field_by_field():
    assert tuple(column.name for column in EXIF.columns) == ExifStamp._fields
    assert tuple(read_many([]).columns) == ExifStamp._fields
    assert str(read_many([])["t_exif"].dtype) == "datetime64[us]"
