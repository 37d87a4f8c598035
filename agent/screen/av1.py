"""AV1 of the area in motion through SVT-AV1, for those who want few bytes: 4:2:0, no delay, a key picture only at the beginning.

At the same nearness it needs half the bytes of H.264 as `agent.screen.video` makes it, for about as much work but with a slower
beginning and uneven times (docs/benchmarks.md, "Encoders"). Its rate cannot be bounded while it runs, nor by a buffer as small as
a slow link needs: it codes to a constant quality, says when that costs too much, and is not used where the link is the bound.
"""

import collections
import os
from collections.abc import Sequence
from contextlib import nullcontext
from fractions import Fraction

import av
from av.codec.codec import UnknownCodecError
from av.video.codeccontext import VideoCodecContext

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.backends.priority import kept_priority
from agent.screen.colour import FORMATS, Converter
from agent.screen.video import RATE, SMPTE_170M, VIDEO_RANGE
from protocol.errors import Unavailable
from protocol.messages.screen import Video

ENCODER = "libsvtav1"
CRF = 50
"""As near as x264's 32, which is what "saver" asks for."""
LEVELS = ((2_359_296, "09"), (8_912_896, "13"))
"""Pixels of a picture and the lowest level for 60 of them a second (AV1 specification, annex A.3): 4.1 and 5.1; 6.1 above."""
WINDOW = 30
"""Pictures over which the bytes are counted."""


def available() -> bool:
    """Whether this FFmpeg has the encoder."""
    return ENCODER in av.codecs_available


def decodes_av1(decoders: Sequence[str]) -> bool:
    """Whether the viewer decodes AV1 of the main profile with 8 bits (RFC 6381 names, "av01.P.LLT.DD")."""
    return any(name.lower().startswith("av01.0.") and name.endswith(".08") for name in decoders)


class Av1Stream:
    """One stream of one size at one place. The first picture is a key picture, and the only one."""

    full_chroma = False

    def __init__(self, number: int, area: Rect, *, bitrate: int) -> None:
        """`bitrate` (bits a second) is the most that its pictures may cost at `RATE` a second; see `rich`.

        Raises:
            Unavailable: the encoder does not open.
        """
        self.number, self.area = number, area
        self._most = bitrate
        width, height = area.width + area.width % 2, area.height + area.height % 2
        self._coded = Rect(area.x, area.y, width, height)
        self._converter = Converter(width, height, full_chroma=False)
        self._context = _open(width, height)
        level = next((name for pixels, name in LEVELS if width * height <= pixels), "17")
        self._codec = f"av01.0.{level}M.08"
        self._pictures = 0
        self._sizes: collections.deque[int] = collections.deque(maxlen=WINDOW)

    @property
    def rich(self) -> bool:
        """Whether the film needs more bytes than it may have."""
        return len(self._sizes) == WINDOW and sum(self._sizes) * 8 * RATE > self._most * WINDOW

    def follow(self, bitrate: int) -> bool:
        """From now on keep to `bitrate`. False: this stream cannot, begin one that can."""
        return bitrate >= self._most and not self.rich

    def encode(self, pixels: Pixels) -> Video:
        """One picture of the stream's area of `pixels` (which is padded by at least a pixel where the area's side is odd).

        Raises:
            Unavailable: the encoder failed.
        """
        coded, area = self._coded, self.area
        frame = self._converter.convert(pixels[coded.y : coded.bottom, coded.x : coded.right])
        frame.pts = self._pictures
        try:
            with kept_priority() if not self._pictures else nullcontext():  # the first begins what the encoder left to begin
                data = b"".join(bytes(packet) for packet in self._context.encode(frame))
        except av.FFmpegError as error:
            raise Unavailable(f"The video encoder failed: {error}.") from error
        key = not self._pictures
        self._pictures += 1
        if not key:
            self._sizes.append(len(data))
        return Video(area.x, area.y, area.width, area.height, self.number, self._codec, key, data)


def _open(width: int, height: int) -> VideoCodecContext:
    # The library tells its settings on the standard error output each time, and knows no other way to be quiet.
    os.environ.setdefault("SVT_LOG", "0")
    try:
        context = av.CodecContext.create(ENCODER, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = width, height
        context.pix_fmt = FORMATS[False]
        context.time_base = Fraction(1, RATE)
        context.framerate = Fraction(RATE)
        context.color_range = VIDEO_RANGE
        context.colorspace = context.color_primaries = context.color_trc = SMPTE_170M
        context.gop_size = 1_000_000
        context.bit_rate = 0
        # One level of parallelism: more threads cost twice the work and gain nothing at these sizes.
        context.options = {"preset": "12", "crf": str(CRF), "svtav1-params": "pred-struct=1:lookahead=0:rtc=1:lp=1"}
        with kept_priority():
            context.open()
    except (av.FFmpegError, UnknownCodecError) as error:
        raise Unavailable(f"The AV1 encoder does not open: {error}.") from error
    return context
