"""Files between a browser and a device: the console only passes their bytes on, a few megabytes at a time at most.

A browser that is slow, or a device that is, holds the other back. What the user of the page sees of it are "transfer" objects. A
transfer outlives a cut of the session: it goes on in the one that is resumed.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from hostio.tasks import Supervisor
from protocol.errors import HandrailError, Unavailable
from protocol.messages.files import Conflict
from protocol.transfer import BulkPacer, shown
from technician_client.errors import SessionLost
from technician_client.folder_download import FolderDownload
from technician_client.transfers import Channel, Download, Transfer, Upload

_LOGGER = logging.getLogger(__name__)
QUEUED_PIECES: Final = 6
TELL_SECONDS: Final = 0.25
RETRY_SECONDS: Final = 0.2
UNOPENED_SECONDS: Final = 60.0
ENDED_KEPT: Final = 100
AT_ONCE: Final = 4


class State(StrEnum):
    """Where a transfer stands, as the page shows it."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    LOST = "reconnecting"
    DONE = "done"
    EXISTS = "exists"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    DIFFERS = "differs"
    FAILED = "failed"


ENDED: Final = frozenset({State.DONE, State.EXISTS, State.SKIPPED, State.STOPPED, State.DIFFERS, State.FAILED})


class Live(Protocol):
    """What a carriage needs of `hub.LiveSession`."""

    supervisor: Supervisor

    @property
    def channel(self) -> Channel | None:
        """The open session; None while there is none."""

    @property
    def is_over(self) -> bool:
        """It does not come back."""

    def tell(self, value: dict[str, Any]) -> None:
        """Say something to the tab that shows it."""


class BodySource:
    """The body of a request, as `transfers.Source`. `wanted` is set when the first byte is asked for or none will be any more,
    `came` when the first has come."""

    def __init__(self, size: int, mtime: float, mode: int) -> None:
        self.size, self.mtime, self.mode = size, mtime, mode
        self.wanted = asyncio.Event()
        self.came = asyncio.Event()
        self._pieces: asyncio.Queue[bytes | HandrailError] = asyncio.Queue(QUEUED_PIECES)
        self._left = b""
        self._closed = False

    async def feed(self, data: bytes) -> bool:
        """The browser sent these; returns when there is room for more, or that nobody wants more."""
        if not self._closed:
            self.came.set()
            await self._pieces.put(data)
        return not self._closed

    def close(self) -> None:
        """Nobody reads it any more; whoever waits here goes on."""
        self._closed = True
        self.wanted.set()
        while not self._pieces.empty():
            self._pieces.get_nowait()

    async def fail(self, error: HandrailError) -> None:
        """The browser went away."""
        await self._pieces.put(error)

    async def read(self, most: int) -> bytes:
        """See `Source`."""
        self.wanted.set()
        if not self._left:
            piece = await self._pieces.get()
            if isinstance(piece, HandrailError):
                raise piece
            self._left = piece
        data, self._left = self._left[:most], self._left[most:]
        return data

    async def restart(self) -> bool:
        """See `Source`: what a browser has sent is gone."""
        return False


