"""Bounds of terminals."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import Lane, decode_message
from protocol.messages.terminal import PIECE_BYTES, TerminalInput, TerminalOutput, TerminalResize


def test_what_is_typed_goes_before_everything_else() -> None:
    assert TerminalInput.LANE is Lane.INPUT
    assert TerminalResize.LANE is Lane.INPUT
    assert TerminalOutput.LANE is Lane.CONTROL


@pytest.mark.parametrize(
    "raw",
    [
        ["terminal.open", 1, 0, 40],
        ["terminal.open", 1, 80, 5000],
        ["terminal.open", 1, 80, 40, "x" * 8001],
        ["terminal.input", 1, b"x" * (PIECE_BYTES + 1)],
        ["terminal.input", 0, b"x"],
        ["terminal.output", 1, -1, b"x"],
        ["terminal.output", 1, 0, b"x", 3],
        ["terminal.attach", 1, 2**54],
        ["terminal.ended", 1, 256],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
