"""A device that is not enrolled, for as long as one run of `handrail-agent guest` lasts: its seed, its key, its code.

Nothing here is written anywhere. The key lives in this process, the certificate is of its own making, and the secret half of the
code is known to the person at the screen and to whom they tell it. One attempt uses it up, a right one as well as a wrong one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hostio.named_files import read_named
from protocol.certificate_profile import GUEST_GROUP
from protocol.certificates import PrivateKey, check_guest, issue_guest_certificate
from protocol.codes import Code, make_secret
from protocol.seeds import MAX_SEED_BYTES, Seed, decode_seed


@dataclass(frozen=True, slots=True)
class GuestDevice:
    """An `agent.keys.EnrolledDevice` that no organisation has enrolled: one ephemeral key for everything."""

    seed: Seed
    key: PrivateKey
    certificate: bytes
    peer: str
    label: str
    not_before: datetime
    not_after: datetime

    @classmethod
    def make(cls, seed: Seed, *, wall: datetime, random_bytes: Callable[[int], bytes]) -> "GuestDevice":
        """A new key, and the certificate that it issues to itself."""
        key = PrivateKey.generate()
        certificate = issue_guest_certificate(key, organisation=seed.organisation, wall=wall, random_bytes=random_bytes)
        own = check_guest([certificate], organisation=seed.organisation, wall=wall)
        return cls(seed, key, certificate, own.peer, own.display_name, own.not_before, own.not_after)

    @property
    def chain(self) -> list[bytes]:
        """Its one certificate."""
        return [self.certificate]

    @property
    def login_key(self) -> PrivateKey:
        """The same key."""
        return self.key

    @property
    def login_chain(self) -> list[bytes]:
        """The same certificate."""
        return [self.certificate]

    @property
    def root(self) -> bytes:
        """The root that the seed pins: technicians are checked against it."""
        return self.seed.root

    @property
    def organisation(self) -> str:
        """The id of the organisation that is to help."""
        return self.seed.organisation

    @property
    def organisation_name(self) -> str:
        """Its name."""
        return self.seed.organisation_name

    @property
    def group(self) -> str:
        """Guests follow the policy of the group of this name."""
        return GUEST_GROUP

    @property
    def relay(self) -> str:
        """The relay's address."""
        return self.seed.relay

    @property
    def relay_spki(self) -> str:
        """The pin of the relay's key."""
        return self.seed.relay_spki

    @property
    def tuf_root(self) -> bytes:
        """The pinned root of the organisation's signed repository."""
        return self.seed.tuf_root


class GuestCode:
    """The code that stands, if one does. Event loop only."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._secret = ""
        self._until = 0.0
        self.text = ""  # what is wrong, for a technician who knows the secret

    def make(self, rendezvous: str, seconds: float) -> Code:
        """A new code with these nine digits of the relay's; an older one is void."""
        self._secret = make_secret(self._random_bytes)
        self._until = asyncio.get_running_loop().time() + seconds
        return Code(rendezvous, self._secret)

    def take(self) -> str:
        """The secret half, for one attempt; "" when no code stands. Afterwards none does."""
        secret = self._secret if asyncio.get_running_loop().time() < self._until else ""
        self.burn()
        return secret

    def burn(self) -> None:
        """The code is void."""
        self._secret, self._until = "", 0.0


def read_seed(path: Path) -> Seed:
    """Read a seed file.

    Raises:
        TrustError: not a seed. UnreadableFile: it cannot be read. The text says what to do.
    """
    return decode_seed(read_named(path, MAX_SEED_BYTES, "Give the path of the seed file."))
