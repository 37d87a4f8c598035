"""What a screen reader sees: the accessibility tree of every program on one session bus (AT-SPI 2), read over D-Bus.

Tests of windows find what they click by it, so that whatever a test can press has a name that can be read out.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

ACCESSIBLE = "org.a11y.atspi.Accessible"
COMPONENT = "org.a11y.atspi.Component"
REGISTRY = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
# Bits of AtspiStateType that tests ask for.
STATES = {"checked": 4, "enabled": 8, "focused": 12, "sensitive": 24, "showing": 25, "visible": 30}
DEEPEST = 25


@dataclass(frozen=True)
class Seen:
    """One thing on the screen. Extents are screen pixels."""

    name: str
    description: str
    role: str
    x: int
    y: int
    width: int
    height: int
    states: frozenset[str]
    window: str
    text: str = ""

    @property
    def centre(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


class Reader:
    """Walks the tree. Make one with `reading`."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.announced: list[str] = []  # what programs asked a screen reader to say, in order

    async def listen(self) -> None:
        """Hear announcements from now on."""
        self._bus.add_message_handler(self._hear)
        rule = "type='signal',interface='org.a11y.atspi.Event.Object',member='Announcement'"
        await self._call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", rule)
        registry = "org.a11y.atspi.Registry"  # programs send what somebody has registered for, and nothing else
        await self._call(registry, "/org/a11y/atspi/registry", registry, "RegisterEvent", "sass", "object:announcement", [], "")

    def _hear(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.member == "Announcement":
            self.announced.append(str(message.body[3].value))

    async def _call(self, name: str, path: str, interface: str, member: str, signature: str = "", *body: object) -> list[Any]:
        reply = await self._bus.call(
            Message(destination=name, path=path, interface=interface, member=member, signature=signature, body=list(body))
        )
        if reply is None or reply.message_type is MessageType.ERROR:
            raise DBusError("org.example.Gone", str(reply.body if reply else ""))
        return list(reply.body)

    async def _property(self, name: str, path: str, member: str) -> str:
        reply = await self._call(name, path, "org.freedesktop.DBus.Properties", "Get", "ss", ACCESSIBLE, member)
        return str(reply[0].value)

    async def everything(self) -> list[Seen]:
        """Every showing thing with its window's title; what vanishes meanwhile is left out."""
        programs = (await self._call(*REGISTRY, ACCESSIBLE, "GetChildren"))[0]
        parts = await asyncio.gather(*(self._walk(name, path, "", 0) for name, path in programs))
        return [one for part in parts for one in part]

    async def _walk(self, name: str, path: str, window: str, depth: int) -> list[Seen]:
        """One thing and what is in it: everything about it is asked at once."""
        try:
            state, role, title, description, children = await asyncio.gather(
                self._call(name, path, ACCESSIBLE, "GetState"),
                self._call(name, path, ACCESSIBLE, "GetRoleName"),
                self._property(name, path, "Name"),
                self._property(name, path, "Description"),
                self._call(name, path, ACCESSIBLE, "GetChildren"),
            )
            bits = state[0][0] | state[0][1] << 32
            states = frozenset(word for word, bit in STATES.items() if bits >> bit & 1)
            window = title if depth == 1 else window
            found: list[Seen] = []
            if depth and "showing" not in states:
                return found
            if depth:
                x, y, width, height = (await self._call(name, path, COMPONENT, "GetExtents", "u", 0))[0]
                text = await self._text(name, path, role[0])
                found.append(Seen(title, description, role[0], x, y, width, height, states, window, text))
            if depth < DEEPEST:
                below = await asyncio.gather(*(self._walk(child, at, window, depth + 1) for child, at in children[0]))
                found += [one for part in below for one in part]
        except DBusError:
            return []
        return found

    async def _text(self, name: str, path: str, role: str) -> str:
        if role not in ("text", "entry", "editbar"):
            return ""
        return str((await self._call(name, path, "org.a11y.atspi.Text", "GetText", "ii", 0, -1))[0])


@asynccontextmanager
async def reading(session_bus: str) -> AsyncIterator[Reader]:
    """A reader of the programs on the session bus at this address."""
    session = await MessageBus(session_bus).connect()
    try:
        reply = await session.call(
            Message(destination="org.a11y.Bus", path="/org/a11y/bus", interface="org.a11y.Bus", member="GetAddress")
        )
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, f"at-spi2-core is missing: {reply.body}"
        bus = await MessageBus(reply.body[0]).connect()
        try:
            reader = Reader(bus)
            await reader.listen()
            yield reader
        finally:
            bus.disconnect()
    finally:
        session.disconnect()
