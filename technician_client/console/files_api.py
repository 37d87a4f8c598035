"""Files over the console's HTTP: folders as JSON, contents as bodies that are never held whole.

    POST /api/v1/sessions/{id}/files/list              {path, after}: one page of a folder
    POST /api/v1/sessions/{id}/files/folder            {path}: make a folder -> 204
    POST /api/v1/sessions/{id}/files/uploads           {path, size, ...} -> 201 {id}: send the body now; 200: it has ended already
    POST /api/v1/sessions/{id}/files/uploads/{file}    the body -> how it ended
    POST /api/v1/sessions/{id}/files/downloads         {path, folder} -> 201 {id, name, size}; folder: all of it as one archive
    GET  /api/v1/sessions/{id}/files/downloads/{file}  the contents, once
    GET  /api/v1/sessions/{id}/files/transfers         all of this session's
    POST /api/v1/sessions/{id}/files/transfers/{file}  {action}: pause, resume, stop -> 204
Paths are bytes and so base64 here. Everything is behind the guard, as all of the console is.
"""

import asyncio
import secrets
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

import msgspec
from aiohttp import web

from protocol.errors import HandrailError, Refused, Unavailable
from protocol.messages.files import PATH_BYTES, Conflict
from protocol.transfer import shown, split_path
from technician_client.console.answers import answer_json, problem
from technician_client.console.carriage import BodySource, Carriage, Carried
from technician_client.console.hub import LiveSession, SessionHub
from technician_client.transfers import Transfer, list_folder, make_folder
from technician_client.zipping import plain_name

BODY_PIECE: Final = 64 * 1024
READY_SECONDS: Final = 30.0
PathField = Annotated[bytes, msgspec.Meta(max_length=PATH_BYTES)]
T = TypeVar("T")


class ListRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of files/list."""

    path: PathField = b""
    after: Annotated[bytes, msgspec.Meta(max_length=255)] = b""


class PathRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of files/folder."""

    path: PathField


class DownloadRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of files/downloads. `folder`: `path` is one, and all that is in it is wanted, as a ZIP archive."""

    path: PathField
    folder: bool = False


class UploadRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of files/uploads. `mtime` is in seconds since 1970."""

    path: PathField
    size: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    mtime: float = 0.0
    conflict: Conflict = "ask"
    parents: bool = False


class ActionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of files/transfers/{file}."""

    action: Literal["pause", "resume", "stop"]


class FilesApi:
    """The handlers."""

    def __init__(self, hub: SessionHub) -> None:
        self._hub = hub
        self._carriages: WeakKeyDictionary[LiveSession, Carriage] = WeakKeyDictionary()

    def add_routes(self, application: web.Application) -> None:
        """Add every route of the module's table."""
        top, router = "/api/v1/sessions/{id}/files", application.router
        router.add_post(f"{top}/list", self.list)
        router.add_post(f"{top}/folder", self.folder)
        router.add_post(f"{top}/uploads", self.begin_upload)
        router.add_post(f"{top}/uploads/{{file}}", self.upload)
        router.add_post(f"{top}/downloads", self.begin_download)
        router.add_get(f"{top}/downloads/{{file}}", self.download, allow_head=False)
        router.add_get(f"{top}/transfers", self.transfers)
        router.add_post(f"{top}/transfers/{{file}}", self.act)

    async def list(self, request: web.Request) -> web.Response:
        """POST files/list"""
        wish = await _decoded(request, ListRequest)
        try:
            page = await list_folder(self._carriage(request).channel(), wish.path, wish.after)
        except HandrailError as error:
            return refused(error)
        entries = [
            {
                "name": shown(entry.name),
                "raw": entry.name,
                "kind": entry.kind,
                "size": entry.size,
                "mtime": entry.mtime,
            }
            for entry in page.entries
        ]
        return answer_json({"entries": entries, "more": page.more, "free": page.free})

    async def folder(self, request: web.Request) -> web.Response:
        """POST files/folder"""
        wish = await _decoded(request, PathRequest)
        try:
            await make_folder(self._carriage(request).channel(), wish.path)
        except HandrailError as error:
            return refused(error)
        return web.Response(status=204)

    async def begin_upload(self, request: web.Request) -> web.Response:
        """POST files/uploads"""
        wish = await _decoded(request, UploadRequest)
        carriage = self._carriage(request)
        try:
            split_path(wish.path)
        except Refused as error:
            return refused(error)
        source = BodySource(wish.size, wish.mtime, 0o644)
        carried = carriage.upload(wish.path, source, wish.conflict, parents=wish.parents)
        await source.wanted.wait()
        return answer_json(carried.told(), status=200 if carried.ended.is_set() else 201)

    async def upload(self, request: web.Request) -> web.Response:
        """POST files/uploads/{file}"""
        carried = self._carried(request)
        if carried is None or carried.source is None:
            return problem(404, "No such upload", "It has ended. Begin it anew.")
        try:
            async for data in request.content.iter_chunked(BODY_PIECE):
                if not await carried.source.feed(data):
                    break
            else:
                await carried.ended.wait()
        except (ConnectionError, asyncio.CancelledError):
            # The page was closed or reloaded: what has arrived there is kept for the next attempt.
            self._carriage(request).cancel(carried, keep=True)
            raise
        return answer_json(carried.told())

    async def begin_download(self, request: web.Request) -> web.Response:
        """POST files/downloads"""
        wish = await _decoded(request, DownloadRequest)
        carriage = self._carriage(request)
        try:
            carried = carriage.download_folder(wish.path) if wish.folder else carriage.download(wish.path)
        except Refused as error:
            return refused(error)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await carried.ready.wait()
        except TimeoutError:
            self._carriage(request).cancel(carried)
            return refused(Unavailable("The device did not answer in time. Try again."))
        return answer_json(carried.told(), status=200 if carried.ended.is_set() else 201)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET files/downloads/{file}"""
        carried = self._carried(request)
        if carried is None or carried.sink is None or carried.sink.opened.is_set():
            return problem(404, "No such download", "It has ended, or was fetched already. Begin it anew.")
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(plain_name(carried.name), safe='')}",
            }
        )
        if isinstance(carried.transfer, Transfer):  # nobody can say before how long an archive will be
            response.content_length = carried.transfer.size
        try:
            await response.prepare(request)
            async for piece in carried.sink.pieces():
                if piece is None:
                    # The browser must not take what has come for the whole file.
                    if request.transport is not None:
                        request.transport.abort()
                    return response
                await response.write(piece)
        except (ConnectionError, asyncio.CancelledError):
            self._carriage(request).cancel(carried)
            raise
        return response

    async def transfers(self, request: web.Request) -> web.Response:
        """GET files/transfers"""
        return answer_json({"transfers": self._carriage(request).told()})

    async def act(self, request: web.Request) -> web.Response:
        """POST files/transfers/{file}"""
        wish = await _decoded(request, ActionRequest)
        carried = self._carried(request)
        if carried is None:
            return problem(404, "No such transfer", "It has ended.")
        if wish.action == "stop":
            self._carriage(request).cancel(carried)
        else:
            self._carriage(request).pause(carried, wish.action == "pause")
        return web.Response(status=204)

    def _carriage(self, request: web.Request) -> Carriage:
        live = self._hub.get(request.match_info["id"])
        if live is None:
            raise web.HTTPNotFound(text="It has ended, or the console was started anew.")
        carriage = self._carriages.get(live)
        if carriage is None:
            carriage = self._carriages[live] = Carriage(live, new_name=lambda: secrets.token_urlsafe(12))
        return carriage

    def _carried(self, request: web.Request) -> Carried | None:
        return self._carriage(request).get(request.match_info["file"])


async def _decoded(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text=f"That is not a {kind.__name__}: {error}") from error


def refused(error: HandrailError) -> web.Response:
    """What did not work, for the page."""
    more: dict[str, Any] = {"reason": error.reason.value} if isinstance(error, Refused) else {}
    return problem(409, "That did not work", str(error), **more)
