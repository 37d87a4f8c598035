"""A real relay in this process or in one of its own, and real peers that log in to it over WebSockets."""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from aiohttp import ClientSession, TCPConnector
from click.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect

from protocol.limits import LIMITS, Limits
from protocol.link import LinkError, LinkMessageReceived, LinkReady, LinkRefused, PeerLink
from protocol.link_messages import Failed, LinkMessage
from relay.app import Relay
from relay.cli import main as relay_main
from relay.clock import Clock
from relay.config import Bounds, RelayConfig, load
from relay.organisations import create_token
from relay.tls import self_signed
from tests.kit.organisation import Credentials, Organisation
from tests.kit.processes import Process, command, free_port
from tests.kit.waiting import PATIENCE

M = TypeVar("M", bound=LinkMessage)
T = TypeVar("T")


class HandClock(Clock):
    """Clocks that run by themselves and can be turned forward."""

    def __init__(self) -> None:
        self.ahead = 0.0
        super().__init__(now=lambda: time.monotonic() + self.ahead, wall=lambda: time.time() + self.ahead)

    __slots__ = ("ahead",)
    __setattr__ = object.__setattr__


@dataclass
class Peer:
    """One logged-in link: a real WebSocket, the real machine, and whatever came and was not asked for yet."""

    socket: ClientConnection
    machine: PeerLink
    ready: LinkReady
    inbox: list[LinkMessage] = field(default_factory=list)
    number: int = 100

    async def send(self, message: LinkMessage) -> None:
        self.machine.send(message, time.monotonic())
        for data in self.machine.data_to_send():
            await self.socket.send(data)

    async def receive(self, kind: type[M], *, seconds: float = PATIENCE) -> M:
        """The next message of this kind; others stay in the inbox."""
        async with asyncio.timeout(seconds):
            while True:
                for message in self.inbox:
                    if isinstance(message, kind):
                        self.inbox.remove(message)
                        return message
                await self._pump()

    async def request(self, message: LinkMessage, kind: type[M], *, seconds: float = PATIENCE) -> M:
        """Send, and the answer with the same request number."""
        await self.send(message)
        wanted = getattr(message, "request")  # noqa: B009 - every request has one, the base has none
        async with asyncio.timeout(seconds):
            while True:
                for answer in self.inbox:
                    if getattr(answer, "request", None) == wanted:
                        self.inbox.remove(answer)
                        assert isinstance(answer, kind), answer
                        return answer
                await self._pump()

    async def refused(self, message: LinkMessage) -> Failed:
        """Send what the relay must refuse."""
        return await self.request(message, Failed)

    async def _pump(self) -> None:
        data = await self.socket.recv()
        assert isinstance(data, bytes)
        self.machine.receive_data(data, time.monotonic())
        for event in self.machine.events():
            assert isinstance(event, LinkMessageReceived), event
            self.inbox.append(event.message)

    async def closed(self, *, seconds: float = PATIENCE) -> int | None:
        """Wait for the relay to close; the code."""
        async with asyncio.timeout(seconds):
            await self.socket.wait_closed()
        return self.socket.close_code

    async def close(self) -> None:
        await self.socket.close()


@dataclass
class RelayClient:
    """How to reach one relay: over TLS with its own certificate as the only trusted one."""

    url: str
    context: ssl.SSLContext | None
    peers: list[ClientConnection] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def open(self, path: str, **options: Any) -> ClientConnection:
        """A WebSocket, nothing said yet."""
        options = {"max_size": 4 * 1024 * 1024, "max_queue": None, "close_timeout": 1.0, **options}
        socket = await connect(self.url.replace("http", "ws", 1) + path, ssl=self.context, proxy=None, **options)
        self.peers.append(socket)
        return socket

    async def tunnel(self, ticket: str) -> ClientConnection:
        """One end of a tunnel."""
        return await self.open("/tunnel", additional_headers={"Authorization": f"Bearer {ticket}"}, compression=None)

    async def login(self, who: Credentials, *, label: str = "", platform: str = "", origin: str = "") -> Peer:
        """Log in; fails when the relay refuses."""
        peer = await self.try_login(who, label=label, platform=platform, origin=origin)
        assert isinstance(peer, Peer), peer
        return peer

    async def try_login(
        self, who: Credentials, *, label: str = "", platform: str = "", origin: str = ""
    ) -> Peer | LinkRefused | LinkError:
        """Log in, or what was said instead."""
        socket = await self.open("/link", compression=None)
        machine = PeerLink(who.role, who.login_key, who.login_chain, origin or self.url, label, platform, time.monotonic())
        async for data in socket:
            assert isinstance(data, bytes)
            machine.receive_data(data, time.monotonic())
            for event in machine.events():
                match event:
                    case LinkReady():
                        return Peer(socket, machine, event)
                    case LinkRefused() | LinkError():
                        return event
            for answer in machine.data_to_send():
                await socket.send(answer)
        raise AssertionError("the relay closed the link without a word")

    @asynccontextmanager
    async def http(self) -> AsyncIterator[ClientSession]:
        """An HTTP client on the relay's address."""
        connector = TCPConnector(ssl=self.context if self.context is not None else True)
        async with ClientSession(self.url, connector=connector) as session:
            yield session

    async def metric(self, name: str, **labels: str) -> float:
        """One value of /metrics, 0 when it is not there."""
        async with self.http() as http, http.get("/metrics") as response:
            text = await response.text()
        inner = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        start = f"handrail_relay_{name}{{{inner}}} " if inner else f"handrail_relay_{name} "
        for line in text.splitlines():
            if line.startswith(start):
                return float(line.removeprefix(start))
        return 0.0

    async def refused(self, reason: str) -> float:
        return await self.metric("refusals_total", reason=reason)

    async def aclose(self) -> None:
        """Close every socket this client opened."""
        peers, self.peers = self.peers, []
        for socket in peers:
            await socket.close()


