"""Moves the bytes of tunnels: each binary message is sent on, unopened, before the next one is received.

That one rule is the whole flow control: a slow end stops its partner's socket, and nothing here grows. The logic of offers and
tickets is in `relay.tunnels`; here are the WebSockets.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from protocol.errors import Refused
from protocol.limits import LIMITS, Limits
from relay.admission import admit
from relay.clock import Clock
from relay.metrics import Loss, Metrics, Refusal
from relay.problems import Problem, bearer
from relay.ratelimit import SlidingWindow
from relay.sockets import broke_rules, close, keep_little, make_socket, receive, vanished
from relay.surface import Call
from relay.tunnels import Claim, End, TunnelTable

UNPAIRED = 4008
VANISHED = 4000


@dataclass(slots=True, eq=False)
class _Meeting:
    """The ends of one tunnel that have arrived."""

    ends: dict[End, web.WebSocketResponse] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False
    broken: bool = False


class Exchange:
    """GET /tunnel, and every tunnel that stands."""

    def __init__(
        self,
        table: TunnelTable,
        failures: SlidingWindow,
        metrics: Metrics,
        clock: Clock,
        draining: Callable[[], bool],
        limits: Limits = LIMITS,
    ) -> None:
        self._table = table
        self._failures = failures
        self._metrics = metrics
        self._clock = clock
        self._draining = draining
        self._limits = limits
        self._meetings: dict[int, _Meeting] = {}
        self._messages = 0
        self._bytes = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._hurry = asyncio.Event()

    async def handle(self, call: Call) -> web.StreamResponse:
        """One end of a tunnel, from its ticket to its close.

        Raises:
            Problem: draining, too many bad tickets, no WebSocket, bad ticket.
        """
        admit(call.key, self._draining(), self._failures, self._metrics, self._clock.now())
        socket = make_socket(call.request, self._limits)
        claim = self._claim(call)
        meeting = self._meetings.setdefault(claim.tunnel, _Meeting())
        self._idle.clear()
        try:
            await socket.prepare(call.request)
            keep_little(call.request.transport)
            meeting.ends[claim.end] = socket
            await self._serve(claim, meeting, socket)
        finally:
            await self._leave(claim, meeting, socket)
        return socket

    def _claim(self, call: Call) -> Claim:
        now = self._clock.now()
        try:
            return self._table.claim(bearer(call.request), now)
        except Refused as error:
            self._metrics.refuse(Refusal.TICKET)
            self._failures.hit(call.key, now)
            raise Problem(HTTPStatus.UNAUTHORIZED, error.reason.value, str(error)) from error

    async def _serve(self, claim: Claim, meeting: _Meeting, socket: web.WebSocketResponse) -> None:
        """Wait for the other end, then forward until one of them leaves."""
        async with asyncio.TaskGroup() as group:
            # Receiving while alone only notices an end that gives up; at most one message is held.
            first = group.create_task(receive(socket))
            if len(meeting.ends) == len(End):
                self._table.paired(claim.tunnel)
                self._metrics.tunnels.inc()
                self._metrics.tunnels_paired.inc()
                meeting.ready.set()
            elif not await self._paired(claim, meeting, first):
                first.cancel()
                return
            await self._forward(await first, meeting, socket, meeting.ends[claim.end.other])

    async def _paired(self, claim: Claim, meeting: _Meeting, first: asyncio.Task[WSMessage]) -> bool:
        try:
            async with asyncio.timeout(max(0.0, claim.deadline - self._clock.now())), asyncio.TaskGroup() as group:
                ready = group.create_task(meeting.ready.wait())
                await asyncio.wait({ready, first}, return_when=asyncio.FIRST_COMPLETED)
                if first.done() and first.result().type is not WSMsgType.BINARY:
                    ready.cancel()
        except TimeoutError:
            self._metrics.lose(Loss.TUNNEL_UNPAIRED)
            return False
        return meeting.ready.is_set() and not meeting.over

    async def _forward(
        self, message: WSMessage, meeting: _Meeting, source: web.WebSocketResponse, target: web.WebSocketResponse
    ) -> None:
        try:
            while message.type is WSMsgType.BINARY:
                data = message.data
                await target.send_bytes(data)
                self._messages += 1
                self._bytes += len(data)
                message = await receive(source)
        except ConnectionError:
            self._broke(meeting)
            return
        if broke_rules(message):
            self._metrics.refuse(Refusal.TUNNEL_TEXT if message.type is WSMsgType.TEXT else Refusal.TUNNEL_MESSAGE)
            await close(source, WSCloseCode.UNSUPPORTED_DATA, b"only binary messages")
        elif vanished(message):
            self._broke(meeting)

    def _broke(self, meeting: _Meeting) -> None:
        """An end is gone without a word: count it once, unless it was the relay that closed."""
        if not meeting.over and not meeting.broken:
            meeting.broken = True
            self._metrics.lose(Loss.TUNNEL_BROKEN)

    def count(self) -> None:
        """Carry what was forwarded since the last call over to the metrics: once a scrape, not once a message."""
        self._metrics.tunnel_messages.inc(self._messages)
        self._metrics.tunnel_bytes.inc(self._bytes)
        self._messages = self._bytes = 0

    async def _leave(self, claim: Claim, meeting: _Meeting, socket: web.WebSocketResponse) -> None:
        """This end is over: so is the tunnel, and the other end."""
        first_to_leave, meeting.over = not meeting.over, True
        paired = meeting.ready.is_set()
        meeting.ready.set()
        self._table.close(claim.tunnel)
        other = meeting.ends.get(claim.end.other)
        if first_to_leave and self._meetings.pop(claim.tunnel, None) is not None and paired:
            self._metrics.tunnels.dec()
        if not self._meetings:
            self._idle.set()
        if not paired:
            await close(socket, UNPAIRED, b"the other end did not come")
        for end in filter(None, (other, socket)):
            if meeting.broken:
                await close(end, VANISHED, b"the other end is gone")
            else:
                await close(end, WSCloseCode.OK, b"the tunnel is over")

    async def drain(self, seconds: float) -> int:
        """Let standing tunnels go on for `seconds`, then cut them. How many were cut."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                waits = {group.create_task(self._idle.wait()), group.create_task(self._hurry.wait())}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
        cut = list(self._meetings.values())
        self._metrics.lose(Loss.TUNNEL_DRAINED, len(cut))
        async with asyncio.TaskGroup() as group:
            for socket in [socket for meeting in cut for socket in meeting.ends.values()]:
                group.create_task(close(socket, WSCloseCode.GOING_AWAY, b"the relay is stopping"))
        return len(cut)

    def hurry(self) -> None:
        """Wait no longer for tunnels to end."""
        self._hurry.set()

    def __len__(self) -> int:
        return len(self._meetings)
