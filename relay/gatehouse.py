"""GET /link: from the WebSocket's opening, through the login, to its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import WSCloseCode, WSMsgType, web

from protocol.errors import RefusalReason
from protocol.limits import LIMITS, Limits
from protocol.link import LinkError, LinkMessageReceived, LinkRefused, PeerAuthenticated, RelayLink
from protocol.link_messages import Role
from relay.admission import admit
from relay.clock import Clock
from relay.directory import Directory
from relay.links import Link, LinkHub
from relay.listener import Connection
from relay.mailbox import ENROLMENT, SIGNER, Mailbox, recipient_of
from relay.metrics import Loss, Metrics, Refusal
from relay.organisations import Organisations
from relay.problems import Problem
from relay.ratelimit import SlidingWindow, TokenBucket
from relay.sockets import broke_rules, close, make_socket, receive
from relay.store.database import StoreError
from relay.surface import Call
from relay.switchboard import Switchboard

_LOGGER = logging.getLogger(__name__)
# A link's requests: this many a second for long, this many at once; beyond it the relay reads more slowly.
REQUESTS_A_SECOND = 50.0
REQUESTS_AT_ONCE = 200.0
# A guest is there for one code of ten minutes and one session of an hour.
GUEST_LINK_SECONDS = 2 * 3600.0
# Room for WebSocket headers and pings around the one login message.
LOGIN_SLACK = 1024


@dataclass(frozen=True, slots=True)
class GuestBook:
    """How many guests are let in. Anybody can be one, so they are few, counted by address, and never in the way of others."""

    most: int
    per_organisation: int
    logins: SlidingWindow

    def refusal(self, hub: LinkHub, organisation: str, key: str, now: float) -> tuple[Refusal, str] | None:
        """Why one more guest is not let in, or None; then it is counted.

        Args:
            key: the client's address as it is counted.
        """
        if self.logins.blocked(key, now):
            return Refusal.GUEST_RATE, "Too many guests have come from your address; wait a minute, then try again."
        self.logins.hit(key, now)
        if hub.guests() >= self.most or hub.guests(organisation) >= self.per_organisation:
            return Refusal.GUESTS, "The relay helps as many guests as it may at the moment; try again in a few minutes."
        return None


@dataclass(frozen=True, slots=True)
class Gatehouse:
    """Lets peers in, one by one, and serves each until it leaves."""

    origins: list[str]
    organisations: Organisations
    hub: LinkHub
    switchboard: Switchboard
    directory: Directory
    mailbox: Mailbox
    failures: SlidingWindow
    guests: "GuestBook"
    metrics: Metrics
    clock: Clock
    random_bytes: Callable[[int], bytes]
    draining: Callable[[], bool]
    most_links: int
    limits: Limits = LIMITS

    async def handle(self, call: Call) -> web.StreamResponse:
        """One link.

        Raises:
            Problem: draining, full, too many failed logins from this address, not a WebSocket.
        """
        self._admit(call)
        socket = make_socket(call.request, self.limits)
        connection = call.request.protocol
        assert isinstance(connection, Connection)
        connection.set_budget(self.limits.link_login_bytes + LOGIN_SLACK)
        await socket.prepare(call.request)
        machine = RelayLink(
            self.origins,
            self.organisations.root,
            self.random_bytes,
            self.clock.wall_datetime,
            self.clock.now(),
            limits=self.limits,
        )
        try:
            peer = await self._login(call, socket, machine)
            if peer is not None:
                connection.set_budget(None)
                link = Link(peer.role, peer.organisation, peer.peer, peer.label, peer.platform, self.metrics, connection.abort)
                await self._serve(socket, machine, link)
        except ConnectionError:
            _LOGGER.debug("a link was cut while it was written to")
        await close(socket, WSCloseCode.POLICY_VIOLATION, b"not logged in")
        return socket

    def _admit(self, call: Call) -> None:
        admit(call.key, self.draining(), self.failures, self.metrics, self.clock.now())
        if len(self.hub) >= self.most_links:
            self.metrics.refuse(Refusal.LINKS)
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "limit", "The relay holds as many links as it may.", retry_after=60)

    async def _login(self, call: Call, socket: web.WebSocketResponse, machine: RelayLink) -> PeerAuthenticated | None:
        """Challenge and judge; None when the peer is not to be let in (and has been told)."""
        try:
            async with asyncio.timeout(self.limits.link_login_seconds):
                await _flush(socket, machine)
                while True:
                    message = await receive(socket)
                    if broke_rules(message):
                        self._failed(call, "not a binary message")
                        return None
                    if message.type is not WSMsgType.BINARY:
                        return None
                    machine.receive_data(message.data, self.clock.now())
                    for event in machine.events():
                        match event:
                            case PeerAuthenticated():
                                return await self._judge(call, socket, machine, event)
                            case LinkRefused(text=text) | LinkError(text=text):
                                await _flush(socket, machine)
                                self._failed(call, text)
                                return None
                            case LinkMessageReceived():
                                self._failed(call, "a message before the login")
                                return None
        except TimeoutError:
            self.metrics.refuse(Refusal.LOGIN_DEADLINE)
            self.failures.hit(call.key, self.clock.now())
            return None

    async def _judge(
        self, call: Call, socket: web.WebSocketResponse, machine: RelayLink, peer: PeerAuthenticated
    ) -> PeerAuthenticated | None:
        if peer.role is Role.GUEST:
            refusal = self.guests.refusal(self.hub, peer.organisation, call.key, self.clock.now())
            if refusal is not None:
                self.metrics.refuse(refusal[0])
                machine.send_refusal(RefusalReason.LIMIT, refusal[1], self.clock.now())
                await _flush(socket, machine)
                return None
        # These names mean something in mailboxes; no certificate may claim them.
        if peer.role is not Role.SIGNER and (peer.peer == SIGNER or peer.peer.startswith(ENROLMENT)):
            machine.send_refusal(RefusalReason.INVALID, "This peer's id is reserved; enrol it again.", self.clock.now())
            await _flush(socket, machine)
            self._failed(call, "a reserved id")
            return None
        machine.accept(self.clock.now())
        return peer

    def _failed(self, call: Call, why: str) -> None:
        self.metrics.refuse(Refusal.LOGIN_FAILED)
        self.failures.hit(call.key, self.clock.now())
        _LOGGER.info("login failed: %s", why, extra={"address": call.address})

    async def _serve(self, socket: web.WebSocketResponse, machine: RelayLink, link: Link) -> None:
        _LOGGER.debug("a %s logged in", link.role.value, extra={"organisation": link.organisation, "peer": link.peer})
        self.hub.add(link)
        if self.draining():
            # It was logging in when everybody else was sent away.
            link.end(WSCloseCode.GOING_AWAY, b"the relay is stopping")
        leave = (
            asyncio.get_running_loop().call_later(GUEST_LINK_SECONDS, link.end, WSCloseCode.POLICY_VIOLATION, b"time is up")
            if link.role is Role.GUEST
            else None
        )
        try:
            # Findable before the peer is told that it is in: what it does next may depend on it.
            await self._note(link)
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(socket, machine, link))
                if link.role is not Role.GUEST:  # nobody writes to a guest
                    await self._if_stored(self.mailbox.deliver(link.organisation, recipient_of(link)))
                await self._read(socket, machine, link)
                writer.cancel()
        finally:
            if leave is not None:
                leave.cancel()
            await self._left(link)

    async def _if_stored(self, work: Awaitable[None]) -> None:
        """Something that a link can do without: whoever is here can be helped although the disk is full."""
        try:
            await work
        except StoreError:
            self.metrics.lose(Loss.INTERNAL_ERROR)  # the database has said in the log what it is

    async def _note(self, link: Link) -> None:
        await self._if_stored(self.directory.seen(link))
        if link.role is Role.DEVICE:
            self.hub.mark(link.organisation, link.peer)

    async def _left(self, link: Link) -> None:
        if self.hub.remove(link):
            if link.role is Role.GUEST:
                self.switchboard.codes.leave(link.organisation, link.peer)
            await self._note(link)
        if link.in_flight:
            await self._if_stored(self.mailbox.deliver(link.organisation, recipient_of(link)))

    async def _write(self, socket: web.WebSocketResponse, machine: RelayLink, link: Link) -> None:
        try:
            await _flush(socket, machine)
            while (message := await link.next()) is not None:
                machine.send(message, self.clock.now())
                await _flush(socket, machine)
            code, text = link.ending or (WSCloseCode.OK, b"")
            await close(socket, code, text)
        except ConnectionError:
            _LOGGER.debug("a link was cut while it was written to")

    async def _read(self, socket: web.WebSocketResponse, machine: RelayLink, link: Link) -> None:
        bucket = TokenBucket(REQUESTS_A_SECOND, REQUESTS_AT_ONCE, self.clock.now())
        while True:
            message = await receive(socket)
            if broke_rules(message):
                self.metrics.refuse(Refusal.LINK_MESSAGE)
                await close(socket, WSCloseCode.UNSUPPORTED_DATA, b"only binary messages")
            if message.type is not WSMsgType.BINARY:
                return
            machine.receive_data(message.data, self.clock.now())
            for event in machine.events():
                match event:
                    case LinkMessageReceived(message=received):
                        await self.switchboard.handle(link, received, draining=self.draining())
                    case LinkError(text=text):
                        self.metrics.refuse(Refusal.LINK_MESSAGE)
                        _LOGGER.info("link closed: %s", text, extra={"organisation": link.organisation, "peer": link.peer})
                        await close(socket, WSCloseCode.PROTOCOL_ERROR, b"not a message for this link")
                        return
                    case PeerAuthenticated() | LinkRefused():
                        raise AssertionError("a login cannot happen twice on one link")
            if wait := bucket.take(self.clock.now()):
                self.metrics.slowed.inc()
                await asyncio.sleep(wait)


async def _flush(socket: web.WebSocketResponse, machine: RelayLink) -> None:
    for data in machine.data_to_send():
        await socket.send_bytes(data)
