"""The encoders of running films: which one each film has, and when it gets another.

A new stream begins with a key picture, so a stream goes on as long as its area stays, the viewer has its decoder and it can keep
to what the link carries.
"""

from collections.abc import Collection
from dataclasses import dataclass

from agent.backends.geometry import Rect
from agent.screen.av1 import Av1Stream
from agent.screen.chooser import LinkState, choose_av1, choose_chroma
from agent.screen.colour import colour_kept
from agent.screen.film import FilmPlace
from agent.screen.frames import CELL, CellRect, Frames, part
from agent.screen.video import VideoQuality, VideoStream
from protocol.messages.screen import VIDEO_STREAMS, Video

COLOUR_SECONDS = 2.0
"""How often it is looked whether a running film needs all its colour, which takes 2 to 5 ms."""
RICH_SECONDS = 30.0
"""How long a film that had too much in it for AV1 stays H.264, whose rate is bounded."""


@dataclass(slots=True)
class _Running:
    """The encoder of one film, and when it was last asked whether the film needs all its colour."""

    stream: VideoStream | Av1Stream | None = None
    colour_at: float = float("-inf")


class FilmStreams:
    """The streams of one viewer, and the numbers of all of them. `now` is monotonic seconds."""

    def __init__(
        self, frames: Frames, quality: VideoQuality, first: int, *, full_chroma: bool, either_chroma: bool, av1: bool
    ) -> None:
        """See `UpdateBuilder`; streams are numbered from `first`."""
        self.next_number = first
        self._frames, self._quality = frames, quality
        self._full_chroma, self._either_chroma, self._av1 = full_chroma, either_chroma, av1
        self._running: dict[FilmPlace, _Running] = {}
        self._plain_until = float("-inf")

    def __len__(self) -> int:
        """How many encoders there are: each holds some tens of megabytes."""
        return len(self._running)

    def keep(self, places: Collection[FilmPlace]) -> None:
        """Let go of the encoders of all other films."""
        self._running = {place: held for place, held in self._running.items() if place in places}

    def take_number(self) -> int:
        """The number of a new stream: none comes twice in a session."""
        number = self.next_number
        self.next_number += 1
        return number

    def decoded(self, number: int) -> bool:
        """Whether the viewer has a decoder for this stream still."""
        return self.next_number - number <= VIDEO_STREAMS

    def encode(self, place: FilmPlace, area: CellRect, bitrate: int, link: LinkState, now: float) -> Video:
        """The next picture of this film; `bitrate` (bits a second) is what the link has for it.

        Raises:
            Unavailable: there is no encoder, or it failed.
        """
        return self._stream(place, self._frames.pixels(area), bitrate, link, now).encode(self._frames.now)

    def _stream(self, place: FilmPlace, area: Rect, bitrate: int, link: LinkState, now: float) -> VideoStream | Av1Stream:
        """The running stream where it can go on, a new one else."""
        held = self._running.setdefault(place, _Running())
        stream, full = held.stream, self._full_chroma
        goes_on = stream is not None and stream.area == area and self.decoded(stream.number) and stream.follow(bitrate)
        # Colour that is gone for a moment comes back: a stream that has all of it keeps it.
        if goes_on and stream is not None and (full or stream.full_chroma):
            return stream
        if self._either_chroma and (not goes_on or now >= held.colour_at + COLOUR_SECONDS):
            held.colour_at = now
            # Its outermost cells hold the edges of a film, where it meets something else: no colour of its own.
            inner = Rect(area.x + CELL, area.y + CELL, max(0, area.width - 2 * CELL), max(0, area.height - 2 * CELL))
            full = choose_chroma(colour_kept(part(self._frames.now, inner)), link, self._quality.bitrate)
        if goes_on and stream is not None and not full:
            return stream
        if isinstance(stream, Av1Stream) and stream.rich:
            self._plain_until = now + RICH_SECONDS
        number, most = self.take_number(), self._quality.bitrate
        if self._av1 and now >= self._plain_until and choose_av1(link, most):
            held.stream = Av1Stream(number, area, bitrate=most)
        else:
            held.stream = VideoStream(number, area, full_chroma=full, quality=self._quality, bitrate=bitrate)
        return held.stream
