"""A forwarded connection joined to a socket: both directions, each at its own pace.

What may be sent when is decided by `protocol.forwarding.Flow`; this reads and writes.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from protocol.forwarding import Flow
from protocol.messages.forward import PIECE_BYTES, ForwardCredit, ForwardData, ForwardEnd

PENDING_BYTES: Final = 256 * 1024
POLL_SECONDS: Final = 0.005


class Pump:
    """One connection. Event loop only."""

    def __init__(
        self,
        flow: Flow,
        say: Callable[[ForwardData | ForwardEnd | ForwardCredit], None],
        pending: Callable[[], int],
        running: asyncio.Event | None = None,
    ) -> None:
        """Args: say: sends a message. pending: bytes that wait in the lane of bulk data. running: while it is not set nothing
        flows, either way."""
        self.flow = flow
        self._say = say
        self._pending = pending
        self._credit = asyncio.Event()
        self._arrived = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = asyncio.Event() if running is None else running
        if running is None:
            self._running.set()

    def hear(self, message: ForwardData | ForwardEnd | ForwardCredit) -> None:
        """What the other side said about this connection.

        Raises:
            LimitExceeded, RemoteProtocolError: as `Flow.hear`.
        """
        self.flow.hear(message)
        self._credit.set()
        self._arrived.set()

    def end(self) -> None:
        """It is over, whatever has not been carried yet."""
        self._ended.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry both directions until both have ended, or `end` was called. One that stands still does not hold up the other.

        Raises:
            OSError: the socket broke; nothing of this runs any more.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                sides = [
                    tasks.create_task(self._outward(reader), name="reading"),
                    tasks.create_task(self._inward(writer), name="writing"),
                ]
                ending = tasks.create_task(self._heed_end(sides), name="ending")
                await asyncio.wait(sides)
                ending.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    def close(self, writer: asyncio.StreamWriter) -> None:
        """Let go of the socket: in order when everything was said and written, at once when not."""
        if self.flow.over:
            writer.close()
        else:
            writer.transport.abort()

    async def _heed_end(self, sides: Sequence[asyncio.Task[None]]) -> None:
        await self._ended.wait()
        for side in sides:
            side.cancel()

    async def _outward(self, reader: asyncio.StreamReader) -> None:
        """From the socket to the other side."""
        flow = self.flow
        while not flow.ended_here:
            if flow.wants_more:
                flow.read(await reader.read(PIECE_BYTES))
            await self._running.wait()
            while self._pending() > PENDING_BYTES:  # noqa: ASYNC110 - a lane tells nobody when it is shorter
                await asyncio.sleep(POLL_SECONDS)
            self._credit.clear()
            for message in flow.to_say():
                self._say(message)
            if flow.outgoing:
                await self._credit.wait()

    async def _inward(self, writer: asyncio.StreamWriter) -> None:
        """From the other side to the socket."""
        flow = self.flow
        while not flow.ended_there:
            self._arrived.clear()
            while flow.incoming:
                await self._running.wait()
                data = flow.incoming[0]
                writer.write(data)
                await writer.drain()
                flow.incoming.popleft()
                credit = flow.wrote(len(data))
                if credit is not None:
                    self._say(credit)
            if not flow.ended_there:
                await self._arrived.wait()
        writer.write_eof()
