"""Bounds of forwarded ports."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import Lane, decode_message
from protocol.messages.forward import PIECE_BYTES, WINDOW_BYTES, ForwardData, ForwardEnd


def test_bytes_and_their_end_keep_their_order_on_one_lane() -> None:
    assert ForwardData.LANE is ForwardEnd.LANE is Lane.BULK


@pytest.mark.parametrize(
    "raw",
    [
        ["forward.open", 0, 80],
        ["forward.open", 1, 0],
        ["forward.open", 1, 65536],
        ["forward.open", 1, 80, ""],
        ["forward.open", 1, 80, "x" * 254],
        ["forward.data", 1, b""],
        ["forward.data", 1, b"x" * (PIECE_BYTES + 1)],
        ["forward.credit", 1, 0],
        ["forward.credit", 1, WINDOW_BYTES + 1],
        ["forward.closed", 1, "because", ""],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
