"""H.264 of the area in motion through libx264: no delay, no B pictures, key pictures only when asked for.

4:4:4 (High 4:4:4 Predictive) keeps coloured text sharp and is used when it is asked for; 4:2:0 otherwise. The bitrate is
bounded by a buffer (VBV) so that one picture never blocks the link for long; what it leaves unsharp is refined when motion stops.
Where the link and not the quality is the bound, x264 keeps to a mean bitrate that follows the link while the stream runs (it
takes a new one within about six pictures), and the buffer is small.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.codec import UnknownCodecError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.colour import FORMATS, Converter
from protocol.errors import Unavailable
from protocol.messages.screen import Video

NAL_SPS = 7
PROFILE_444 = "f4"
PROFILES_420 = ("64", "4d", "42")
RATE = 30
"""Pictures a second that the rate control reckons with."""
LEAST_BITRATE = 150_000
BUFFER_SECONDS, SLOW_BUFFER_SECONDS = 0.4, 0.07
FINEST = 20
"""The finest quantiser on a link that is the bound: what is sharp already leaves its share to the rest."""
RISE = 2.0
"""A stream that was begun for a link this many times slower is begun anew: its buffer is too small."""
ONE_THREAD_PIXELS = 1_000_000
"""Up to this size a second thread saves less time than it costs work."""
SMPTE_170M = 6
VIDEO_RANGE = 1


@dataclass(frozen=True, slots=True)
class VideoQuality:
    """`crf` is x264's constant rate factor (lower is sharper), `bitrate` the most bits a second."""

    crf: float
    bitrate: int


QUALITIES = {
    "auto": VideoQuality(25.0, 5_000_000),
    "sharper": VideoQuality(19.0, 25_000_000),
    "faster": VideoQuality(27.0, 4_000_000),
    "saver": VideoQuality(32.0, 1_200_000),
}


def choose_profile(decoders: Sequence[str], quality: str = "auto") -> bool | None:
    """True for 4:4:4, False for 4:2:0, None when the viewer decodes no H.264 (RFC 6381 names, "avc1.PPCCLL").

    What moves is mostly film and photographs, which have no more colour than 4:2:0 to begin with (34.5 dB against 34.2 at the
    same rate for two thirds of the work); what stands still becomes exact. So full colour from the beginning is for those who
    ask for "sharper"; see `decodes_both` for the others.
    """
    half, full = _decodes(decoders)
    if full and (quality == "sharper" or not half):
        return True
    return False if half else None


def decodes_both(decoders: Sequence[str]) -> bool:
    """Whether the viewer decodes 4:2:0 and 4:4:4, so that each film may have what its pixels need."""
    return all(_decodes(decoders))


def _decodes(decoders: Sequence[str]) -> tuple[bool, bool]:
    """4:2:0, 4:4:4."""
    profiles = [name.lower().removeprefix("avc1.")[:2] for name in decoders if name.lower().startswith("avc1.")]
    return any(profile in PROFILES_420 for profile in profiles), PROFILE_444 in profiles


class VideoStream:
    """One stream of one size at one place. The first picture is a key picture."""

    def __init__(self, number: int, area: Rect, *, full_chroma: bool, quality: VideoQuality, bitrate: int) -> None:
        """`bitrate` (bits a second) is what the link allows; the lower of it and the quality's bound holds.

        Raises:
            Unavailable: this FFmpeg has no libx264.
        """
        self.number, self.area, self.full_chroma = number, area, full_chroma
        self._most = quality.bitrate
        self.bitrate = self._begun = self._bounded(bitrate)
        self.follows = self.bitrate < quality.bitrate
        """Whether the link is the bound."""
        width, height = area.width + area.width % 2, area.height + area.height % 2
        self._coded = Rect(area.x, area.y, width, height)
        self._converter = Converter(width, height, full_chroma=full_chroma)
        self._context = _open(width, height, full_chroma, None if self.follows else quality.crf, self.bitrate)
        self._codec = ""
        self._pictures = 0

    def _bounded(self, bitrate: int) -> int:
        return max(LEAST_BITRATE, min(bitrate, self._most))

    def follow(self, bitrate: int) -> bool:
        """From now on keep to `bitrate`. False: this stream cannot, begin a new one."""
        bitrate = self._bounded(bitrate)
        if not self.follows:
            return bitrate * RISE >= self.bitrate
        if bitrate > self._begun * RISE:
            return False
        self.bitrate = self._context.bit_rate = min(bitrate, self._begun)
        return True

    def encode(self, pixels: Pixels, *, key: bool = False) -> Video:
        """One picture of the stream's area of `pixels` (which is padded by at least a pixel where the area's side is odd).

        Raises:
            Unavailable: the encoder failed.
        """
        coded = self._coded
        frame = self._converter.convert(pixels[coded.y : coded.bottom, coded.x : coded.right])
        key = key or not self._pictures
        frame.pict_type = PictureType.I if key else PictureType.NONE
        frame.pts = self._pictures
        self._pictures += 1
        try:
            data = b"".join(bytes(packet) for packet in self._context.encode(frame))
        except av.FFmpegError as error:
            raise Unavailable(f"The video encoder failed: {error}.") from error
        if key:
            self._codec = codec_string(data) or self._codec
        area = self.area
        return Video(area.x, area.y, area.width, area.height, self.number, self._codec, key, data)


def _open(width: int, height: int, full_chroma: bool, crf: float | None, bitrate: int) -> VideoCodecContext:
    """`crf` None keeps to a mean of `bitrate`, else it is the most."""
    try:
        context = av.CodecContext.create("libx264", "w")
    except UnknownCodecError as error:
        raise Unavailable("This computer's FFmpeg has no H.264 encoder (libx264); exact tiles are sent instead.") from error
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = width, height
    context.pix_fmt = FORMATS[full_chroma]
    context.time_base = Fraction(1, RATE)
    context.framerate = Fraction(RATE)
    context.color_range = VIDEO_RANGE
    context.colorspace = context.color_primaries = context.color_trc = SMPTE_170M
    context.gop_size = 1_000_000
    context.thread_count = 1 if width * height <= ONE_THREAD_PIXELS else min(2, os.cpu_count() or 1)
    options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "maxrate": str(bitrate),
        "bufsize": str(int(bitrate * (BUFFER_SECONDS if crf is not None else SLOW_BUFFER_SECONDS))),
        "forced-idr": "1",
        "sc_threshold": "0",
    }
    if crf is not None:
        options["crf"] = str(crf)
    else:
        context.bit_rate, context.qmin = bitrate, FINEST
    context.options = options
    context.open()
    return context


def codec_string(data: bytes) -> str:
    """The WebCodecs name of an Annex B stream from its sequence parameter set (ISO/IEC 14496-15), "" when it has none."""
    place = data.find(b"\0\0\1")
    while 0 <= place < len(data) - 7:
        if data[place + 3] & 0x1F == NAL_SPS:
            return "avc1." + data[place + 4 : place + 7].hex().upper()
        place = data.find(b"\0\0\1", place + 3)
    return ""
