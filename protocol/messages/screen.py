"""The picture: what the agent's display shows, as copies, lossless tiles and video, in that order of preference."""

from typing import Annotated, ClassVar

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Coordinate, Extent, Lane, Message, Sender, ShortText


class Monitor(msgspec.Struct, frozen=True, array_like=True):
    """One monitor in source pixels."""

    name: ShortText
    x: Coordinate
    y: Coordinate
    width: Extent
    height: Extent
    primary: bool = False


class ScreenStart(Message, frozen=True, tag="screen.start"):
    """T->A: start the stream. `decoders` lists WebCodecs codec strings the viewer can decode, best first; empty: tiles only.
    `monitor` names one monitor, "" is all of them."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.VIEW
    decoders: Annotated[list[ShortText], msgspec.Meta(max_length=32)]
    max_fps: Annotated[float, msgspec.Meta(ge=1, le=120)] = 60.0
    monitor: ShortText = ""
    quality: Annotated[str, msgspec.Meta(pattern=r"^(auto|sharper|faster|saver)\Z")] = "auto"


class ScreenStop(Message, frozen=True, tag="screen.stop"):
    """T->A: stop the stream (the viewer is hidden)."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.VIEW


class ScreenRefresh(Message, frozen=True, tag="screen.refresh"):
    """T->A: send everything anew, beginning with a keyframe (the viewer lost its picture)."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.VIEW


class ScreenAck(Message, frozen=True, tag="screen.ack"):
    """T->A: update `sequence` has been painted. `decode_ms` and `queue` tell how the viewer keeps up."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.INPUT
    CAPABILITY: ClassVar = Capability.VIEW
    sequence: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    decode_ms: float = 0.0
    queue: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0


class ScreenLayout(Message, frozen=True, tag="screen.layout"):
    """A->T: geometry; sent before the first update and on every change. Updates of an older `epoch` are stale: drop them.

    `width` and `height` are those of the streamed area; (`origin_x`, `origin_y`) its place on the display; input coordinates
    are relative to the streamed area.
    """

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.SCREEN
    epoch: int
    width: Extent
    height: Extent
    origin_x: Coordinate = 0
    origin_y: Coordinate = 0
    monitors: list[Monitor] = []
    backend: ShortText = ""
    note: ShortText = ""


class Copy(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Move what the viewer already shows: `width` x `height` from (`from_x`, `from_y`) to (`x`, `y`); may overlap."""

    x: Extent
    y: Extent
    width: Extent
    height: Extent
    from_x: Extent
    from_y: Extent


class Tile(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Exact pixels of a rectangle. `encoding` (see SPEC.md, "Tiles"): "zstd-bgr" (rows of 3 bytes), "zstd-bgrx" (rows of 4 bytes,
    the 4th unused), "zstd-planes" and "deflate-planes" (green, blue less green, red less green, column by column), "zstd-slopes"
    (the same planes row by row, each value less what its neighbours foretell: for photographs), "fill" (3 bytes b, g, r), "kept"
    (no bytes: the pixels that the last tiles with `keep` put there, black where none did).

    `keep`: the viewer keeps these pixels beside the picture, in place of what it kept there before. Copies, video and tiles
    without it leave the kept pixels alone; every `ScreenLayout` forgets them."""

    x: Extent
    y: Extent
    width: Extent
    height: Extent
    encoding: Annotated[str, msgspec.Meta(max_length=16)]
    data: bytes
    keep: bool = False


VIDEO_STREAMS = 8
"""Streams whose decoders a viewer keeps: those that began last. A picture of an older one cannot be shown."""


class Video(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """One coded picture of stream `stream`, shown at (`x`, `y`). `codec` is a WebCodecs codec string, Annex B for H.264,
    low-overhead OBUs for AV1. A stream keeps its size; a new size is a new `stream` that begins with a `key` picture. `width`
    and `height` are the visible part, at the upper left: the coded size may be larger, and the place may change with every
    picture."""

    x: Extent
    y: Extent
    width: Extent
    height: Extent
    stream: int
    codec: ShortText
    key: bool
    data: bytes


Operation = Copy | Tile | Video


class ScreenUpdate(Message, frozen=True, tag="screen.update"):
    """A->T: operations applied in order make the picture at `captured_at` (agent's monotonic clock, microseconds).
    `exact`: after it, the viewer's picture equals the display bit for bit."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.SCREEN
    sequence: int
    epoch: int
    captured_at: int
    operations: list[Operation]
    exact: bool = False


class CursorShape(Message, frozen=True, tag="screen.cursor_shape"):
    """A->T: the pointer's picture: `width` x `height` straight-alpha RGBA rows in `data` (zlib), hot spot in pixels.
    Width 0 hides it."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.SCREEN
    serial: int
    width: Annotated[int, msgspec.Meta(ge=0, le=256)]
    height: Annotated[int, msgspec.Meta(ge=0, le=256)]
    hot_x: Annotated[int, msgspec.Meta(ge=0, le=256)]
    hot_y: Annotated[int, msgspec.Meta(ge=0, le=256)]
    data: Annotated[bytes, msgspec.Meta(max_length=262144)]


class CursorMove(Message, frozen=True, tag="screen.cursor_move"):
    """A->T: the pointer's place in the streamed area."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.INPUT
    x: Coordinate
    y: Coordinate


class ScreenState(Message, frozen=True, tag="screen.state"):
    """A->T: the stream stands still or flows again, and why: `state` is "running", "paused", "lost" (the display went away) or
    "unavailable". While parts of the display are hidden, "running" says so in `text`."""

    SENDER: ClassVar = Sender.AGENT
    state: ShortText
    text: ShortText = ""


class ScreenWay(msgspec.Struct, frozen=True, array_like=True):
    """`count` operations went `way` (copy, tile, video, refine) because of `why` (moved, small, flat, photo, motion, link,
    still): their `size` in bytes and the milliseconds of work."""

    way: ShortText
    why: ShortText
    count: int
    size: int
    ms: float


class ScreenHeld(msgspec.Struct, frozen=True, array_like=True):
    """`count` times something newer took the place of what `reason` (frame_rate, unacknowledged, link, backlog, viewer) held."""

    reason: ShortText
    count: int


class ScreenReport(Message, frozen=True, tag="screen.report"):
    """A->T: how the picture went in the last `seconds`, at most once a second and only when something was sent. `byte_rate` is
    what the link is reckoned to deliver, `path_ms` the shortest time to an acknowledgement (0: unknown), `in_flight` the bytes
    without one."""

    SENDER: ClassVar = Sender.AGENT
    seconds: float
    ways: Annotated[list[ScreenWay], msgspec.Meta(max_length=64)]
    held: Annotated[list[ScreenHeld], msgspec.Meta(max_length=16)]
    byte_rate: float
    path_ms: float
    in_flight: int
