"""The bridge between a tab and a session: order, pace, and pages that misbehave. Sockets are real."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import numpy as np
import pytest

from protocol.capabilities import Capability
from protocol.messages import Lane
from protocol.messages.chat import ChatMessage
from protocol.messages.input import Key, PointerMove
from protocol.messages.screen import Copy, CursorMove, ScreenAck, ScreenStart, ScreenUpdate, Tile
from technician_client.console.bridge import (
    CLOSE_DEAF,
    DOING_AT_ONCE,
    OUTBOX_MOST,
    UNSENT_BYTES,
    WINDOW_UPDATES,
    Bridge,
    Outbox,
    Window,
)
from technician_client.subscriptions import Publisher
from tests.kit.console import MemoryRelay, MemorySession, bgr_tile, running_console, sample_rows
from tests.kit.processes import free_port
from tests.kit.waiting import eventually_async

PICTURE = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)


class Browser:
    """Speaks to a console as its page does."""

    def __init__(self, client: aiohttp.ClientSession, origin: str, relay: MemoryRelay) -> None:
        self.client = client
        self.relay = relay
        self.origin = origin

    async def open(self) -> str:
        wish = {"device": "k3v9w2m4x7q1", "wanted": ["view"], "reason": "", "label": ""}
        answer = await self.client.post("/api/v1/sessions", json=wish, headers={"Origin": self.origin})
        assert answer.status == 201
        return str((await answer.json())["id"])

    async def socket(self, name: str) -> aiohttp.ClientWebSocketResponse:
        return await self.client.ws_connect(f"/api/v1/sessions/{name}/socket", origin=self.origin, max_msg_size=0)


async def texts(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next object of that type."""
    while True:
        frame = await socket.receive(timeout=5)
        assert frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), frame
        if frame.type is aiohttp.WSMsgType.TEXT and isinstance(value := json.loads(frame.data), dict) and value["type"] == kind:
            return value


async def binary(socket: aiohttp.ClientWebSocketResponse) -> bytes:
    """The next binary message."""
    while True:
        frame = await socket.receive(timeout=5)
        assert frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), frame
        if frame.type is aiohttp.WSMsgType.BINARY:
            return bytes(frame.data)