@dataclass
class RunningRelay(RelayClient):
    """A relay in this process, its parts at hand."""

    relay: Relay = field(kw_only=True)
    clock: HandClock = field(kw_only=True)

    async def register(self, organisation: Organisation) -> None:
        """By the front door, with a fresh token."""
        token = await create_token(self.relay.database, secrets.token_bytes, time.time())
        await self.relay.organisations.register(token, organisation.root, organisation.name)


def make_config(directory: Path, **settings: Any) -> RelayConfig:
    """A configuration on a free port, plain HTTP on loopback unless told otherwise."""
    port, scheme = free_port(), "https" if settings.get("tls") == "files" else "http"
    defaults = {"listen": f"127.0.0.1:{port}", "public_url": f"{scheme}://127.0.0.1:{port}", "tls": "proxy", "drain_seconds": 0.2}
    return msgspec.convert({**defaults, "directory": str(directory), **settings}, RelayConfig)


@asynccontextmanager
async def serving(
    directory: Path,
    *,
    limits: Limits = LIMITS,
    bounds: Bounds | None = None,
    header_seconds: float = 10.0,
    handshake_seconds: float = 10.0,
    tls: bool = False,
    **settings: Any,
) -> AsyncIterator[RunningRelay]:
    """A relay in this event loop, stopped as SIGTERM would stop it. `tls`: it ends TLS itself, with a certificate of its own."""
    context: ssl.SSLContext | None = None
    if tls:
        certificate, key = self_signed(["127.0.0.1"], datetime.now(UTC))
        (directory / "tls.pem").write_bytes(certificate)
        (directory / "tls-key.pem").write_bytes(key)
        context = ssl.create_default_context(cadata=certificate.decode())
        settings = {"tls": "files", "tls_certificate": "tls.pem", "tls_key": "tls-key.pem", **settings}
    config = make_config(directory, **settings)
    if bounds is not None:
        config = msgspec.structs.replace(config, bounds=bounds)
    clock = HandClock()
    relay = Relay(config, clock=clock, limits=limits, header_seconds=header_seconds, handshake_seconds=handshake_seconds)
    started = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run(lambda _port: started.set()))
        waiting = group.create_task(started.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        client = RunningRelay(config.origin, context, relay=relay, clock=clock)
        try:
            yield client
        finally:
            await client.aclose()
            relay.stop()


@dataclass
class RelayProcess(RelayClient):
    """`handrail-relay serve` in a process of its own, over TLS with its self-signed certificate."""

    process: Process = field(kw_only=True)
    config: RelayConfig = field(kw_only=True)
    config_path: Path = field(kw_only=True)
    token: str = field(kw_only=True)
    spki: str = field(kw_only=True)

    async def register(self, organisation: Organisation, token: str = "") -> dict[str, Any]:
        """By POST, with the token that init printed unless another is given."""
        body = msgspec.json.encode({"token": token or self.token, "root": organisation.root, "name": organisation.name})
        async with self.http() as http, http.post("/api/v1/organisations", data=body) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            assert response.status == 201, answer
            return answer


@contextmanager
def relay_process(
    directory: Path, *, settings: str = "", bounds: str = "", env: dict[str, str] | None = None
) -> Iterator[RelayProcess]:
    """init, serve, and at the end SIGTERM. `settings` and `bounds` are lines of TOML that replace the defaults."""
    port = free_port()
    home = directory / "relay"
    # In a thread of this process: a second interpreter would cost each test a second, and `init` runs an event loop of its own.
    with ThreadPoolExecutor(1) as thread:
        arguments = ["init", "--dir", str(home), "--listen", f"127.0.0.1:{port}", "--json"]
        made = thread.submit(CliRunner().invoke, relay_main, arguments).result()
    assert made.exit_code == 0, made.output
    answer = json.loads(made.stdout)
    path = Path(answer["config"])
    text = path.read_text()
    for line in settings.splitlines():
        key = line.partition("=")[0].strip()
        text = "\n".join(line if old.partition("=")[0].strip() == key else old for old in text.splitlines())
    path.write_text(f"{text}\n{bounds}\n")
    process = Process([command("handrail-relay"), "serve", "--config", str(path)], directory / "relay.log", env=env)
    try:
        process.wait_for(r"listening on port \d+")
        config = load(path, {})
        context = ssl.create_default_context(cafile=home / "tls-certificate.pem")
        yield RelayProcess(
            answer["url"],
            context,
            process=process,
            config=config,
            config_path=path,
            token=answer["token"],
            spki=answer["relay_spki"],
        )
    finally:
        process.stop()
