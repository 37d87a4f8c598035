"""The console's routes for recordings.

GET    /api/v1/recordings                  what there is, the newest first
DELETE /api/v1/recordings/{name}           delete one -> 204
GET    /api/v1/recordings/{name}/play      WebSocket: `console.playback`
GET    /api/v1/recordings/{name}/export    WebSocket: begins an export to MP4; `progress` {part}, then `done` or `fault`
{text};
                                           closing it stops the export
GET    /api/v1/recordings/{name}/video     the exported file
"""

import asyncio
import threading
from pathlib import Path
from typing import Any, Final

from aiohttp import WSMsgType, web

from hostio.tasks import Supervisor
from protocol.errors import HandrailError
from technician_client.console.answers import answer_json, problem
from technician_client.console.playback import Playback
from technician_client.console.wire import write_object
from technician_client.errors import NotFound
from technician_client.recordings.export import export
from technician_client.recordings.names import named
from technician_client.recordings.reader import Recording
from technician_client.recordings.store import Kept, Shelf, remove

_TEXT_BYTES: Final = 1024
_HEARTBEAT: Final = 20.0
_LEAST_STEP: Final = 0.005


def recording_row(row: Kept) -> dict[str, Any]:
    """One recording as a page and `--json` show it; times in seconds since 1970."""
    meta = row.meta
    return {
        "name": row.name,
        "size": row.size,
        "seconds": row.seconds,
        "end": row.end,
        "fault": row.fault,
        "session": meta.session if meta else "",
        "device": meta.device if meta else "",
        "label": meta.label if meta else "",
        "technician": meta.technician if meta else "",
        "started_at": meta.started_at if meta else 0.0,
        "exported": video_of(row.path).is_file(),
    }


def video_of(path: Path) -> Path:
    """Where the console exports a recording to."""
    return path.with_suffix(".mp4")


class RecordingsApi:
    """The handlers. Everything is behind the guard: see `console.guard`."""

    def __init__(self, directory: Path, key: bytes, *, days: int = 0, gigabytes: float = 0.0) -> None:
        """Args: days, gigabytes: how long they are kept here, and how much together (0: not limited), for the page to say."""
        self._kept = {"days": days, "gigabytes": gigabytes}
        self._directory = directory
        self._key = key
        self._shelf = Shelf(directory, key)
        self._sockets: set[web.WebSocketResponse] = set()

    def add_routes(self, application: web.Application) -> None:
        """Add every route of the module's table."""
        router = application.router
        router.add_get("/api/v1/recordings", self.list)
        router.add_delete("/api/v1/recordings/{name}", self.delete)
        router.add_get("/api/v1/recordings/{name}/play", self.play)
        router.add_get("/api/v1/recordings/{name}/export", self.export)
        router.add_get("/api/v1/recordings/{name}/video", self.video)
        application.on_shutdown.append(self._close_sockets)

    async def _close_sockets(self, _application: web.Application) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=1001, message=b"the console stops")

    async def list(self, _request: web.Request) -> web.Response:
        """GET /api/v1/recordings"""
        rows = await asyncio.to_thread(self._shelf.listed)
        return answer_json({"recordings": [recording_row(row) for row in rows], "kept": self._kept})

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/recordings/{name}"""
        try:
            path = named(self._directory, request.match_info["name"])
            video = video_of(path)
            if video.is_file():
                await asyncio.to_thread(remove, video)  # in the clear, and listed no longer once its recording is gone
            await asyncio.to_thread(remove, path)
        except NotFound as error:
            return problem(404, "No such recording", str(error))
        except HandrailError as error:
            return problem(500, "Not deleted", str(error))
        return web.Response(status=204)

    async def video(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/recordings/{name}/video"""
        try:
            path = video_of(named(self._directory, request.match_info["name"]))
        except NotFound as error:
            return problem(404, "No such recording", str(error))
        if not path.is_file():
            return problem(404, "Not exported yet", "Export the recording first.")
        headers = {"Content-Disposition": f'attachment; filename="{path.name}"', "Content-Type": "video/mp4"}
        return web.FileResponse(path, headers=headers)

    async def play(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/recordings/{name}/play"""
        socket = await self._accept(request)
        try:
            path = named(self._directory, request.match_info["name"])
            recording = await asyncio.to_thread(Recording, path, self._key)
        except HandrailError as error:
            await socket.send_str(write_object({"type": "fault", "text": str(error)}))
            await socket.close(code=4002, message=b"it does not play")
            return socket
        try:
            await Playback(socket, recording).run()
        except ConnectionError:
            pass  # the tab went away
        finally:
            self._sockets.discard(socket)
            recording.close()
        return socket

    async def export(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/recordings/{name}/export"""
        socket = await self._accept(request)
        cancel = threading.Event()
        try:
            async with Supervisor() as supervisor:
                _ = supervisor.spawn(self._export(socket, request.match_info["name"], cancel), "export")
                async for frame in socket:
                    if frame.type is not WSMsgType.PING:
                        break
        finally:
            cancel.set()
            self._sockets.discard(socket)
        return socket

    async def _export(self, socket: web.WebSocketResponse, name: str, cancel: threading.Event) -> None:
        loop, told = asyncio.get_running_loop(), [0.0]
        parts: asyncio.Queue[float] = asyncio.Queue()

        def progress(part: float) -> None:
            if part - told[0] >= _LEAST_STEP:
                told[0] = part
                loop.call_soon_threadsafe(parts.put_nowait, part)

        async def tell() -> None:
            while True:
                await socket.send_str(write_object({"type": "progress", "part": await parts.get()}))

        try:
            path = named(self._directory, name)
            async with Supervisor() as supervisor:
                _ = supervisor.spawn(tell(), "export's progress")
                await asyncio.to_thread(self._write, path, progress, cancel)
            answer = {"type": "done", "file": str(video_of(path))}
        except HandrailError as error:
            answer = {"type": "fault", "text": str(error)}
        await socket.send_str(write_object(answer))
        await socket.close()

    def _write(self, path: Path, progress: Any, cancel: threading.Event) -> None:
        target = video_of(path)
        with Recording(path, self._key) as recording:
            target.unlink(missing_ok=True)  # an export of before: the recording is the original
            export(recording, target, on_progress=progress, cancel=cancel)

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=_TEXT_BYTES, heartbeat=_HEARTBEAT, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        return socket
