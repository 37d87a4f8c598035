"""One logged-in control link to the relay: devices, codes, tunnels; reconnects by itself.

What the relay says here is unverified: rows, labels and texts are shown as such, and nothing acts on them but carrying bytes.
"""

import asyncio
import dataclasses
import functools
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from hostio.errors import RelayUnreachable
from hostio.relay_websocket import open_websocket
from hostio.tasks import Supervisor
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError, Unavailable
from protocol.link import LinkError, LinkMessageReceived, LinkReady, LinkRefused, LinkUnknown, PeerLink
from protocol.link_messages import (
    CodeRedeem,
    ColleaguesOnline,
    ColleaguesQuery,
    DeviceAsk,
    DeviceRow,
    DevicesChanged,
    DevicesPage,
    DevicesQuery,
    Done,
    Failed,
    LinkMessage,
    MailDeliver,
    Reconnect,
    RepositoryChanged,
    Role,
    TunnelOffer,
)
from protocol.patience import patience
from protocol.relay_address import RelayAddress, parse_relay_url
from technician_client.errors import DeviceOffline, NotFound
from technician_client.identity import TechnicianIdentity
from technician_client.revocations import Revocations, revocations_of
from technician_client.settings import Settings
from technician_client.subscriptions import Publisher, Subscription

_LOGGER = logging.getLogger(__name__)
_PAGE = 500
_MOST_DEVICES = 100_000


class TechnicianKeys(Protocol):
    """What a link and a session need of `technician_client.identity`: keys, chains, the organisation's root and the relay."""

    @property
    def name(self) -> str:
        """The certified name of the technician."""

    @property
    def key(self) -> PrivateKey:
        """The session key."""

    @property
    def chain(self) -> Sequence[bytes]:
        """[session leaf, technician CA], DER."""

    @property
    def login_key(self) -> PrivateKey:
        """The key that logs in to the relay."""

    @property
    def login_chain(self) -> Sequence[bytes]:
        """[login leaf, technician CA], DER."""

    @property
    def root(self) -> bytes:
        """The organisation's root certificate, DER."""

    @property
    def relay_url(self) -> str:
        """For example "https://relay.example:8443"."""

    @property
    def relay_spki(self) -> str:
        """Hex SHA-256 of the relay's SPKI, or ""."""

    @property
    def timestamp_version(self) -> int:
        """Newest TUF timestamp this technician has verified (0: none)."""


class LinkState(StrEnum):
    """How the link stands."""

    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"
    REFUSED = "refused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The link has come to another state. `text` says why; `retry_in` seconds until the next attempt (WAITING only)."""

    state: LinkState
    text: str = ""
    retry_in: float = 0.0


LinkEvent = LinkChanged | DevicesChanged | RepositoryChanged | MailDeliver


class Backoff:
    """Delays that double from `first` to `most` seconds, each with jitter of its lower half."""

    def __init__(self, first: float, most: float, uniform: Callable[[float, float], float]) -> None:
        self._first = first
        self._most = most
        self._uniform = uniform
        self._next = first

    def delay(self) -> float:
        """The next delay, in seconds."""
        delay, self._next = self._next, min(self._most, self._next * 2)
        return self._uniform(delay / 2, delay)

    def reset(self) -> None:
        """Begin anew: the connection held."""
        self._next = self._first


