"""Bearer tickets: random names that are kept only as hashes. Pure."""

import base64
import hashlib
from collections.abc import Callable

TICKET_BYTES = 32


def make_ticket(random_bytes: Callable[[int], bytes]) -> str:
    """43 characters of base64url: 256 bits."""
    return base64.urlsafe_b64encode(random_bytes(TICKET_BYTES)).rstrip(b"=").decode("ascii")


def ticket_hash(ticket: str) -> bytes:
    """What is stored or looked up: a thief of the table gets no ticket, and a look-up's timing tells nothing about one."""
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()


class UploadTickets:
    """Who may write to which organisation's repository, until when. At most `most` at once; the oldest goes first."""

    def __init__(self, random_bytes: Callable[[int], bytes], *, seconds: float = 600.0, most: int = 1000) -> None:
        self._random_bytes = random_bytes
        self.seconds = seconds
        self._most = most
        self._tickets: dict[bytes, tuple[str, float]] = {}

    def issue(self, organisation: str, now: float) -> str:
        """A ticket for one organisation, usable any number of times for `seconds`."""
        self._tickets = {key: entry for key, entry in self._tickets.items() if entry[1] > now}
        while len(self._tickets) >= self._most:
            del self._tickets[next(iter(self._tickets))]
        ticket = make_ticket(self._random_bytes)
        self._tickets[ticket_hash(ticket)] = (organisation, now + self.seconds)
        return ticket

    def organisation(self, ticket: str, now: float) -> str | None:
        """Whose repository this ticket may write; None for an unknown or old one."""
        entry = self._tickets.get(ticket_hash(ticket))
        return entry[0] if entry is not None and entry[1] > now else None
