"""Plays a recording: from any moment to the picture of that moment, and on from there."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec
import numpy as np
import zstandard

from protocol.errors import RemoteProtocolError, TrustError
from protocol.limits import LIMITS
from protocol.messages import Message, UnknownMessage, decode_message
from protocol.messages.screen import CursorMove, CursorShape, ScreenLayout, ScreenUpdate
from technician_client.picture import Bytes2D, Picture
from technician_client.recordings.container import ContainerReader, Entry, Kind
from technician_client.recordings.writer import SECOND, End, KeyPoint, Meta, Timed

S = TypeVar("S", Meta, End)
_TIMED: Final = msgspec.msgpack.Decoder(list[Timed])
_KEY: Final = msgspec.msgpack.Decoder(KeyPoint)


class Recording:
    """An open recording. For one thread at a time.

    Raises:
        PrivateFileError: it cannot be read. TrustError: it is damaged, no recording, or of another technician's key.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._container = ContainerReader(path, key)
        try:
            entries = self._container.entries
            if not entries or entries[0].kind is not Kind.META:
                raise TrustError(f"{path} ended before anything was recorded.")
            self.meta: Meta = self._decode(entries[0], Meta)
            self.end: End | None = None if self._container.cut_short else self._decode(entries[-1], End)
            self._parts = [entry for entry in entries if entry.kind in (Kind.CHUNK, Kind.START, Kind.KEY)]
            self._bases = [entry for entry in self._parts if entry.kind is not Kind.CHUNK]
            self.seconds = self._length()
            self.first = self._first()
        except TrustError:
            self.close()
            raise

    def _decode(self, entry: Entry, kind: type[S]) -> S:
        try:
            return msgspec.json.decode(self._container.read(entry), type=kind)
        except (ValueError, RecursionError) as error:
            raise TrustError(f"{self.path} is damaged: record {entry.number} does not read.") from error

    def _length(self) -> float:
        """Until the last message: of a file without its end, that message is looked up."""
        last = next((entry for entry in reversed(self._parts) if entry.kind is not Kind.KEY), None)
        if last is None:
            return 0.0
        return max(self._parts[-1].time, self.messages(last)[-1][0]) / SECOND

    def _first(self) -> int:
        """Microseconds of the first picture: the layout before it shows nothing yet."""
        chunk = next(self.chunks_from(0), None)
        found = self.messages(chunk) if chunk is not None else []
        return next((time for time, data in found if isinstance(self.decode(data), ScreenUpdate)), found[0][0] if found else 0)

    def decode(self, data: bytes) -> Message | UnknownMessage:
        """One message.

        Raises:
            TrustError: it does not read.
        """
        try:
            return decode_message(data)
        except RemoteProtocolError as error:
            raise TrustError(f"{self.path} holds a message that does not read: {error}") from error

    def messages(self, entry: Entry) -> list[Timed]:
        """The messages of a chunk.

        Raises:
            TrustError: it does not read.
        """
        try:
            found = _TIMED.decode(self._container.read(entry))
        except (ValueError, RecursionError) as error:
            raise TrustError(f"{self.path} is damaged: record {entry.number} does not read.") from error
        if not found:
            raise TrustError(f"{self.path} is damaged: record {entry.number} is empty.")
        return found

    def key_point(self, entry: Entry) -> KeyPoint:
        """What a key point holds; raises as `messages`."""
        try:
            return _KEY.decode(self._container.read(entry))
        except (ValueError, RecursionError) as error:
            raise TrustError(f"{self.path} is damaged: record {entry.number} does not read.") from error

    def base_before(self, time: int) -> Entry | None:
        """The newest point at or before `time` from which the picture is known."""
        at = bisect_right(self._bases, time, key=lambda entry: entry.time)
        return self._bases[at - 1] if at else None

    def chunks_from(self, number: int) -> Iterator[Entry]:
        """The chunks with this record's number or a later one."""
        start = bisect_right(self._parts, number - 1, key=lambda entry: entry.number)
        return (entry for entry in self._parts[start:] if entry.kind is not Kind.KEY)

    def layouts(self) -> Iterator[ScreenLayout]:
        """Every layout, in order; raises as `messages`."""
        for entry in self._bases:
            if entry.kind is Kind.START:
                message = self.decode(self.messages(entry)[0][1])
                if isinstance(message, ScreenLayout):
                    yield message

    def numbered(self, number: int) -> Entry:
        """The record with this number.

        Raises:
            TrustError: there is none, or it holds no messages.
        """
        entries = self._container.entries
        if not 0 <= number < len(entries) or entries[number].kind not in (Kind.CHUNK, Kind.START):
            raise TrustError(f"{self.path} is damaged: a key point names record {number}.")
        return entries[number]

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


