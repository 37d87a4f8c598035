"""`journal_errors`: what went wrong in the last day, from `journalctl -o json`; the same complaint is counted, not repeated."""

from typing import ClassVar

import msgspec

from agent.diagnostics.probe import Environment, Probe, ProbeError, Unsupported, failure
from protocol.messages.diagnostics import Row
from protocol.printable import shortened

MESSAGE_CHARACTERS = 300
ENTRIES = 400


_Value = str | list[int | str] | None


class _Entry(msgspec.Struct):
    """One line of systemd's journal-export as JSON: values are strings, or byte lists when they are not UTF-8, or null when
    they are too long."""

    time: str = msgspec.field(name="__REALTIME_TIMESTAMP", default="0")
    message: _Value = msgspec.field(name="MESSAGE", default=None)
    unit: _Value = msgspec.field(name="_SYSTEMD_UNIT", default=None)
    identifier: _Value = msgspec.field(name="SYSLOG_IDENTIFIER", default=None)
    priority: _Value = msgspec.field(name="PRIORITY", default=None)


def parse_journal(data: bytes) -> list[Row]:
    """`journalctl --output=json` (oldest first) as rows, newest first, equal messages of one unit as one row.

    Lines that are not entries are passed over.
    """
    rows: dict[tuple[str, str], Row] = {}
    for line in reversed(data.splitlines()):
        entry = _entry(line)
        if entry is None:
            continue
        unit = _text(entry.unit) or _text(entry.identifier) or "kernel"
        message = shortened(_text(entry.message), MESSAGE_CHARACTERS)
        if (known := rows.get((unit, message))) is not None:
            known["count"] = int(known["count"] or 0) + 1
            continue
        priority = _text(entry.priority)
        rows[(unit, message)] = {
            "time": int(entry.time) // 1_000_000 if entry.time.isdecimal() else 0,
            "unit": unit,
            "priority": int(priority) if priority.isdecimal() else 3,
            "message": message,
            "count": 1,
        }
    return list(rows.values())


def _entry(line: bytes) -> _Entry | None:
    try:
        return msgspec.json.decode(line, type=_Entry)
    except ValueError:
        return None


def _text(value: _Value) -> str:
    """A field's text: the first one where a field was given several times."""
    match value:
        case str():
            return value.strip()
        case [str(first), *_]:
            return first.strip()
        case [int(), *_]:
            return bytes(part for part in value if isinstance(part, int) and 0 <= part < 256).decode(errors="replace").strip()
        case _:
            return ""


class JournalErrors(Probe):
    """Up to 50 rows, newest first."""

    table: ClassVar = "journal_errors"
    budget: ClassVar = 1.5

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        argv = [
            "journalctl",
            "--output=json",
            "--output-fields=MESSAGE,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,PRIORITY",
            "--priority=err",
            "--since=-24h",
            f"--lines={ENTRIES}",
            "--no-pager",
        ]
        result = await environment.run(argv, seconds=1.4)
        complaint = result.stderr.decode(errors="replace")
        if "No journal files were found" in complaint:
            raise Unsupported("This machine keeps no systemd journal.")
        if "insufficient permissions" in complaint:
            raise Unsupported("The agent's user may not read the system's journal (it is in none of adm, systemd-journal).")
        if result.exit_code != 0:
            raise ProbeError(failure("journalctl", result))
        return parse_journal(result.stdout)
