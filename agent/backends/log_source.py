"""Where this computer keeps its log: the systemd journal, read by journalctl(1), and plain files below /var/log."""

import asyncio
import contextlib
import fnmatch
import os
import re
import shutil
import signal
import stat
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.children import SEARCH_PATH, kill_group, tool_environment
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages.logs import JOURNAL, LINE_CHARS, MOST_SOURCES, LogLine, LogSource
from protocol.printable import printable, shortened

LOGS = Path("/var/log")
JOURNALS = (Path("/var/log/journal"), Path("/run/log/journal"))
FIELDS = "__REALTIME_TIMESTAMP,PRIORITY,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,SYSLOG_IDENTIFIER,MESSAGE"
ENTRY_BYTES = 256 * 1024
TAIL_BYTES = 256 * 1024
POLL_SECONDS = 0.4
# RFC 3339, or RFC 3164 as most syslog daemons still write it; then a host, then a program with its number.
_STAMP = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ (?P<unit>[^\s:\[]{1,100})"
)
_WORDS = (
    (3, re.compile(r"\b(?:error|fail(?:ed|ure)?|fatal|critical|panic)\b", re.I)),
    (4, re.compile(r"\bwarn(?:ing)?\b", re.I)),
)

Entry = dict[str, Any]


def journalctl() -> str:
    """The program's path, "" where this computer keeps no journal."""
    found = shutil.which("journalctl", path=SEARCH_PATH) or ""
    return found if any(place.is_dir() and any(place.iterdir()) for place in JOURNALS) else ""


def sources(patterns: Sequence[str], logs: Path = LOGS) -> list[LogSource]:
    """What can be followed: the journal, then the files that policy allows."""
    found = [LogSource(JOURNAL)] if journalctl() else []
    for path in sorted(logs.rglob("*")) if logs.is_dir() else []:
        if allowed(str(path), patterns, logs) and path.is_file() and not path.is_symlink():
            readable = os.access(path, os.R_OK)
            found.append(LogSource(str(path)[:200], "" if readable else "this agent may not read it"))
    return found[:MOST_SOURCES]


def allowed(name: str, patterns: Sequence[str], logs: Path = LOGS) -> bool:
    """Whether policy lets a file be followed; it must lie below /var/log, whatever the pattern says."""
    path = Path(name)
    return ".." not in path.parts and logs in path.parents and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


async def journal_lines(
    unit: str, priority: int, lines: int, *, follow: bool, program: str = ""
) -> AsyncGenerator[LogLine, None]:
    """The newest `lines` entries and, with `follow`, each that comes.

    Raises:
        Unavailable: there is no journal, or it cannot be read.
    """
    path = program or journalctl()
    if not path:
        raise Unavailable("This computer keeps no journal. Follow a file instead.")
    argv = [path, "--no-pager", "--output=json", f"--output-fields={FIELDS}", f"--lines={lines}", f"--priority={priority}"]
    argv += ["--follow"] if follow else []
    argv += [f"--unit={unit}"] if "." in unit else [f"--identifier={unit}"] if unit else []
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=tool_environment(),
        start_new_session=True,
        limit=ENTRY_BYTES,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        while True:
            try:
                data = await process.stdout.readline()
            except ValueError:
                continue  # one entry that is longer than any line can be
            if not data:
                break
            line = read_entry(data)
            if line is not None:
                yield line
        if await process.wait() != 0:
            said = (await process.stderr.read(4096)).decode("utf-8", "replace").strip()
            raise Unavailable(f"The journal cannot be read: {printable(said) or 'journalctl gave no reason'}.")
    finally:
        if process.returncode is None:
            kill_group(process.pid, signal.SIGKILL)
            await process.wait()


def read_entry(data: bytes) -> LogLine | None:
    """One entry of `journalctl --output=json`, or None when it is no entry."""
    try:
        entry = msgspec.json.decode(data, type=Entry)
    except ValueError:
        return None
    at, priority = _number(entry.get("__REALTIME_TIMESTAMP")), _number(entry.get("PRIORITY"))
    unit = entry.get("_SYSTEMD_USER_UNIT") or entry.get("_SYSTEMD_UNIT") or entry.get("SYSLOG_IDENTIFIER") or ""
    return LogLine(
        at / 1e6 if at > 0 else 0.0,
        priority if 0 <= priority <= 7 else -1,
        shortened(printable(str(unit)), 200),
        shortened(printable(_message(entry.get("MESSAGE"))), LINE_CHARS),
    )


def _number(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else -1


def _message(value: object) -> str:
    """journalctl writes what is not text as a list of bytes."""
    if isinstance(value, list):
        return bytes(byte for byte in value if isinstance(byte, int) and 0 <= byte < 256).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


async def file_lines(name: str, lines: int, *, follow: bool) -> AsyncGenerator[LogLine, None]:
    """The newest lines of a file and, with `follow`, each that comes; a file that is rotated or cut is begun anew.

    Raises:
        Refused: it is no plain file, or cannot be read.
    """
    descriptor = _open(name)
    try:
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, max(0, size - TAIL_BYTES), os.SEEK_SET)
        rest = b"" if size <= TAIL_BYTES else None  # the first line is cut
        first = True
        while True:
            data = os.read(descriptor, TAIL_BYTES)
            pieces = ((rest or b"") + data).split(b"\n")
            whole, tail = pieces[:-1], pieces[-1][-ENTRY_BYTES:]
            if rest is None:
                whole = whole[1:]
            rest = tail
            for piece in whole[-lines:] if first and lines else [] if first else whole:
                yield read_line(piece)
            first = False
            if data:
                await asyncio.sleep(0)
                continue
            if not follow:
                return
            await asyncio.sleep(POLL_SECONDS)
            fresh = _replaced(name, descriptor)
            if fresh >= 0:
                os.close(descriptor)
                descriptor, rest = fresh, b""
    finally:
        os.close(descriptor)


def _open(name: str) -> int:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"{name} cannot be read: {error.strerror}.", reason=RefusalReason.NOT_FOUND) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(f"{name} is no plain file.", reason=RefusalReason.INVALID)
    return descriptor


def _replaced(name: str, descriptor: int) -> int:
    """A descriptor of the file that has taken the place of this one; -1: none has. A file that was cut is read from its start."""
    held = os.fstat(descriptor)
    if os.lseek(descriptor, 0, os.SEEK_CUR) > held.st_size:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return -1
    with contextlib.suppress(OSError, Refused):
        there = Path(name).stat(follow_symlinks=False)
        if (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino):
            return _open(name)
    return -1


def read_line(data: bytes) -> LogLine:
    """A line of a file; when and who are read where it begins as syslog's lines do, how urgent it is guessed from its words."""
    text = shortened(printable(data.decode("utf-8", "replace").rstrip("\r")), LINE_CHARS)
    found = _STAMP.match(text)
    priority = next((number for number, words in _WORDS if words.search(text)), 6 if found else -1)
    at = 0.0
    if found is not None and found["at"][0].isdigit():
        with contextlib.suppress(ValueError, OverflowError):
            at = datetime.fromisoformat(found["at"]).timestamp()
    return LogLine(max(0.0, at), priority, found["unit"] if found else "", text)
