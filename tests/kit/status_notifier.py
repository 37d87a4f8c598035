"""A desktop's tray: a StatusNotifierWatcher on a session bus that lists the icons and presses their menus.

The interfaces are those of freedesktop's StatusNotifierItem and of com.canonical.dbusmenu.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from dbus_fast import Message, MessageType, NameFlag, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusInt32, DBusSignature, DBusStr
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from tests.kit.waiting import PATIENCE

WATCHER = "org.kde.StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
ITEM_PATH = "/StatusNotifierItem"


class Watcher(ServiceInterface):
    """Where programs register their icons."""

    def __init__(self) -> None:
        super().__init__(WATCHER)
        self.items: list[str] = []

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> None:
        self.items.append(service)
        self.StatusNotifierItemRegistered(service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: DBusStr) -> None:
        """The host is this process itself."""

    @dbus_property(access=PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> Annotated[list[str], DBusSignature("as")]:
        return self.items

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> DBusBool:
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> DBusInt32:
        return 0

    @dbus_signal()
    def StatusNotifierItemRegistered(self, service: str) -> DBusStr:
        return service


@dataclass(frozen=True)
class MenuLine:
    """One line of a menu, as the tray would draw it."""

    number: int
    text: str
    enabled: bool


class TrayHost:
    """The tray of one session bus."""

    def __init__(self, bus: MessageBus, watcher: Watcher) -> None:
        self._bus = bus
        self._watcher = watcher

    async def _call(self, name: str, path: str, interface: str, member: str, signature: str = "", *body: object) -> list[Any]:
        reply = await self._bus.call(
            Message(destination=name, path=path, interface=interface, member=member, signature=signature, body=list(body))
        )
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, f"{member}: {reply.body}"
        return list(reply.body)

    async def icon(self, seconds: float = PATIENCE) -> str:
        """The bus name of the one icon, as soon as it is registered."""
        end = time.monotonic() + seconds
        while not self._watcher.items:
            assert time.monotonic() < end, "no icon was registered"
            await asyncio.sleep(0.02)
        assert len(set(self._watcher.items)) == 1
        return self._watcher.items[0].partition("/")[0]

    async def look(self) -> dict[str, Any]:
        """The icon's properties (`Status`, `ToolTip`, `IconPixmap`, ...)."""
        name = await self.icon()
        found = (await self._call(name, ITEM_PATH, "org.freedesktop.DBus.Properties", "GetAll", "s", ITEM))[0]
        return {key: value.value for key, value in found.items()}

    async def menu(self) -> list[MenuLine]:
        """The lines of the icon's menu, separators left out."""
        name, path = await self.icon(), (await self.look())["Menu"]
        await self._call(name, path, MENU, "AboutToShow", "i", 0)
        _revision, (_root, _properties, children) = await self._call(name, path, MENU, "GetLayout", "iias", 0, -1, [])
        lines = []
        for child in children:
            number, properties, _below = child.value
            plain = {key: value.value for key, value in properties.items()}
            if plain.get("type") != "separator" and plain.get("visible", True):
                lines.append(MenuLine(number, plain.get("label", "").replace("_", ""), plain.get("enabled", True)))
        return lines

    async def sees(self, text: str, *, enabled: bool = True, seconds: float = PATIENCE) -> MenuLine:
        """Wait until the menu has such a line."""
        end = time.monotonic() + seconds
        while True:
            lines = await self.menu()
            found = [line for line in lines if text in line.text and line.enabled is enabled]
            if found:
                return found[0]
            assert time.monotonic() < end, f"{text!r} ({'enabled' if enabled else 'disabled'}) is not in {lines}"
            await asyncio.sleep(0.05)

    async def press(self, text: str) -> None:
        """Press a line as soon as it can be pressed."""
        line = await self.sees(text)
        name, path = await self.icon(), (await self.look())["Menu"]
        await self._call(name, path, MENU, "Event", "isvu", line.number, "clicked", Variant("i", 0), 0)

    async def activate(self) -> None:
        """Press the icon itself."""
        await self._call(await self.icon(), ITEM_PATH, ITEM, "Activate", "ii", 0, 0)


@asynccontextmanager
async def tray_host(session_bus: str) -> AsyncIterator[TrayHost]:
    """Be the tray of the session bus at this address."""
    bus = await MessageBus(session_bus).connect()
    try:
        watcher = Watcher()
        bus.export("/StatusNotifierWatcher", watcher)
        await bus.request_name(WATCHER, NameFlag.DO_NOT_QUEUE)
        yield TrayHost(bus, watcher)
    finally:
        bus.disconnect()
