"""Bounds of the picture."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import decode_message, encode_message
from protocol.messages.screen import Copy, ScreenUpdate, Tile, Video


def test_operations_keep_their_kind_and_order() -> None:
    update = ScreenUpdate(
        1, 2, 3, [Copy(0, 0, 9, 9, 1, 1), Tile(0, 0, 1, 1, "fill", b"bgr"), Video(0, 0, 2, 2, 1, "avc1.42E01F", True, b"x")], True
    )
    assert decode_message(encode_message(update)) == update


@pytest.mark.parametrize(
    "raw",
    [
        ["screen.start", ["c"] * 33],
        ["screen.start", [], 0.5],
        ["screen.start", [], 60.0, "", "dazzling"],
        ["screen.ack", -1],
        ["screen.layout", 1, 16385, 1],
        ["screen.update", 1, 1, 1, [[1, -1, 0, 1, 1, 0, 0]]],
        ["screen.update", 1, 1, 1, [[4, 0, 0, 1, 1, 0, 0]]],
        ["screen.cursor_shape", 1, 257, 1, 0, 0, b""],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
