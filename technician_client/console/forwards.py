"""The forwarded ports of one session of the console: listeners on 127.0.0.1 that the page starts and stops.

A listener outlives a cut of the session and is closed when forwarding is not granted any more or the session is over. What the
page sees of them is one "forwards" object, said whenever a row has changed.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import LocalProtocolError
from protocol.messages.forward import ForwardRules
from technician_client.forwarding import LOOPBACK, Forward, Forwarder, ForwardError, ForwardWish, why_not
from technician_client.step_up import StepUpNeeded
from technician_client.transfers import Channel

MOST_FORWARDS: Final = 32
TELL_SECONDS: Final = 0.5


class Forwards:
    """What is forwarded in one session.

    Args:
        tell: says one of the console's own objects to the tab that shows the session.
        demand_step_up: raises `StepUpNeeded` where the passphrase has to be typed again.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None], demand_step_up: Callable[[Iterable[Capability]], None]) -> None:
        self._tell = tell
        self._demand_step_up = demand_step_up
        self._forwarder = Forwarder()
        self._tasks = Supervisor()
        self._told: list[dict[str, Any]] = []
        self._telling = False
        self._granted = False
        self._rules: ForwardRules | None = None
        self._channel: Channel | None = None
        self._carried: Channel | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What is forwarded, oldest first, as the page shows it."""
        return [_row(forward) for forward in self._forwarder.forwards]

    def opened(self, channel: Channel, granted: Iterable[Capability]) -> None:
        """The session is open, or goes on in another one."""
        self._channel = channel
        self.granted(granted)
        if self._granted and self._forwarder.forwards:
            self._carry(channel)

    def ruled(self, rules: ForwardRules) -> None:
        """The device has said what may be reached through it."""
        self._rules = rules

    def granted(self, granted: Iterable[Capability]) -> None:
        """What is granted now, while the session is open. Without forwarding every listener is closed."""
        self._granted = Capability.FORWARD in granted
        if not self._granted:
            self._stop_all()

    async def start(self, port: int, local: int | None, host: str) -> None:
        """Begin to listen on `local` (None: the number of `port`, or any other where that cannot be had) for `port` of `host`
        as seen from the device. The page hears a "forward_started" object: with the row's number, or with why not."""
        answer: dict[str, Any] = {"type": "forward_started", "number": 0, "reason": "", "text": ""}
        try:
            self._demand_step_up([Capability.FORWARD])
            forward = await self._start(port, local, host)
            if not self._granted or self._channel is None:  # it went while the port was being had
                self._forwarder.remove(forward.number)
                raise LocalProtocolError("Forwarding is not granted any more.")
            self._carry(self._channel)
            answer["number"] = forward.number
        except StepUpNeeded as error:
            answer |= {"reason": "step_up", "text": str(error)}
        except (ForwardError, LocalProtocolError) as error:
            answer["text"] = str(error)
        self._changed()
        self._tell(answer)

    async def _start(self, port: int, local: int | None, host: str) -> Forward:
        if not self._granted:
            raise LocalProtocolError("Forwarding is not granted now. Ask the user for it.")
        if self._rules is not None and (text := why_not(self._rules, host, port)):
            raise LocalProtocolError(text)
        if len(self._forwarder.forwards) >= MOST_FORWARDS:
            raise LocalProtocolError(f"{MOST_FORWARDS} ports are forwarded. Stop one of them first.")
        if local is not None:
            return await self._forwarder.add(ForwardWish(local, host, port))
        try:
            return await self._forwarder.add(ForwardWish(port, host, port))
        except ForwardError:
            return await self._forwarder.add(ForwardWish(0, host, port))

    def stop(self, number: int) -> None:
        """Stop listening, and end what goes through it."""
        self._forwarder.remove(number)
        self._changed()

    def _stop_all(self) -> None:
        for forward in self._forwarder.forwards:
            self._forwarder.remove(forward.number)
        self._changed()

    def _carry(self, channel: Channel) -> None:
        """What is connected to goes through this session, until it ends."""
        if channel is not self._carried:
            self._carried = channel
            _ = self._tasks.spawn(self._forwarder.run(channel), "forwarded ports")

    async def aclose(self) -> None:
        """The session is over: nothing is listened for any longer."""
        self._granted = False
        await self._tasks.aclose()
        await self._forwarder.aclose()

    def _changed(self) -> None:
        rows = self.rows
        if rows != self._told:
            self._told = rows
            self._tell({"type": "forwards", "forwards": rows})
        if rows and not self._telling:
            self._telling = True
            _ = self._tasks.spawn(self._watch(), "counts of forwarded ports")

    async def _watch(self) -> None:
        """Tell how much went through, while there is anything to tell of."""
        try:
            while self._forwarder.forwards:
                await asyncio.sleep(TELL_SECONDS)
                self._changed()
        finally:
            self._telling = False


def _row(forward: Forward) -> dict[str, Any]:
    return {
        "number": forward.number,
        "local": f"{LOOPBACK}:{forward.local}",
        "host": forward.wish.host,
        "port": forward.wish.port,
        "open": len(forward.streams),
        "connections": forward.connections,
        "sent": forward.sent,
        "received": forward.received,
        "problem": forward.problem,
    }
