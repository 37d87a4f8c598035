"""Bounds of fixes."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import decode_message, encode_message
from protocol.messages.fixes import FixCatalogue, FixEntry, FixParameter, FixRun


def test_parameters_keep_their_types() -> None:
    run = FixRun(1, "free-disk-space", {"days": 7, "deep": True, "where": "cache"}, "disk_space_low", "3f" * 32)
    again = decode_message(encode_message(run))
    assert again == run
    assert isinstance(again, FixRun)
    assert again.parameters["deep"] is True
    entry = FixEntry("a", "1", "t", "d", 1, "user", [FixParameter("days", "int", low=1, high=90)])
    assert decode_message(encode_message(FixCatalogue(1, [entry]))) == FixCatalogue(1, [entry])


@pytest.mark.parametrize(
    "raw",
    [
        ["fixes.run", 1, "x", {"days": [1]}, ""],
        ["fixes.run", 1, "x" * 201, {}, ""],
        ["fixes.run", 1, "x", {str(i): 1 for i in range(33)}, ""],
        ["fixes.run", 1, "x", {}, "", "3f"],
        ["fixes.run", 1, "x", {}, "", "3F" * 32],
        ["fixes.run", 1, "x", {}, "", "3f" * 32 + "\n"],
        ["fixes.output", 1, "run", "stdin", "x"],
        ["fixes.output", 1, "run", "stdout", "x" * 16385],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
