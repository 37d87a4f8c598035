"""The passphrase once more before the farthest-reaching capabilities, when the key was unlocked long ago.

It protects a computer that somebody left unlocked. It is no boundary against who controls the computer itself: the agent
cannot see it and decides by tier, policy and consent.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from hostio.private_files import PrivateFileError, read_private
from protocol.capabilities import RULES, Capability, Tier
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError
from technician_client.identity import IDENTITY_BYTES, SESSION_KEY_FILE

FRESH_SECONDS: Final = 15 * 60.0
MOST_WRONG: Final = 5
LOCK_SECONDS: Final = 60.0
PASSPHRASE_BYTES: Final = 1024
CAPABILITIES: Final = frozenset(capability for capability, rule in RULES.items() if rule.attended_tier >= Tier.THIRD)


class StepUpNeeded(HandrailError):
    """The passphrase has to be typed again first."""


class StepUp:
    """When somebody last proved to know the passphrase of this identity. One for each process; event loop only."""

    def __init__(
        self,
        directory: Path,
        *,
        proved: bool,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Args: directory: the identity's. proved: the key was unlocked just now by its passphrase, not by a keyring."""
        self._directory = directory
        self._clock = clock
        self._wall = wall
        self._proved: tuple[float, float] | None = (clock(), wall()) if proved else None
        self._wrong = 0
        self._locked_until = 0.0
        self._asking = asyncio.Lock()

    def needed(self, capabilities: Iterable[Capability], tier: int = 0) -> bool:
        """Whether the passphrase has to be typed again before these are asked for, or something of this tier is run."""
        if not CAPABILITIES & set(capabilities) and tier < Tier.THIRD:
            return False
        if self._proved is None:
            return True
        since, wall = self._proved
        # The first clock stands still while a computer sleeps, the second can be set back.
        return max(self._clock() - since, self._wall() - wall) > FRESH_SECONDS

    def demand(self, capabilities: Iterable[Capability], tier: int = 0) -> None:
        """Raises:
        StepUpNeeded: the passphrase has to be typed again first.
        """
        if self.needed(capabilities, tier):
            raise StepUpNeeded(
                "Your key was unlocked more than 15 minutes ago (or by a keyring), and you ask for something far-reaching: "
                "type your passphrase again."
            )

    async def prove(self, passphrase: str) -> None:
        """Somebody has typed a passphrase.

        Raises:
            TrustError: it is not the right one. Refused: too many wrong ones; wait.
            HandrailError: the key's file cannot be read.
        """
        if self._clock() < self._locked_until:
            raise Refused("Too many wrong passphrases. Wait a minute.", reason=RefusalReason.LOCKED)
        self._wrong += 1  # before the work, so that many at once count too
        if self._wrong >= MOST_WRONG:
            self._wrong, self._locked_until = 0, self._clock() + LOCK_SECONDS
        await asyncio.to_thread(self._open, passphrase.encode()[:PASSPHRASE_BYTES])
        self._wrong, self._locked_until = 0, 0.0
        self._proved = (self._clock(), self._wall())

    def _open(self, passphrase: bytes) -> None:
        path = self._directory / SESSION_KEY_FILE
        try:
            PrivateKey.from_pem(read_private(path, IDENTITY_BYTES), passphrase)
        except FileNotFoundError as error:
            raise PrivateFileError(f"{path} is missing. Restore it from your backup, or join with a new bundle.") from error
        except TrustError as error:
            raise TrustError("That is not the passphrase of your key.") from error

    async def satisfy(self, capabilities: Iterable[Capability], ask: Callable[[str], str] | None, tier: int = 0) -> None:
        """Where it is needed, ask the person at the terminal: once, whoever else needs it at the same moment.

        Args:
            tier: of what is to be run, beside the capabilities.
            ask: shows words, returns what was typed (it blocks); None where nobody can be asked.

        Raises:
            StepUpNeeded: nobody can be asked. TrustError, Refused: as `prove`.
        """
        async with self._asking:
            if not self.needed(capabilities, tier):
                return
            if ask is None:
                self.demand(capabilities, tier)
                return
            await self.prove(await asyncio.to_thread(ask, "Your passphrase again, for what you ask for"))
