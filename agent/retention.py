"""How long this computer keeps what terminals printed: as its settings say, or shorter where the organisation's policy does.

Looked at when the agent starts and every hour. What is deleted stands in the audit record first; its hash stands there since the
terminal ended, and stays. A clock that is ahead deletes nothing: ages are told by the time that the organisation has signed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from agent.settings import TerminalSettings
from agent.transcripts import SUFFIX
from hostio.retention import DAY_SECONDS, Outdated, drop, look, outdated, shorter
from protocol.documents import GroupPolicy
from protocol.errors import Unavailable

_LOGGER = logging.getLogger(__name__)
EVERY_SECONDS: Final = 3600.0
UNKNOWN_SECONDS: Final = 5.0
NAMED_CHARS: Final = 1000
DELETED: Final = "transcripts deleted"
Write = Callable[[str, dict[str, str | int | bool]], None]


def judged_by(clock: float, signed: float) -> float:
    """The moment that ages are told by: the clock's, but no more than a day after the newest signed time."""
    return min(clock, signed + DAY_SECONDS)


class TranscriptKeeper:
    """Deletes transcripts that are kept no longer."""

    def __init__(
        self,
        folder: Path,
        settings: TerminalSettings,
        *,
        rules: Callable[[], GroupPolicy | None],
        now: Callable[[], float],
        write: Write,
    ) -> None:
        """Args:
        rules: the policy of this computer's group; None: not known yet, and nothing is deleted.
        now: seconds since 1970 (`judged_by`).
        write: one audit record; raises Unavailable when it cannot be written.
        """
        self._folder = folder
        self._settings = settings
        self._rules = rules
        self._now = now
        self._write = write

    async def run(self) -> None:
        """As soon as the policy is known, then every hour, until cancelled."""
        while True:
            known = await self.once()
            await asyncio.sleep(EVERY_SECONDS if known else UNKNOWN_SECONDS)

    async def once(self) -> bool:
        """One look; returns whether it could be told what is kept."""
        rules = self._rules()
        if rules is None:
            return False
        days = shorter(self._settings.transcript_days, rules.transcript_days)
        megabytes = self._settings.transcript_megabytes
        if not days and not megabytes:
            return True
        found = await asyncio.to_thread(self._outdated, days, megabytes, self._now())
        for why, group in groupby(sorted(found, key=lambda one: one.why), key=lambda one: one.why):
            await self._delete(why, list(group))
        return True

    def _outdated(self, days: int, megabytes: int, now: float) -> list[Outdated]:
        return outdated(look(self._folder, SUFFIX), lambda _: days, megabytes, now)

    async def _delete(self, why: str, found: Sequence[Outdated]) -> None:
        names = ", ".join(one.path.name for one in found)
        size = sum(one.size for one in found)
        try:
            self._write(DELETED, {"files": len(found), "bytes": size, "because": why, "names": names[:NAMED_CHARS]})
        except Unavailable as error:
            _LOGGER.warning("transcripts are kept although they are %s: %s", why, error)
            return
        gone = await asyncio.to_thread(drop, found)
        if len(gone) < len(found):
            _LOGGER.warning("%d transcripts that are %s could not be deleted", len(found) - len(gone), why)
