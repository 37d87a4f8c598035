"""Keeping the short certificate of a long-lived process fresh: looked at before each tunnel, renewed when two thirds are over."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from protocol.errors import RefusalReason, Refused, Unavailable
from technician_client.identity import TechnicianIdentity
from technician_client.joining import renew
from technician_client.link import TechnicianKeys

_LOGGER = logging.getLogger(__name__)
AGAIN_SECONDS = 300.0
UNLOCKED_SECONDS = 12 * 3600.0
PATIENCE_SECONDS = 5.0
LAST_PATIENCE_SECONDS = 30.0


class Renewer:
    """For `RelayClient(renew=...)`. Nothing is renewed once the key was unlocked more than twelve hours ago. A renewal that
    fails is let pass, and not tried again for a while, as long as the certificate still holds."""

    def __init__(
        self,
        directory: Path,
        *,
        proxy: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Args: directory: the identity's. proxy: as in `hostio.dialling.Dialling`."""
        self._directory = directory
        self._proxy = proxy
        self._clock = clock
        self._wall = wall
        self._not_before = 0.0
        self._unlocked = (clock(), wall())

    async def __call__(self, keys: TechnicianKeys) -> TechnicianKeys:
        """The keys to use from now on: the same, or renewed.

        Raises:
            Refused, Unavailable: the certificate has run out and could not be renewed.
            TrustError: an answer that is not genuine.
        """
        if not isinstance(keys, TechnicianIdentity) or not keys.renewal_due(self._wall()):
            return keys
        expired = self._wall() >= keys.not_after
        if not expired and self._clock() < self._not_before:
            return keys
        self._not_before = self._clock() + AGAIN_SECONDS
        try:
            return await self._renew(keys, LAST_PATIENCE_SECONDS if expired else PATIENCE_SECONDS)
        except (Refused, Unavailable) as error:
            if expired:
                raise
            _LOGGER.warning("the certificate could not be renewed yet: %s", error)
            return keys

    async def now(self, keys: TechnicianKeys) -> TechnicianKeys:
        """Renew because a person asked for it, due or not.

        Raises:
            Refused, Unavailable: it could not be renewed. TrustError: an answer that is not genuine.
        """
        if not isinstance(keys, TechnicianIdentity):
            return keys
        return await self._renew(keys, LAST_PATIENCE_SECONDS)

    async def _renew(self, keys: TechnicianIdentity, patience: float) -> TechnicianIdentity:
        since, wall = self._unlocked
        # The first clock stands still while a computer sleeps, the second can be set back.
        if max(self._clock() - since, (self._wall() - wall).total_seconds()) > UNLOCKED_SECONDS:
            raise Refused(
                "Your key was unlocked more than 12 hours ago, and your certificate is not renewed without you. Stop this "
                "program and start it again: it asks for your passphrase.",
                reason=RefusalReason.EXPIRED,
            )
        return await asyncio.to_thread(
            renew,
            keys,
            self._directory,
            wall=self._wall,
            random_bytes=secrets.token_bytes,
            wait_seconds=patience,
            proxy=self._proxy,
        )
