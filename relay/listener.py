"""Behind the door: connections, before and around HTTP. Caps, deadlines and byte budgets that aiohttp does not have.

aiohttp's own server does the HTTP parsing; `Connection` adds what security.md asks for: at most so many connections, a complete
request header within ten seconds, and at most so many bytes until a link has logged in.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler as Handler
from aiohttp.web import BaseRequest, RequestHandler, StreamResponse

from relay.addresses import Address, Network, rate_key, within
from relay.metrics import Loss, Metrics, Refusal
from relay.problems import problem_response

KEEP_ALIVE_SECONDS = 15.0
HEADER_SECONDS = 10.0
READ_BUFFER = 64 * 1024
_LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class Gate:
    """Who may connect: a cap in all and one per address (trusted proxies are counted in all only)."""

    metrics: Metrics
    most: int
    most_per_address: int
    proxies: Sequence[Network] = ()
    header_seconds: float = HEADER_SECONDS
    total: int = 0
    by_address: Counter[str] = field(default_factory=Counter)

    def admit(self, address: Address | None) -> str | None:
        """Count one connection in; what to call `leave` with later. None: refused by name."""
        key = rate_key(address)
        crowded = self.by_address[key] >= self.most_per_address and not within(address, self.proxies)
        if self.total >= self.most or crowded:
            self.metrics.refuse(Refusal.CONNECTIONS if self.total >= self.most else Refusal.CONNECTIONS_PER_ADDRESS)
            return None
        self.total += 1
        self.by_address[key] += 1
        self.metrics.connections.set(self.total)
        return key

    def leave(self, key: str) -> None:
        """Count an admitted connection out."""
        self.total -= 1
        self.by_address[key] -= 1
        if self.by_address[key] <= 0:
            del self.by_address[key]
        self.metrics.connections.set(self.total)


class Connection(RequestHandler):
    """One TCP (or TLS) connection that the gate has admitted as `key`."""

    __slots__ = ("_budget", "_gate", "_header_timer", "_key")

    def __init__(self, manager: web.Server, gate: Gate, key: str, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            access_log=None,  # type: ignore[arg-type] # aiohttp tests it for truth; its annotation forgets None
            max_line_size=2048,
            max_field_size=4096,
            max_headers=48,
            lingering_time=2.0,
            read_bufsize=READ_BUFFER,
            auto_decompress=False,
        )
        self._gate = gate
        self._key: str | None = key
        self._budget: int | None = None
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is in: from now on the time of its first header runs."""
        super().connection_made(transport)
        self._header_timer = self._loop.call_later(self._gate.header_seconds, self._header_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count it out."""
        self.leave()
        self.header_arrived()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Count it out, once: it is over, or never came to be."""
        if self._key is not None:
            self._gate.leave(self._key)
            self._key = None

    def data_received(self, data: bytes) -> None:
        """Bytes in; counted while a budget is set, and cut off when it is spent."""
        if self._budget is not None:
            self._budget -= len(data)
            if self._budget < 0:
                self._budget = None
                self._gate.metrics.refuse(Refusal.LOGIN_BYTES)
                self.abort()
                return
        super().data_received(data)

    def abort(self) -> None:
        """Cut the connection at once; what was queued is lost."""
        if self.transport is not None:
            self.transport.abort()

    def set_budget(self, count: int | None) -> None:
        """At most `count` more bytes are read; None lifts the limit."""
        self._budget = count

    def header_arrived(self) -> None:
        """The first request is complete: its deadline is over (keep-alive bounds the later ones)."""
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _header_late(self) -> None:
        self._header_timer = None
        self._gate.metrics.refuse(Refusal.HEADER_DEADLINE)
        self.force_close()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> StreamResponse:
        """Answer what went wrong before or inside a handler; closes the connection. Only our own faults are logged loudly.

        Raises:
            ConnectionError: part of an answer has been sent already, or the client has gone.
        """
        if isinstance(exc, ConnectionError):
            # Whoever asked has gone while the answer was made: no mistake of ours, and nobody to tell.
            _LOGGER.debug("a client left before its answer: %r", exc)
            raise ConnectionError("the client has gone") from exc
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._gate.metrics.lose(Loss.INTERNAL_ERROR)
            _LOGGER.error("internal error at %s", request.raw_path, exc_info=exc)
        else:
            _LOGGER.debug("bad request: %r", message or exc)
            self._gate.metrics.refuse(Refusal.MALFORMED)
            self._gate.metrics.requests.labels("malformed", str(status)).inc()
        if request.writer.output_size > 0:
            raise ConnectionError("part of the answer has been sent already")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            answer = problem_response(
                status, "internal", "The relay made a mistake; its log says which. Try again, then tell its operator."
            )
        else:
            answer = problem_response(status, "malformed", "This is not an HTTP request that the relay understands.")
        answer.force_close()
        return answer


class Listener(web.Server):
    """aiohttp's low-level server, making our connections."""

    def __init__(self, handler: Handler, gate: Gate) -> None:
        super().__init__(handler)  # type: ignore[arg-type] # a handler of BaseRequest, as web.Server calls it
        self._gate = gate

    def connection(self, key: str) -> Connection:
        """A protocol for one new connection that the gate has admitted as `key`."""
        return Connection(self, self._gate, key, loop=asyncio.get_running_loop())
