"""Ports of this computer for a technician: connections are made here and carried in the session."""

import asyncio
import errno
from dataclasses import dataclass
from typing import ClassVar

from agent.features.base import Feature, FeatureContext
from hostio.forward_pump import Pump
from protocol.capabilities import Capability
from protocol.errors import HandrailError, Unavailable
from protocol.forwarding import Flow, may_reach
from protocol.messages import Lane, Message
from protocol.messages.forward import (
    MOST_STREAMS,
    PIECE_BYTES,
    ForwardAsk,
    ForwardClosed,
    ForwardCredit,
    ForwardData,
    ForwardEnd,
    ForwardOpen,
    ForwardOpened,
    ForwardRules,
    Outcome,
)
from protocol.printable import printable

CONNECT_SECONDS = 10.0


@dataclass(slots=True)
class _Totals:
    """What went to one target in this session."""

    connections: int = 0
    sent: int = 0
    received: int = 0


class _Stream:
    """One connection, and the task that it runs in."""

    def __init__(self, target: str, pump: Pump) -> None:
        self.target = target
        self.pump = pump
        self.task: asyncio.Task[None] | None = None


class ForwardFeature(Feature):
    """Answers every message of `protocol.messages.forward`."""

    handles: ClassVar = (ForwardAsk, ForwardOpen, ForwardData, ForwardEnd, ForwardCredit, ForwardClosed)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._streams: dict[int, _Stream] = {}
        self._totals: dict[str, _Totals] = {}
        self._running = asyncio.Event()  # not set while paused
        self._running.set()

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        match message:
            case ForwardAsk(request=request):
                self._say_rules(request)
            case ForwardOpen():
                self._open(message)
            case ForwardClosed(stream=number):
                self._drop(number)
            case ForwardData(stream=number) | ForwardEnd(stream=number) | ForwardCredit(stream=number):
                stream = self._streams.get(number)
                if stream is None:
                    return  # it crossed our end of the connection
                try:
                    stream.pump.hear(message)
                except HandrailError as error:
                    self._end(number, "limit", f"The connection was closed: {error}.")
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def capability_lost(self, capability: Capability) -> None:
        """Every connection ends."""
        if capability is Capability.FORWARD:
            for number in tuple(self._streams):
                self._end(number, "closed", "Forwarding is not granted any more.")

    def paused(self, paused: bool) -> None:
        """While paused nothing flows."""
        if paused:
            self._running.clear()
        else:
            self._running.set()

    async def close(self) -> None:
        """The tunnel is gone, and with it every connection; what they carried is written down."""
        for number in tuple(self._streams):
            self._drop(number)
        for target, totals in self._totals.items():
            detail: dict[str, str | int | bool] = {"to": target, "connections": totals.connections}
            try:
                self.context.audit("forward ended", detail | {"sent_bytes": totals.sent, "received_bytes": totals.received})
            except Unavailable:
                return  # the session's own end says that the record cannot be written

    def _say_rules(self, request: int) -> None:
        enabled = self.context.settings.forward.enabled
        self.context.send(ForwardRules(request, enabled, list(self.context.rules.forward_to) if enabled else []))

    def _open(self, message: ForwardOpen) -> None:
        number, host = message.stream, printable(message.host)
        target = f"{host}:{message.port}"
        refuse: tuple[Outcome, str] | None = None
        if number in self._streams:
            return self._end(number, "limit", "Its number was given to another connection.")
        if not self.context.settings.forward.enabled:
            refuse = "not_allowed", "Forwarding is switched off on this computer (forward.enabled)."
        elif not may_reach(message.host, message.port, self.context.rules.forward_to):
            refuse = "not_allowed", f"Policy does not let {target} be reached through this computer (forward_to)."
        elif len(self._streams) >= MOST_STREAMS:
            refuse = "limit", f"{MOST_STREAMS} connections are open. Close some first."
        elif target not in self._totals:
            try:
                self.context.audit("forward opened", {"to": target})
            except Unavailable as error:
                refuse = "limit", str(error)
        if refuse is not None:
            self.context.send(ForwardClosed(number, *refuse))
            return None
        self._totals.setdefault(target, _Totals()).connections += 1
        pump = Pump(Flow(number), self.context.send, lambda: self.context.pending(Lane.BULK), self._running)
        stream = self._streams[number] = _Stream(target, pump)
        stream.task = self.context.spawn(self._join(stream, message.host, message.port), f"connection {number}")
        return None

    async def _join(self, stream: _Stream, host: str, port: int) -> None:
        """Connect, and carry both directions until both have ended."""
        number = stream.pump.flow.stream
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(host.strip("[]"), port, limit=PIECE_BYTES)
        except (OSError, TimeoutError, UnicodeError) as error:  # the last: a name that cannot be one
            self._end(number, *_why(error, stream.target))
            return
        try:
            self.context.send(ForwardOpened(number))
            await stream.pump.carry(reader, writer)
        except OSError as error:
            self._end(number, "broken", f"The connection to {stream.target} broke: {error.strerror or error}.")
        finally:
            stream.pump.close(writer)
        self._drop(number)  # both sides have said their end: there is nothing more to say

    def _end(self, number: int, outcome: Outcome, text: str) -> None:
        """Close a connection and say so."""
        if number in self._streams:
            self._drop(number)
            self.context.send(ForwardClosed(number, outcome, text))

    def _drop(self, number: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        totals = self._totals[stream.target]
        totals.sent += stream.pump.flow.sent
        totals.received += stream.pump.flow.received
        if stream.task is not None and stream.task is not asyncio.current_task():
            stream.task.cancel()


def _why(error: OSError | TimeoutError | UnicodeError, target: str) -> tuple[Outcome, str]:
    """What kept a connection from coming about, in words."""
    if isinstance(error, ConnectionRefusedError):
        return "refused", f"Nothing listens on {target}, seen from the device."
    if isinstance(error, TimeoutError):
        return "unreachable", f"{target} does not answer, seen from the device."
    if isinstance(error, UnicodeError):
        return "unreachable", f"{target} is no name of a host."
    name = error.strerror or str(error)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "limit", f"The device has no room for another connection ({name})."
    return "unreachable", f"{target} cannot be reached from the device: {name}."