class RelayClient:
    """The technician's control link. Use as an async context manager, or `connect` and `close`."""

    def __init__(
        self,
        identity: TechnicianKeys,
        settings: Settings,
        *,
        label: str = "",
        renew: Callable[[TechnicianKeys], Awaitable[TechnicianKeys]] | None = None,
    ) -> None:
        """Not connected yet.

        Args:
            label: shown by the relay's pages as unverified ("" tells it nothing).
            renew: gives the identity to use from now on; asked before each tunnel, for processes that outlive a certificate.

        Raises:
            RelayAddressError: the identity's relay address cannot be used.
        """
        self.identity = identity
        self.settings = settings
        self._renew = renew
        self.address: RelayAddress = parse_relay_url(identity.relay_url)
        # Identities that came with a bundle know the root of their organisation's signed files.
        self.revocations: Revocations | None = (
            revocations_of(identity, settings) if isinstance(identity, TechnicianIdentity) else None
        )
        self._fresh = False
        self._label = label
        self._events: Publisher[LinkEvent] = Publisher()
        self._state = LinkChanged(LinkState.CLOSED)
        self._supervisor = Supervisor(self._task_failed)
        self._socket: ClientConnection | None = None
        self._machine: PeerLink | None = None
        self._pending: dict[int, asyncio.Future[LinkMessage]] = {}
        self._last_request = 0
        self._online = asyncio.Event()
        self._first: asyncio.Future[None] | None = None
        self._backoff = Backoff(
            settings.retry_first_seconds,
            settings.retry_most_seconds,
            random.uniform,  # jitter, not a secret
        )
        self._rest = 0.0
        self.peer = ""

    @property
    def state(self) -> LinkChanged:
        """How the link stands now."""
        return self._state

    def subscribe(self, *kinds: type[LinkEvent]) -> Subscription[LinkEvent]:
        """Events of these types from now on (none given: all)."""
        return self._events.subscribe(lambda event: not kinds or isinstance(event, kinds), limit=1024)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def connect(self, *, keep_trying: bool = False) -> None:
        """Log in, and keep the link from then on.

        Args:
            keep_trying: when the relay is away at first, wait for it instead of raising.

        Raises:
            RelayUnreachable: the relay does not answer (unless `keep_trying`).
            Refused: the relay refused the login; TrustError: the relay is not the pinned one.
        """
        self._first = asyncio.get_running_loop().create_future()
        _ = self._supervisor.spawn(self._keep(keep_trying), "relay link")
        if keep_trying:
            self._keep_fresh()
        try:
            await asyncio.shield(self._first)
        finally:
            if not self._first.done() or self._first.exception() is not None:  # cancelled, or failed
                await self.close()

    async def close(self) -> None:
        """End the link and everything that waits on it."""
        await self._supervisor.aclose()
        if self._socket is not None:
            await self._socket.close()
        self._lost("this side closed the link")
        self._change(LinkState.CLOSED)
        self._events.finish()
        if self._first is not None and not self._first.done():
            self._first.cancel()

    async def devices(self, text: str = "") -> list[DeviceRow]:
        """The devices the relay knows, filtered by `text` in id or label; all pages.

        From then on `DevicesChanged` events come."""
        rows: list[DeviceRow] = []
        cursor = ""
        while True:
            page = await self.call(functools.partial(_query, text[:100], cursor))
            if not isinstance(page, DevicesPage):
                raise RelayUnreachable("The relay answered something else than its devices. Is it of another version?")
            rows.extend(page.devices)
            cursor = page.cursor
            if not cursor or not page.devices or len(rows) >= _MOST_DEVICES:
                return rows

    async def colleagues(self) -> list[str]:
        """The ids of the other technicians of the organisation who are logged in, as the relay says."""
        answer = await self.call(ColleaguesQuery)
        if not isinstance(answer, ColleaguesOnline):
            raise RelayUnreachable("The relay answered something else than who is there. Is it of another version?")
        return answer.peers

    async def redeem(self, code: str) -> TunnelOffer:
        """Ask for a tunnel to the device whose user reads out `code` (9 digits).

        Raises:
            NotFound: no such code, or it is used or too old. Refused: too many wrong ones.
        """
        await self._freshen()
        return self._offer(await self.call(lambda request: CodeRedeem(request, code)))

    async def ask(self, device: str) -> TunnelOffer:
        """Ask for a tunnel to a device by id.

        Raises:
            DeviceOffline: known but not connected. NotFound: unknown to the relay.
        """
        await self._freshen()
        return self._offer(await self.call(lambda request: DeviceAsk(request, device)))

    async def open_tunnel(self, offer: TunnelOffer) -> ClientConnection:
        """Open this end of the offered tunnel: a WebSocket whose binary messages are one byte stream."""
        return await open_websocket(
            self.address,
            "/tunnel",
            spki=self.identity.relay_spki,
            dialling=self.settings.dialling,
            max_bytes=4 * self.settings.limits.link_message_bytes,
            ticket=offer.ticket,
        )

    async def ping(self) -> float | None:
        """Seconds to the relay and back, measured now; None while the link is away."""
        socket = self._socket
        if socket is None or not self._online.is_set():
            return None
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.settings.request_seconds):
                await (await socket.ping())
        except (TimeoutError, ConnectionClosed):
            return None
        return time.monotonic() - began

    async def send(self, message: LinkMessage) -> None:
        """Send a message that has no answer (an acknowledgement)."""
        await self._until_online()
        self._queue(message)
        await self._flush()

    async def _freshen(self) -> None:
        if self._renew is not None:
            self.identity = await self._renew(self.identity)
        if self.revocations is not None and isinstance(self.identity, TechnicianIdentity):
            self._keep_fresh()
            await self.revocations.ready()
            self.identity = dataclasses.replace(self.identity, timestamp_version=self.revocations.version)

    def _keep_fresh(self) -> None:
        """Commands that open no session need not know who is revoked; whoever opens one has it kept fresh from then on."""
        if self.revocations is not None and not self._fresh:
            self._fresh = True
            _ = self._supervisor.spawn(self.revocations.keep_fresh(), "signed files")

    @staticmethod
    def _offer(answer: LinkMessage) -> TunnelOffer:
        if not isinstance(answer, TunnelOffer):
            raise RelayUnreachable("The relay answered something else than a tunnel. Is it of another version?")
        return answer

    async def _until_online(self) -> None:
        try:
            async with asyncio.timeout(self.settings.request_seconds):
                await self._online.wait()
        except TimeoutError as error:
            raise RelayUnreachable(f"No connection to {self.address.origin}: {self._state.text or 'it is away'}") from error

    async def call(self, make: Callable[[int], LinkMessage]) -> LinkMessage:
        """Send the request that `make(request id)` builds and return its answer (`Failed` is raised, never returned).

        Raises:
            RelayUnreachable: no link, or no answer in time; NotFound, DeviceOffline, Refused: what the relay failed it with.
        """
        await self._until_online()
        self._last_request = self._last_request % (2**32 - 1) + 1
        request = self._last_request
        answer: asyncio.Future[LinkMessage] = asyncio.get_running_loop().create_future()
        self._pending[request] = answer
        try:
            self._queue(make(request))
            await self._flush()
            async with asyncio.timeout(self.settings.request_seconds):
                reply = await answer
        except TimeoutError as error:
            raise RelayUnreachable(
                f"{self.address.origin} did not answer within {self.settings.request_seconds:g} s. Try again."
            ) from error
        finally:
            self._pending.pop(request, None)
        if isinstance(reply, Failed):
            raise _failure(reply)
        return reply

    def _queue(self, message: LinkMessage) -> None:
        if self._machine is None:
            raise RelayUnreachable("The connection to the relay ended just now. Try again.")
        self._machine.send(message, time.monotonic())

    async def _flush(self) -> None:
        machine, socket = self._machine, self._socket
        if machine is None or socket is None:
            return
        try:
            for data in machine.data_to_send():
                await socket.send(data)
        except ConnectionClosed:
            _LOGGER.debug("the link ended while sending; its reader reports it")

    async def _keep(self, keep_trying: bool) -> None:
        first = self._first
        assert first is not None
        while True:
            self._change(LinkState.CONNECTING)
            self._rest = 0.0
            try:
                await self._once()
            except Unavailable as error:
                if not keep_trying and not first.done():
                    first.set_exception(error)
                    return
                text, self._rest = str(error), max(self._rest, patience(error.retry_after or 0.0))
            except (TrustError, Refused) as error:
                self._change(LinkState.REFUSED, str(error))
                self._events.finish()
                if not first.done():
                    first.set_exception(error)
                return
            else:
                text = "the relay ended the connection"
            delay = self._rest + self._backoff.delay()  # its jitter keeps those apart who were all asked to wait as long
            self._change(LinkState.WAITING, text, delay)
            await asyncio.sleep(delay)

    async def _once(self) -> None:
        """One connection, from dialling to its end."""
        limits = self.settings.limits
        socket = await open_websocket(
            self.address,
            "/link",
            spki=self.identity.relay_spki,
            dialling=self.settings.dialling,
            max_bytes=limits.link_message_bytes,
        )
        try:
            machine = PeerLink(
                Role.TECHNICIAN,
                self.identity.login_key,
                list(self.identity.login_chain),
                self.address.origin,
                self._label,
                "",
                time.monotonic(),
            )
            self._socket, self._machine = socket, machine
            async with asyncio.timeout(limits.link_login_seconds) as deadline:
                async for data in socket:
                    if isinstance(data, str):
                        raise RelayUnreachable(f"{self.address.origin} sent text where bytes belong: it is no Handrail relay.")
                    machine.receive_data(data, time.monotonic())
                    self._handle_events(machine)
                    if self._online.is_set() and deadline.when() is not None:
                        deadline.reschedule(None)
                    await self._flush()
            if not self._online.is_set():
                raise RelayUnreachable(f"{self.address.origin} ended the connection before the login was done.")
        except TimeoutError as error:
            raise RelayUnreachable(f"{self.address.origin} did not finish the login in time.") from error
        except ConnectionClosed as error:
            raise RelayUnreachable(f"The connection to {self.address.origin} was cut.") from error
        finally:
            self._machine = None
            self._socket = None
            self._lost("the connection to the relay was cut")
            await socket.close()

    def _handle_events(self, machine: PeerLink) -> None:
        for event in machine.events():
            match event:
                case LinkReady(peer=peer):
                    self.peer = peer
                    self._backoff.reset()
                    self._online.set()
                    if self.revocations is not None:
                        self.revocations.hint()
                    self._change(LinkState.ONLINE)
                    if self._first is not None and not self._first.done():
                        self._first.set_result(None)
                case LinkMessageReceived(message=message):
                    self._handle_message(message)
                case LinkRefused(reason=reason, text=text):
                    raise _login_refusal(reason, text)
                case LinkUnknown(tag=tag):
                    _LOGGER.info("the relay sent %r, which this version does not know", tag)
                case LinkError(text=text):
                    raise RelayUnreachable(f"{self.address.origin} broke the rules of the link: {text}")

    def _handle_message(self, message: LinkMessage) -> None:
        match message:
            case DevicesPage() | ColleaguesOnline() | TunnelOffer() | Done() | Failed():
                answer = self._pending.get(message.request)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case DevicesChanged() | RepositoryChanged() | MailDeliver():
                if isinstance(message, RepositoryChanged) and self.revocations is not None:
                    self.revocations.hint()
                self._events.publish(message)
            case Reconnect(seconds=seconds):
                self._rest = patience(seconds)
            case _:
                _LOGGER.info("the relay sent %s, which a technician has no use for", type(message).__name__)

    def _lost(self, text: str) -> None:
        self._online.clear()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(RelayUnreachable(f"No answer came: {text}. Try again."))
                answer.exception()  # whoever waits sees it; nobody waiting is no fault

    def _change(self, state: LinkState, text: str = "", retry_in: float = 0.0) -> None:
        self._state = LinkChanged(state, text, retry_in)
        self._events.publish(self._state)

    def _task_failed(self, name: str, error: BaseException) -> None:
        _LOGGER.error("%s failed", name, exc_info=error)
        self._change(LinkState.REFUSED, f"the link stopped by an error of this program: {error!r}")
        if self._first is not None and not self._first.done():
            self._first.set_exception(error)


def _query(text: str, cursor: str, request: int) -> DevicesQuery:
    return DevicesQuery(request, text, cursor, _PAGE)


def _failure(reply: Failed) -> HandrailError:
    """The error for a request that the relay did not carry out."""
    text = reply.text or f"the relay said no ({reply.reason.value})"
    match reply.reason:
        case RefusalReason.OFFLINE:
            return DeviceOffline(text)
        case RefusalReason.NOT_FOUND | RefusalReason.EXPIRED:
            return NotFound(text)
        case RefusalReason.SHUTTING_DOWN:
            return RelayUnreachable(text)
        case _:
            return Refused(text, reason=reply.reason)


def _login_refusal(reason: RefusalReason, text: str) -> HandrailError:
    words = f"The relay refused the login: {text or reason.value}"
    if reason in (RefusalReason.BUSY, RefusalReason.LIMIT, RefusalReason.SHUTTING_DOWN):
        return RelayUnreachable(words)
    return Refused(words, reason=reason)
