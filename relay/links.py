"""Every logged-in link: its bounded queue of messages to send, and who is where.

A peer's newest link counts for a device (a reconnect replaces the dead one). A technician or a signer may have several at once
(console and command line); documents go to the oldest, which is the one that stays.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import WSCloseCode

from protocol.link import REPLACED, encode_link
from protocol.link_messages import LinkMessage, RepositoryChanged, Role
from relay.metrics import Loss, Metrics

MOST_LINKS = {Role.DEVICE: 1, Role.TECHNICIAN: 8, Role.SIGNER: 4, Role.GUEST: 1}
SLOW = 4002
QUEUE_MESSAGES = 512
QUEUE_BYTES = 8 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Link:
    """One peer that logged in. Label and platform are unverified. `abort` cuts the connection at once. `codes` counts those
    that a guest was given."""

    role: Role
    organisation: str
    peer: str
    label: str
    platform: str
    metrics: Metrics
    abort: Callable[[], None]
    watching: bool = False
    changed: set[str] = field(default_factory=set)
    in_flight: set[str] = field(default_factory=set)
    codes: int = 0
    ending: tuple[int, bytes] | None = None
    _queue: deque[tuple[LinkMessage, int]] = field(default_factory=deque)
    _bytes: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def post(self, message: LinkMessage) -> None:
        """Queue a message. A peer that does not read until its queue is full is cut: it finds everything on its return."""
        if self.ending is not None:
            return
        if isinstance(message, RepositoryChanged) and any(type(queued) is RepositoryChanged for queued, _ in self._queue):
            return
        size = len(encode_link(message))
        if len(self._queue) >= QUEUE_MESSAGES or self._bytes + size > QUEUE_BYTES:
            self.metrics.lose(Loss.SLOW_LINK)
            self.ending = (SLOW, b"too slow")
            self._queue.clear()
            self.abort()
        else:
            self._queue.append((message, size))
            self._bytes += size
        self._wake.set()

    def end(self, code: int, text: bytes) -> None:
        """Close after what is queued has been sent."""
        if self.ending is None:
            self.ending = (code, text)
        self._wake.set()

    @property
    def queued(self) -> int:
        """How many messages wait."""
        return len(self._queue)

    async def next(self) -> LinkMessage | None:
        """The next message to send; None when the link is to be closed."""
        while not self._queue:
            if self.ending is not None:
                return None
            self._wake.clear()
            await self._wake.wait()
        message, size = self._queue.popleft()
        self._bytes -= size
        return message


class LinkHub:
    """Finds links by organisation, role and peer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._organisations: defaultdict[str, dict[tuple[Role, str], list[Link]]] = defaultdict(dict)
        self._count = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, link: Link) -> None:
        """A link has logged in. Older ones of the same peer beyond the role's number are closed."""
        links = self._organisations[link.organisation].setdefault((link.role, link.peer), [])
        links.append(link)
        self._count += 1
        self._empty.clear()
        self._metrics.links.labels(link.role.value).inc()
        self._metrics.logins.labels(link.role.value).inc()
        while len(links) > MOST_LINKS[link.role]:
            older = links[0]
            self.remove(older)
            self._metrics.lose(Loss.REPLACED_LINK)
            older.end(REPLACED, b"the same peer logged in again")

    def remove(self, link: Link) -> bool:
        """A link is over. True unless it was removed before."""
        peers = self._organisations.get(link.organisation, {})
        links = peers.get((link.role, link.peer), [])
        if link not in links:
            return False
        links.remove(link)
        self._count -= 1
        self._metrics.links.labels(link.role.value).dec()
        if not links:
            del peers[link.role, link.peer]
        if not peers:
            del self._organisations[link.organisation]
        if not self._count:
            self._empty.set()
        return True

    def device(self, organisation: str, peer: str) -> Link | None:
        """The link of a device that is online."""
        return self._first(organisation, Role.DEVICE, peer)

    def behind_code(self, organisation: str, peer: str) -> Link | None:
        """The link of whoever was given a code: a device, or a guest. Nothing but a code leads to a guest."""
        return self.device(organisation, peer) or self._first(organisation, Role.GUEST, peer)

    def guests(self, organisation: str = "") -> int:
        """How many guests are there, in one organisation or in all."""
        found = self.of_organisation(organisation) if organisation else self.all()
        return sum(link.role is Role.GUEST for link in found)

    def online(self, organisation: str, peer: str) -> bool:
        """Whether a device is online."""
        return self.device(organisation, peer) is not None

    def reader(self, organisation: str, recipient: str) -> Link | None:
        """Who reads the mailbox of `recipient` ("signer" or a peer id): its oldest link."""
        if recipient == Role.SIGNER.value:
            signers = [links[0] for (role, _), links in self._organisations.get(organisation, {}).items() if role is Role.SIGNER]
            return signers[0] if signers else None
        return self._first(organisation, Role.DEVICE, recipient) or self._first(organisation, Role.TECHNICIAN, recipient)

    def _first(self, organisation: str, role: Role, peer: str) -> Link | None:
        links = self._organisations.get(organisation, {}).get((role, peer))
        return links[0] if links else None

    def of_organisation(self, organisation: str) -> list[Link]:
        """Every link of an organisation."""
        return [link for links in self._organisations.get(organisation, {}).values() for link in links]

    def technicians(self, organisation: str) -> list[str]:
        """The ids of the technicians of an organisation who are logged in, in order."""
        return sorted(peer for role, peer in self._organisations.get(organisation, {}) if role is Role.TECHNICIAN)

    def watchers(self) -> Iterator[Link]:
        """Technicians with rows that changed since they were told."""
        return (link for link in self.all() if link.watching and link.changed)

    def all(self) -> list[Link]:
        """Every link there is."""
        return [link for peers in self._organisations.values() for links in peers.values() for link in links]

    def tell(self, organisation: str, message: LinkMessage) -> None:
        """Send the same message to every link of an organisation."""
        for link in self.of_organisation(organisation):
            link.post(message)

    def mark(self, organisation: str, device: str) -> bool:
        """A device's row changed: technicians who watch are told soon. True when there is one."""
        watching = [link for link in self.of_organisation(organisation) if link.watching]
        for link in watching:
            link.changed.add(device)
        return bool(watching)

    def close_all(self, farewell: Callable[[], LinkMessage]) -> None:
        """Say farewell to everybody and close: the relay is stopping."""
        for link in self.all():
            link.post(farewell())
            link.end(WSCloseCode.GOING_AWAY, b"the relay is stopping")

    async def empty(self) -> None:
        """Wait until no link is left."""
        await self._empty.wait()

    def __len__(self) -> int:
        return self._count
