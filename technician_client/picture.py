"""The picture a viewer shows: layouts and updates in, pixels out. For screenshots, exports and checks.

The operations of an update are applied in their order; order between updates is that of `sequence`. Everything comes from the
other side: sizes are checked before anything is decompressed.
"""

from collections.abc import Iterator
from typing import Any, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from protocol.errors import RemoteProtocolError
from protocol.limits import LIMITS, Limits
from protocol.messages.screen import VIDEO_STREAMS, Copy, ScreenLayout, ScreenUpdate, Tile, Video
from technician_client.tile_data import channels, packed

Bytes2D = NDArray[np.uint8]
"""(height, width, 4) uint8: blue, green, red, 255."""

WIDE = 16
"""Pixels by which libswscale converts at once, at most."""


def decode_tile(tile: Tile) -> Bytes2D:
    """The pixels of a tile as (height, width, 4) blue, green, red, 255.

    Raises:
        RemoteProtocolError: unknown encoding, or data that is not exactly `width` x `height` pixels.
    """
    if not tile.width or not tile.height:
        raise RemoteProtocolError("A tile without pixels was sent.")
    picture = np.empty((tile.height, tile.width, 4), np.uint8)
    picture[..., 3] = 255
    match tile.encoding:
        case "fill":
            if len(tile.data) != 3:
                raise RemoteProtocolError("A filled tile needs 3 bytes.")
            picture[..., :3] = np.frombuffer(tile.data, np.uint8)
        case "zstd-bgr":
            picture[..., :3] = packed(tile, 3).reshape(tile.height, tile.width, 3)
        case "zstd-bgrx":
            picture[..., :3] = packed(tile, 4).reshape(tile.height, tile.width, 4)[..., :3]
        case _:
            picture[..., 0], picture[..., 1], picture[..., 2] = channels(tile)
    return picture


def widened(frame: av.VideoFrame) -> av.VideoFrame:
    """The same picture with its width rounded up to `WIDE`, its last column repeated. libswscale's fast conversion to RGB takes
    several columns at once and leaves the last ones of some widths unwritten: what was in memory would show there."""
    if frame.width % WIDE == 0:
        return frame
    wide = av.VideoFrame(frame.width + WIDE - frame.width % WIDE, frame.height, frame.format.name)
    wide.colorspace, wide.color_range = frame.colorspace, frame.color_range
    for plane, room in zip(frame.planes, wide.planes, strict=True):
        source, target = _rows(plane), _rows(room)
        target[:, : plane.width] = source[:, : plane.width]
        target[:, plane.width :] = source[:, plane.width - 1 : plane.width]
    return wide


def _rows(plane: VideoPlane) -> NDArray[np.uint8]:
    """A plane of one byte a pixel, with the padding of its rows."""
    return np.frombuffer(memoryview(cast(Any, plane)), np.uint8)[: plane.height * plane.line_size].reshape(
        plane.height, plane.line_size
    )


