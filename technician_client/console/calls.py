"""Colleagues who call this technician by name: shown with who it is and what for, to join or to decline.

A row of the relay hints that this technician is meant at a device. That is believed as far as to ask the device, end to end, and
no further: what a page shows is what a certified device says. A relay that hints at nothing, or at too much, is only unhelpful.

    POST   /api/v1/calls/{device}/decline   {reason}: say that this technician will not come -> 204
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

import msgspec
from aiohttp import web

from hostio.tasks import Supervisor
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.link_messages import DeviceRow
from technician_client.console.answers import problem
from technician_client.console.ports import DevicesUpdate
from technician_client.knocking import CallAtDevice

_LOGGER = logging.getLogger(__name__)
MOST_CALLS: Final = 16
AT_ONCE: Final = 4
ATTEMPTS: Final = 3
AGAIN_SECONDS: Final = 2.0
LOOKS, WINDOW_SECONDS = 30, 60.0
"""How many devices are asked in which time, whatever the relay hints at."""


class CallsPort(Protocol):
    """What `console.ports.RelayPort` has for this."""

    @property
    def peer(self) -> str:
        """This technician's id."""

    async def who_calls(self, device: str) -> CallAtDevice | None:
        """Ask the device."""

    async def decline_call(self, device: str, reason: str) -> None:
        """Tell the device."""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """One call. `until` in the loop's time."""

    device: str
    at: CallAtDevice
    until: float

    def document(self, now: float) -> dict[str, Any]:
        """For the page; `seconds` from now."""
        said = self.at.said
        return {
            "device": self.device,
            "label": self.at.label,
            "name": said.name,
            "tier": said.tier,
            "note": said.note,
            "called_at": said.called_at,
            "seconds": max(0.0, self.until - now),
        }


class Calls:
    """The calls of one console. Event loop only; `pause` is what it waits before it asks a device again that did not answer."""

    def __init__(self, relay: CallsPort, supervisor: Supervisor, *, pause: float = AGAIN_SECONDS) -> None:
        self._relay, self._supervisor, self._pause = relay, supervisor, pause
        self._hinted: dict[str, float] = {}
        self._shown: dict[str, IncomingCall] = {}
        self._looked: deque[float] = deque(maxlen=LOOKS)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._watchers: set[Callable[[], None]] = set()

    def rows(self) -> list[dict[str, Any]]:
        """The calls as they are now, the oldest first."""
        now = asyncio.get_running_loop().time()
        return [call.document(now) for call in sorted(self._shown.values(), key=lambda one: one.at.said.called_at)]

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called whenever `rows` changes; what is returned ends that."""
        self._watchers.add(changed)
        return lambda: self._watchers.discard(changed)

    def see(self, event: DevicesUpdate) -> None:
        """The relay has said something of devices. Every tab hears the same: what is known already changes nothing."""
        for row in event.devices:
            if not self._meant(row):
                self._drop(row.id)
            elif self._hinted.get(row.id) != row.waiting_since and len(self._hinted) < MOST_CALLS and self._may_look():
                self._hinted[row.id] = row.waiting_since
                _ = self._supervisor.spawn(self._look(row.id, row.waiting_since), "who calls")
        if event.replace:
            for device in self._hinted.keys() - {row.id for row in event.devices}:
                self._drop(device)

    def _meant(self, row: DeviceRow) -> bool:
        return row.online and row.waiting and bool(row.waiting_peer) and row.waiting_peer == self._relay.peer

    def _may_look(self) -> bool:
        now = asyncio.get_running_loop().time()
        if len(self._looked) == LOOKS and now - self._looked[0] < WINDOW_SECONDS:
            _LOGGER.warning("the relay hints at more calls than can be: it is not believed for a while")
            return False
        self._looked.append(now)
        return True

    async def _look(self, device: str, since: float) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._pause)  # it was busy, or its network away: nothing tells when it is back
            if self._hinted.get(device) != since:
                return
            try:
                async with self._room:
                    at = await self._relay.who_calls(device)
            except HandrailError as error:
                _LOGGER.info("who calls at device %s cannot be asked: %s", device, error)
                continue
            if at is not None and self._hinted.get(device) == since:
                self._show(device, at)
            return

    def _show(self, device: str, at: CallAtDevice) -> None:
        loop = asyncio.get_running_loop()
        call = IncomingCall(device, at, loop.time() + at.said.seconds)
        self._shown[device] = call
        loop.call_at(call.until, self._ran_out, call)
        self._changed()

    def _ran_out(self, call: IncomingCall) -> None:
        if self._shown.get(call.device) is call:
            del self._shown[call.device]
            self._changed()

    def _drop(self, device: str) -> None:
        self._hinted.pop(device, None)
        if self._shown.pop(device, None) is not None:
            self._changed()

    def _changed(self) -> None:
        for changed in list(self._watchers):
            changed()

    async def decline(self, device: str, reason: str) -> None:
        """This technician will not come. A call that is over already is as good as declined.

        Raises:
            HandrailError: it could not be said; the call stays.
        """
        try:
            await self._relay.decline_call(device, reason)
        except Refused as error:
            if error.reason is not RefusalReason.NOT_FOUND:
                raise
        call = self._shown.get(device)
        if call is not None:
            self._ran_out(call)


class DeclineRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/calls/{device}/decline."""

    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class CallsApi:
    """The handler."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._request = msgspec.json.Decoder(DeclineRequest)

    def add_routes(self, application: web.Application) -> None:
        """Add every route of the module's table."""
        application.router.add_post("/api/v1/calls/{device}/decline", self.decline)

    async def decline(self, request: web.Request) -> web.Response:
        """POST /api/v1/calls/{device}/decline"""
        device = request.match_info["device"]
        if all(call["device"] != device for call in self._calls.rows()):
            return problem(404, "Nobody calls you there", "The call is over.")
        try:
            wish = self._request.decode(await request.read())
        except (ValueError, RecursionError) as error:
            return problem(400, "That is no answer to a call", str(error))
        try:
            await self._calls.decline(device, wish.reason)
        except HandrailError as error:
            return problem(502, "Your colleague was not told", str(error))
        return web.Response(status=204)
