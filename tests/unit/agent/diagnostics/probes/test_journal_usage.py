"""The journal's size on disk."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import Unsupported
from agent.diagnostics.probes.journal_usage import JournalUsage, measure
from tests.kit.recorded import machine


async def test_blocks_are_counted_not_lengths(tmp_path: Path) -> None:
    directory = tmp_path / "var/log/journal/0123"
    directory.mkdir(parents=True)
    (directory / "system.journal").write_bytes(b"x" * 100_000)
    (directory / "user@1.journal~").write_bytes(b"x" * 5000)
    (directory / "notes.txt").write_bytes(b"x" * 100_000)
    with (directory / "sparse.journal").open("wb") as file:
        file.truncate(10 * 1024**3)
    size, files = measure(tmp_path / "var/log/journal")
    assert files == 3 and 100_000 <= size < 1024**2
    (row,) = await JournalUsage().rows(machine(tmp_path))
    assert row == {"path": "/var/log/journal", "size": size, "files": 3}


async def test_none(tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        await JournalUsage().rows(machine(tmp_path))
