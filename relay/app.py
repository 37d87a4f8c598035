"""The composition root: builds every part, starts it, stops it."""

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable

from protocol.limits import LIMITS, Limits
from relay.announcer import Announcer
from relay.clock import Clock
from relay.codes import CodeBook
from relay.config import RelayConfig
from relay.directory import Directory
from relay.drain import Drain
from relay.enrolments import Enrolments
from relay.forwarding import Exchange
from relay.gatehouse import Gatehouse, GuestBook
from relay.health import Health
from relay.links import LinkHub
from relay.listener import HEADER_SECONDS, Gate, Listener
from relay.mailbox import Mailbox
from relay.metrics import Metrics
from relay.organisations import Organisations
from relay.porter import HANDSHAKE_SECONDS, Porter, bind
from relay.ratelimit import SlidingWindow
from relay.repository import Repository
from relay.store.database import Database
from relay.surface import Surface, route
from relay.switchboard import Switchboard
from relay.tickets import UploadTickets
from relay.tls import read_pin, server_context
from relay.tunnels import TunnelTable

_LOGGER = logging.getLogger(__name__)


class ListenError(Exception):
    """The address cannot be listened on; the text says what to do."""


class Relay:
    """One relay: `start`, then `wait` until told to `stop`, then `close`."""

    def __init__(
        self,
        config: RelayConfig,
        *,
        clock: Clock | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
        limits: Limits = LIMITS,
        header_seconds: float = HEADER_SECONDS,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        """Build every part; nothing is opened yet.

        Raises:
            TlsError: the certificate cannot be read.
        """
        self.config = config
        clock = clock or Clock()
        bounds = config.bounds
        self.metrics = metrics = Metrics()
        self.database = database = Database(config.path(config.database))
        self.hub = hub = LinkHub(metrics)
        self._stop = asyncio.Event()
        self._porter: Porter | None = None
        self._handshake_seconds = handshake_seconds
        self.drain = Drain(metrics, random_bytes)
        self._codes = codes = CodeBook(random_bytes, limits)
        self._clock = clock
        failures = SlidingWindow(bounds.failed_logins_per_minute, 60.0)
        tunnels = TunnelTable(random_bytes, limits, most=bounds.tunnels)
        uploads = UploadTickets(random_bytes)
        pin = read_pin(config.path(config.tls_certificate)) if config.tls == "files" else config.relay_spki
        self.organisations = Organisations(
            database, metrics, clock, origin=config.origin, relay_spki=pin, per_minute=bounds.registrations_per_minute
        )
        directory = Directory(database, hub, codes, clock)
        mailbox = Mailbox(database, hub, metrics, clock, random_bytes, bounds, limits)
        enrolments = Enrolments(database, self.organisations, mailbox, failures, metrics, clock, random_bytes, bounds, limits)
        self.repository = repository = Repository(database, uploads, hub, metrics, clock, bounds, limits)
        switchboard = Switchboard(hub, codes, tunnels, directory, mailbox, enrolments, uploads, metrics, clock, limits)
        self.exchange = Exchange(tunnels, failures, metrics, clock, self._draining, limits)
        gatehouse = Gatehouse(
            config.origins,
            self.organisations,
            hub,
            switchboard,
            directory,
            mailbox,
            failures,
            GuestBook(bounds.guests, bounds.guests_per_organisation, SlidingWindow(bounds.guest_logins_per_minute, 60.0)),
            metrics,
            clock,
            random_bytes,
            self._draining,
            bounds.links,
            limits,
        )
        health = Health(database, metrics, self._draining, config.metrics_networks, self._refresh)
        self.announcer = Announcer(hub, codes, tunnels, directory, mailbox, enrolments, self.organisations, metrics, clock)
        routes = [
            route("GET", "/link", "link", gatehouse.handle),
            route("GET", "/tunnel", "tunnel", self.exchange.handle),
            *health.routes(),
            *self.organisations.routes(),
            *enrolments.routes(),
            *repository.routes(),
        ]
        self.surface = Surface(routes, metrics, proxies=config.proxies, proxied=config.tls == "proxy")
        self._gate = Gate(metrics, bounds.connections, bounds.connections_per_address, config.proxies, header_seconds)
        self.listener: Listener | None = None

    def _draining(self) -> bool:
        return self.drain.draining

    def _refresh(self) -> None:
        self.exchange.count()
        self.metrics.code_locked_organisations.set(self._codes.locked_organisations(self._clock.now()))

    @property
    def port(self) -> int:
        """The port listened on (useful when the configuration says 0).

        Raises:
            ListenError: not listening.
        """
        if self._porter is None:
            raise ListenError("The relay does not listen.")
        return self._porter.port

    async def run(self, ready: Callable[[int], None]) -> None:
        """Serve until `stop` is called, then drain and close.

        Args:
            ready: called with the port once connections are accepted.

        Raises:
            StoreError, SchemaError, TlsError, ListenError: it cannot start; the texts say why.
        """
        try:
            await self.database.open()
            organisations = await self.organisations.load()
            porter = self._porter = await self._listen()
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(porter.run()), group.create_task(self.announcer.run())]
                _LOGGER.info("serving %d organisations at %s", organisations, self.config.origin)
                ready(self.port)
                await self._stop.wait()
                await self.drain.run(self.hub, self.exchange, self.config.drain_seconds)
                for task in work:
                    task.cancel()
        finally:
            await self._close()

    def stop(self) -> None:
        """Begin to stop. A second call cuts the drain time short."""
        if self._stop.is_set():
            self.exchange.hurry()
        self._stop.set()

    async def _listen(self) -> Porter:
        host, port = self.config.address
        context: ssl.SSLContext | None = None
        if self.config.tls == "files":
            context = server_context(self.config.path(self.config.tls_certificate), self.config.path(self.config.tls_key))
        self.listener = Listener(self.surface.handle, self._gate)
        try:
            sockets = await bind(host, port)
        except OSError as error:
            raise ListenError(_listen_text(host, port, error)) from error
        return Porter(sockets, self.listener, self._gate, context, self._handshake_seconds)

    async def _close(self) -> None:
        if self.listener is not None:
            self.listener.pre_shutdown()
            await self.listener.shutdown(2.0)
        await self.database.close()
        _LOGGER.info("stopped")


def _listen_text(host: str, port: int, error: OSError) -> str:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program; stop it, or set another `listen` and `public_url`."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not listen on {where}; take a port above 1023, or give the relay that right."
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{host} is not an address of this machine; set `listen` in relay.toml to one that is, or to 0.0.0.0:{port}."
    return f"Cannot listen on {where}: {error.strerror or error}."
