"""How long recordings are kept on this computer: as its settings say, or shorter where the policy of the device's group does.

The console looks when it starts and every hour. What is deleted, and why, is written to `deleted.jsonl` beside the recordings
first. A recording that is still being written is left alone, whichever program writes it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from hostio.private_files import PrivateFileError, read_private, write_private
from hostio.retention import Outdated, drop, look, outdated, shorter
from technician_client.recordings.names import SUFFIX
from technician_client.recordings.store import Kept, Shelf

_LOGGER = logging.getLogger(__name__)
EVERY_SECONDS: Final = 3600.0
JOURNAL: Final = "deleted.jsonl"
_JOURNAL_BYTES: Final = 1024 * 1024
PolicyDays = Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
"""How many days recordings of these devices are kept at most by the organisation's policy, by id (0 or missing: not limited)."""


class Deletion(msgspec.Struct, frozen=True):
    """A line of the journal; `at` in seconds since 1970."""

    at: float
    name: str
    bytes: int
    because: str


class RecordingsKeeper:
    """Deletes recordings that are kept no longer."""

    def __init__(
        self, directory: Path, key: bytes, *, days: int, gigabytes: float, policy_days: PolicyDays, wall: Callable[[], float]
    ) -> None:
        """Args: days, gigabytes: this computer's own settings (0: not limited)."""
        self._directory = directory
        self._shelf = Shelf(directory, key)
        self._days = days
        self._megabytes = round(gigabytes * 1000)
        self._policy_days = policy_days
        self._wall = wall

    async def run(self) -> None:
        """At once, then every hour, until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """One look."""
        rows = await asyncio.to_thread(self._shelf.listed)
        if not rows:
            return
        bounds = await self._policy_days(sorted({row.meta.device for row in rows if row.meta is not None}))
        found = await asyncio.to_thread(self._outdated, rows, bounds)
        if found:
            await asyncio.to_thread(self._delete, found)

    def _outdated(self, rows: Sequence[Kept], bounds: Mapping[str, int]) -> list[Outdated]:
        of_device = {row.path: bounds.get(row.meta.device, 0) for row in rows if row.meta is not None}
        files = look(self._directory, SUFFIX)
        return outdated(files, lambda path: shorter(self._days, of_device.get(path, 0)), self._megabytes, self._wall())

    def _delete(self, found: Sequence[Outdated]) -> None:
        try:
            self._note(found)
        except PrivateFileError as error:
            _LOGGER.warning("recordings are kept that should not be: %s", error)
            return
        for one in drop(found):
            one.path.with_suffix(".mp4").unlink(missing_ok=True)  # what the console exported it to
            _LOGGER.info("the recording %s was deleted: it was %s", one.path.stem, one.why)

    def _note(self, found: Sequence[Outdated]) -> None:
        place, before = self._directory / JOURNAL, b""
        with suppress(FileNotFoundError):
            before = read_private(place, _JOURNAL_BYTES)
        now = self._wall()
        lines = [msgspec.json.encode(Deletion(now, one.path.stem, one.size, one.why)) + b"\n" for one in found]
        kept = before.splitlines(keepends=True)[-5000:]
        write_private(place, b"".join([*kept, *lines]))
