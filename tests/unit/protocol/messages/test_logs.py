"""Bounds of the live log."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import decode_message
from protocol.messages.logs import LINE_CHARS, MOST_LINES

LINE = [0.0, 6, "cron", "x"]


@pytest.mark.parametrize(
    "raw",
    [
        ["logs.follow", 1, "journal", "", 8],
        ["logs.follow", 1, "journal", "", 7, "", 1001],
        ["logs.follow", 1, "x" * 201],
        ["logs.lines", 1, [LINE] * (MOST_LINES + 1)],
        ["logs.lines", 1, [[0.0, 6, "cron", "x" * (LINE_CHARS + 1)]]],
        ["logs.lines", 1, [LINE], -1],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
