"""A small relay for loopback tests: the real link machine and real WebSockets, devices that live in this process, and knobs to
lie with. What it forwards, it forwards to a `SimulatedDevice`: the real agent's session machine at the other end of the tunnel.
"""

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import WSMsgType, web

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.limits import LIMITS, Limits
from protocol.link import LinkMessageReceived, PeerAuthenticated, RelayLink
from protocol.link_messages import (
    CodeRedeem,
    ColleaguesOnline,
    ColleaguesQuery,
    DeviceAsk,
    DeviceRow,
    DevicesChanged,
    DevicesPage,
    DevicesQuery,
    Failed,
    LinkMessage,
    TunnelOffer,
)
from protocol.messages import Message
from protocol.messages.session import Called
from protocol.session import (
    AgentSession,
    CapabilityAsked,
    ConsentNeeded,
    EndRequested,
    Event,
    MessageReceived,
    SessionEnded,
    SessionState,
)
from tests.kit.organisation import Credentials, Organisation
from tests.kit.waiting import eventually_async


@dataclass
class SimulatedDevice:
    """One device: who it is, what the person there answers, and what it says to each message."""

    organisation: Organisation
    label: str = "Reception PC"
    group: str = "front"
    online: bool = True
    told_label: str = ""
    granted: tuple[Capability, ...] = tuple(Capability)
    grants_besides: tuple[Capability, ...] = ()  # what policy adds to every wish
    denial: RefusalReason | None = None
    asked_more: bool = True
    silent: bool = False
    close_with: int = 0
    unattended: bool = False
    checkpoint: bytes = b""
    receipt: bytes = b""
    answers: Callable[[Message], Sequence[Message]] = lambda _message: ()
    limits: Limits = LIMITS
    received: list[Message] = field(default_factory=list)
    consents: list[ConsentNeeded] = field(default_factory=list)
    ended: list[SessionEnded] = field(default_factory=list)
    resumes: bool = True
    cut_sessions: dict[str, tuple[bytes, frozenset[Capability]]] = field(default_factory=dict)
    restart_seconds: float = 0.0
    called: Called | None = None  # what it tells whoever asks who calls them
    declined: list[str] = field(default_factory=list)
    tunnels: int = 0
    most_tunnels: int = 0
    bytes_received: int = 0

    def __post_init__(self) -> None:
        self.credentials: Credentials = self.organisation.device(self.label, self.group)
        self.session: AgentSession | None = None
        self.transport: asyncio.WriteTransport | None = None
        self._socket: web.WebSocketResponse | None = None
        self._session_id = ""

    @property
    def peer(self) -> str:
        return self.credentials.peer

    @property
    def row(self) -> DeviceRow:
        """The device as the relay would list it (`told_label`: by another label than the certified one)."""
        return DeviceRow(self.peer, self.told_label or self.label, "Linux", self.online, time.time())

    async def say(self, *messages: Message) -> None:
        """Send messages in the session that is open now."""
        assert self.session is not None
        for message in messages:
            self.session.send_message(message, time.monotonic())
        await self.flush()

    async def flush(self) -> None:
        """Send what the machine wants to send."""
        assert self.session is not None
        assert self._socket is not None
        while data := self.session.data_to_send():
            await self._socket.send_bytes(data)

    async def serve(self, socket: web.WebSocketResponse) -> None:
        """Be the device at the other end of one tunnel (`close_with`: the relay gives up with this code instead)."""
        if self.close_with:
            await socket.close(code=self.close_with)
            return
        self.tunnels += 1
        session = AgentSession(
            self.credentials.key,
            self.credentials.chain,
            self.organisation.root,
            label=self.label,
            wall=lambda: datetime.now(UTC),
            limits=self.limits,
        )
        self.session, self._socket, self._session_id = session, socket, ""
        try:
            async for item in socket:
                if item.type is not WSMsgType.BINARY:
                    break
                self.bytes_received += len(item.data)
                session.receive_data(item.data, time.monotonic())
                await self._react(session)
                if session.state is SessionState.ENDED:
                    await socket.close()
            session.receive_eof(time.monotonic())
            for event in session.events():
                self._handle(session, event, time.monotonic())
        finally:
            self.tunnels -= 1

    async def _react(self, session: AgentSession) -> None:
        with contextlib.suppress(ConnectionError):
            await self.flush()
            while events := session.events():
                for event in events:
                    self._handle(session, event, time.monotonic())
                await self.flush()

    def _handle(self, session: AgentSession, event: Event, now: float) -> None:
        match event:
            case ConsentNeeded(call="look" | "decline") if self.called is None:
                session.deny(RefusalReason.NOT_FOUND, "Nobody calls you here.", now)
            case ConsentNeeded(call="look") if self.called is not None:
                session.tell_call(self.called, now)
            case ConsentNeeded(call="decline", reason=reason):
                self.called = None
                self.declined.append(reason)
                session.end("declined", now)
            case ConsentNeeded(wanted=wanted, identity=identity, resume=resume):
                key, kept = self.cut_sessions.pop(resume, (b"", frozenset()))
                if self.resumes and key == identity.fingerprint:
                    self._session_id = resume
                    session.welcome(sorted(kept), 3000, resume, now, resumed=True)
                    return
                self.consents.append(event)
                self.most_tunnels = max(self.most_tunnels, self.tunnels)
                if not self.unattended:
                    session.consent_pending(180, now)
                if self.silent:
                    return
                if self.denial is not None:
                    session.deny(self.denial, "", now)
                    return
                granted = [capability for capability in wanted if capability in self.granted] + [*self.grants_besides]
                self._session_id = f"session-{len(self.consents)}"
                session.welcome(
                    granted,
                    3600,
                    self._session_id,
                    now,
                    unattended=self.unattended,
                    after_restart=min(event.after_restart, self.restart_seconds),
                )
            case CapabilityAsked(request=request, capability=capability):
                if self.asked_more:
                    session.grant(capability, request, 600, now)
                else:
                    session.refuse(
                        request, "session.capability_ask", RefusalReason.DENIED_BY_USER, "no", now, capability=capability
                    )
            case MessageReceived(message=message):
                self.received.append(message)
                for answer in self.answers(message):
                    session.send_message(answer, now)
            case EndRequested(reason=reason):
                session.end(reason, now, self.checkpoint, self.receipt)
            case SessionEnded():
                self.ended.append(event)
                if event.cut and session.peer is not None:
                    self.cut_sessions[self._session_id] = (session.peer.fingerprint, session.granted)
            case _:
                pass

    def cut(self) -> None:
        """Cut the tunnel as a broken network would."""
        assert self.transport is not None
        self.transport.abort()


