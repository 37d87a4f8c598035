"""Which devices an organisation has, who is online, who waits for help. All of it is what peers said about themselves."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from protocol.link_messages import DeviceRow, DevicesPage, DevicesQuery, Role
from relay.clock import Clock
from relay.codes import CodeBook
from relay.links import Link, LinkHub
from relay.store.database import Database
from relay.store.models import Device, Technician

PAGE_BYTES = 192 * 1024
SEPARATOR = "\x1f"


class Directory:
    """Rows of devices, with what is true now mixed in from links and codes."""

    def __init__(self, database: Database, hub: LinkHub, codes: CodeBook, clock: Clock) -> None:
        self._database = database
        self._hub = hub
        self._codes = codes
        self._clock = clock

    async def seen(self, link: Link) -> None:
        """Remember that a peer logged in or out just now. Signers and guests are not listed, and nothing of a guest is kept."""
        wall = self._clock.wall()
        if link.role in (Role.SIGNER, Role.GUEST):
            return
        common = {"organisation": link.organisation, "id": link.peer, "first_seen": wall, "last_seen": wall, "label": link.label}
        if link.role is Role.DEVICE:
            values = common | {"label_key": _key(link.label), "platform": link.platform}
            statement = insert(Device).values(values)
        else:
            values = common
            statement = insert(Technician).values(values)
        fresh = {name: value for name, value in values.items() if name not in ("organisation", "id", "first_seen")}
        async with self._database.writing() as session:
            await session.execute(statement.on_conflict_do_update(index_elements=["organisation", "id"], set_=fresh))

    async def knows(self, organisation: str, peer: str) -> bool:
        """Whether a device or technician of this id has ever logged in."""
        async with self._database.reading() as session:
            for table in (Device, Technician):
                if await session.get(table, (organisation, peer)) is not None:
                    return True
        return False

    async def device(self, organisation: str, peer: str) -> DeviceRow | None:
        """One device, or None when it never logged in."""
        rows = await self.rows(organisation, [peer])
        return rows[0] if rows else None

    async def rows(self, organisation: str, devices: Iterable[str]) -> list[DeviceRow]:
        """The rows of these devices, as far as they are known."""
        where = [Device.organisation == organisation, Device.id.in_(list(devices))]
        return [self._row(device) for device in await self._select(where, 500)]

    async def page(self, organisation: str, query: DevicesQuery) -> DevicesPage:
        """Devices by label, as many as asked for and as fit into one message; `cursor` leads on."""
        where: list[ColumnElement[bool]] = [Device.organisation == organisation]
        if query.text:
            needle = _key(query.text)
            where.append(or_(Device.label_key.contains(needle, autoescape=True), Device.id.contains(needle, autoescape=True)))
        if query.cursor:
            label_key, _, last = query.cursor.rpartition(SEPARATOR)
            where.append(tuple_(Device.label_key, Device.id) > tuple_(label_key, last))
        found = await self._select(where, query.limit + 1)
        rows: list[DeviceRow] = []
        size = 0
        for device in found[: query.limit]:
            row = self._row(device)
            size += len(msgspec.msgpack.encode(row))
            if size > PAGE_BYTES and rows:
                break
            rows.append(row)
        more = len(rows) < len(found)
        cursor = f"{found[len(rows) - 1].label_key}{SEPARATOR}{found[len(rows) - 1].id}" if more else ""
        return DevicesPage(query.request, rows, cursor)

    async def _select(self, where: Sequence[ColumnElement[bool]], limit: int) -> list[Device]:
        async with self._database.reading() as session:
            return list(await session.scalars(select(Device).where(*where).order_by(Device.label_key, Device.id).limit(limit)))

    def _row(self, device: Device) -> DeviceRow:
        online = self._hub.online(device.organisation, device.id)
        code = self._codes.waiting(device.organisation, device.id, self._clock.now())
        return DeviceRow(
            id=device.id,
            label=device.label,
            platform=device.platform,
            online=online,
            last_seen=self._clock.wall() if online else device.last_seen,
            waiting=code is not None,
            waiting_text=code.text if code else "",
            waiting_since=code.since if code else 0.0,
            waiting_tier=code.tier if code else 0,
            waiting_peer=code.peer if code else "",
        )


def _key(label: str) -> str:
    # Case folding can lengthen a text (ß becomes ss); the cursor carries the key and must stay under 200 characters.
    return label.casefold().replace(SEPARATOR, " ")[:140]
