"""Errors of the journal, from a recording of a real journald."""

import json
from pathlib import Path

import pytest

from agent.diagnostics.probe import ProbeError, Unsupported
from agent.diagnostics.probes.journal_errors import MESSAGE_CHARACTERS, JournalErrors, parse_journal
from tests.kit.recorded import machine, recorded, recorded_bytes


def test_recording_newest_first_and_counted() -> None:
    rows = parse_journal(recorded_bytes("journalctl-systemd252.json"))
    assert [(row["unit"], row["message"], row["priority"], row["count"]) for row in rows] == [
        ("weird", "bin\ufffd\x01ary", 3, 1),
        ("nm-applet", "connection to 10.0.0.5 lost", 2, 1),
        ("systemd", "Failed to start Example Service.", 3, 3),
        ("kernel", "RDSEED32 is broken. Disabling the corresponding CPUID bit.", 0, 1),
    ]
    assert rows[0]["time"] == 1795300063


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"MESSAGE": null}', ""),
        (b'{"MESSAGE": ["one", "two"]}', "one"),
        (b'{"MESSAGE": []}', ""),
        (b'{"MESSAGE": [300, 65]}', "A"),
    ],
)
def test_odd_values(line: bytes, message: str) -> None:
    (row,) = parse_journal(line)
    assert (row["message"], row["unit"], row["priority"], row["time"]) == (message, "kernel", 3, 0)


def test_lines_that_are_none() -> None:
    assert parse_journal(b"-- No entries --\n\xff\xfe\n{}x\n[1]\n") == []


def test_long_messages_are_cut() -> None:
    (row,) = parse_journal(json.dumps({"MESSAGE": "x" * 5000}).encode())
    assert len(str(row["message"])) == MESSAGE_CHARACTERS


async def test_through_the_tool(tmp_path: Path) -> None:
    tools = {"journalctl": f"cat <<'E'\n{recorded('journalctl-systemd252.json')}\nE"}
    assert len(await JournalErrors().rows(machine(tmp_path, tools=tools))) == 4
    for says, kind, words in (
        ("No journal files were found.", Unsupported, "no systemd journal"),
        ("No journal files were opened due to insufficient permissions.", Unsupported, "may not read"),
        ("Failed to seek to tail", ProbeError, "exit code 1"),
    ):
        with pytest.raises(kind, match=words):
            await JournalErrors().rows(machine(tmp_path, tools={"journalctl": f"echo '{says}' >&2; exit 1"}))
