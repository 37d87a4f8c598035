"""Writes the vectors of the console's wire: `python -m tests.vectors.console.make`. A difference to the files in this folder is a
change of what a page of an older console would misread, or a mistake."""

import json
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard

from protocol.messages import REGISTRY, Message
from protocol.messages.diagnostics import DiagnosticsDone, Finding
from protocol.messages.fixes import FixOutput, FixRun
from protocol.messages.input import Key, PointerWheel
from protocol.messages.screen import Copy, CursorShape, Monitor, ScreenAck, ScreenLayout, ScreenStart, ScreenUpdate, Tile, Video
from technician_client.console.pixels import TileReader, swap_by_numpy
from technician_client.console.wire import (
    Area,
    FromBrowserMessage,
    ToBrowserMessage,
    UpdateWriter,
    write_cursor,
    write_message,
)

FOLDER = Path(__file__).parent
AREA = Area(64, 48)

BGR = bytes(range(2 * 3 * 3))
LETTER = b"c`dbfaec\xe7\xe0\xe4\xe2\xe6\xe1\xe5\xe3\x17\x10\x04\x00"
"""The same by raw deflate."""
UPDATES: dict[str, ScreenUpdate] = {
    "empty": ScreenUpdate(0, 1, 0, [], True),
    "copy": ScreenUpdate(7, 3, 1_234_567_890, [Copy(0, 8, 64, 40, 0, 0)]),
    "pixels": ScreenUpdate(8, 3, 1_234_600_000, [Tile(5, 6, 3, 2, "zstd-bgr", zstandard.compress(BGR))], True),
    "planes": ScreenUpdate(9, 3, 1, [Tile(0, 0, 3, 2, "zstd-planes", zstandard.compress(BGR))]),
    "slopes": ScreenUpdate(9, 3, 1, [Tile(0, 0, 3, 2, "zstd-slopes", zstandard.compress(bytes([250] * 9 + [10] * 9)))]),
    "letter": ScreenUpdate(9, 3, 1, [Tile(0, 0, 3, 2, "deflate-planes", LETTER)]),
    "fill": ScreenUpdate(10, 3, 2, [Tile(1, 2, 3, 4, "fill", bytes([1, 2, 3]))]),
    "video": ScreenUpdate(11, 3, 3, [Video(0, 0, 63, 47, 2, "avc1.F4002A", True, b"\0\0\0\1gDATA!")]),
    "mixed": ScreenUpdate(
        2**40,
        2**32 - 1,
        2**50,
        [
            Video(0, 0, 64, 48, 3, "avc1.64002A", False, b"\0\0\1A"),
            Copy(1, 2, 3, 4, 5, 6),
            Tile(2, 2, 1, 1, "zstd-bgrx", zstandard.compress(bytes([9, 8, 7, 6]))),
            Tile(0, 0, 64, 48, "fill", bytes([0, 128, 255])),
        ],
        True,
    ),
}
CURSORS: dict[str, CursorShape] = {
    "hidden": CursorShape(4, 0, 0, 0, 0, b""),
    "arrow": CursorShape(2**32 + 5, 2, 1, 1, 0, zlib.compress(bytes([255, 0, 0, 255, 0, 0, 255, 128]))),
}
FINDING = Finding("disk_full", "The disk is full", "critical", "3 % free", {"path": "/", "free": 3.1}, "clean", {"days": 7})
MESSAGES: dict[str, Message] = {
    "key": Key("KeyE", "é", True, "text"),
    "wheel": PointerWheel(1, 2, 0, -120),
    "start": ScreenStart(["avc1.f4002a"], 60.0, "", "auto"),
    "ack": ScreenAck(12, 1.5, 2),
    "layout": ScreenLayout(1, 1366, 768, 0, 0, [Monitor("eDP-1", 0, 0, 1366, 768, True)], "x11", ""),
    "done": DiagnosticsDone(9, [FINDING], 812.0, 1_795_000_000.0),
    "run": FixRun(10, "clean", {"days": 7, "dry": False}, "disk_full", "3f" * 32),
    "output": FixOutput(10, "run", "stdout", "Привет <b>&\n"),
}


def fields() -> dict[str, list[str]]:
    """The order of the fields of every message that passes between console and page."""
    kinds = {*FromBrowserMessage.__args__, *ToBrowserMessage}
    return {tag: list(rule.kind.__struct_fields__) for tag, rule in sorted(REGISTRY.items()) if rule.kind in kinds}


def operation(value: Copy | Tile | Video) -> dict[str, Any]:
    """An operation as the page is to read it."""
    place = {"x": value.x, "y": value.y, "width": value.width, "height": value.height}
    match value:
        case Copy():
            return {"kind": "copy", **place, "fromX": value.from_x, "fromY": value.from_y}
        case Tile(encoding="fill"):
            blue, green, red = value.data
            return {"kind": "fill", **place, "colour": int.from_bytes((red, green, blue, 255), "little")}
        case Tile():
            pixels = np.empty((value.height, value.width, 4), np.uint8)
            TileReader(swap_by_numpy).read(value, pixels)
            return {"kind": "pixels", **place, "pixels": pixels.tobytes().hex()}
        case Video():
            stream = {"stream": value.stream, "key": value.key, "codec": value.codec}
            return {"kind": "video", **place, **stream, "data": value.data.hex()}


def binary() -> list[dict[str, Any]]:
    """Binary messages and what they say."""
    writer = UpdateWriter(TileReader(swap_by_numpy))
    updates = [
        {
            "name": name,
            "bytes": bytes(writer.write(update, AREA)).hex(),
            "says": {
                "kind": "update",
                "sequence": update.sequence,
                "epoch": update.epoch,
                "capturedAt": update.captured_at,
                "exact": update.exact,
                "operations": [operation(one) for one in update.operations],
            },
        }
        for name, update in UPDATES.items()
    ]
    cursors = [
        {
            "name": f"cursor {name}",
            "bytes": write_cursor(shape).hex(),
            "says": {
                "kind": "cursor",
                "serial": shape.serial % 2**32,
                "width": shape.width,
                "height": shape.height,
                "hotX": shape.hot_x,
                "hotY": shape.hot_y,
                "pixels": zlib.decompress(shape.data).hex() if shape.data else "",
            },
        }
        for name, shape in CURSORS.items()
    ]
    return updates + cursors


def texts() -> list[dict[str, Any]]:
    """Messages as text and the fields by name."""
    return [
        {
            "name": name,
            "text": write_message(message),
            "tag": type(message).__struct_config__.tag,
            "fields": {field: msgspec.to_builtins(getattr(message, field)) for field in message.__struct_fields__},
        }
        for name, message in MESSAGES.items()
    ]


def files() -> dict[str, str]:
    """Every file of this folder with its content."""
    values = {"fields.json": fields(), "binary.json": binary(), "texts.json": texts()}
    return {name: json.dumps(value, indent=1, ensure_ascii=False) + "\n" for name, value in values.items()}


if __name__ == "__main__":
    for file, content in files().items():
        (FOLDER / file).write_text(content, "utf-8")
