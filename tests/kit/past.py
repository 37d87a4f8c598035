"""Two past sessions as they are kept on a technician's computer: one with everything, one of which only notes are left."""

import json
from pathlib import Path

import msgspec

from hostio.private_files import write_private
from protocol.messages.diagnostics import Finding
from protocol.messages.fixes import FixResult
from technician_client.notes import Note, save_note
from technician_client.receipts import LastWords
from technician_client.settings import Settings
from technician_client.worklog import Worklog, log_fix, log_recording

OPENED = 1795262400.0  # 2026-11-21 12:00 UTC
SESSION, CUT = "4f21aa", "0b77cc"
RECEIPT = f"{int(OPENED) + 300}-k3v9w2m4x7q1-{SESSION}.json"
RECORDING = "20261121-120003-Reception-PC"
HOSTILE = "<img src=x onerror=alert(1)> | **bold** \u202e\x1b[2J"
FULL = Finding("disk", "The disk is nearly full", "warning", "97 %", {})
OLD = Finding("updates", "12 updates wait", "notice", "", {})


def receipt(**more: object) -> str:
    """A device's receipt as it comes with the end of a session."""

    def record(after: float, action: str, **detail: object) -> dict[str, object]:
        return {"sequence": int(after) + 1, "at": OPENED + after, "session": SESSION, "action": action, "detail": detail}

    records = [
        record(0, "session opened", technician="Ana Ruiz", granted="view, control", unattended=False, seconds=3600),
        record(30, "fix started", id="free-disk-space", version="1.2", parameters="{}"),
        record(60, "fix ended", id="free-disk-space", version="1.2", outcome="fixed"),
        record(90, "file received", path="Documents/report.odt", size=20480, sha256="ab" * 32),
        record(95, "file sent", path=HOSTILE, size=7, sha256="cd" * 32),
        record(120, "something newer", colour="blue"),
        record(300, "session ended", reason="finished"),
    ]
    document: dict[str, object] = {
        "session": SESSION,
        "technician": "Ana Ruiz",
        "organisation": "Example Ltd",
        "reason": "the disk is full",
        "unattended": False,
        "opened_at": "2026-11-21T12:00:00Z",
        "ended_because": "finished",
        "records": records,
    }
    return json.dumps(document | more)


def last_words(**more: object) -> LastWords:
    """What is kept of that session's end. The checkpoint itself is left out: nothing here verifies it again."""
    words = LastWords(SESSION, "k3v9w2m4x7q1", "Reception PC", OPENED + 300, "finished", True, "", receipt(), sequence=41)
    return msgspec.structs.replace(words, **more)


def keep_two_sessions(home: Path) -> Settings:
    """Write them below `home`."""
    settings = Settings(home)
    write_private(settings.receipts_directory / RECEIPT, msgspec.json.encode(last_words()))
    words = "Tray 2 was empty.\nHe will order paper. " + HOSTILE
    save_note(settings.notes_directory, Note(SESSION, "k3v9w2m4x7q1", "Reception PC", "Ana Ruiz", words, OPENED + 200))
    log = Worklog(SESSION, "k3v9w2m4x7q1", "Reception PC")
    result = FixResult(1, "free-disk-space", "1.2", "fixed", 1840.0, 0, before=[FULL, OLD], after=[OLD])
    log_fix(settings.worklogs_directory, log, result, OPENED + 60)
    log_recording(settings.worklogs_directory, log, RECORDING)
    save_note(settings.notes_directory, Note(CUT, "dev2", "Till 3", "Ana Ruiz", "The line was cut.", OPENED - 86400))
    return settings
