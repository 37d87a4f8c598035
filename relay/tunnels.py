"""Which two connections belong together: offers, single-use tickets, pairing. Pure; `relay.forwarding` moves the bytes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS, Limits
from relay.tickets import make_ticket, ticket_hash


class End(StrEnum):
    """The two ends of a tunnel."""

    DEVICE = "device"
    TECHNICIAN = "technician"

    @property
    def other(self) -> "End":
        """The end across."""
        return End.TECHNICIAN if self is End.DEVICE else End.DEVICE


class TooManyTunnels(Refused):
    """A bound of the table is reached. `of`: whose, None for the bound of all."""

    def __init__(self, text: str, of: End | None = None) -> None:
        super().__init__(text, reason=RefusalReason.LIMIT)
        self.of = of


@dataclass(frozen=True, slots=True)
class Offer:
    """What to tell the two peers: each its own ticket, usable once, until `deadline` (monotonic)."""

    tunnel: int
    organisation: str
    technician: str
    device: str
    tickets: dict[End, str] = field(repr=False)
    deadline: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A ticket was good: this connection is that end of that tunnel, and has until `deadline` to be paired."""

    tunnel: int
    end: End
    organisation: str
    deadline: float


@dataclass(slots=True)
class _Tunnel:
    organisation: str
    technician: str
    device: str
    deadline: float
    tickets: dict[bytes, End]
    paired: bool = False


class TunnelTable:
    """Every tunnel that was offered or stands.

    Bounds: `most` in all, `per_technician` and `per_device` offered or standing at once, so that no peer can fill the table.
    """

    def __init__(
        self,
        random_bytes: Callable[[int], bytes],
        limits: Limits = LIMITS,
        *,
        most: int = 2000,
        per_technician: int = 64,
        per_device: int = 16,
    ) -> None:
        self._random_bytes = random_bytes
        self._limits = limits
        self._most = most
        self._per_technician = per_technician
        self._per_device = per_device
        self._tunnels: dict[int, _Tunnel] = {}
        self._tickets: dict[bytes, int] = {}
        self._peers: Counter[tuple[End, str, str]] = Counter()
        self._next = 1

    def offer(self, organisation: str, technician: str, device: str, now: float) -> Offer:
        """Two fresh tickets.

        Raises:
            TooManyTunnels: nothing was made.
        """
        if len(self._tunnels) >= self._most:
            full = (
                "The relay carries as many sessions as it may; try again in a minute or ask its operator to raise bounds.tunnels."
            )
            raise TooManyTunnels(full)
        if self._peers[End.TECHNICIAN, organisation, technician] >= self._per_technician:
            raise TooManyTunnels("You have as many sessions open or asked for as one may; end one first.", End.TECHNICIAN)
        if self._peers[End.DEVICE, organisation, device] >= self._per_device:
            raise TooManyTunnels("Too many sessions with this device are open or asked for; try again in a minute.", End.DEVICE)
        tickets = {end: make_ticket(self._random_bytes) for end in End}
        deadline = now + self._limits.ticket_seconds
        number, self._next = self._next, self._next + 1
        hashes = {ticket_hash(ticket): end for end, ticket in tickets.items()}
        self._tunnels[number] = _Tunnel(organisation, technician, device, deadline, hashes)
        self._tickets.update(dict.fromkeys(hashes, number))
        self._peers[End.TECHNICIAN, organisation, technician] += 1
        self._peers[End.DEVICE, organisation, device] += 1
        return Offer(number, organisation, technician, device, tickets, deadline)

    def claim(self, ticket: str, now: float) -> Claim:
        """Use a ticket up.

        Raises:
            Refused: NOT_FOUND for a ticket that is unknown, used or too old; the three are not told apart.
        """
        key = ticket_hash(ticket)
        number = self._tickets.pop(key, None)
        tunnel = None if number is None else self._tunnels.get(number)
        if number is None or tunnel is None or tunnel.deadline <= now:
            raise Refused(
                "This ticket is unknown, used or older than a minute; ask for the session again.", reason=RefusalReason.NOT_FOUND
            )
        return Claim(number, tunnel.tickets.pop(key), tunnel.organisation, tunnel.deadline)

    def paired(self, number: int) -> None:
        """Both ends are there: the deadline no longer applies."""
        self._tunnels[number].paired = True

    def close(self, number: int) -> None:
        """The tunnel is over; its unused tickets are void. Closing one twice does nothing."""
        tunnel = self._tunnels.pop(number, None)
        if tunnel is None:
            return
        for key in tunnel.tickets:
            self._tickets.pop(key, None)
        for peer in ((End.TECHNICIAN, tunnel.organisation, tunnel.technician), (End.DEVICE, tunnel.organisation, tunnel.device)):
            self._peers[peer] -= 1
            if self._peers[peer] <= 0:
                del self._peers[peer]

    def expire(self, now: float) -> list[int]:
        """Close what was not paired in time; the numbers of those tunnels."""
        late = [number for number, tunnel in self._tunnels.items() if not tunnel.paired and tunnel.deadline <= now]
        for number in late:
            self.close(number)
        return late

    def __len__(self) -> int:
        return len(self._tunnels)
