"""Which films run: each at a place of its own with a stream of its own, as far as they lie apart.

Two small films at two ends of a display in one stream would make every picture one of the whole display, and all that is
between them nearly right only. Films that nearly touch cost less as one.
"""

import numpy as np
from numpy.typing import NDArray

from agent.backends.base import Pixels
from agent.screen.classify import APART, LEAST_VIDEO_CELLS, MotionMap, motion_areas
from agent.screen.film import FilmPlace
from agent.screen.frames import CellRect, Cells, marked

MOST_FILMS = 4
"""More that move at a time are joined with their neighbours: each has an encoder here and a decoder at the viewer."""
JOIN = 1.5
"""Two are one when the rectangle around both is at most this many times as large as they are."""


class Films:
    """Up to `MOST_FILMS` films. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._places: list[FilmPlace] = []

    def forget(self) -> None:
        """There is no film."""
        self._places = []

    @property
    def places(self) -> list[FilmPlace]:
        """Where films run or rest."""
        return [place for place in self._places if place.area is not None]

    @property
    def running(self) -> list[CellRect]:
        """The areas of those that run."""
        return [place.area for place in self._places if place.runs and place.area is not None]

    def changed_at(self, changed_at: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `FilmPlace.changed_at`."""
        for place in self._places:
            changed_at = place.changed_at(changed_at)
        return changed_at

    def find(self, pixels: Pixels, changed: Cells, motion: MotionMap, now: float) -> list[tuple[FilmPlace, CellRect]]:
        """Where this update sends pictures; the areas do not overlap. Tell each place that was `sent`."""
        self._places = self.places
        areas = [place.area for place in self._places if place.area is not None]
        given: dict[FilmPlace, CellRect] = {}
        hot = motion.hot(now) if marked(changed) >= LEAST_VIDEO_CELLS else changed
        for moving in joined(motion_areas(pixels, changed, hot, areas)):
            place = self._place_of(moving)
            given[place] = given[place].union(moving) if place in given else moving
        found: dict[FilmPlace, CellRect] = {}
        for place in self._places:
            area = place.follow(given.get(place), changed, now)
            if area is not None:
                found[place] = area
        return self._apart(found)

    def _place_of(self, moving: CellRect) -> FilmPlace:
        """The film that this belongs to: where it lies or nearly, else a new one while there may be another, else the nearest."""
        around = CellRect(moving.top - APART, moving.left - APART, moving.bottom + APART, moving.right + APART)
        near = [(common(around, place.area), place) for place in self._places if place.area is not None]
        most, place = max(near, key=lambda one: one[0], default=(0, None))
        if most and place is not None:
            return place
        resting = [place for place in self._places if place.area is not None and not place.runs]
        if len(self._places) >= MOST_FILMS and resting:
            self._places.remove(min(resting, key=lambda place: place.sent_at))
        if len(self._places) < MOST_FILMS:
            self._places.append(FilmPlace())
            return self._places[-1]
        return min(self._places, key=lambda place: place.area.union(moving).count if place.area is not None else 0)

    def _apart(self, found: dict[FilmPlace, CellRect]) -> list[tuple[FilmPlace, CellRect]]:
        """One film that has grown into another takes it over."""
        for place in list(found):
            while place in found and (other := self._covered(place, found)) is not None:
                found[place] = found[place].union(found.pop(other, found[place]))
                self._places.remove(other)
        return list(found.items())

    def _covered(self, place: FilmPlace, found: dict[FilmPlace, CellRect]) -> FilmPlace | None:
        """Another film that shares cells with where this one goes now."""
        for other in self._places:
            area = found.get(other, other.area)
            if other is not place and area is not None and common(found[place], area):
                return other
        return None


def common(one: CellRect, other: CellRect) -> int:
    """Cells that two rectangles share."""
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    width = min(one.right, other.right) - max(one.left, other.left)
    return max(0, height) * max(0, width)


def joined(parts: list[CellRect]) -> list[CellRect]:
    """At most `MOST_FILMS` rectangles around all the parts, of which no two cost less as one."""
    found = list(parts)
    while len(found) > 1:
        pairs = [(one, other) for at, one in enumerate(found) for other in found[at + 1 :]]
        share, one, other = min((_share(one, other), one, other) for one, other in pairs)
        if share > JOIN and len(found) <= MOST_FILMS:
            break
        found.remove(one)
        found.remove(other)
        found.append(one.union(other))
    return found


def _share(one: CellRect, other: CellRect) -> float:
    return one.union(other).count / (one.count + other.count)
