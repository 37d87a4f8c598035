"""A grid of cells of which some keep changing, and where the films are."""

import numpy as np

from agent.screen.classify import MotionMap
from agent.screen.film import FilmPlace
from agent.screen.films import Films
from agent.screen.frames import CellRect
from tests.unit.agent.screen.pictures import photo

ROWS, COLUMNS = 40, 60
PIXELS = photo(ROWS * 16, COLUMNS * 16)
FILM = CellRect(5, 5, 25, 30)
FRAME = 1 / 30


class Cinema:
    """Films on a grid whose cells change at a pace."""

    def __init__(self) -> None:
        self.films = Films()
        self.motion = MotionMap(ROWS, COLUMNS)
        self.now = 100.0

    @property
    def place(self) -> FilmPlace:
        (found,) = self.films.places
        return found

    def picture(self, *areas: CellRect, after: float = FRAME) -> CellRect | None:
        """`areas` change; where the picture went."""
        found = self.pictures(*areas, after=after)
        assert len(found) <= 1
        return found[0] if found else None

    def pictures(self, *areas: CellRect, after: float = FRAME) -> list[CellRect]:
        """`areas` change; where pictures went."""
        self.now += after
        changed = np.zeros((ROWS, COLUMNS), np.bool_)
        for area in areas:
            changed[area.slices] = True
        self.motion.update(changed, changed, self.now)
        found = self.films.find(PIXELS, changed, self.motion, self.now)
        for place, area in found:
            place.sent(area, self.now)
        return sorted(area for _, area in found)

    def run(self, *areas: CellRect, seconds: float = 0.5) -> list[CellRect | None]:
        return [self.picture(*areas) for _ in range(round(seconds / FRAME))]