@dataclass(slots=True)
class Seen:
    """What changed while a player went on. `layout`: the picture begins anew; `areas`: (x, y, width, height) that were
    painted."""

    layout: bool = False
    areas: list[tuple[int, int, int, int]] = field(default_factory=list)
    shape: CursorShape | None = None
    move: CursorMove | None = None

    def __bool__(self) -> bool:
        return self.layout or bool(self.areas) or self.shape is not None or self.move is not None


class Player:
    """A recording at one moment. `picture` is what the technician saw then (black before the first layout)."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.picture = Picture()
        self.layout: ScreenLayout | None = None
        self.shape: CursorShape | None = None
        self.move: CursorMove | None = None
        self.skipped = 0  # updates that could not be painted: the device sent what nobody can
        self._chunks: Iterator[Entry] = recording.chunks_from(0)
        self._waiting: list[Timed] = []

    @property
    def next_time(self) -> int | None:
        """Microseconds of the next message; None at the end."""
        self._fill()
        return self._waiting[-1][0] if self._waiting else None

    def seek(self, seconds: float) -> Seen:
        """To the picture at `seconds` (before the first one: to that).

        Raises:
            TrustError: the file is damaged.
        """
        time = max(round(seconds * SECOND), self.recording.first)
        base = self.recording.base_before(time)
        self.picture, self.layout, self.shape, self.move = Picture(), None, None, None
        self._waiting = []
        if base is not None and base.kind is Kind.KEY:
            self._restore(self.recording.key_point(base))
        self._chunks = self.recording.chunks_from(0 if base is None else base.number)
        self.advance(time / SECOND)
        height, width = self.picture.pixels.shape[:2]
        return Seen(True, [(0, 0, width, height)] if width and height else [], self.shape, self.move)

    def advance(self, seconds: float) -> Seen:
        """On to `seconds`, everything before it painted in order."""
        time, seen = round(seconds * SECOND), Seen()
        while (following := self.next_time) is not None and following <= time:
            self._take(self._waiting.pop()[1], seen)
        return seen

    def _fill(self) -> None:
        while not self._waiting:
            entry = next(self._chunks, None)
            if entry is None:
                return
            self._waiting = self.recording.messages(entry)[::-1]

    def _take(self, data: bytes, seen: Seen) -> None:
        message = self.recording.decode(data)
        match message:
            case ScreenLayout():
                self.picture.apply_layout(message)
                self.layout, self.shape, self.move = message, None, None
                seen.layout, seen.shape, seen.move = True, None, None
                seen.areas = [(0, 0, message.width, message.height)] if message.width and message.height else []
            case ScreenUpdate():
                self._paint(message, seen)
            case CursorShape():
                self.shape = seen.shape = message
            case CursorMove():
                self.move = seen.move = message
            case _:
                pass

    def _paint(self, update: ScreenUpdate, seen: Seen) -> None:
        try:
            if self.picture.apply_update(update):
                seen.areas += [(one.x, one.y, one.width, one.height) for one in update.operations]
        except RemoteProtocolError:
            self.skipped += 1

    def _restore(self, key: KeyPoint) -> None:
        layout = self.recording.decode(key.layout)
        if not isinstance(layout, ScreenLayout):
            raise TrustError(f"{self.recording.path} is damaged: a key point has no layout.")
        self.picture.apply_layout(layout)
        shape = self.picture.pixels.shape
        for number in key.before:
            for _, data in self.recording.messages(self.recording.numbered(number)):
                message = self.recording.decode(data)
                if isinstance(message, ScreenUpdate) and message.epoch == layout.epoch:
                    self._prepare(message)
        kept = _unpack(key.kept, shape) if key.kept else None
        self.picture.restore(_unpack(key.pixels, shape), kept, key.sequence, key.captured_at, key.exact)
        self.layout = layout
        cursor = [self.recording.decode(data) for data in (key.shape, key.move) if data]
        self.shape = next((one for one in cursor if isinstance(one, CursorShape)), None)
        self.move = next((one for one in cursor if isinstance(one, CursorMove)), None)

    def _prepare(self, update: ScreenUpdate) -> None:
        try:
            self.picture.prepare(update)
        except RemoteProtocolError:
            self.skipped += 1


def _unpack(data: bytes, shape: tuple[int, ...]) -> Bytes2D:
    """Raises `TrustError`."""
    height, width = shape[:2]
    size = height * width * 3
    try:
        if size > LIMITS.screen_pixels * 3 or zstandard.frame_content_size(data) != size:
            raise TrustError("A key point of the recording does not hold a whole picture.")
        plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    except zstandard.ZstdError as error:
        raise TrustError(f"A key point of the recording does not decompress: {error}.") from error
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = np.frombuffer(plain, np.uint8).reshape(height, width, 3)
    pixels[..., 3] = 255
    return pixels
