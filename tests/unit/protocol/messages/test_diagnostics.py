"""Bounds of tables and findings."""

import msgspec
import pytest

from protocol.errors import UndecodableMessage
from protocol.messages import decode_message, encode_message
from protocol.messages.diagnostics import DiagnosticsDone, DiagnosticsTable, Finding


def test_tables_and_findings_come_back() -> None:
    table = DiagnosticsTable(1, "mounts", "ok", 2.5, 500, [{"path": "/", "blocks_available": 5, "ok": True, "x": None, "r": 0.5}])
    assert decode_message(encode_message(table)) == table
    done = DiagnosticsDone(
        1, [Finding("disk_space_low", "t", "warning", "w", {"free": 1}, "free-disk-space", {"days": 7})], 9.0, 1.0
    )
    assert decode_message(encode_message(done)) == done


@pytest.mark.parametrize(
    "raw",
    [
        ["diagnostics.collect", 1, ["t"] * 65],
        ["diagnostics.table", 1, "mounts", "splendid", 1.0, 1.0, []],
        ["diagnostics.table", 1, "mounts", "ok", 1.0, 1.0, [{"a": [1]}]],
        ["diagnostics.done", 1, [{"id": "x", "title": "t", "severity": "apocalyptic", "text": "", "evidence": {}}], 1.0, 1.0],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
