"""Bounds of the messages that open and end a session."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import decode_message


@pytest.mark.parametrize(
    "raw",
    [
        ["session.hello", 1, ["view"], "r", b"short", 0, ""],
        ["session.hello", 1, ["x" * 41], "r", bytes(32), 0, ""],
        ["session.hello", 1, ["view"] * 65, "r", bytes(32), 0, ""],
        ["session.hello", 1, ["view"], "r" * 501, bytes(32), 0, ""],
        ["session.hello", 1, ["view"], "r", bytes(32), 0, "", "s" * 201],
        ["session.hello", 1, ["view"], "r", bytes(32), 0, "", "", 3601.0],
        ["session.hello", 1, ["view"], "r", bytes(32), 0, "", "", -1.0],
        ["session.hello", 1, ["view"], "r", bytes(32), 0, "", "", float("nan")],
        ["session.reveal", bytes(33)],
        ["session.capability_ask", 2**32, "view", ""],
        ["session.ping", "soon"],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
