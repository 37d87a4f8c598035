"""`journal_usage`: how much room the system's journal takes."""

import os
from pathlib import Path
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe, Unsupported
from protocol.messages.diagnostics import Row

_DIRECTORIES = ("/var/log/journal", "/run/log/journal")
_MOST_FILES = 20_000


def measure(directory: Path) -> tuple[int, int]:
    """Bytes on disk and number of the journal files below a directory; subdirectories that may not be read are passed over."""
    size = files = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            if not name.endswith((".journal", ".journal~")) or files >= _MOST_FILES:
                continue
            try:
                size += (Path(parent) / name).lstat().st_blocks * 512
            except OSError:
                continue
            files += 1
    return size, files


class JournalUsage(Probe):
    """A row per directory."""

    table: ClassVar = "journal_usage"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        return await environment.thread(self.table, self._rows, environment.root)

    def _rows(self, root: Path) -> list[Row]:
        rows: list[Row] = []
        for path in _DIRECTORIES:
            directory = root / path.lstrip("/")
            if directory.is_dir():
                size, files = measure(directory)
                rows.append({"path": path, "size": size, "files": files})
        if not rows:
            raise Unsupported("This machine keeps no systemd journal.")
        return rows
