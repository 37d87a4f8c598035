"""The clipboard of a device, from the technician's side: put contents there, and take what is there."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from protocol.errors import RefusalReason, Refused, RemoteProtocolError
from protocol.messages.clipboard import (
    PART_BYTES,
    ClipboardGet,
    ClipboardPart,
    ClipboardPut,
    ClipboardSet,
    ClipboardStored,
    ClipboardTaken,
    Kind,
    most_bytes,
)
from protocol.messages.files import FileResult
from protocol.messages.session import Refusal
from protocol.transfer import Arrival, BulkPacer
from technician_client.transfers import Channel, next_answer

ITEMS: Final = 512
ANSWER_SECONDS: Final = 30.0


async def put_clipboard(session: Channel, kind: Kind, data: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Put text (UTF-8) or an image (PNG) on the clipboard there; returns once it is there.

    Raises:
        Refused: too large, not granted, paused, or not what it says. SessionLost: the session ended.
    """
    if not 0 < len(data) <= most_bytes(kind):
        text = f"A clipboard's {kind} has at most {most_bytes(kind)} bytes, and not none."
        raise Refused(text, reason=RefusalReason.LIMIT)
    request, pacer = session.next_request(), BulkPacer()
    with session.subscribe(
        ClipboardStored, ClipboardSet, Refusal, limit=ITEMS, where=lambda item: getattr(item, "request", None) == request
    ) as answers:
        at = 0
        while True:
            while at < len(data) and (room := min(pacer.room, PART_BYTES)):
                part = data[at : at + room]
                at += len(part)
                pacer.sent(request, at, len(part), clock())
                session.send(ClipboardPut(request, kind, len(data), at - len(part), part))
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await next_answer(session, answers)
            match answer:
                case ClipboardStored(offset=offset):
                    pacer.acked(request, offset, clock())
                case ClipboardSet():
                    return
                case FileResult(text=text, reason=reason):
                    raise Refused(text, reason=reason or RefusalReason.PAUSED)
                case _:
                    raise RemoteProtocolError("the device answered the clipboard with something else")


async def get_clipboard(session: Channel, kind: Kind) -> bytes:
    """What is on the clipboard there, as text (UTF-8) or an image (PNG).

    Raises:
        Refused: not granted, not there, or a secret. RemoteProtocolError: the answer cannot be. SessionLost.
    """
    request = session.next_request()
    data = bytearray()
    arrival: Arrival | None = None
    with session.subscribe(
        ClipboardPart, Refusal, limit=ITEMS, where=lambda item: getattr(item, "request", None) == request
    ) as answers:
        session.send(ClipboardGet(request, kind))
        while arrival is None or not arrival.complete:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await next_answer(session, answers)
            if isinstance(answer, FileResult):
                raise Refused(answer.text, reason=answer.reason or RefusalReason.PAUSED)
            if not isinstance(answer, ClipboardPart) or answer.size > most_bytes(kind):
                raise RemoteProtocolError("the device answered the clipboard with something else, or too much")
            arrival = arrival or Arrival(answer.size, 0)
            arrival.take(answer.offset, len(answer.data))
            data += answer.data
            session.send(ClipboardTaken(request, arrival.offset))
    if kind == "text":
        with suppress(UnicodeDecodeError):
            data.decode()
            return bytes(data)
        raise RemoteProtocolError("the device sent text that is none")
    return bytes(data)
