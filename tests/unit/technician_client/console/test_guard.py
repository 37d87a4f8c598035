"""What the guard lets through, tried with real requests, and what no handler can leave."""

import asyncio
import http.client
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from technician_client.console.guard import Guard, NotLoopback, demand_loopback, guarded_application

CONSOLE = Path(__file__).parents[4] / "technician_client/console"


class Guarded:
    """A guarded application with one handler of each kind, on a real port."""

    def __init__(
        self, guard: Guard, client: "TestClient[web.Request, web.Application]", entered: list[str], reached: list[str]
    ) -> None:
        self.guard = guard
        self.client = client
        self.entered = entered
        self.reached = reached

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        return await self.request("GET", path, **headers)

    async def request(self, method: str, path: str, **headers: str) -> aiohttp.ClientResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, headers=named, allow_redirects=False)

    async def enter(self, **headers: str) -> aiohttp.ClientResponse:
        """Go in with a fresh token; the client keeps the cookie."""
        path = self.guard.entrance().removeprefix(self.guard.origin)
        answer = await self.get(path, **headers)
        await answer.read()
        return answer


@pytest.fixture
async def guarded() -> AsyncIterator[Guarded]:
    port = unused_port()
    count = iter(range(1000))
    entered: list[str] = []
    guard = Guard("127.0.0.1", port, token=lambda: f"secret-{next(count)}", on_enter=lambda: entered.append("in"))
    reached: list[str] = []

    async def reach(request: web.Request) -> web.Response:
        reached.append(f"{request.method} {request.path}")
        return web.Response(text="inside")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        reached.append("socket")
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        await answer.close()
        return answer

    application = guarded_application(guard)
    application.router.add_get("/", reach)
    application.router.add_post("/change", reach)
    application.router.add_get("/socket", socket)
    server = TestServer(application, port=port, host="127.0.0.1")
    async with TestClient(server, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        yield Guarded(guard, client, entered, reached)


async def test_without_the_cookie_nothing_is_reached(guarded: Guarded) -> None:
    for method, path in [("GET", "/"), ("GET", "/nowhere"), ("HEAD", "/"), ("GET", "/%2e%2e/etc/passwd"), ("GET", "/;a")]:
        answer = await guarded.request(method, path)
        assert answer.status == 401, (method, path)
    answer = await guarded.request("POST", "/change", Origin=guarded.guard.origin)
    assert answer.status == 401
    assert guarded.reached == []


async def test_the_token_is_exchanged_for_a_cookie_once(guarded: Guarded) -> None:
    path = guarded.guard.entrance().removeprefix(guarded.guard.origin)
    first = await guarded.get(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    assert first.status == 200
    assert guarded.entered == ["in"]
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith(f"handrail_console_{guarded.client.server.port}=")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    assert "url=/" in await first.text()
    assert (await guarded.get("/")).status == 200
    assert (await guarded.get(path)).status == 403


async def test_a_new_entrance_ends_the_one_before(guarded: Guarded) -> None:
    old = guarded.guard.entrance().removeprefix(guarded.guard.origin)
    guarded.guard.entrance()
    assert (await guarded.get(old)).status == 403
    assert (await guarded.get("/open")).status == 403
    assert (await guarded.get("/open?token=")).status == 403
    assert guarded.entered == []


async def test_the_entrance_is_only_for_going_there(guarded: Guarded) -> None:
    path = guarded.guard.entrance().removeprefix(guarded.guard.origin)
    assert (await guarded.get(path, Sec_Fetch_Mode="no-cors")).status == 403
    assert (await guarded.request("HEAD", path)).status == 403
    assert (await guarded.request("POST", path, Origin="https://evil.example")).status == 403
    assert (await guarded.get(path)).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost:{port}", "127.0.0.1:{port}.evil.example", ""]
)
async def test_a_foreign_host_is_refused_even_with_the_cookie(guarded: Guarded, host: str) -> None:
    await guarded.enter()
    answer = await guarded.get("/", Host=host.format(port=guarded.client.server.port))
    assert answer.status == 403
    assert guarded.reached == []


async def test_two_hosts_are_refused(guarded: Guarded) -> None:
    port = guarded.client.server.port
    assert port is not None

    def ask() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.putrequest("GET", "/", skip_host=True)
        connection.putheader("Host", f"127.0.0.1:{port}")
        connection.putheader("Host", "evil.example")
        connection.endheaders()
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    assert await asyncio.to_thread(ask) in (400, 403)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_other_pages_are_refused_even_with_the_cookie(guarded: Guarded, site: str) -> None:
    await guarded.enter()
    assert (await guarded.get("/", Sec_Fetch_Site=site)).status == 403
    assert (await guarded.get("/", Origin="http://127.0.0.1:1")).status == 403
    assert (await guarded.request("POST", "/change", Origin=guarded.guard.origin, Sec_Fetch_Site=site)).status == 403
    assert guarded.reached == []


async def test_the_address_bar_and_our_own_page_are_let_in(guarded: Guarded) -> None:
    await guarded.enter()
    assert (await guarded.get("/", Sec_Fetch_Site="none")).status == 200
    assert (await guarded.get("/", Sec_Fetch_Site="same-origin")).status == 200
    assert (await guarded.request("POST", "/change", Origin=guarded.guard.origin, Sec_Fetch_Site="same-origin")).status == 200


async def test_what_changes_something_must_name_our_origin(guarded: Guarded) -> None:
    await guarded.enter()
    for origin in ("null", "http://evil.example", f"https://127.0.0.1:{guarded.client.server.port}"):
        assert (await guarded.request("POST", "/change", Origin=origin)).status == 403
    assert (await guarded.request("POST", "/change")).status == 403
    assert (await guarded.request("POST", "/change", Origin=guarded.guard.origin, Sec_Fetch_Site="none")).status == 403
    assert (await guarded.request("TRACE", "/", Origin=guarded.guard.origin)).status == 403
    assert (await guarded.request("OPTIONS", "/change", Origin=guarded.guard.origin)).status == 403
    assert guarded.reached == []


async def test_a_socket_needs_origin_and_cookie(guarded: Guarded) -> None:
    origin = guarded.guard.origin
    for given in (None, "http://evil.example", origin):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await guarded.client.ws_connect("/socket", origin=given)
    await guarded.enter()
    for given in (None, "http://evil.example", "null"):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await guarded.client.ws_connect("/socket", origin=given)
    assert guarded.reached == []
    socket = await guarded.client.ws_connect("/socket", origin=origin)
    await socket.close()
    assert guarded.reached == ["socket"]


async def test_every_answer_carries_the_headers(guarded: Guarded) -> None:
    refused = await guarded.get("/")
    await guarded.enter()
    socket = await guarded.client.ws_connect("/socket", origin=guarded.guard.origin)
    await socket.close()
    for answer in (
        refused,
        await guarded.get("/"),
        await guarded.get("/nowhere"),
        await guarded.get("/", Host="x"),
        socket._response,
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_only_so_many_browsers_are_remembered(guarded: Guarded) -> None:
    first = await guarded.enter()
    cookie = first.cookies[guarded.guard.cookie].value
    for _ in range(16):
        await guarded.enter()
    guarded.client.session.cookie_jar.clear()
    assert (await guarded.get("/", Cookie=f"{guarded.guard.cookie}={cookie}")).status == 401


async def test_a_cookie_of_another_port_does_not_count(guarded: Guarded) -> None:
    answer = await guarded.enter()
    value = answer.cookies[guarded.guard.cookie].value
    guarded.client.session.cookie_jar.clear()
    assert (await guarded.get("/", Cookie=f"handrail_console_1={value}")).status == 401
    assert (await guarded.get("/", Cookie=f"{guarded.guard.cookie}={value}x")).status == 401
    assert (await guarded.get("/", Cookie=f"{guarded.guard.cookie}=")).status == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "localhost", "::"])
def test_it_listens_on_this_computer_only(host: str) -> None:
    with pytest.raises(NotLoopback):
        demand_loopback(host)


def test_the_only_application_is_the_guarded_one() -> None:
    makers = [path.name for path in CONSOLE.rglob("*.py") if re.search(r"\bApplication\(", path.read_text("utf-8"))]
    assert makers == ["guard.py"]
