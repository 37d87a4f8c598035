"""What happens by the clock: changed rows to technicians who watch, codes and tunnels that run out, old documents forgotten."""

import asyncio
import logging

from protocol.link_messages import DevicesChanged
from relay.clock import Clock
from relay.codes import CodeBook
from relay.directory import Directory
from relay.enrolments import Enrolments
from relay.links import Link, LinkHub
from relay.mailbox import Mailbox
from relay.metrics import Loss, Metrics
from relay.organisations import Organisations
from relay.places import Places
from relay.store.database import StoreError
from relay.tunnels import TunnelTable

_LOGGER = logging.getLogger(__name__)
TICK_SECONDS = 0.25
HOUSEKEEPING_SECONDS = 300.0
# Rows in one message, and how long a queue may be for a link to be told: more changes coalesce until it has been read.
ROWS = 100
QUEUE = 8


class Announcer:
    """One task: `run`. Each step can be called alone by tests."""

    def __init__(
        self,
        hub: LinkHub,
        codes: CodeBook,
        tunnels: TunnelTable,
        directory: Directory,
        mailbox: Mailbox,
        enrolments: Enrolments,
        organisations: Organisations,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._hub = hub
        self._codes = codes
        self._tunnels = tunnels
        self._directory = directory
        self._mailbox = mailbox
        self._enrolments = enrolments
        self._organisations = organisations
        self._metrics = metrics
        self._clock = clock
        self._places = Places(hub, codes)

    async def run(self) -> None:
        """Until cancelled. A database that fails is logged and tried again."""
        housekeeping = self._clock.now()
        while True:
            self.expire()
            try:
                await self.announce()
                if self._clock.now() >= housekeeping:
                    housekeeping = self._clock.now() + HOUSEKEEPING_SECONDS
                    await self.tidy()
            except StoreError as error:
                self._metrics.lose(Loss.INTERNAL_ERROR)
                _LOGGER.error("housekeeping failed: %s", error)
                await asyncio.sleep(5.0)
            await asyncio.sleep(TICK_SECONDS)

    def expire(self) -> None:
        """Codes that are too old, and tunnels to which nobody came (a lone end notices by its own deadline)."""
        now = self._clock.now()
        for code in self._codes.expire(now):
            self._metrics.lose(Loss.CODE_EXPIRED)
            self._hub.mark(code.organisation, code.device)
        self._tunnels.expire(now)

    async def announce(self) -> None:
        """Tell technicians who watch what changed: one message each, of the rows as they are now; and who waits, their place."""
        self._places.tell()
        for link in list(self._hub.watchers()):
            if link.queued < QUEUE:
                await self._tell(link)

    async def _tell(self, link: Link) -> None:
        devices = sorted(link.changed)[:ROWS]
        link.changed.difference_update(devices)
        rows = await self._directory.rows(link.organisation, devices)
        if rows:
            link.post(DevicesChanged(rows))

    async def tidy(self) -> None:
        """Forget documents, enrolments and tokens that are too old."""
        await self._mailbox.expire()
        await self._enrolments.expire()
        await self._organisations.expire()
