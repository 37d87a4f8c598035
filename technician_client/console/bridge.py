"""One WebSocket between a tab and its live session: text both ways, the picture as binary.

The browser is paced, not buried: at most `WINDOW_UPDATES` updates and `WINDOW_BYTES` of pixels are on their way to it without
having been painted; beyond that nothing more is inflated, the session's subscription fills, and the agent is held back down the
tunnel. No update is ever left out, because each is a difference to the one before. Of pointer positions only the newest waits.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

from aiohttp import WSMsgType, web

from hostio.allocator import give_back
from hostio.tasks import Supervisor
from protocol.errors import HandrailError, RemoteProtocolError, UndecodableMessage
from protocol.messages import Message
from protocol.messages.screen import CursorMove, CursorShape, ScreenAck, ScreenLayout, ScreenStart, ScreenUpdate
from technician_client.console.hub import LiveSession
from technician_client.console.wire import (
    Area,
    AskCapability,
    Command,
    EndSession,
    Record,
    StartForward,
    StopForward,
    TakeNote,
    ToBrowserMessage,
    UpdateWriter,
    carried_bytes,
    read_page,
    weight_of,
    write_cursor,
    write_message,
    write_object,
)
from technician_client.step_up import StepUpNeeded

_LOGGER = logging.getLogger(__name__)

PAGE_TEXT_BYTES: Final = 64 * 1024
OUTBOX_ITEMS: Final = 64
OUTBOX_MOST: Final = 1024
"""So many things may wait for a tab, notices and answers included; one that does not read is closed."""
DOING_AT_ONCE: Final = 16
"""So many of a tab's wishes are worked on at once, notes and questions to the user for example; then it is not read."""
UNSENT_BYTES: Final = 2 * 1024 * 1024
"""While so much of what a tab said waits to leave for the device, it is not read either."""
UNSENT_SECONDS: Final = 0.02
WINDOW_UPDATES: Final = 32
WINDOW_BYTES: Final = 96 * 1024 * 1024
THREAD_BYTES: Final = 256 * 1024
STATS_SECONDS: Final = 1.0
REST_COUNTS: Final = 5
"""After so many seconds without an update memory is given back."""
CLOSE_REPLACED: Final = 4001
CLOSE_BAD_PAGE: Final = 4002
CLOSE_DEAF: Final = 4003

Item = Message | str


class Outbox:
    """What waits for the browser, in order. Pointer positions are merged; everything else is kept."""

    def __init__(self, limit: int = OUTBOX_ITEMS) -> None:
        self._limit = limit
        self._items: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Add one item at the end, whatever the limit says (`room` is for those who can wait)."""
        if self._closed:
            return
        if isinstance(item, CursorMove) and self._items and isinstance(self._items[-1], CursorMove):
            self._items.pop()
        self._items.append(item)
        self._arrived.set()
        if len(self._items) >= self._limit:
            self._room.clear()

    async def room(self) -> None:
        """Wait until fewer items than the limit wait (or the outbox is closed)."""
        await self._room.wait()

    async def take(self) -> Item:
        """The oldest item; waits for one."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        item = self._items.popleft()
        if len(self._items) < self._limit:
            self._room.set()
        return item

    def close(self) -> None:
        """Drop everything; nobody waits any longer."""
        self._closed = True
        self._items.clear()
        self._room.set()


class Window:
    """Updates that are on their way to the browser and not painted yet."""

    def __init__(self, updates: int = WINDOW_UPDATES, size: int = WINDOW_BYTES) -> None:
        self._updates = updates
        self._size = size
        self._sent: deque[tuple[int, int]] = deque()
        self._bytes = 0
        self._open = asyncio.Event()
        self._open.set()

    def __len__(self) -> int:
        return len(self._sent)

    def sent(self, sequence: int, size: int) -> None:
        """An update of `size` bytes went out."""
        self._sent.append((sequence, size))
        self._bytes += size
        self._judge()

    def painted(self, sequence: int) -> None:
        """The browser has painted this update and every one before it."""
        while self._sent and self._sent[0][0] <= sequence:
            self._bytes -= self._sent.popleft()[1]
        self._judge()

    def reset(self) -> None:
        """The picture begins anew: nothing is owed any longer."""
        self._sent.clear()
        self._bytes = 0
        self._judge()

    async def opened(self) -> None:
        """Wait until another update may go out."""
        await self._open.wait()

    def _judge(self) -> None:
        if len(self._sent) < self._updates and self._bytes < self._size:
            self._open.set()
        else:
            self._open.clear()


