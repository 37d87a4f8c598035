"""At the street door: accepts connections, counts each from that moment on, and bounds its TLS handshake.

asyncio's own server would tell us of a TLS connection only when its handshake is over, so that half-open ones would be in no cap
and in no count. Whoever is one too many is turned away before a handshake costs anything.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final

from relay.addresses import parse_address
from relay.listener import Gate, Listener
from relay.metrics import Refusal

BACKLOG: Final = 1024
AT_ONCE: Final = 16
HANDSHAKE_SECONDS: Final = 10.0
SHUTDOWN_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 1.0
MOST_GONE: Final = 16  # in a row: beyond that it is not those who knock
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 10\r\nConnection: close\r\n\r\n"
_LOGGER = logging.getLogger(__name__)


async def bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, one for each address of `host` ("*": every address of this machine, IPv4 and IPv6).

    Raises:
        OSError: one of them cannot be had (`socket.gaierror`: there is no such host).
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(None if host == "*" else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            made.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.setblocking(False)
            # Port 0 means any, but the same one for every address.
            one.bind((address[0], port or (made[0].getsockname()[1] if len(made) > 1 else 0), *address[2:]))
            one.listen(BACKLOG)
    except OSError:
        for one in made:
            one.close()
        raise
    return made


@dataclass(slots=True)
class Porter:
    """Serves `sockets` until cancelled. `context` None: plain HTTP."""

    sockets: list[socket.socket]
    listener: Listener
    gate: Gate
    context: ssl.SSLContext | None = None
    handshake_seconds: float = HANDSHAKE_SECONDS
    _tasks: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self.sockets[0].getsockname()[1])

    async def run(self) -> None:
        """Let in whom the gate admits. Closes the sockets when it is cancelled; connections that are in stay."""
        try:
            async with self._tasks as tasks:
                for one in self.sockets:
                    tasks.create_task(self._accept(one))
        finally:
            for one in self.sockets:
                one.close()

    async def _accept(self, door: socket.socket) -> None:
        loop, count, failures = asyncio.get_running_loop(), 0, 0
        while True:
            try:
                newcomer, peer = await loop.sock_accept(door)
            except OSError as error:
                failures += 1
                if error.errno in EXHAUSTED:
                    self.gate.metrics.refuse(Refusal.DESCRIPTORS)
                    _LOGGER.error("no more connections can be accepted: %s; raise the limit of open files", error.strerror)
                elif failures > MOST_GONE:
                    _LOGGER.error("no connections can be accepted: %s; it is tried again", error.strerror)
                # Otherwise it was gone before it was in.
                lasts = error.errno in EXHAUSTED or failures > MOST_GONE
                await asyncio.sleep(PAUSE_SECONDS if lasts else 0)
                continue
            failures = 0
            self._meet(newcomer, peer[0])
            count += 1
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)  # whoever is in already goes first

    def _meet(self, newcomer: socket.socket, address: str) -> None:
        key = self.gate.admit(parse_address(address))
        if key is None:
            if self.context is None:
                with contextlib.suppress(OSError):
                    newcomer.send(FULL)
            newcomer.close()
            return
        self._tasks.create_task(self._let_in(newcomer, key))

    async def _let_in(self, newcomer: socket.socket, key: str) -> None:
        loop, metrics = asyncio.get_running_loop(), self.gate.metrics
        connection, is_in = self.listener.connection(key), False
        metrics.handshakes.inc(self.context is not None)
        try:
            newcomer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(
                lambda: connection,
                newcomer,
                ssl=self.context,
                ssl_handshake_timeout=self.handshake_seconds if self.context else None,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS if self.context else None,
            )
            is_in = True
        except ConnectionAbortedError:  # how both event loops say that the handshake took too long
            metrics.refuse(Refusal.HANDSHAKE_DEADLINE)
        except (OSError, ValueError) as error:  # ssl.SSLError is the one, ssl.CertificateError both
            metrics.refuse(Refusal.HANDSHAKE)
            _LOGGER.debug("a handshake came to nothing: %r", error)
        except Exception:  # whatever one newcomer brings about must not end the service of all the others
            metrics.refuse(Refusal.HANDSHAKE)
            _LOGGER.exception("letting a connection in has failed")
            newcomer.close()
        finally:
            if not is_in:
                connection.leave()
            metrics.handshakes.dec(self.context is not None)
