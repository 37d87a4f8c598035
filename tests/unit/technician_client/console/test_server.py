"""Starting and stopping the console."""

import asyncio
import socket
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import yarl

from protocol.capabilities import Capability
from technician_client.console.guard import NotLoopback
from technician_client.console.ports import Target
from technician_client.console.server import ConsoleAddress, ConsoleError, FirstSession, serve
from tests.kit.console import MemoryRelay, MemorySession, running_console, sample_rows
from tests.kit.waiting import eventually_async


@pytest.fixture
def relay() -> MemoryRelay:
    return MemoryRelay(MemorySession([Capability.VIEW], np.zeros((4, 4, 3), np.uint8)), sample_rows(time.time()))


def entrance(address: ConsoleAddress) -> str:
    return address.file.read_text("utf-8").split('href="')[1].split('"')[0]


async def test_the_file_lets_in_and_is_renewed_and_goes_away(relay: MemoryRelay, tmp_path: Path) -> None:
    async with running_console(relay, tmp_path) as address:
        assert stat.S_IMODE(address.file.stat().st_mode) == 0o600
        first = entrance(address)
        assert first.startswith(f"{address.origin}/open?token=")
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            assert (await client.get(f"{address.origin}/")).status == 401
            assert (await client.get(first)).status == 200
            page = await client.get(f"{address.origin}/")
            assert page.status == 200
            assert "Handrail" in await page.text()
        assert entrance(address) != first
    assert not address.file.exists()


async def test_every_route_is_locked_without_the_cookie(relay: MemoryRelay, tmp_path: Path) -> None:
    async with running_console(relay, tmp_path) as address, aiohttp.ClientSession(address.origin) as client:
        for path in ("/", "/js/main.js", "/css/base.css", "/vendor/lock.json", "/api/v1/sessions", "/api/v1/live", "/nothing"):
            async with client.get(path) as answer:
                assert answer.status == 401, path
                assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/js/../../server.py",
        "/js/%2e%2e/%2e%2e/server.py",
        "/..%2fserver.py",
        "/js/",
        "/vendor/lock.json",
        "/js/main.js/",
        "/js//main.js",
        "/js/main.js;x",
        "/index.html",
    ],
)
async def test_paths_lead_nowhere_else(relay: MemoryRelay, tmp_path: Path, path: str) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with running_console(relay, tmp_path) as address, aiohttp.ClientSession(cookie_jar=jar) as client:
        await client.get(entrance(address))
        async with client.get(yarl.URL(address.origin + path, encoded=True)) as answer:
            assert answer.status == 404
        async with client.get(f"{address.origin}/js/main.js") as answer:
            assert answer.status == 200


async def test_a_taken_port_is_said_in_words(relay: MemoryRelay, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConsoleError, match="--port"):
            async with running_console(relay, tmp_path, taken.getsockname()[1]):
                pass


async def test_it_never_listens_for_others(relay: MemoryRelay, tmp_path: Path) -> None:
    with pytest.raises(NotLoopback):
        await serve(lambda: pytest.fail("not reached"), "0.0.0.0", home=tmp_path, on_ready=lambda _address: None)


async def test_stopping_ends_sessions_and_tabs(relay: MemoryRelay, tmp_path: Path) -> None:
    relay.ready()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with running_console(relay, tmp_path) as address:
            await client.get(entrance(address))
            origin = {"Origin": address.origin}
            wish = {"device": "k3v9w2m4x7q1", "wanted": ["view"]}
            made = await (await client.post(f"{address.origin}/api/v1/sessions", json=wish, headers=origin)).json()
            path = f"{address.origin}/api/v1/sessions/{made['id']}/socket"
            tab = await client.ws_connect(path, origin=address.origin)
            await eventually_async(lambda: relay.opened, "the call")
            while (await tab.receive_json(timeout=5)).get("phase") != "open":
                pass
        assert relay.session.over is not None
        while (frame := await tab.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_it_can_begin_with_a_session(relay: MemoryRelay, tmp_path: Path) -> None:
    @asynccontextmanager
    async def factory() -> AsyncIterator[MemoryRelay]:
        yield relay

    stop = asyncio.Event()
    ready: asyncio.Future[ConsoleAddress] = asyncio.get_running_loop().create_future()
    first = FirstSession(Target(device="k3v9w2m4x7q1"), [Capability.VIEW], "why", "reception-pc")
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(factory, home=tmp_path, on_ready=ready.set_result, stop=stop, first=first))
        address = await ready
        await eventually_async(lambda: relay.opened, "the call")
        async with aiohttp.ClientSession() as client, client.get(entrance(address)) as answer:
            assert "/#/session/" in await answer.text()
        stop.set()
