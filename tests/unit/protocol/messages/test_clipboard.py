"""Bounds of the clipboard on the wire."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import Lane, decode_message
from protocol.messages.clipboard import IMAGE_BYTES, PART_BYTES, TEXT_BYTES, ClipboardPart, ClipboardPut, most_bytes


def test_contents_wait_behind_everything_else() -> None:
    assert ClipboardPut.LANE is ClipboardPart.LANE is Lane.BULK


def test_an_image_may_be_larger_than_a_text() -> None:
    assert (most_bytes("text"), most_bytes("image")) == (TEXT_BYTES, IMAGE_BYTES)


@pytest.mark.parametrize(
    "raw",
    [
        ["clipboard.put", 1, "text", IMAGE_BYTES + 1, 0, b"x"],
        ["clipboard.put", 1, "html", 1, 0, b"x"],
        ["clipboard.put", 1, "text", 1, 0, b""],
        ["clipboard.put", 1, "text", 1, 0, b"x" * (PART_BYTES + 1)],
        ["clipboard.changed", 1, ["text", "image", "text"]],
        ["clipboard.get", 1, "file"],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
