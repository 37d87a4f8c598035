"""A device's picture for recordings: what it shows, what it sends of it, and what a viewer who saw everything has."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agent.backends.geometry import Rect
from agent.screen.video import QUALITIES, VideoStream
from protocol.messages import Message
from protocol.messages.screen import Copy, CursorMove, ScreenLayout, ScreenUpdate, Tile
from technician_client.picture import Picture
from tests.kit.console import arrow, bgr_tile

WIDTH, HEIGHT = 322, 241


@dataclass
class Source:
    """Says what an agent says. `viewer` applies everything at once; `seen` keeps its pixels at chosen moments."""

    width: int = WIDTH
    height: int = HEIGHT
    viewer: Picture = field(default_factory=Picture)
    sequence: int = 0
    epoch: int = 0
    film: VideoStream | None = None
    films: int = 0
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def layout(self) -> list[Message]:
        """The picture begins anew: layout, everything, the pointer."""
        self.epoch += 1
        self.film = None
        layout = ScreenLayout(self.epoch, self.width, self.height)
        self.viewer.apply_layout(layout)
        whole = self.random.integers(0, 40, (self.height, self.width, 3), np.uint8)
        return [layout, self.update(bgr_tile(0, 0, whole)), arrow()]

    def update(self, *operations: object) -> ScreenUpdate:
        """One update, also for the viewer."""
        self.sequence += 1
        update = ScreenUpdate(self.sequence, self.epoch, self.sequence * 1000, list(operations), False)  # type: ignore[arg-type]
        self.viewer.apply_update(update)
        return update

    def tile(self, *, keep: bool = False) -> ScreenUpdate:
        """A rectangle somewhere."""
        x, y = (int(self.random.integers(0, limit - 40)) for limit in (self.width, self.height))
        pixels = self.random.integers(0, 256, (20, 33, 3), np.uint8)
        tile = bgr_tile(x, y, pixels)
        return self.update(Tile(tile.x, tile.y, tile.width, tile.height, tile.encoding, tile.data, keep))

    def move(self) -> ScreenUpdate:
        """Something scrolls."""
        return self.update(Copy(0, 0, self.width, self.height - 9, 0, 9))

    def kept(self) -> ScreenUpdate:
        """What was kept comes back."""
        return self.update(Tile(0, 0, self.width, self.height // 2, "kept", b""))

    def picture_of_film(self, *, key: bool = False) -> ScreenUpdate:
        """The next picture of a film that runs in a corner."""
        area = Rect(8, 8, 160, 120)
        if self.film is None or key:
            self.films += 1
            self.film = VideoStream(self.films, area, full_chroma=False, quality=QUALITIES["auto"], bitrate=5_000_000)
        height, width = area.y + area.height + 2, area.x + area.width + 2  # the encoder looks at nothing beyond it
        pixels: NDArray[np.uint8] = np.zeros((height, width, 4), np.uint8)
        pixels[..., 0] = (np.arange(width) + 3 * self.sequence) % 256
        pixels[..., 1] = (np.arange(height)[:, None] * 2 + self.sequence) % 256
        return self.update(self.film.encode(pixels.view(np.uint32)[..., 0]))

    def layout_if(self, wanted: bool, time: int) -> list[tuple[int, Message]]:
        """What a device says when it is asked to begin anew."""
        return [(time, message) for message in self.layout()] if wanted else []

    def busy(self, seconds: float, rate: int = 20) -> Iterator[tuple[int, Message]]:
        """Everything that can happen, mixed, with times in microseconds: (time, message)."""
        for message in self.layout():
            yield 0, message
        for step in range(1, int(seconds * rate)):
            time = step * 1_000_000 // rate
            filming = step % (rate * 6) < rate * 4
            if filming:
                yield time, self.picture_of_film(key=step % (rate * 6) == 0)
            elif step % 7 == 0:
                yield time, self.move()
            elif step % 31 == 0:
                yield time, self.kept()
            else:
                yield time, self.tile(keep=step % 5 == 0)
            yield time, CursorMove(step % self.width, step % self.height)
