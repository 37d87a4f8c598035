"""The journal's entries and files' lines, made inert; files that are rotated, cut or something else."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import pytest

from agent.backends.log_source import allowed, file_lines, journal_lines, read_entry, read_line, sources
from protocol.errors import Refused, Unavailable
from protocol.messages.logs import LINE_CHARS, LogLine


def test_an_entry_of_the_journal_is_read_and_made_inert() -> None:
    entry = {"__REALTIME_TIMESTAMP": "1795262400250000", "PRIORITY": "3", "_SYSTEMD_UNIT": "ssh.service", "MESSAGE": "bad\u202e"}
    assert read_entry(json.dumps(entry).encode()) == LogLine(1795262400.25, 3, "ssh.service", "bad\\u202e")
    raw = {"MESSAGE": list(b"caf\xc3\xa9\x1b[2J"), "SYSLOG_IDENTIFIER": "app", "PRIORITY": "99"}
    assert read_entry(json.dumps(raw).encode()) == LogLine(0.0, -1, "app", "café\\x1b[2J")
    long = read_entry(json.dumps({"MESSAGE": "x" * 9000}).encode())
    assert long is not None
    assert len(long.text) == LINE_CHARS
    for nothing in (b"", b"[]", b"{", b"nonsense"):
        assert read_entry(nothing) is None


async def test_the_journal_is_asked_for_what_is_wanted_and_its_error_is_told(tmp_path: Path) -> None:
    program = tmp_path / "journalctl"
    program.write_text('#!/bin/sh\necho "{\\"MESSAGE\\": \\"$*\\"}"\n')
    program.chmod(0o755)
    (line,) = [line async for line in journal_lines("ssh.service", 4, 20, follow=True, program=str(program))]
    for option in ("--lines=20", "--priority=4", "--follow", "--unit=ssh.service"):
        assert option in line.text
    program.write_text("#!/bin/sh\necho No permission >&2\nexit 1\n")
    with pytest.raises(Unavailable, match="No permission"):
        _ = [line async for line in journal_lines("", 7, 0, follow=False, program=str(program))]


def test_a_line_of_a_file_tells_when_who_and_how_urgent() -> None:
    line = read_line(b"2026-11-21T12:00:00+00:00 till-3 sshd[7]: Failed password")
    assert line == LogLine(1795262400.0, 3, "sshd", "2026-11-21T12:00:00+00:00 till-3 sshd[7]: Failed password")
    assert read_line(b"Nov 21 12:00:00 till-3 cron[1]: warning: late").priority == 4
    assert read_line(b"Nov 21 12:00:00 till-3 cron[1]: ran").priority == 6
    assert read_line(b"just \xff words\r") == LogLine(0.0, -1, "", "just \ufffd words")


async def test_a_file_is_followed_over_its_rotation_and_its_cutting(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("1\n2\n3\nhalf")
    async with aclosing(file_lines(str(file), 2, follow=True)) as lines, asyncio.timeout(60):
        assert [(await anext(lines)).text, (await anext(lines)).text] == ["2", "3"]
        with file.open("a") as more:
            more.write(" whole\n")
        assert (await anext(lines)).text == "half whole"
        file.rename(tmp_path / "a.log.1")
        file.write_text("fresh\n")
        assert (await anext(lines)).text == "fresh"
        file.write_text("cut\n")
        assert (await anext(lines)).text == "cut"


async def test_links_and_other_things_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "link.log").symlink_to("/etc/passwd")
    (tmp_path / "directory.log").mkdir()
    for name in ("link.log", "directory.log", "missing.log"):
        with pytest.raises(Refused):
            _ = [line async for line in file_lines(str(tmp_path / name), 5, follow=False)]
    (tmp_path / "real.log").write_text("x\n")
    assert [source.name for source in sources(["*.log"], tmp_path)][-1:] == [str(tmp_path / "real.log")]


def test_a_pattern_reaches_nothing_outside_the_folder() -> None:
    assert allowed("/var/log/a.log", ["/var/log/*.log"])
    assert not allowed("/var/log/../../etc/shadow", ["*"])
    assert not allowed("/etc/shadow", ["*"])
    assert not allowed("/var/log/a.txt", ["/var/log/*.log"])
