"""Bench ``decode``: one shot's events of a large rig, decoded by their shape."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import msgspec

from rigkit.wire import decode_frame
from rigkit.wire.shapes import EventReader
from tests.bench.measure import Row, interleaved, ratios
from tests.bench.stream import mixed_stream

__all__ = ["ABOUT", "run"]

ABOUT = "4 PhotoUpdated of 972 B and 6 CameraUpdated of 5.7 kB per camera, 200 cameras; CPU"


class _Anything(msgspec.Struct):
    """A JSON object of which nothing is kept."""


def run(rounds: int) -> list[Row]:
    """Decode the same events in several ways.

    Parameters
    ----------
    rounds : int
        How often.

    Returns
    -------
    list of Row
        Microseconds per event, and their ratios.
    """
    frames = mixed_stream()
    reader = EventReader()
    for raw in frames:
        if reader.read(raw) is None:
            reader.learn(raw, decode_frame(raw)[0])
    shaped = sum(reader.read(raw) is not None for raw in frames) / len(frames)

    def by_json(raw: bytes) -> object:
        return json.loads(raw.decode())

    def timed(decode: Callable[[bytes], object]) -> Callable[[], float]:
        def once() -> float:
            began = time.process_time()
            for raw in frames:
                decode(raw)
            return (time.process_time() - began) * 1e6 / len(frames)

        return once

    ways = {
        "json": timed(by_json),
        "general": timed(decode_frame),
        "shape": timed(reader.read),
        "step": timed(msgspec.json.Decoder(_Anything).decode),
    }
    took = interleaved(ways, rounds)
    return [
        Row("json.loads(raw.decode())", took["json"], "us/event"),
        Row("decode_frame, the general way", took["general"], "us/event"),
        Row("EventReader, by shape", took["shape"], "us/event"),
        Row("stepping over every field (the limit)", took["step"], "us/event"),
        Row("by shape / json", ratios(took["shape"], took["json"]), goal=1 / 6),
        Row("by shape / limit", ratios(took["shape"], took["step"])),
        Row("events that were read by their shape", [100 * shaped] * rounds, "%"),
    ]