class VideoDecoder:
    """One stream of H.264 or AV1 to pixels, without delay."""

    def __init__(self, codec: str = "") -> None:
        """`codec` as in `Video`; all that is no AV1 is taken for H.264."""
        modern = codec.lower().startswith("av01.")
        context = av.CodecContext.create("libdav1d" if modern else "h264", "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1  # frame threads would hold pictures back
        if modern:
            context.options = {"max_frame_delay": "1"}
        self._context = context
        self._begun = False

    def feed(self, video: Video) -> av.VideoFrame:
        """One coded picture, decoded and not yet in pixels.

        Raises:
            RemoteProtocolError: the data do not decode, show nothing, or show less than they say.
        """
        if not self._begun and not video.key:
            raise RemoteProtocolError("A video stream did not begin with a key picture.")
        self._begun = True
        try:
            frames = self._context.decode(av.Packet(video.data))
        except av.FFmpegError as error:
            raise RemoteProtocolError(f"A video picture does not decode: {error}.") from error
        if not frames:
            raise RemoteProtocolError("A video picture shows nothing.")
        frame = frames[-1]
        if frame.width < video.width or frame.height < video.height:
            raise RemoteProtocolError("A video picture is smaller than it says.")
        return frame

    def decode(self, video: Video) -> Bytes2D:
        """The visible part of one coded picture; raises as `feed`."""
        pixels: Bytes2D = widened(self.feed(video)).to_ndarray(format="bgra").astype(np.uint8, copy=False)
        return pixels[: video.height, : video.width]


class Picture:
    """What the viewer shows. `pixels` is (height, width, 4) blue, green, red, 255; empty before the first layout."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._decoders: dict[int, VideoDecoder] = {}
        self._kept: Bytes2D | None = None
        self.pixels: Bytes2D = np.zeros((0, 0, 4), np.uint8)
        self.epoch: int | None = None
        self.sequence = -1
        self.captured_at = 0
        self.exact = False

    def apply_layout(self, layout: ScreenLayout) -> None:
        """Begin anew in black at the layout's size.

        Raises:
            RemoteProtocolError: larger than the limits allow.
        """
        if not self._limits.shows(layout.width, layout.height):
            raise RemoteProtocolError("The other side's display is larger than this version can show.")
        self.pixels = np.zeros((layout.height, layout.width, 4), np.uint8)
        self.pixels[..., 3] = 255
        self.epoch = layout.epoch
        self.exact = False
        self._decoders.clear()
        self._kept = None

    def apply_update(self, update: ScreenUpdate) -> bool:
        """Apply an update's operations in order. False (and nothing done) when it belongs to an older layout.

        Raises:
            RemoteProtocolError: no layout yet, something outside the picture, or data that do not decode.
        """
        if self.epoch is None:
            raise RemoteProtocolError("An update came before any layout.")
        if update.epoch != self.epoch:
            return False
        for operation in update.operations:
            self._check(operation.x, operation.y, operation.width, operation.height)
            match operation:
                case Copy():
                    self._check(operation.from_x, operation.from_y, operation.width, operation.height)
                    self._put(operation, self._part(operation.from_x, operation.from_y, operation).copy())
                case Tile():
                    self._put_tile(operation)
                case Video():
                    self._put(operation, self._decoder(operation).decode(operation))
        self.sequence, self.captured_at, self.exact = update.sequence, update.captured_at, update.exact
        return True

    @property
    def kept(self) -> Bytes2D | None:
        """What tiles have kept beside the picture; None when nothing was ever kept."""
        return self._kept

    def restore(self, pixels: Bytes2D, kept: Bytes2D | None, sequence: int, captured_at: int, exact: bool) -> None:
        """After `apply_layout`: go on from a picture as it was at some moment. Both arrays are its own from now on.

        Raises:
            RemoteProtocolError: they are not as large as the layout.
        """
        if pixels.shape != self.pixels.shape or (kept is not None and kept.shape != self.pixels.shape):
            raise RemoteProtocolError("A picture that was written down is not as large as its layout.")
        self.pixels, self._kept = pixels, kept
        self.sequence, self.captured_at, self.exact = sequence, captured_at, exact

    def prepare(self, update: ScreenUpdate) -> None:
        """Have the video decoders see the films of an update without painting anything.

        Raises:
            RemoteProtocolError: data that do not decode.
        """
        for operation in update.operations:
            if isinstance(operation, Video) and (operation.key or operation.stream in self._decoders):
                self._decoder(operation).feed(operation)

    def rows(self) -> Iterator[bytes]:
        """The picture as rows of red, green, blue, top first."""
        for row in self.pixels:
            yield row[:, 2::-1].tobytes()

    def _check(self, x: int, y: int, width: int, height: int) -> None:
        rows, columns = self.pixels.shape[:2]
        if x + width > columns or y + height > rows:
            raise RemoteProtocolError("An update reaches outside the picture.")

    def _part(self, x: int, y: int, size: Copy | Tile | Video) -> Bytes2D:
        return self.pixels[y : y + size.height, x : x + size.width]

    def _put(self, operation: Copy | Tile | Video, pixels: Bytes2D) -> None:
        self._part(operation.x, operation.y, operation)[...] = pixels

    def _put_tile(self, tile: Tile) -> None:
        if self._kept is None and (tile.keep or tile.encoding == "kept"):
            self._kept = np.zeros_like(self.pixels)
            self._kept[..., 3] = 255
        pixels = self._kept_part(tile) if tile.encoding == "kept" else decode_tile(tile)
        self._put(tile, pixels)
        if tile.keep:
            self._kept_part(tile)[...] = pixels

    def _kept_part(self, tile: Tile) -> Bytes2D:
        assert self._kept is not None
        return self._kept[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]

    def _decoder(self, video: Video) -> VideoDecoder:
        decoder = self._decoders.get(video.stream)
        if decoder is None:
            decoder = self._decoders[video.stream] = VideoDecoder(video.codec)
            for old in sorted(self._decoders)[:-VIDEO_STREAMS]:
                del self._decoders[old]
        return decoder
