"""What technicians point at and draw, as it stands on the screen now: no Qt here.

Places come in display pixels (of the X root window); a toolkit that scales counts in points of its own, see `in_points`. Times
are monotonic seconds. Everything is bounded here too: what the daemon hands on was said by somebody far away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.local_messages import Drawing, DrawingCleared, PointerClicked, PointerMoved, StrokeDrawn
from protocol.printable import printable

COLOURS = ("#d92d20", "#e8720c", "#1f8a3b", "#1366d6", "#8a3ffc", "#16181d")
"""Red, orange, green, blue, violet, black: the numbers of `StrokeDrawn.colour`."""
FADES_AFTER = 6.0
FADE_SECONDS = 0.6
"""What goes by itself grows pale in the last of its time."""
FADE_STEPS = 10
RING_SECONDS = 0.8
ARROW_SECONDS = 20.0
MOST_STROKES = 64
MOST_POINTS = 512
MOST_RINGS = 8

Point = tuple[int, int]


@dataclass(slots=True)
class Stroke:
    """One stroke. `until` is when it goes (inf: when it is cleared); `version` changes with its points."""

    shape: str
    colour: int
    stays: bool
    points: list[Point] = field(default_factory=list)
    until: float = 0.0
    version: int = 0


@dataclass(slots=True)
class Arrow:
    """Where a technician points, under their name. It goes by itself when nothing is heard of it for long."""

    name: str
    x: int
    y: int
    until: float


@dataclass(slots=True)
class Ring:
    """A place pointed out."""

    session: str
    x: int
    y: int
    since: float


class Drawings:
    """Everything of every session."""

    def __init__(self) -> None:
        self.strokes: dict[tuple[str, int], Stroke] = {}
        self.arrows: dict[str, Arrow] = {}
        self.rings: list[Ring] = []

    @property
    def empty(self) -> bool:
        """Whether nothing stands on the screen."""
        return not (self.strokes or self.arrows or self.rings)

    def hear(self, said: Drawing, now: float) -> None:
        """Take in one of them."""
        match said:
            case PointerMoved(shown=False, session=session):
                self.arrows.pop(session, None)
            case PointerMoved(x=x, y=y, session=session, name=name):
                self.arrows[session] = Arrow(printable(name), x, y, now + ARROW_SECONDS)
            case PointerClicked(x=x, y=y, session=session):
                self.rings.append(Ring(session, x, y, now))
                del self.rings[:-MOST_RINGS]
            case StrokeDrawn():
                self._stroke(said, now)
            case DrawingCleared(session=session):
                self._clear(session)

    def _stroke(self, said: StrokeDrawn, now: float) -> None:
        key = (said.session, said.stroke)
        stroke = self.strokes.get(key)
        if stroke is None:
            stroke = self.strokes[key] = Stroke(said.shape, said.colour % len(COLOURS), said.stays)
            if len(self.strokes) > MOST_STROKES:
                del self.strokes[next(iter(self.strokes))]
        stroke.points[said.start :] = said.points
        del stroke.points[MOST_POINTS:]
        stroke.until = float("inf") if stroke.stays else now + FADES_AFTER
        stroke.version += 1

    def _clear(self, session: str) -> None:
        self.strokes = {key: stroke for key, stroke in self.strokes.items() if key[0] != session}
        self.rings = [ring for ring in self.rings if ring.session != session]

    def keep(self, sessions: set[str]) -> None:
        """Only these sessions may point."""
        for session in {key[0] for key in self.strokes} | {ring.session for ring in self.rings} | set(self.arrows):
            if session not in sessions:
                self._clear(session)
                self.arrows.pop(session, None)

    def pass_time(self, now: float) -> None:
        """Drop what has had its time."""
        self.strokes = {key: stroke for key, stroke in self.strokes.items() if stroke.until > now}
        self.arrows = {session: arrow for session, arrow in self.arrows.items() if arrow.until > now}
        self.rings = [ring for ring in self.rings if ring.since + RING_SECONDS > now]

    def next_change(self, now: float, fade: float = FADE_SECONDS) -> float:
        """When something other than a ring will next look otherwise or go; inf: never."""
        ends = (*(stroke.until for stroke in self.strokes.values()), *(arrow.until for arrow in self.arrows.values()))
        return min((_next_step(until, now, fade) for until in ends), default=float("inf"))


def opacity(until: float, now: float, fade: float = FADE_SECONDS) -> float:
    """How much of what goes at `until` is to be seen: 1, and in its last `fade` seconds less in `FADE_STEPS` steps, never 0."""
    if fade <= 0 or until - now >= fade:
        return 1.0
    return max(1, math.ceil((until - now) / fade * FADE_STEPS)) / FADE_STEPS


def _next_step(until: float, now: float, fade: float) -> float:
    if fade <= 0:
        return until
    return until - fade if now < until - fade else min(until, now + fade / FADE_STEPS)


@dataclass(frozen=True, slots=True)
class ScreenPlace:
    """One screen of a toolkit that scales: its corner in display pixels (which is its corner in points as well), its size in
    points, and display pixels for one point."""

    x: int
    y: int
    width: int
    height: int
    ratio: float


def in_points(screens: Sequence[ScreenPlace], x: float, y: float) -> tuple[float, float]:
    """A place in display pixels as points; one that lies on no screen counts by the first."""
    here = screens[0]
    for screen in screens:
        if 0 <= x - screen.x < screen.width * screen.ratio and 0 <= y - screen.y < screen.height * screen.ratio:
            here = screen
            break
    return here.x + (x - here.x) / here.ratio, here.y + (y - here.y) / here.ratio
