"""From what the technician named to the offer of a tunnel: a device, the code of one, or the code of a guest.

The form of the code alone decides which it is. The secret half of a guest's code never leaves this process.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from protocol.codes import parse_code
from protocol.errors import LocalProtocolError
from protocol.link_messages import TunnelOffer
from technician_client.spent import SpentCodes


class Caller(Protocol):
    """What asking for a tunnel takes."""

    async def redeem(self, code: str) -> TunnelOffer:
        """See `RelayClient.redeem`: nine digits."""

    async def ask(self, device: str) -> TunnelOffer:
        """See `RelayClient.ask`."""


@dataclass(frozen=True, slots=True)
class Called:
    """A tunnel is offered. `secret`: the half of a guest's code that the guest must know; "" where a device is enrolled."""

    offer: TunnelOffer
    secret: str = field(default="", repr=False)


async def call(relay: Caller, spent: Path, *, code: str | None, device: str | None) -> Called:
    """Ask for the tunnel.

    Args:
        spent: where codes of guests that were tried are remembered.

    Raises:
        LocalProtocolError: neither or both were named, or it is no code. Refused: this guest's code was tried before.
        NotFound, DeviceOffline, RelayUnreachable: as `RelayClient.redeem` and `ask`.
    """
    if (code is None) == (device is None):
        raise LocalProtocolError("a session is opened by a code or by a device, not both")
    if code is None:
        return Called(await relay.ask(device or ""))
    parsed = parse_code(code)
    if parsed is None:
        raise LocalProtocolError("a code is nine digits, or nine digits, a dash and eight letters and digits")
    offer = await relay.redeem(parsed.rendezvous)
    if parsed.guest:
        SpentCodes(spent).spend(parsed)
    return Called(offer, parsed.secret)
