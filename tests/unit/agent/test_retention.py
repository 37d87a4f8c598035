"""Transcripts of terminals: deleted by the settings or by policy, whichever is shorter, once the audit record says so."""

import os
from collections.abc import Mapping
from pathlib import Path

from agent.errors import AuditUnavailable
from agent.retention import DELETED, TranscriptKeeper, judged_by
from agent.settings import TerminalSettings
from agent.transcripts import Transcript
from hostio.retention import DAY_SECONDS
from protocol.documents import GroupPolicy

NOW = 1_790_000_000.0


class Desk:
    """A folder of transcripts, and what was written to the audit record."""

    def __init__(self, folder: Path, *, settings: TerminalSettings, policy: GroupPolicy | None) -> None:
        self.folder = folder
        self.written: list[tuple[str, Mapping[str, object]]] = []
        self.full = False
        self.now = NOW
        self.keeper = TranscriptKeeper(folder, settings, rules=lambda: policy, now=lambda: self.now, write=self.write)
        for days in (40, 20, 3):
            self.put(f"s{days}-1.log", days)

    def put(self, name: str, days: float) -> Path:
        self.folder.mkdir(exist_ok=True)
        path = self.folder / name
        path.write_bytes(b"$ ls\n")
        os.utime(path, (NOW - days * DAY_SECONDS,) * 2)
        return path

    def write(self, action: str, detail: Mapping[str, str | int | bool]) -> None:
        if self.full:
            raise AuditUnavailable("The audit record cannot be written.")
        self.written.append((action, detail))

    @property
    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


async def test_nothing_is_deleted_unless_somebody_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "t", settings=TerminalSettings(), policy=GroupPolicy())
    await desk.keeper.once()
    assert len(desk.left) == 3 and desk.written == []


async def test_the_shorter_of_settings_and_policy_holds_and_is_written_down(tmp_path: Path) -> None:
    for name, own, theirs in (("a", 30, 10), ("b", 10, 30), ("c", 0, 10), ("d", 10, 0)):
        desk = Desk(tmp_path / name, settings=TerminalSettings(transcript_days=own), policy=GroupPolicy(transcript_days=theirs))
        await desk.keeper.once()
        assert desk.left == ["s3-1.log"]
        assert desk.written == [
            (DELETED, {"files": 2, "bytes": 10, "because": "older than 10 days", "names": "s40-1.log, s20-1.log"})
        ]


async def test_without_the_organisations_policy_or_a_record_nothing_goes(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "a", settings=TerminalSettings(transcript_days=1), policy=None)
    await desk.keeper.once()
    assert len(desk.left) == 3
    desk = Desk(tmp_path / "b", settings=TerminalSettings(transcript_days=1), policy=GroupPolicy())
    desk.full = True
    await desk.keeper.once()
    assert len(desk.left) == 3


async def test_what_a_running_terminal_prints_stays(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "t", settings=TerminalSettings(transcript_days=1, transcript_megabytes=1), policy=GroupPolicy())
    running = Transcript(desk.folder / "now-1.log")
    running.feed(bytes(2_000_000))
    os.utime(desk.folder / "now-1.log", (NOW - 90 * DAY_SECONDS,) * 2)  # it has printed nothing for long
    await desk.keeper.once()
    assert desk.left == ["now-1.log"]
    running.close()
    await desk.keeper.once()
    assert desk.left == []
    assert [detail["because"] for _, detail in desk.written] == ["older than 1 day"] * 2


async def test_too_much_is_written_down_by_itself(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "t", settings=TerminalSettings(transcript_megabytes=1), policy=GroupPolicy())
    (desk.folder / "s3-2.log").write_bytes(bytes(1_000_000))
    await desk.keeper.once()
    assert [detail["because"] for _, detail in desk.written] == ["more than 1 MB together"]
    assert "s3-2.log" in desk.left and "s40-1.log" not in desk.left


def test_a_clock_that_is_ahead_makes_nothing_old() -> None:
    assert judged_by(NOW, NOW - 60) == NOW
    assert judged_by(NOW + 900 * DAY_SECONDS, NOW) == NOW + DAY_SECONDS
