"""Bounds of live readings."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import decode_message
from protocol.messages.live import CORES, PROCESS_ROWS, SERVICE_ROWS, LiveStart

ROW = [7, "cat", "ana", 1.0, 4096, "R", 1, 0.0]
SERVICE = ["cron.service", "Cron", "active", "running"]
SAMPLE = [1, 0.0, 5.0, [5.0], 1, 2, 0, 0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "raw",
    [
        ["live.start", 1, 0.1],
        ["live.start", 1, 61.0],
        ["live.start", 1, 1.0, True, True, "name"],
        ["live.start", 1, 1.0, True, True, "cpu", "x" * 101],
        ["live.sample", *SAMPLE[:2], -1.0, *SAMPLE[3:]],
        ["live.sample", *SAMPLE[:3], [0.0] * (CORES + 1), *SAMPLE[4:]],
        ["live.processes", 1, 1, 1, [ROW] * (PROCESS_ROWS + 1)],
        ["live.processes", 1, 1, 1, [[-7, *ROW[1:]]]],
        ["live.services", 1, "ok", 1, [SERVICE] * (SERVICE_ROWS + 1)],
        ["live.services", 1, "fine", 0, []],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))


def test_a_plain_start_asks_for_samples_alone() -> None:
    assert decode_message(msgspec.msgpack.encode(["live.start", 1])) == LiveStart(1, 1.0, False, False, "cpu", "")