class Switchboard:
    """The relay. `lies` changes offers on their way out; `failures` answers requests with No."""

    def __init__(self, organisation: Organisation, *devices: SimulatedDevice) -> None:
        self.organisation = organisation
        self.devices = {device.peer: device for device in devices}
        self.codes: dict[str, SimulatedDevice] = {}
        self.lies: Callable[[TunnelOffer], TunnelOffer] = lambda offer: offer
        self.failure: RefusalReason | None = None
        self.refuse_login: RefusalReason | None = None
        self.deaf = False
        self.page = 500
        self.colleagues: list[str] = []  # who else is logged in
        self.more_rows: list[DeviceRow] = []  # devices that are only listed
        self.logins = 0
        self.url = ""
        self._tickets: dict[str, SimulatedDevice] = {}
        self._links: list[tuple[web.WebSocketResponse, RelayLink]] = []
        self._transports: list[asyncio.WriteTransport] = []

    def application(self) -> web.Application:
        """The routes a technician uses."""
        app = web.Application()
        app.router.add_get("/link", self._link)
        app.router.add_get("/tunnel", self._tunnel)
        return app

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=256 * 1024, compress=False)
        await socket.prepare(request)
        link = RelayLink(
            self.url,
            {self.organisation.id: self.organisation.root}.get,
            secrets.token_bytes,
            lambda: datetime.now(UTC),
            time.monotonic(),
        )
        entry = (socket, link)
        self._links.append(entry)
        assert request.transport is not None
        self._transports.append(request.transport)
        await self._flush(*entry)
        async for item in socket:
            if item.type is not WSMsgType.BINARY:
                break
            link.receive_data(item.data, time.monotonic())
            for event in link.events():
                match event:
                    case PeerAuthenticated():
                        if self.refuse_login is not None:
                            link.send_refusal(self.refuse_login, "not today", time.monotonic())
                        else:
                            self.logins += 1
                            link.accept(time.monotonic())
                    case LinkMessageReceived(message=message):
                        answer = None if self.deaf else self._answer(message)
                        if answer is not None:
                            link.send(answer, time.monotonic())
                    case _:
                        pass
            await self._flush(*entry)
            if link.closed:
                await socket.close()
        self._links.remove(entry)
        return socket

    async def _flush(self, socket: web.WebSocketResponse, link: RelayLink) -> None:
        for data in link.data_to_send():
            await socket.send_bytes(data)

    def _answer(self, message: LinkMessage) -> LinkMessage | None:
        match message:
            case ColleaguesQuery(request=request):
                return ColleaguesOnline(request, self.colleagues)
            case DevicesQuery(request=request, text=text, cursor=cursor):
                rows = [device.row for device in self.devices.values() if text in device.label or text in device.peer]
                rows += self.more_rows
                start = int(cursor or 0)
                more = str(start + self.page) if start + self.page < len(rows) else ""
                return DevicesPage(request, rows[start : start + self.page], more)
            case DeviceAsk(request=request, device=peer):
                return self._offer(request, self.devices.get(peer), by_code=False)
            case CodeRedeem(request=request, code=code):
                return self._offer(request, self.codes.pop(code, None), by_code=True)
            case _:
                return None

    def _offer(self, request: int, device: SimulatedDevice | None, *, by_code: bool) -> LinkMessage:
        if self.failure is not None:
            return Failed(request, self.failure, "no")
        if device is None:
            return Failed(request, RefusalReason.NOT_FOUND, "there is no such thing")
        if not device.online:
            return Failed(request, RefusalReason.OFFLINE, "the device is offline")
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = device
        return self.lies(TunnelOffer(request, ticket, device.peer, device.label, by_code, 60))

    async def _tunnel(self, request: web.Request) -> web.StreamResponse:
        device = self._tickets.pop(request.headers.get("Authorization", "").removeprefix("Bearer "), None)
        if device is None:
            return web.Response(status=401)
        socket = web.WebSocketResponse(max_msg_size=256 * 1024, compress=False)
        await socket.prepare(request)
        assert request.transport is not None
        device.transport = request.transport
        await device.serve(socket)
        return socket

    async def announce(self, *rows: DeviceRow) -> None:
        """Tell everybody that rows have changed."""
        for socket, link in self._links:
            link.send(DevicesChanged(list(rows)), time.monotonic())
            await self._flush(socket, link)

    def cut_links(self) -> None:
        """Cut every control link as a broken network would."""
        transports, self._transports = self._transports, []
        for transport in transports:
            transport.abort()

    async def logged_in(self, times: int = 1) -> None:
        """Until technicians have logged in that often."""
        await eventually_async(lambda: self.logins >= times, f"{times} logins")


@contextlib.asynccontextmanager
async def running(switchboard: Switchboard, tls: ssl.SSLContext | None = None) -> AsyncIterator[Switchboard]:
    """Serve it on a free port of 127.0.0.1."""
    runner = web.AppRunner(switchboard.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    switchboard.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield switchboard
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class Keys:
    """A technician's keys as `technician_client.link.TechnicianKeys`."""

    name: str
    key: object
    chain: Sequence[bytes]
    login_key: object
    login_chain: Sequence[bytes]
    root: bytes
    relay_url: str
    relay_spki: str = ""
    timestamp_version: int = 0


def keys_of(organisation: Organisation, person: Credentials, url: str, spki: str = "") -> Keys:
    """The keys of `person` for the relay at `url`."""
    return Keys("Ana Ruiz", person.key, person.chain, person.login_key, person.login_chain, organisation.root, url, spki)


__all__ = ["Keys", "SimulatedDevice", "Switchboard", "keys_of", "running"]
