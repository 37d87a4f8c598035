"""The whole of a stream without thread, display or socket: pictures, the builder, the pacer and a link, on a clock of its own."""

from collections import Counter, deque
from collections.abc import Callable

import numpy as np

from agent.backends.base import Pixels
from agent.backends.geometry import Rect
from agent.screen.chooser import Why
from agent.screen.encode import Budget, UpdateBuilder
from agent.screen.frames import Cells, Frames, part
from agent.screen.pacing import HeldBy, Pacer
from agent.screen.steady import SteadyCells
from protocol.messages.screen import ScreenLayout, ScreenUpdate
from technician_client.picture import Picture
from tests.kit.shaped_link import OneWay, Ordered, Shape

STEP = 0.002
PAINTING = 0.004


class Simulation:
    """`draw` changes the display; `run` lets time pass. Every update is applied to a real viewer's picture when it arrives."""

    def __init__(self, width: int, height: int, shape: Shape, *, seed: int = 1) -> None:
        self.frames = Frames(width, height)
        self.builder = UpdateBuilder(self.frames, full_chroma=False)
        self.pacer = Pacer(60)
        self.there, self.back = OneWay(shape, seed), OneWay(shape, seed + 1)
        self._line, self._way_back = Ordered(self.there), Ordered(self.back)
        self.picture = Picture()
        self.picture.apply_layout(ScreenLayout(1, width, height))
        self.now = 0.0
        self.sequence = 0
        self.ways: Counter[str] = Counter()
        self.bytes = 0
        self.ages: list[tuple[float, float]] = []
        """(when it was drawn, seconds until the viewer showed all of that drawing or of a newer one)"""
        self.films: list[float] = []
        """When each picture of a film was sent."""
        self._fresh: Cells = np.zeros_like(self.frames.dirty)
        self._steady = SteadyCells(self.frames.rows, self.frames.columns)
        self._keyed_at = float("-inf")
        self._pressed: deque[tuple[float, Callable[[], None]]] = deque()
        self._drawn: list[tuple[float, Rect]] = []
        self._arriving: deque[tuple[float, ScreenUpdate, list[float]]] = deque()
        self._acknowledged: deque[tuple[float, int]] = deque()

    def draw(self, area: Rect, block: Pixels) -> None:
        """Draw on the display."""
        part(self.frames.now, area)[...] = block
        drawn = np.zeros_like(self.frames.dirty)
        drawn[self.frames.cells(area).slices] = True
        self.frames.dirty |= drawn
        self._fresh |= drawn
        if self.builder.filming and self.pacer.spares(self.now):
            self._steady.drawn(drawn, self.now, self._keyed_at)
        self._drawn.append((self.now, area))

    def press(self, shows: Callable[[], None], thinking: float = 0.0) -> None:
        """A key at the technician's side: `thinking` seconds after it has come here, the program `shows` something."""
        arrives = self._way_back.send(200, self.now)

        def comes() -> None:
            self._keyed_at = arrives
            self.pacer.keyed(arrives)

        self._pressed += [(arrives, comes), (arrives + thinking, shows)]

    def run(self, seconds: float, each: Callable[[], None] = lambda: None, every: float = 1 / 30) -> None:
        """Let time pass; `each` is called `every` so many seconds."""
        end, due = self.now + seconds, self.now
        while self.now < end:
            if self.now >= due:
                each()
                due += every
            self._hear()
            if self.frames.dirty.any() or self.builder.next_deadline(self.now) == 0.0:
                self._offer()
            self.now += STEP

    def _offer(self) -> None:
        pacer = self.pacer
        held = pacer.hold(self.now)
        mostly_film = self.builder.mostly_film(self.frames.dirty & ~self._steady.find(self.now))
        if held is None and mostly_film and pacer.film_wait(self.now):
            held = HeldBy.LINK
        echo = None
        if self._fresh.any() and pacer.spare() and (not self.builder.filming or pacer.echoes(self.now)):
            echo = self.builder.echo_area(self._fresh & ~self._steady.find(self.now))
        if echo and self.builder.filming and pacer.far:
            held = HeldBy.LINK  # what is small goes first
        if held is None:
            budget = Budget(pacer.tile_bytes(), pacer.tile_bytes(), pacer.bitrate(self.now), pacer.rate, pacer.pressed)
            built, urgent = self.builder.build(self.now, budget, self._fresh), False
        elif held in (HeldBy.LINK, HeldBy.UNACKNOWLEDGED) and echo:
            built, urgent = self.builder.build_echo(echo, pacer.spare()), True
        else:
            return
        self._fresh = np.zeros_like(self._fresh)
        if not built.operations:
            return
        self.sequence += 1
        for made in built.made:
            self.ways[f"{made.way} {made.why}"] += made.count
        self.bytes += built.size
        film = any(made.why is Why.MOTION for made in built.made)
        self.films += [self.now] if film else []
        pacer.sent(self.sequence, built.size, self.now, urgent=urgent, film=film)
        done = [(at, area) for at, area in self._drawn if not self.frames.dirty[self.frames.cells(area).slices].any()]
        self._drawn = [drawn for drawn in self._drawn if drawn not in done]
        update = ScreenUpdate(self.sequence, 1, 0, list(built.operations), built.exact)
        self._arriving.append((self._line.send(built.size + 60, self.now), update, [at for at, _ in done]))

    def _hear(self) -> None:
        while self._pressed and self._pressed[0][0] <= self.now:
            self._pressed.popleft()[1]()
        while self._arriving and self._arriving[0][0] <= self.now:
            arrived, update, drawn = self._arriving.popleft()
            self.picture.apply_update(update)
            painted = arrived + PAINTING
            self.ages += [(at, painted - at) for at in drawn]
            self._acknowledged.append((self._way_back.send(60, painted), update.sequence))
        while self._acknowledged and self._acknowledged[0][0] <= self.now:
            self.pacer.acknowledged(self._acknowledged.popleft()[1], 0, self.now, PAINTING)

    def exact(self) -> bool:
        """Whether the viewer shows what the display shows."""
        frames = self.frames
        shown = self.picture.pixels.view(np.uint32)[..., 0]
        return bool(np.array_equal(shown, frames.now[: frames.height, : frames.width] | np.uint32(0xFF000000)))

    def percentile(self, share: float, since: float = 0.0) -> float:
        """Of the ages of what was drawn after `since`."""
        ages = sorted(age for at, age in self.ages if at >= since)
        return ages[min(len(ages) - 1, int(len(ages) * share))]
