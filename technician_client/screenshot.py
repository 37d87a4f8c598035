"""One exact picture of a device's display, as PNG."""

import asyncio
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress

from protocol.errors import LocalProtocolError, Refused, Unavailable
from protocol.messages.screen import ScreenAck, ScreenLayout, ScreenStart, ScreenState, ScreenStop, ScreenUpdate
from protocol.messages.session import Refusal
from protocol.session import SessionEnded
from technician_client.picture import Picture
from technician_client.sessions import Session

_STANDING_STILL = ("lost", "unavailable")


async def take_picture(session: Session, *, seconds: float) -> Picture:
    """Watch the display until the picture is exact, losslessly (no video decoder is offered), then stop watching.

    Raises:
        Unavailable: there is no display, or no exact picture came within `seconds`. Refused: the device does not show it.
        SessionLost: the session ended first. RemoteProtocolError: the device sent nonsense.
    """
    picture = Picture()
    with session.subscribe(ScreenLayout, ScreenUpdate, ScreenState, Refusal, SessionEnded) as items:
        session.send(ScreenStart([], quality="sharper"))
        try:
            async with asyncio.timeout(seconds):
                async for item in items:
                    if isinstance(item, SessionEnded):
                        break
                    if _take(session, picture, item):
                        session.send(ScreenStop())
                        return picture
        except TimeoutError as error:
            raise Unavailable(f"The device sent no exact picture of its display within {seconds:g} s.") from error
    raise session.loss()


def acknowledge(session: Session, update: ScreenUpdate) -> None:
    """Tell the device that an update has arrived; nothing when the session is over meanwhile."""
    with suppress(LocalProtocolError):
        session.send(ScreenAck(update.sequence))


def _take(session: Session, picture: Picture, item: object) -> bool:
    """Apply one item; True when the picture is exact."""
    match item:
        case ScreenLayout():
            picture.apply_layout(item)
        case ScreenUpdate() if picture.epoch is not None:
            applied = picture.apply_update(item)
            session.send(ScreenAck(item.sequence))
            return applied and picture.exact
        case ScreenState(state=state, text=text) if state in _STANDING_STILL:
            raise Unavailable(f"The device has no display to show: {text or state}.")
        case Refusal(refused="screen.start", text=text, reason=reason):
            raise Refused(text or f"The device does not show its display ({reason.value}).", reason=reason)
        case _:
            pass
    return False


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: Iterable[bytes]) -> bytes:
    """Rows of 8-bit red, green, blue as a PNG (ISO/IEC 15948), each row filtered by none."""
    data = b"".join(b"\0" + row for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(data, 6)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
