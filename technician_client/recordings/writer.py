"""Messages of a session into a recording, as they came, with points from which it can be played.

To play from the middle, the picture at that moment must be known. So the writer keeps the picture beside (in its own thread) and
writes it down as a *key point* when enough was painted since the last one that painting it again would take long. A key point
holds exact pixels, not a state of a video decoder: what a running film needs before it is named by the key point (`before`), and
when that grows long the technician's program asks the device to begin the picture anew (`wants_anew`). Nothing is encoded again.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import zstandard

from protocol.errors import RemoteProtocolError
from protocol.messages import Message, encode_message
from protocol.messages.screen import VIDEO_STREAMS, CursorMove, CursorShape, ScreenLayout, ScreenUpdate, Video
from technician_client.picture import Bytes2D, Picture
from technician_client.recordings.container import ContainerWriter, Entry, Kind

SECOND: Final = 1_000_000
KEY_COST: Final = 60_000_000
"""Pixels painted since the last key point after which the next one is due (about a third of a second of painting)."""
KEY_SECONDS: Final = 10
LEAST_KEY_SECONDS: Final = 2
STREAM_COST: Final = 300_000_000
"""Pixels of film to be decoded before a key point after which the device is asked to begin anew."""
LEAST_PICTURE_COST: Final = 200_000
LEVEL: Final = 1

Timed = tuple[int, bytes]
"""Microseconds since the beginning, and the message as on the wire."""


class Meta(msgspec.Struct, frozen=True):
    """What a recording is of. Times in seconds since 1970; names as certified."""

    session: str
    device: str
    label: str
    technician: str
    organisation: str
    started_at: float
    v: int = 1


class End(msgspec.Struct, frozen=True):
    """Why a recording ended: a word of `Stopped`, and a sentence."""

    reason: str
    text: str = ""


class KeyPoint(msgspec.Struct, frozen=True, array_like=True):
    """The picture at one moment. `pixels` and `kept` (b"": nothing) are zstd of rows of blue, green, red; `layout`, `shape`
    and `move` are messages as on the wire (b"": none came); `before` are the numbers of the records whose films go on here."""

    layout: bytes
    sequence: int
    captured_at: int
    exact: bool
    pixels: bytes
    kept: bytes = b""
    shape: bytes = b""
    move: bytes = b""
    before: list[int] = []


class RecordingWriter:
    """Writes one recording. Its methods block: call them from worker threads, one at a time (a lock holds a second one)."""

    def __init__(self, path: Path, key: bytes, salt: bytes, meta: Meta) -> None:
        """Raises:
        PrivateFileError: the file cannot be made.
        """
        self._container = ContainerWriter(path, key, salt)
        self._lock = threading.Lock()
        self._picture = Picture()
        self._layout = self._shape = self._move = b""
        self._films: dict[int, list[int]] = {}
        self._film_cost: dict[int, int] = {}
        self._cost = 0
        self._key_at = 0
        self._time = 0
        self._lost = False
        self._container.append(Kind.META, 0, msgspec.json.encode(meta))

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._container.size

    @property
    def path(self) -> Path:
        """The file."""
        return self._container.path

    @property
    def wants_anew(self) -> bool:
        """A film has run for so long, or the picture cannot be followed any more, that the device should begin it anew."""
        return self._lost or max(self._film_cost.values(), default=0) > STREAM_COST

    def write(self, messages: Sequence[tuple[int, Message]]) -> None:
        """Messages in order, each with its microseconds since the beginning. What comes before the first layout is left out:
        it changes a picture that nobody has.

        Raises:
            PrivateFileError: the disk takes no more.
        """
        with self._lock:
            self._write(messages)

    def _write(self, messages: Sequence[tuple[int, Message]]) -> None:
        batch: list[Timed] = []
        kept: list[Message] = []
        kind = Kind.CHUNK
        for time, message in messages:
            if isinstance(message, ScreenLayout):
                self._flush(kind, batch, kept)
                batch, kept, kind = [], [], Kind.START
            elif not self._layout and kind is not Kind.START:
                continue
            batch.append((time, encode_message(message)))
            kept.append(message)
        self._flush(kind, batch, kept)

    def close(self, end: End) -> None:
        """Write why it ended, and hand everything to the disk.

        Raises:
            PrivateFileError: the disk takes no more; the file plays without its end.
        """
        with self._lock:
            try:
                self._container.append(Kind.END, self._time, msgspec.json.encode(end))
            finally:
                self._container.close()

    def _flush(self, kind: Kind, batch: list[Timed], messages: list[Message]) -> None:
        if not batch:
            return
        entry = self._container.append(kind, batch[0][0], msgspec.msgpack.encode(batch))
        self._time = batch[-1][0]
        if kind is Kind.START:
            self._key_at, self._cost = self._time, 0
        for message, (_, data) in zip(messages, batch, strict=True):
            self._follow(message, data, entry)
        passed = self._time - self._key_at
        heavy = self._cost >= KEY_COST and passed >= LEAST_KEY_SECONDS * SECOND
        if self._cost and not self._lost and (heavy or passed >= KEY_SECONDS * SECOND):
            self._write_key()

    def _follow(self, message: Message, data: bytes, entry: Entry) -> None:
        match message:
            case ScreenLayout():
                self._picture.apply_layout(message)
                self._layout, self._shape, self._move, self._lost = data, b"", b"", False
                self._films.clear()
                self._film_cost.clear()
            case CursorShape():
                self._shape = data
            case CursorMove():
                self._move = data
            case ScreenUpdate() if not self._lost:
                try:
                    self._picture.apply_update(message)
                except RemoteProtocolError:
                    self._lost = True  # it stands in the file as it came; key points begin again with the next layout
                self._count(message, entry)
            case _:
                pass

    def _count(self, update: ScreenUpdate, entry: Entry) -> None:
        for operation in update.operations:
            pixels = operation.width * operation.height
            self._cost += pixels
            if not isinstance(operation, Video):
                continue
            if operation.key:
                self._films[operation.stream], self._film_cost[operation.stream] = [], 0
            records = self._films.setdefault(operation.stream, [])
            if not records or records[-1] != entry.number:
                records.append(entry.number)
            self._film_cost[operation.stream] = self._film_cost.get(operation.stream, 0) + max(pixels, LEAST_PICTURE_COST)
        for old in sorted(self._films)[:-VIDEO_STREAMS]:
            del self._films[old], self._film_cost[old]

    def _write_key(self) -> None:
        picture = self._picture
        key = KeyPoint(
            self._layout,
            picture.sequence,
            picture.captured_at,
            picture.exact,
            _pack(picture.pixels),
            b"" if picture.kept is None else _pack(picture.kept),
            self._shape,
            self._move,
            sorted({number for records in self._films.values() for number in records}),
        )
        self._container.append(Kind.KEY, self._time, msgspec.msgpack.encode(key))
        self._key_at, self._cost = self._time, 0


def _pack(pixels: Bytes2D) -> bytes:
    return zstandard.compress(np.ascontiguousarray(pixels[..., :3]).tobytes(), LEVEL)
