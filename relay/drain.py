"""Stopping without breaking what runs: not ready, no newcomers, farewell to links, sessions may finish, then the end."""

import asyncio
import logging
from collections.abc import Callable

from protocol.link_messages import LinkMessage, Reconnect
from relay.forwarding import Exchange
from relay.links import LinkHub
from relay.metrics import Metrics

_LOGGER = logging.getLogger(__name__)
RETURN_FIRST, RETURN_LAST = 1.0, 15.0
LINKS_SECONDS = 5.0


class Drain:
    """The state "draining", and the steps once it begins."""

    def __init__(self, metrics: Metrics, random_bytes: Callable[[int], bytes]) -> None:
        self._metrics = metrics
        self._random_bytes = random_bytes
        self._draining = False

    @property
    def draining(self) -> bool:
        """True from the first moment of stopping."""
        return self._draining

    def begin(self) -> None:
        """From here on /readyz says 503 and nothing new begins."""
        self._draining = True
        self._metrics.draining.set(1)

    async def run(self, hub: LinkHub, exchange: Exchange, seconds: float) -> None:
        """Send the links away (each told to return at another moment), then give tunnels `seconds`."""
        self.begin()
        _LOGGER.info("stopping: %d links sent away, %d tunnels may take %g s", len(hub), len(exchange), seconds)
        hub.close_all(self._farewell)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._links_gone(hub))
            cut = group.create_task(exchange.drain(seconds))
        if cut.result():
            _LOGGER.warning("stopping: %d tunnels were cut after %g s", cut.result(), seconds)

    async def _links_gone(self, hub: LinkHub) -> None:
        try:
            async with asyncio.timeout(LINKS_SECONDS):
                await hub.empty()
        except TimeoutError:
            for link in hub.all():
                link.abort()

    def _farewell(self) -> LinkMessage:
        fraction = int.from_bytes(self._random_bytes(4)) / 2**32
        return Reconnect(RETURN_FIRST + fraction * (RETURN_LAST - RETURN_FIRST))
