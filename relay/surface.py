"""The HTTP surface: one table of exact routes, and what every request passes first.

Paths are matched as they came, undecoded: `%2f`, `;`, `//` and `..` match nothing. Any request with an Origin header is refused:
peers send none, browsers always do.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from aiohttp.web import BaseRequest, StreamResponse

from relay.addresses import Address, Network, client_address, parse_address, rate_key, within
from relay.listener import Connection
from relay.metrics import Loss, Metrics, Refusal
from relay.problems import Problem, problem_response
from relay.store.database import StoreError

_LOGGER = logging.getLogger(__name__)
BODY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to its handler: the parts of its path, and who asks."""

    request: BaseRequest
    parts: Mapping[str, str]
    address: Address | None

    @property
    def key(self) -> str:
        """What to count this client under."""
        return rate_key(self.address)


Handler = Callable[[Call], Awaitable[StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path pattern (a full match; named groups become `Call.parts`). `name` labels the metrics."""

    method: str
    pattern: re.Pattern[str]
    name: str
    handler: Handler


def route(method: str, pattern: str, name: str, handler: Handler) -> Route:
    """A row of the table."""
    return Route(method, re.compile(pattern, re.ASCII), name, handler)


class Surface:
    """Finds the route, applies the rules that hold for all, and turns problems into answers."""

    def __init__(
        self, routes: Sequence[Route], metrics: Metrics, *, proxies: Sequence[Network] = (), proxied: bool = False
    ) -> None:
        self._routes = tuple(routes)
        self._metrics = metrics
        self._proxies = tuple(proxies)
        self._proxied = proxied

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answer one request. Nothing but cancellation, lost connections and faults of our own escapes."""
        if isinstance(request.protocol, Connection):
            request.protocol.header_arrived()
        name = "none"
        try:
            address = self._address(request)
            if "Origin" in request.headers:
                self._metrics.refuse(Refusal.ORIGIN)
                raise Problem(HTTPStatus.FORBIDDEN, "origin", "The relay serves no web pages and no scripts of any.")
            found, parts = self._find(request)
            name = found.name
            answer = await found.handler(Call(request, parts, address))
        except Problem as error:
            answer = error.response()
        except StoreError as error:
            self._metrics.lose(Loss.INTERNAL_ERROR)
            answer = problem_response(HTTPStatus.SERVICE_UNAVAILABLE, "database", str(error), retry_after=30)
        except web.HTTPException as error:
            answer = problem_response(error.status, "refused", error.text or error.reason)
        self._metrics.requests.labels(name, str(answer.status)).inc()
        if not answer.prepared:
            answer.headers.setdefault("Cache-Control", "no-store")
            answer.headers["X-Content-Type-Options"] = "nosniff"
            answer.headers["Server"] = "handrail-relay"
        return answer

    def _address(self, request: BaseRequest) -> Address | None:
        remote = request.remote or ""
        if self._proxied:
            peer = parse_address(remote)
            if not ((peer is not None and peer.is_loopback) or within(peer, self._proxies)):
                self._metrics.refuse(Refusal.NOT_PROXIED)
                raise Problem(HTTPStatus.FORBIDDEN, "not_proxied", "Connect through the relay's TLS address, not to this port.")
        return client_address(remote, request.headers.getall("X-Forwarded-For", []), self._proxies)

    def _find(self, request: BaseRequest) -> tuple[Route, dict[str, str]]:
        path = request.raw_path.partition("?")[0]
        method = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for candidate in self._routes:
            match = candidate.pattern.fullmatch(path)
            if match is None:
                continue
            if candidate.method == method:
                return candidate, match.groupdict()
            allowed.append(candidate.method)
        if allowed:
            methods = ", ".join(allowed)
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method", f"This path takes only {methods}.", headers={"Allow": methods})
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this path of the relay.")


async def read_body(call: Call, limit: int, metrics: Metrics, *, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, at most `limit` bytes, within `seconds`.

    Raises:
        Problem: 413 too large, 408 too slow, 415 compressed.
    """
    request = call.request
    too_large = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"At most {limit} bytes are accepted here.")
    try:
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoding", "Send the body uncompressed.")
        if (request.content_length or 0) > limit:
            raise too_large
        chunks: list[bytes] = []
        size = 0
        async with asyncio.timeout(seconds):
            while chunk := await request.content.readany():
                size += len(chunk)
                if size > limit:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError as error:
        metrics.refuse(Refusal.BODY)
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "slow", f"The body took longer than {seconds:g} seconds.") from error
    except Problem:
        metrics.refuse(Refusal.BODY)
        raise
    return b"".join(chunks)