async def closing(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code that it is closed with."""
    async with asyncio.timeout(60):
        while (await socket.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            pass
    return socket.close_code


@pytest.fixture
def session() -> MemorySession:
    return MemorySession([Capability.VIEW, Capability.CONTROL, Capability.CHAT], PICTURE)


@pytest.fixture
async def browser(session: MemorySession, tmp_path: Path) -> AsyncIterator[Browser]:
    relay = MemoryRelay(session, sample_rows(time.time()))
    relay.ready()
    async with running_console(relay, tmp_path) as address:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(address.origin, cookie_jar=jar) as client:
            entrance = address.file.read_text("utf-8").split('href="')[1].split('"')[0]
            async with client.get(entrance) as answer:
                assert answer.status == 200
            yield Browser(client, address.origin, relay)


@pytest.fixture
async def socket(browser: Browser) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with await browser.socket(await browser.open()) as opened:
        while (await texts(opened, "session"))["phase"] != "open":
            pass
        yield opened


async def test_the_picture_arrives_as_it_was_sent(socket: aiohttp.ClientWebSocketResponse, session: MemorySession) -> None:
    await socket.send_str('["screen.start", ["avc1.f4002a"], 60, "", "auto"]')
    update = await binary(socket)
    assert session.of(ScreenStart) == [ScreenStart(["avc1.f4002a"])]
    shown = np.frombuffer(update[24 + 16 :], np.uint8).reshape(48, 64, 4)
    assert np.array_equal(shown[..., :3], PICTURE)
    assert (shown[..., 3] == 255).all()
    cursor = await binary(socket)
    assert cursor[0] == 2


async def test_what_the_page_types_reaches_the_agent_in_order(
    socket: aiohttp.ClientWebSocketResponse, session: MemorySession
) -> None:
    await socket.send_str('["input.pointer_move", 5, 6]')
    await socket.send_str('["input.key", "KeyE", "é", true, "text"]')
    await eventually_async(lambda: len(session.sent) == 2, "two messages")
    assert session.sent == [PointerMove(5, 6), Key("KeyE", "é", True, "text")]


async def test_a_browser_that_does_not_paint_is_not_sent_more(
    socket: aiohttp.ClientWebSocketResponse, session: MemorySession
) -> None:
    await socket.send_str('["screen.start", [], 60, "", "auto"]')
    await binary(socket)
    await socket.send_str('["screen.ack", 1, 0, 0]')
    for _ in range(3 * WINDOW_UPDATES):
        session.update(Tile(0, 0, 8, 8, "fill", b"abc"))
    received, wanted = 0, WINDOW_UPDATES + 1  # and the pointer's shape
    with pytest.raises(TimeoutError):
        while True:
            async with asyncio.timeout(60 if received < wanted else 0.4):
                received += int((await socket.receive()).type is aiohttp.WSMsgType.BINARY)
    assert received == wanted
    await socket.send_str(json.dumps(["screen.ack", 1 + WINDOW_UPDATES, 0, 0]))
    for _ in range(WINDOW_UPDATES):
        await binary(socket)
    assert isinstance(session.sent[-1], ScreenAck)


async def test_nothing_is_left_out_when_a_slow_browser_comes_back(
    socket: aiohttp.ClientWebSocketResponse, session: MemorySession
) -> None:
    await socket.send_str('["screen.start", [], 60, "", "auto"]')
    assert (await binary(socket))[0] == 1
    await socket.send_str('["screen.ack", 1, 0, 0]')
    for _ in range(200):
        session.update(Copy(0, 0, 8, 8, 1, 1))
    seen: list[int] = []
    while len(seen) < 200:
        data = await binary(socket)
        if data[0] == 1:
            seen.append(int(np.frombuffer(data[8:16], np.float64)[0]))
            await socket.send_str(json.dumps(["screen.ack", seen[-1], 0.1, 0]))
    assert seen == sorted(seen)
    assert len(set(seen)) == 200


@pytest.mark.parametrize("said", ['["session.hello", 1]', "{}", "junk", '["input.pointer_move", 1e9, 0]'])
async def test_a_page_that_says_something_else_is_cut_off(socket: aiohttp.ClientWebSocketResponse, said: str) -> None:
    await socket.send_str(said)
    while (frame := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
        pass
    assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, 4002)


async def test_binary_of_the_page_is_not_read(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.send_bytes(b"\x01")
    while (frame := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
        pass
    assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, 4002)


async def test_a_second_tab_replaces_the_first(browser: Browser, session: MemorySession) -> None:
    name = await browser.open()
    async with await browser.socket(name) as first, await browser.socket(name) as second:
        while (frame := await first.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert frame.data == 4001
        await texts(second, "session")
        session.say(ChatMessage("still here", 1.0))
        assert (await texts(second, "chat"))["text"] == "still here"


async def test_an_impossible_picture_ends_the_session_by_name(
    socket: aiohttp.ClientWebSocketResponse, session: MemorySession
) -> None:
    await socket.send_str('["screen.start", [], 60, "", "auto"]')
    await binary(socket)
    session.update(Tile(60, 40, 30, 30, "fill", b"abc"))
    assert "broke the protocol" in (await texts(socket, "notice"))["text"]
    await eventually_async(lambda: session.over is not None, "the end")
    assert session.over is not None
    assert session.over.reason == "protocol_error"


async def test_what_was_on_its_way_to_an_older_tab_is_left_out(
    socket: aiohttp.ClientWebSocketResponse, session: MemorySession
) -> None:
    session.update(Tile(0, 0, 8, 8, "fill", b"abc"))
    await socket.send_str('["screen.start", [], 60, "", "auto"]')
    update = await binary(socket)
    assert int(np.frombuffer(update[8:16], np.float64)[0]) == 2
    assert session.over is None


async def test_statistics_count_what_went_through(socket: aiohttp.ClientWebSocketResponse, session: MemorySession) -> None:
    await socket.send_str('["screen.start", [], 60, "", "auto"]')
    stats = await texts(socket, "stats")
    assert (stats["round_trip_ms"], stats["round_trip_last_ms"]) == (12.0, 14.0)
    assert stats["updates_per_second"] > 0
    assert stats["bytes_per_second"] > 1000
    assert stats["unpainted"] == 1


async def test_ask_and_end(socket: aiohttp.ClientWebSocketResponse, session: MemorySession) -> None:
    await socket.send_str('{"type": "ask", "capability": "fixes", "reason": "disk"}')
    assert (await texts(socket, "asked"))["granted"] is True
    assert session.asked == [(Capability.FIXES, "disk")]
    await socket.send_str('{"type": "end"}')
    assert (await texts(socket, "session"))["phase"] == "over"


async def test_a_page_that_wants_everything_at_once_is_read_no_faster_than_it_is_done(
    socket: aiohttp.ClientWebSocketResponse, session: MemorySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions to the user, which take their time: so many are open at once, and each is answered in the end."""
    answered, open_now, most_open = asyncio.Event(), 0, 0

    async def ask(capability: Capability, reason: str) -> None:
        nonlocal open_now, most_open
        open_now += 1
        most_open = max(most_open, open_now)
        await answered.wait()
        open_now -= 1

    monkeypatch.setattr(session, "ask", ask)
    for _ in range(5 * DOING_AT_ONCE):
        await socket.send_str('{"type": "ask", "capability": "fixes", "reason": "disk"}')
    await eventually_async(lambda: open_now == DOING_AT_ONCE, "as many as are asked at once")
    answered.set()
    for _ in range(5 * DOING_AT_ONCE):
        assert (await texts(socket, "asked"))["granted"] is True
    assert most_open == DOING_AT_ONCE


async def test_a_page_that_says_more_than_the_network_takes_is_read_no_further(browser: Browser, session: MemorySession) -> None:
    waiting = UNSENT_BYTES + 1
    session.channel = SimpleNamespace(
        subscribe=lambda *_kinds, limit: Publisher[Any]().subscribe(lambda _item: True, limit),
        pending=lambda lane: waiting if lane is Lane.INPUT else 0,
    )
    async with await browser.socket(await browser.open()) as socket:
        while (await texts(socket, "session"))["phase"] != "open":
            pass
        for _ in range(1000):
            await socket.send_str('["input.pointer_move", 5, 6]')
        await texts(socket, "stats")
        assert session.of(PointerMove) == [PointerMove(5, 6)]
        waiting = 0
        await eventually_async(lambda: len(session.of(PointerMove)) == 1000, "all of it, once there is room")


async def test_a_page_that_reads_nothing_is_closed_before_it_costs_memory(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told more than it takes."""
    made: list[Bridge] = []

    def make(*arguments: Any) -> Bridge:
        made.append(Bridge(*arguments))
        return made[-1]

    monkeypatch.setattr("technician_client.console.api.Bridge", make)
    async with await browser.socket(await browser.open()) as socket:
        while (await texts(socket, "session"))["phase"] != "open":
            pass
        (bridge,) = made
        for _ in range(2 * OUTBOX_MOST):
            bridge.tell({"type": "notice", "text": "x"})
        assert len(bridge._outbox) == 0
        assert (await closing(socket)) == CLOSE_DEAF


async def test_whoever_ends_twice_or_says_more_after_the_end_is_told_so(session: MemorySession, browser: Browser) -> None:
    """Also where the session was given up before it was open, and nothing of it runs any more."""
    relay = browser.relay
    relay.connect.clear()
    async with await browser.socket(await browser.open()) as socket:
        await texts(socket, "session")
        await socket.send_str('{"type": "end"}')
        while (await texts(socket, "session"))["phase"] != "over":
            pass
        for wish in ('{"type": "end"}', '{"type": "note", "text": "x"}', '{"type": "forward", "port": 80}'):
            await socket.send_str(wish)
            assert (await texts(socket, "notice"))["text"] == "The session is over."
        await socket.send_str('["input.release_all"]')
        assert (await texts(socket, "notice"))["text"] == "The session is not open."


async def test_ports_are_forwarded_once_that_is_granted_and_stopped_by_their_number(
    browser: Browser, session: MemorySession
) -> None:
    session.channel = SimpleNamespace(
        subscribe=lambda *_kinds, limit: Publisher[Any]().subscribe(lambda _item: True, limit), pending=lambda _lane: 0
    )
    socket = await browser.socket(await browser.open())
    while (await texts(socket, "session"))["phase"] != "open":
        pass
    wish = json.dumps({"type": "forward", "port": free_port()})
    await socket.send_str(wish)
    assert "not granted" in (await texts(socket, "forward_started"))["text"]
    session.grant(*session.granted, Capability.FORWARD)
    await texts(socket, "granted")
    await socket.send_str(wish)
    (row,) = (await texts(socket, "forwards"))["forwards"]
    started = await texts(socket, "forward_started")
    assert (started["number"], started["text"]) == (row["number"], "")
    await socket.send_str(json.dumps({"type": "forward_stop", "number": row["number"]}))
    assert (await texts(socket, "forwards"))["forwards"] == []
    await socket.close()


async def test_a_large_tile_goes_through_a_thread_in_order(browser: Browser, session: MemorySession) -> None:
    session.picture = np.zeros((600, 800, 3), np.uint8)
    async with await browser.socket(await browser.open()) as socket:
        while (await texts(socket, "session"))["phase"] != "open":
            pass
        await socket.send_str('["screen.start", [], 60, "", "auto"]')
        assert (await binary(socket))[0] == 1
        for value in range(1, 6):
            session.update(bgr_tile(0, 0, np.full((600, 800, 3), value, np.uint8)), Tile(0, 0, 1, 1, "fill", b"abc"))
        sizes = []
        while len(sizes) < 5:
            data = await binary(socket)
            if data[0] == 1:
                sizes.append((data[24 + 16], len(data)))
        assert [first for first, _ in sizes] == [1, 2, 3, 4, 5]


async def test_the_outbox_merges_positions_and_keeps_the_rest() -> None:
    outbox = Outbox(limit=3)
    update = ScreenUpdate(1, 1, 1, [])
    for item in (CursorMove(1, 1), CursorMove(2, 2), update, CursorMove(3, 3), CursorMove(4, 4)):
        outbox.put(item)
    assert len(outbox) == 3
    waiting = asyncio.ensure_future(outbox.room())  # noqa: TID251
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await outbox.take() == CursorMove(2, 2)
    await asyncio.wait_for(waiting, 60)
    assert [await outbox.take(), await outbox.take()] == [update, CursorMove(4, 4)]
    outbox.put("x")
    outbox.close()
    outbox.put("y")
    assert len(outbox) == 0
    await asyncio.wait_for(outbox.room(), 60)


async def test_the_window_opens_when_something_is_painted() -> None:
    window = Window(updates=2, size=100)
    window.sent(1, 10)
    await asyncio.wait_for(window.opened(), 60)
    window.sent(2, 95)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(window.opened(), 0.01)
        window.painted(0)
    window.painted(1)
    await asyncio.wait_for(window.opened(), 60)
    window.painted(99)
    assert len(window) == 0
    window.sent(3, 500)
    window.reset()
    await asyncio.wait_for(window.opened(), 60)