class BodySink:
    """The body of an answer, as `transfers.Sink`. The last piece leaves only after the hash was right, so that a browser never
    takes a file for whole that is not."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED_PIECES)
        self._last = b""

    async def write(self, data: bytes) -> None:
        """See `Sink`."""
        if self._last:
            await self._pieces.put(self._last)
        self._last = data

    async def restart(self) -> bool:
        """See `Sink`: what a browser has got cannot be taken back."""
        return False

    async def finish(self) -> None:
        """All of it came, and is right."""
        if self._last:
            await self._pieces.put(self._last)
        await self._pieces.put(b"")

    async def fail(self) -> None:
        """It will not be whole."""
        await self._pieces.put(None)

    async def pieces(self) -> AsyncIterator[bytes | None]:
        """What there is to pass on; None at last when it must not look whole."""
        self.opened.set()
        while piece := await self._pieces.get():
            yield piece
        if piece is None:
            yield None


@dataclass(slots=True)
class Carried:
    """One transfer of a page."""

    id: str
    upload: bool
    name: bytes
    transfer: Transfer | FolderDownload
    state: State = State.WAITING
    text: str = ""
    path: bytes = b""
    source: BodySource | None = None
    sink: BodySink | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self) -> dict[str, Any]:
        """As the page is told of it."""
        transfer = self.transfer
        state, text = self.state, self.text
        if state is State.RUNNING and not transfer.running.is_set():
            state = State.PAUSED
        elif state is State.RUNNING and transfer.held:
            state, text = State.HELD, transfer.held
        elif state is State.RUNNING and isinstance(transfer, FolderDownload):
            text = transfer.note
        return {
            "type": "transfer",
            "id": self.id,
            "direction": "up" if self.upload else "down",
            "folder": isinstance(transfer, FolderDownload),
            "name": shown(self.name),
            "path": shown(self.path or transfer.path),
            "size": transfer.size,
            "done": transfer.done,
            "state": state,
            "text": text,
        }


class Carriage:
    """The transfers of one session's pages. Event loop only."""

    def __init__(self, live: Live, *, new_name: Callable[[], str]) -> None:
        self._live = live
        self._new_name = new_name
        self._transfers: dict[str, Carried] = {}
        self._pacer = BulkPacer()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def get(self, name: str) -> Carried | None:
        """The transfer of that id."""
        return self._transfers.get(name)

    def told(self) -> list[dict[str, Any]]:
        """All of them, for a page that has just been opened."""
        return [carried.told() for carried in self._transfers.values()]

    def channel(self) -> Channel:
        """The session, for one question.

        Raises:
            Unavailable: there is none at the moment.
        """
        if self._live.channel is None:
            raise Unavailable("The session is not open. Wait until it is back.")
        return self._live.channel

    def upload(self, path: bytes, source: BodySource, conflict: Conflict, *, parents: bool) -> Carried:
        """Begin to put what a browser will send."""
        transfer = Upload(source, path, pacer=self._pacer, conflict=conflict, parents=parents)
        carried = self._add(Carried(self._new_name(), True, path.rpartition(b"/")[2], transfer, source=source))
        _ = self._live.supervisor.spawn(self._run(carried), "an upload of a page")
        return carried

    def download(self, path: bytes) -> Carried:
        """Begin to take what a browser will fetch."""
        sink, ready = BodySink(), asyncio.Event()
        transfer = Download(path, sink, on_ready=lambda _ready: ready.set())
        return self._fetched(Carried(self._new_name(), False, path.rpartition(b"/")[2], transfer, sink=sink, ready=ready), sink)

    def download_folder(self, path: bytes) -> Carried:
        """Begin to take a folder as one archive that a browser will fetch.

        Raises:
            Refused: that is no path.
        """
        sink, ready = BodySink(), asyncio.Event()
        transfer = FolderDownload(path, sink, on_ready=ready.set)
        name = (path.rpartition(b"/")[2] or b"home") + b".zip"
        return self._fetched(Carried(self._new_name(), False, name, transfer, sink=sink, ready=ready), sink)

    def _fetched(self, carried: Carried, sink: BodySink) -> Carried:
        self._add(carried)
        _ = self._live.supervisor.spawn(self._run(carried), "a download of a page")
        _ = self._live.supervisor.spawn(self._expire(carried, sink), "an unopened download")
        return carried

    def pause(self, carried: Carried, paused: bool) -> None:
        """Hold a transfer back, or let it go on."""
        if paused:
            carried.transfer.running.clear()
        else:
            carried.transfer.running.set()
        self._live.tell(carried.told())

    def cancel(self, carried: Carried, *, keep: bool = False) -> None:
        """End a transfer; `keep`: what has arrived there stays for another attempt."""
        carried.transfer.keep = keep
        carried.cancelled.set()

    def _add(self, carried: Carried) -> Carried:
        over = [name for name, one in self._transfers.items() if one.ended.is_set()]
        for name in over[: max(0, len(over) - ENDED_KEPT + 1)]:
            del self._transfers[name]
        self._transfers[carried.id] = carried
        self._live.tell(carried.told())
        return carried

    async def _expire(self, carried: Carried, sink: BodySink) -> None:
        try:
            async with asyncio.timeout(UNOPENED_SECONDS):
                await sink.opened.wait()
        except TimeoutError:
            self.cancel(carried)

    async def _expire_upload(self, carried: Carried, source: BodySource) -> None:
        """A page that was reloaded sends nothing any more, and must not hold a turn for ever."""
        await source.wanted.wait()
        try:
            async with asyncio.timeout(UNOPENED_SECONDS):
                await source.came.wait()
        except TimeoutError:
            self.cancel(carried, keep=True)

    async def _run(self, carried: Carried) -> None:
        try:
            await self._until_cancelled(carried)
        finally:
            if carried.state not in ENDED:
                self._end(carried, State.STOPPED, "The session is over.")
            if carried.sink is not None and carried.state is not State.DONE:
                await carried.sink.fail()

    async def _until_cancelled(self, carried: Carried) -> None:
        """Move it, telling the page how far it has come, until it has ended or is not wanted any longer."""
        before: dict[str, Any] = {}
        async with Supervisor() as tasks:
            _ = tasks.spawn(self._in_turn(carried), "the bytes")
            if carried.source is not None:
                _ = tasks.spawn(self._expire_upload(carried, carried.source), "an upload that is not sent")
            while not carried.ended.is_set():
                told = carried.told()
                if told != before:
                    self._live.tell(told)
                before = told
                try:
                    async with asyncio.timeout(TELL_SECONDS):
                        await carried.cancelled.wait()
                except TimeoutError:
                    continue
                if not carried.ended.is_set():
                    self._end(carried, State.STOPPED, "Stopped.")

    async def _in_turn(self, carried: Carried) -> None:
        async with self._turns:
            await self._carry(carried)

    async def _carry(self, carried: Carried) -> None:
        while True:
            if self._live.is_over:
                self._end(carried, State.STOPPED, "The session is over.")
                return
            channel = self._live.channel
            if channel is None:
                carried.state = State.LOST
                await asyncio.sleep(RETRY_SECONDS)
                continue
            carried.state = State.RUNNING
            try:
                result = await carried.transfer.run(channel)
                if result.outcome == "done" and carried.sink is not None:
                    await carried.sink.finish()
            except SessionLost:
                carried.state = State.LOST
                await asyncio.sleep(RETRY_SECONDS)
            except HandrailError as error:
                self._end(carried, State.FAILED, str(error))
                return
            else:
                carried.path = result.path
                self._end(carried, State(result.outcome), result.text)
                return

    def _end(self, carried: Carried, state: State, text: str) -> None:
        carried.state, carried.text = state, text
        carried.ended.set()
        carried.ready.set()
        carried.cancelled.set()
        if carried.source is not None:
            carried.source.close()
        self._live.tell(carried.told())
        _LOGGER.debug("a transfer ended as %s after %.0f bytes at %.0f", state, carried.transfer.done, time.monotonic())
