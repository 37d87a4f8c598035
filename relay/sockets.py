"""WebSockets as the relay uses them: binary, uncompressed, bounded, and never raising because a peer is gone."""

import asyncio
import contextlib
import socket as socket_module
from http import HTTPStatus

from aiohttp import WebSocketError, WSMessage, WSMsgType, web
from aiohttp.web import BaseRequest

from protocol.limits import Limits
from relay.problems import Problem

WRITE_LIMIT = 64 * 1024
CLOSE_SECONDS = 2.0
NOT_SENT_BYTES = 64 * 1024


def make_socket(request: BaseRequest, limits: Limits) -> web.WebSocketResponse:
    """A WebSocket that is ready to be prepared.

    Raises:
        Problem: 426, the request is no WebSocket handshake.
    """
    socket = web.WebSocketResponse(
        heartbeat=limits.link_heartbeat_seconds,
        compress=False,
        # aiohttp refuses messages of exactly its limit.
        max_msg_size=limits.link_message_bytes + 1,
        writer_limit=WRITE_LIMIT,
        timeout=CLOSE_SECONDS,
    )
    if not socket.can_prepare(request):
        raise Problem(
            HTTPStatus.UPGRADE_REQUIRED, "websocket", "This path speaks WebSocket only.", headers={"Upgrade": "websocket"}
        )
    return socket


def keep_little(transport: asyncio.BaseTransport | None) -> None:
    """Ask the kernel to take no more than it can send soon (TCP_NOTSENT_LOWAT, tcp(7)), where it can be asked.

    Left to itself it takes megabytes for an end on a slow link; what is urgent would wait behind all of them, and the other end
    would learn too late that it has to send less.
    """
    owned = None if transport is None else transport.get_extra_info("socket")
    if owned is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        owned.setsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_NODELAY, 1)
        owned.setsockopt(socket_module.IPPROTO_TCP, socket_module.TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)


async def receive(socket: web.WebSocketResponse) -> WSMessage:
    """The next message; one that is not BINARY ends the conversation. A lost connection is an ERROR message."""
    try:
        return await socket.receive()
    except ConnectionError as error:
        return WSMessage(WSMsgType.ERROR, error, None)


async def close(socket: web.WebSocketResponse, code: int, text: bytes) -> None:
    """Close, waiting shortly for the answer. Closing twice, or before the handshake, does nothing."""
    if not socket.prepared:
        return
    try:
        await socket.close(code=code, message=text)
    except ConnectionError:
        return


def broke_rules(message: WSMessage) -> bool:
    """Whether a non-binary message means that the peer broke the rules (rather than left or vanished)."""
    return message.type is WSMsgType.TEXT or isinstance(message.data, WebSocketError)


def vanished(message: WSMessage) -> bool:
    """Whether a non-binary message means that the connection was lost, or closed by us before, without a closing handshake."""
    return message.type in (WSMsgType.ERROR, WSMsgType.CLOSED) and not isinstance(message.data, WebSocketError)
