"""What opening a session needs, and the steps that it goes through."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from websockets.asyncio.client import ClientConnection

from protocol.link_messages import TunnelOffer
from technician_client.link import TechnicianKeys
from technician_client.revocations import Revocations
from technician_client.settings import Settings


class Relay(Protocol):
    """What a session needs of `technician_client.link.RelayClient`. `revocations`: which devices are trusted no more (None:
    nobody here can say, as with keys that came without a bundle)."""

    identity: TechnicianKeys
    settings: Settings
    revocations: Revocations | None

    async def redeem(self, code: str) -> TunnelOffer:
        """See `RelayClient.redeem`."""

    async def ask(self, device: str) -> TunnelOffer:
        """See `RelayClient.ask`."""

    async def open_tunnel(self, offer: TunnelOffer) -> ClientConnection:
        """See `RelayClient.open_tunnel`."""


class Stage(StrEnum):
    """How far the opening of a session has come."""

    ASKING = "asking"
    TUNNEL = "tunnel"
    CONNECTED = "connected"
    CONSENT = "consent"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of opening. `label` is unverified until CONNECTED, certified from then on; `sas` is known from CONNECTED on;
    `seconds` (CONSENT) is how long the person there has to answer. `guest`: the device is not enrolled, its label says nothing;
    `text` is what the person there says is wrong."""

    stage: Stage
    label: str = ""
    device: str = ""
    sas: str = ""
    seconds: float = 0.0
    by_code: bool = False
    guest: bool = False
    text: str = ""
