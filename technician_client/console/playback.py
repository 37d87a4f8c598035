"""Plays a recording to one tab: pictures as the live desktop's, and commands to seek, play and pause.

    page to console   {"type": "seek", "at": s}  {"type": "play", "speed": x}  {"type": "pause"}  {"type": "painted",
    "sequence": n}
    console to page   `recording` once, `at` {seconds, playing} as it goes, screen.layout and screen.cursor_move as in a live
    session;
                      binary updates and pointer shapes
The console decodes, films too, and sends the pixels of what changed; while the page paints, changes gather instead of queueing.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Final

import msgspec
import numpy as np
from aiohttp import WSMsgType, web

from hostio.tasks import Supervisor
from protocol.errors import HandrailError
from protocol.messages.screen import ScreenLayout
from technician_client.console.wire import (
    OPERATION_HEADER,
    PIXELS,
    UPDATE,
    UPDATE_HEADER,
    write_cursor,
    write_message,
    write_object,
)
from technician_client.picture import Bytes2D
from technician_client.recordings.reader import Player, Recording, Seen

TICK_SECONDS: Final = 1 / 30
UNPAINTED: Final = 2
MOST_AREAS: Final = 24
Area = tuple[int, int, int, int]


class _Command(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    pass


class Seek(_Command, frozen=True, tag="seek"):
    """Go to this moment."""

    at: Annotated[float, msgspec.Meta(ge=0, le=10**7)]


class Play(_Command, frozen=True, tag="play"):
    """Go on from here, `speed` times as fast as it was."""

    speed: Annotated[float, msgspec.Meta(gt=0, le=32)] = 1.0


class Pause(_Command, frozen=True, tag="pause"):
    """Stand still."""


class Painted(_Command, frozen=True, tag="painted"):
    """The page has painted this update."""

    sequence: Annotated[int, msgspec.Meta(ge=0)]


_COMMANDS: Final = msgspec.json.Decoder(Seek | Play | Pause | Painted)


class Playback:
    """One tab that watches one recording."""

    def __init__(
        self, socket: web.WebSocketResponse, recording: Recording, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._socket = socket
        self._recording = recording
        self._player = Player(recording)
        self._clock = clock
        self._seek: float | None = 0.0
        self._speed = 0.0
        self._at = 0.0
        self._sequence = 0
        self._painted = 0
        self._epoch = 0
        self._asked = False
        self._happened = asyncio.Event()

    async def run(self) -> None:
        """Until the tab goes away."""
        meta = self._recording.meta
        about = {"type": "recording", "seconds": self._recording.seconds, "label": meta.label, "started_at": meta.started_at}
        await self._socket.send_str(write_object(about))
        async with Supervisor() as supervisor:
            _ = supervisor.spawn(self._play(), "playback")
            async for frame in self._socket:
                if frame.type is not WSMsgType.TEXT or not self._hear(frame.data):
                    break

    def _hear(self, text: str) -> bool:
        try:
            command: Seek | Play | Pause | Painted = _COMMANDS.decode(text)
        except (ValueError, RecursionError):
            return False
        match command:
            case Seek(at=at):
                self._seek = min(at, self._recording.seconds)
            case Play(speed=speed):
                self._speed, self._asked = speed, True
                if self._at >= self._recording.seconds and self._seek is None:
                    self._seek = 0.0
            case Pause():
                self._speed, self._asked = 0.0, True
            case Painted(sequence=sequence):
                self._painted = max(self._painted, min(sequence, self._sequence))
        self._happened.set()
        return True

    async def _play(self) -> None:
        try:
            before = self._clock()
            while True:
                await self._rest()
                now = self._clock()
                passed, before = now - before, now
                if self._seek is not None:
                    self._at, self._seek = self._seek, None
                    await self._show(await asyncio.to_thread(self._player.seek, self._at))
                elif self._speed:
                    self._at = min(self._recording.seconds, self._at + min(passed, 1.0) * self._speed)
                    await self._show(await asyncio.to_thread(self._player.advance, self._at))
                    if self._at >= self._recording.seconds:
                        self._speed = 0.0
                await self._socket.send_str(write_object({"type": "at", "seconds": self._at, "playing": self._speed > 0}))
        except HandrailError as error:
            await self._socket.send_str(write_object({"type": "fault", "text": str(error)}))

    async def _rest(self) -> None:
        """Until there is something to do: a command, or the next picture while the page keeps up."""
        while self._seek is None and not self._asked:
            self._happened.clear()
            behind = self._sequence - self._painted >= UNPAINTED
            try:
                async with asyncio.timeout(TICK_SECONDS if self._speed and not behind else None):
                    await self._happened.wait()
            except TimeoutError:
                return
        self._asked = False

    async def _show(self, seen: Seen) -> None:
        player = self._player
        if seen.layout and player.layout is not None:
            self._epoch += 1
            layout: ScreenLayout = msgspec.structs.replace(player.layout, epoch=self._epoch)
            await self._socket.send_str(write_message(layout))
        areas = gathered(seen.areas, player.picture.pixels.shape[:2])
        if areas:
            self._sequence += 1
            data = await asyncio.to_thread(write_areas, player.picture.pixels, areas, self._epoch, self._sequence)
            await self._socket.send_bytes(data)
        if seen.shape is not None:
            await self._socket.send_bytes(write_cursor(seen.shape))
        if seen.move is not None:
            await self._socket.send_str(write_message(seen.move))


def gathered(areas: Sequence[Area], size: tuple[int, ...]) -> list[Area]:
    """The same pixels in few rectangles: each area, or one round all of them where they are many or overlap much."""
    once = list(dict.fromkeys(area for area in areas if area[2] and area[3]))
    if not once:
        return []
    left, top = min(area[0] for area in once), min(area[1] for area in once)
    right, bottom = max(area[0] + area[2] for area in once), max(area[1] + area[3] for area in once)
    box = (left, top, min(right, size[1]) - left, min(bottom, size[0]) - top)
    if len(once) > MOST_AREAS or sum(area[2] * area[3] for area in once) >= box[2] * box[3]:
        return [box]
    return once


def write_areas(pixels: Bytes2D, areas: Sequence[Area], epoch: int, sequence: int) -> bytes:
    """One binary update with the present pixels of these areas."""
    parts = [UPDATE_HEADER.pack(UPDATE, 0, len(areas), epoch, float(sequence), 0.0)]
    for x, y, width, height in areas:
        part = pixels[y : y + height, x : x + width]
        parts.append(OPERATION_HEADER.pack(PIXELS, 0, x, y, width, height, 0, 0, 0))
        parts.append(np.ascontiguousarray(part[..., (2, 1, 0, 3)]).tobytes())
    return b"".join(parts)
