"""The clipboard over the console's HTTP.

    POST /api/v1/sessions/{id}/clipboard/{kind}   the contents (text as UTF-8, image as PNG) -> 204 once they are there
    GET  /api/v1/sessions/{id}/clipboard/{kind}   what is there, as bytes that no browser takes for a page
That something changed is told by `clipboard.changed` through the session's socket.
"""

from typing import Final, Literal, cast

from aiohttp import web

from protocol.errors import HandrailError, RefusalReason, Refused, Unavailable
from protocol.messages.clipboard import Kind, most_bytes
from technician_client.clipboards import get_clipboard, put_clipboard
from technician_client.console.answers import problem
from technician_client.console.files_api import refused
from technician_client.console.hub import LiveSession, SessionHub
from technician_client.transfers import Channel

PIECE: Final = 64 * 1024


class ClipboardApi:
    """The handlers."""

    def __init__(self, hub: SessionHub) -> None:
        self._hub = hub

    def add_routes(self, application: web.Application) -> None:
        """Add every route of the module's table."""
        path = "/api/v1/sessions/{id}/clipboard/{kind:text|image}"
        application.router.add_post(path, self.put)
        application.router.add_get(path, self.get, allow_head=False)

    async def put(self, request: web.Request) -> web.Response:
        """POST clipboard/{kind}"""
        kind = _kind(request)
        data = bytearray()
        async for piece in request.content.iter_chunked(PIECE):
            data += piece
            if len(data) > most_bytes(kind):
                text = f"A clipboard's {kind} has at most {most_bytes(kind) // 1024} KiB. Put it there as a file."
                return refused(Refused(text, reason=RefusalReason.LIMIT))
        try:
            await put_clipboard(self._channel(request), kind, bytes(data))
        except (HandrailError, TimeoutError) as error:
            return _failed(error)
        return web.Response(status=204)

    async def get(self, request: web.Request) -> web.Response:
        """GET clipboard/{kind}"""
        try:
            data = await get_clipboard(self._channel(request), _kind(request))
        except (HandrailError, TimeoutError) as error:
            return _failed(error)
        return web.Response(body=data, content_type="application/octet-stream")

    def _channel(self, request: web.Request) -> Channel:
        live: LiveSession | None = self._hub.get(request.match_info["id"])
        if live is None or live.channel is None:
            raise Unavailable("The session is not open. Wait until it is back.")
        return live.channel


def _kind(request: web.Request) -> Kind:
    return cast(Literal["text", "image"], request.match_info["kind"])  # the route lets nothing else through


def _failed(error: HandrailError | TimeoutError) -> web.Response:
    if isinstance(error, HandrailError):
        return refused(error)
    return problem(504, "No answer", "The device did not answer in time. Try again.")