class Bridge:
    """Joins one WebSocket to one live session. Implements `hub.Tab`."""

    def __init__(self, socket: web.WebSocketResponse, live: LiveSession, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket = socket
        self._live = live
        self._clock = clock
        self._outbox = Outbox()
        self._window = Window()
        self._writer = UpdateWriter()
        self._layout: ScreenLayout | None = None
        self._broken = False
        self._deaf = False
        self._doing = asyncio.Semaphore(DOING_AT_ONCE)
        self._updates = 0
        self._carried = 0
        self._supervisor = Supervisor(self._failed)

    # -- from the session -------------------------------------------------------------------------------------------

    async def show(self, message: Message) -> None:
        """See `hub.Tab`."""
        self._outbox.put(message)
        await self._outbox.room()

    def tell(self, value: dict[str, Any]) -> None:
        """See `hub.Tab`."""
        if len(self._outbox) < OUTBOX_MOST:
            self._outbox.put(write_object(value))
        elif not self._deaf:
            self._deaf = True
            self._outbox.close()
            _ = self._supervisor.spawn(self._close(CLOSE_DEAF, b"the page does not read"), "close a deaf tab")

    def replaced(self) -> None:
        """See `hub.Tab`."""
        _ = self._supervisor.spawn(self._close(CLOSE_REPLACED, b"another tab shows this session now"), "close a replaced tab")

    # -- the two directions -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the tab goes away."""
        self._live.attach(self)
        try:
            _ = self._supervisor.spawn(self._write(), "console writer")
            _ = self._supervisor.spawn(self._count(), "console statistics")
            await self._read()
        finally:
            self._outbox.close()
            self._live.detach(self)
            await self._supervisor.aclose()
            await asyncio.to_thread(give_back)

    async def _read(self) -> None:
        async for frame in self._socket:
            if frame.type is not WSMsgType.TEXT:
                await self._close(CLOSE_BAD_PAGE, b"only text is read")
                return
            try:
                said = read_page(frame.data)
            except UndecodableMessage as error:
                _LOGGER.warning("a tab was closed: %s", error)
                await self._close(CLOSE_BAD_PAGE, b"not understood")
                return
            await self._act(said)
            # A lane tells nobody when it is shorter.
            while self._live.unsent > UNSENT_BYTES:  # noqa: ASYNC110
                await asyncio.sleep(UNSENT_SECONDS)

    async def _do(self, supervisor: Supervisor, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin what takes its time. A tab that wants more at once than is done is read no further until there is room."""
        await self._doing.acquire()
        if supervisor.closed:
            self._doing.release()
            work.close()
            self.tell({"type": "notice", "text": "The session is over."})
            return
        supervisor.spawn(work, name).add_done_callback(lambda _task: self._doing.release())

    async def _act(self, said: Message | Command) -> None:
        live = self._live
        match said:
            case AskCapability(capability=capability, reason=reason):
                await self._do(self._supervisor, live.ask(capability, reason[:500]), f"ask for {capability}")
            case EndSession():
                await self._do(live.supervisor, live.end("technician"), "end the session")
            case Record(on=on):
                live.record(on)
            case TakeNote(text=text):
                await self._do(live.supervisor, live.note(text), "notes")
            case StartForward(port=port, local=local, host=host):
                await self._do(live.supervisor, live.forwards.start(port, local, host), f"forward port {port}")
            case StopForward(number=number):
                live.forwards.stop(number)
            case Message():
                self._pass_on(said)

    def _pass_on(self, said: Message) -> None:
        match said:
            case ScreenAck(sequence=sequence):
                self._window.painted(sequence)
            case ScreenStart():
                self._window.reset()
            case _:
                pass
        try:
            self._live.send(said)
        except StepUpNeeded as error:
            self.tell({"type": "step_up", "request": getattr(said, "request", 0), "text": str(error)})
        except HandrailError as error:
            self.tell({"type": "notice", "text": str(error)})

    async def _write(self) -> None:
        while True:
            item = await self._outbox.take()
            try:
                await self._write_item(item)
            except RemoteProtocolError as error:
                self._broken = True
                _LOGGER.warning("session %s ended: the device sent an impossible picture: %s", self._live.name[:6], error)
                self.tell({"type": "notice", "text": f"The session was ended: the device broke the protocol. {error}"})
                _ = self._live.supervisor.spawn(self._live.end("protocol_error"), "end the session")

    async def _write_item(self, item: Item) -> None:
        match item:
            case str():
                await self._socket.send_str(item)
            case ScreenUpdate():
                # One that belongs to no layout of this tab was on its way when the tab was opened.
                if self._layout is not None and item.epoch == self._layout.epoch and not self._broken:
                    await self._write_update(item, Area.of(self._layout))
            case CursorShape():
                if not self._broken:
                    await self._socket.send_bytes(write_cursor(item))
            case _:
                if isinstance(item, ScreenLayout):
                    Area.of(item)  # before the browser makes a canvas of it
                    self._layout = item
                    self._writer.forget()
                if isinstance(item, ToBrowserMessage):
                    await self._socket.send_str(write_message(item))

    async def _write_update(self, update: ScreenUpdate, area: Area) -> None:
        await self._window.opened()
        weight = weight_of(update)
        if weight > THREAD_BYTES:
            data = await asyncio.to_thread(self._writer.write, update, area)
        else:
            data = self._writer.write(update, area)
        self._window.sent(update.sequence, weight)
        self._updates += 1
        self._carried += carried_bytes(update)
        await self._socket.send_bytes(cast(bytes, data))  # any buffer will do; aiohttp's annotation names only bytes

    async def _count(self) -> None:
        before, resting = self._clock(), 0
        while True:
            await asyncio.sleep(STATS_SECONDS)
            resting = 0 if self._updates else resting + 1
            if resting == REST_COUNTS:
                await asyncio.to_thread(give_back)
            now = self._clock()
            passed, before = max(now - before, 1e-3), now
            round_trip, last = self._live.round_trip, self._live.round_trip_last
            if len(self._outbox) >= OUTBOX_ITEMS:
                continue  # a tab that does not read now has no use for every second's numbers
            self.tell(
                {
                    "type": "stats",
                    "round_trip_ms": None if round_trip is None else round_trip * 1000,
                    "round_trip_last_ms": None if last is None else last * 1000,
                    "updates_per_second": self._updates / passed,
                    "bytes_per_second": self._carried / passed,
                    "unpainted": len(self._window),
                }
            )
            self._updates = self._carried = 0

    async def _close(self, code: int, message: bytes) -> None:
        await self._socket.close(code=code, message=message, drain=False)  # it may be one that reads nothing

    def _failed(self, name: str, error: BaseException) -> None:
        if isinstance(error, ConnectionError):  # the tab went away in the middle of a message
            return
        _LOGGER.error("%s failed", name, exc_info=error)
        self._outbox.close()
