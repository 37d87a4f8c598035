"""WebSockets as the relay uses them."""

import asyncio
import socket as socket_module
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMessage, WSMsgType, web
from aiohttp.test_utils import make_mocked_request

from protocol.limits import Limits
from relay.listener import Gate, Listener
from relay.metrics import Metrics
from relay.porter import Porter, bind
from relay.problems import Problem
from relay.sockets import NOT_SENT_BYTES, broke_rules, close, keep_little, make_socket, receive, vanished
from tests.kit.waiting import eventually_async

Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def conversation(serve: Serve, limits: Limits | None = None) -> AsyncIterator[ClientWebSocketResponse]:
    """A client's end of one WebSocket whose other end is served by `serve`."""

    async def handler(request: web.BaseRequest) -> web.WebSocketResponse:
        socket = make_socket(request, limits or Limits())
        await socket.prepare(request)
        await serve(socket)
        return socket

    gate = Gate(Metrics(), 10, 10)
    listener = Listener(handler, gate)
    porter = Porter(await bind("127.0.0.1", 0), listener, gate)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(porter.run())
        try:
            url = f"http://127.0.0.1:{porter.port}/"
            async with ClientSession() as session, session.ws_connect(url, compress=15) as client:
                yield client
        finally:
            running.cancel()
            await listener.shutdown(2.0)


async def test_messages_up_to_the_limit_pass_and_compression_is_not_agreed() -> None:
    async def echo(socket: web.WebSocketResponse) -> None:
        assert not socket.compress
        while (message := await receive(socket)).type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)

    async with conversation(echo, Limits(link_message_bytes=1000)) as client:
        assert not client.compress
        await client.send_bytes(b"x" * 1000)
        assert await client.receive_bytes() == b"x" * 1000


@pytest.mark.parametrize("kind", ["large", "text", "left", "gone"])
async def test_breaking_the_rules_is_told_apart_from_leaving(kind: str) -> None:
    seen: list[tuple[bool, bool]] = []

    async def once(socket: web.WebSocketResponse) -> None:
        message = await receive(socket)
        assert message.type is not WSMsgType.BINARY
        seen.append((broke_rules(message), vanished(message)))
        await close(socket, 1003, b"enough")
        await close(socket, 1003, b"twice does nothing")

    async with conversation(once, Limits(link_message_bytes=1000)) as client:
        match kind:
            case "large":
                await client.send_bytes(b"x" * 1001)
            case "text":
                await client.send_str("hello")
            case "left":
                await client.close()
            case "gone":
                transport = client.get_extra_info("transport")
                (transport or client._conn.transport).abort()  # type: ignore[union-attr]
        while not (await client.receive()).type.name.startswith("CLOS"):
            pass
        await eventually_async(lambda: seen, "the server has seen the end")
    assert seen == [(kind in ("large", "text"), kind == "gone")]


async def test_a_lost_connection_is_a_message_and_not_an_exception() -> None:
    class Lost(web.WebSocketResponse):  # type: ignore[type-arg]
        async def receive(self, timeout: float | None = None) -> WSMessage:  # type: ignore[override]
            raise ConnectionResetError("gone")

    message = await receive(Lost())
    assert message.type is WSMsgType.ERROR
    await close(Lost(), 1000, b"not prepared: nothing happens")


def test_a_plain_request_is_told_to_upgrade() -> None:
    with pytest.raises(Problem) as caught:
        make_socket(make_mocked_request("GET", "/"), Limits())
    assert caught.value.status == 426


async def test_the_kernel_is_asked_to_keep_little_for_a_slow_end() -> None:
    async def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(leave, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        keep_little(writer.transport)
        owned = writer.get_extra_info("socket")
        assert owned.getsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_NOTSENT_LOWAT) == NOT_SENT_BYTES
        writer.close()
        await writer.wait_closed()
    keep_little(None)
