"""The console's local socket, fed with rubbish by whoever has its cookie, in the real process: refused by documented codes, at
bounded cost, while a proper page works beside it and the session lives on."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest
from playwright.sync_api import expect

from tests.kit.console_page import ConsolePage
from tests.kit.terminal import Terminal
from tests.kit.waiting import eventually
from tests.kit.world import World

pytestmark = [pytest.mark.browser]
MOST_GROWTH = 96 * 1024 * 1024
MANY = 20_000
HOSTILE_TEXTS = (
    "",
    "junk",
    "[" * 30_000,
    '{"type":' * 8_000,
    json.dumps(["input.pointer_move", "5", None]),
    json.dumps(["input.pointer_move", 10**30, 5]),
    json.dumps(["screen.ack", 10**30, 1.0, 1]),
    json.dumps(["fixes.run", 1, "x", {"a": 10**30}, "", ""]),
    json.dumps(["session.welcome", ["control"], 1e9, "x", True]),
    json.dumps(["session.capability_granted", 1, "control", 1e9]),
    json.dumps({"type": "ask", "capability": "everything"}),
    json.dumps({"type": "end", "more": 1}),
    '["chat.message", "\\ud800", 1]',
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        yield world
    finally:
        world.stop()


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


class Flooder:
    """Somebody with the console's cookie and bad intentions."""

    def __init__(self, client: aiohttp.ClientSession, origin: str) -> None:
        self.client, self.origin = client, origin

    async def begin(self) -> str:
        """Ask for a session, and where its socket is."""
        rows: list[dict[str, str]] = []
        async with self.client.ws_connect("/api/v1/live", origin=self.origin, max_msg_size=0) as live:
            while not rows:
                told = await live.receive_json(timeout=60)
                rows = told["devices"] if told["type"] == "devices" else []
        wish = {"device": rows[0]["id"], "wanted": ["chat"], "reason": "the flood"}
        async with self.client.post("/api/v1/sessions", json=wish, headers={"Origin": self.origin}) as answer:
            return f"/api/v1/sessions/{(await answer.json())['id']}/socket"

    async def open(self, path: str) -> aiohttp.ClientWebSocketResponse:
        return await self.client.ws_connect(path, origin=self.origin, max_msg_size=0)

    async def code_after(self, path: str, frame: str | bytes) -> int | None:
        """What a socket is closed with that says this."""
        async with asyncio.timeout(60), await self.open(path) as one:
            await (one.send_str(frame) if isinstance(frame, str) else one.send_bytes(frame))
            while (await one.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                pass
            return one.close_code

    async def talk(self, path: str) -> None:
        """Thousands of messages that are each allowed, as fast as they are taken."""
        async with asyncio.timeout(400), await self.open(path) as one:
            reading = asyncio.get_running_loop().create_task(self._read(one))
            for number in range(MANY):
                await one.send_str(json.dumps(["input.pointer_move", number % 800, 5]))
                if number % 20 == 0:
                    await one.send_str(json.dumps({"type": "note", "text": f"{number} " + "x" * 1000}))
                    await one.send_str(json.dumps({"type": "forward", "port": 80}))
                    await one.send_str(json.dumps({"type": "forward_stop", "number": number}))
            await one.send_str(json.dumps(["chat.message", "still here", 1.0]))
            await reading

    async def _read(self, one: aiohttp.ClientWebSocketResponse) -> None:
        """Until the console has taken the last of it, in order."""
        async for frame in one:
            told = json.loads(frame.data) if frame.type is aiohttp.WSMsgType.TEXT else {}
            if isinstance(told, dict) and told.get("type") == "chat" and told.get("text") == "still here":
                return

    async def everything(self, path: str) -> None:
        """What a page may not say, and what is no WebSocket at all."""
        for text in HOSTILE_TEXTS:
            assert await self.code_after(path, text) == 4002, text[:60]
        assert await self.code_after(path, b"\0" * 1000) == 4002
        assert await self.code_after(path, "x" * 70_000) == 1009
        for unknown in ("/api/v1/sessions/nothing/socket", "/api/v1/sessions/%2e%2e/socket"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
                await self.open(unknown)
        for body in (b"[" * 60_000, b'{"wanted": 1e999}', b"\xff\xfe", b"x" * 70_000, json.dumps({"device": "../x"}).encode()):
            async with self.client.post("/api/v1/sessions", data=body, headers={"Origin": self.origin}) as answer:
                assert answer.status in (400, 413), (body[:20], answer.status)
        await self.talk(path)


def rubbish(port: int, data: bytes) -> bytes:
    """What is answered to bytes that are no HTTP, or nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(data)
            return connection.recv(4096)
        except ConnectionError:
            return b""


async def flood(address: str, person: Terminal) -> None:
    entrance = Path(address.removeprefix("file://")).read_text("utf-8").split('href="')[1].split('"')[0]
    origin, _, _ = entrance.partition("/open")
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(origin, cookie_jar=jar) as client:
        async with client.get(entrance) as answer:
            assert answer.status == 200
        flooder = Flooder(client, origin)
        path = await flooder.begin()
        await asyncio.to_thread(person.expect, r"Your answer \[y/N\]", seconds=60)
        person.type("y\n")
        await asyncio.to_thread(person.expect, r"chat with you\? \[y/N\]", seconds=60)
        person.type("y\n")
        await asyncio.to_thread(person.expect, "(?i)may now|is connected|session", seconds=60)
        await flooder.everything(path)
        await asyncio.to_thread(person.expect, "still here", seconds=60)
    for data in (b"\x16\x03\x01" * 1000, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000, b"\0" * 100_000):
        answer = await asyncio.to_thread(rubbish, int(origin.rpartition(":")[2]), data)
        assert answer == b"" or (answer.startswith(b"HTTP/1.") and b" 200 " not in answer[:20]), answer[:60]


def test_rubbish_and_floods_cost_the_console_little_and_a_page_beside_works(world: World) -> None:
    address = world.everything(None)
    person = world.user("attend")
    person.expect("Waiting for technicians")
    console = world.processes["console"]
    with ConsolePage(address, width=1280, height=720) as proper, ThreadPoolExecutor(1) as threads:
        before = resident(console.pid)
        flooding = threads.submit(asyncio.run, flood(address, person))
        visits = 0
        while not flooding.done() or visits < 2:
            for name in ("Library", "Devices"):
                proper.page.get_by_role("link", name=name, exact=True).click()
                expect(proper.page.get_by_role("heading", name=name, exact=True).first).to_be_visible(timeout=20_000)
            visits += 1
        flooding.result()
        eventually(lambda: resident(console.pid) < before + MOST_GROWTH, "the memory is given back")
        assert proper.problems == []
    assert console.popen.poll() is None
    assert "Traceback" not in console.output, console.output[-3000:]
    person.stop()
