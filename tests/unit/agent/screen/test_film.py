"""Where a film is, by cells and times alone; and on a real display what a caret in it, on it and beside it costs."""

from collections.abc import Iterator

import numpy as np
import pytest

from agent.backends.choose import open_capture
from agent.screen.classify import MotionMap
from agent.screen.film import KEPT_SECONDS, LINGER, MOST_PATIENCE, SHRINK_SECONDS
from agent.screen.films import Films
from agent.screen.frames import CellRect
from agent.screen.pipeline import Counters, StreamOptions
from agent.screen.refine import SETTLE
from protocol.messages.screen import Tile, Video
from tests.kit.display import VirtualDisplay, virtual_display, wait_for
from tests.unit.agent.screen.cinema import COLUMNS, FILM, FRAME, PIXELS, ROWS, Cinema
from tests.unit.agent.screen.pictures import photo, text
from tests.unit.agent.screen.streamed import Brush, Session, pixels_of


@pytest.fixture
def cinema() -> Cinema:
    made = Cinema()
    assert made.run(FILM)[-1] == FILM
    assert made.place.runs
    return made


def test_a_caret_in_or_beside_a_film_leaves_it_where_it_is(cinema: Cinema) -> None:
    inside, beside = CellRect(10, 10, 11, 11), CellRect(10, 35, 12, 36)
    assert cinema.picture(inside) is None
    assert cinema.picture(beside) is None
    assert cinema.run(FILM, beside, inside, seconds=0.2) == [FILM] * 6


def test_what_spins_far_away_is_no_part_of_the_film(cinema: Cinema) -> None:
    spinner = CellRect(36, 55, 39, 58)
    assert set(cinema.run(FILM, spinner, seconds=1.0)) == {FILM}


def test_a_caret_between_the_pictures_of_a_slow_film_does_not_end_it(cinema: Cinema) -> None:
    caret = CellRect(36, 50, 38, 51)
    for _ in range(10):
        assert cinema.picture(caret, after=0.1) is None
        assert cinema.picture(FILM, after=0.06) == FILM


def test_a_film_that_rests_goes_on_where_it_was_but_is_over_for_who_asks(cinema: Cinema) -> None:
    assert cinema.picture(CellRect(36, 50, 38, 51), after=LINGER + 0.1) is None
    assert not cinema.place.runs
    assert cinema.place.area == FILM
    assert cinema.run(FILM, seconds=0.2)[-1] == FILM
    assert cinema.picture(CellRect(36, 50, 38, 51), after=KEPT_SECONDS + 0.1) is None
    assert not cinema.films.places


def test_half_a_picture_is_no_smaller_film(cinema: Cinema) -> None:
    upper, lower = CellRect(5, 5, 10, 30), CellRect(10, 5, 25, 30)
    for _ in range(40):
        assert cinema.picture(upper) == FILM
        assert cinema.picture(lower) == FILM


def test_a_film_that_stays_smaller_gets_the_area_in_which_it_all_was(cinema: Cinema) -> None:
    left, right = CellRect(5, 5, 14, 15), CellRect(6, 6, 15, 16)
    found = [cinema.picture(left if step % 2 else right) for step in range(round(SHRINK_SECONDS / FRAME) + 3)]
    assert found[:29] == [FILM] * 29
    assert found[-1] == CellRect(5, 5, 15, 16)


def test_another_film_elsewhere_is_another_film(cinema: Cinema) -> None:
    other = CellRect(28, 40, 38, 58)
    assert cinema.picture(other, after=LINGER + 0.1) is None
    assert cinema.run(other)[-1] == other
    assert cinema.films.running == [other]


def test_only_a_film_with_a_decoder_at_the_other_side_is_believed_to_run() -> None:
    films, motion = Films(), MotionMap(ROWS, COLUMNS)
    everything = np.ones((ROWS, COLUMNS), np.bool_)
    for step in range(10):
        motion.update(everything, everything, step * FRAME)
        assert step < 3 or films.find(PIXELS, everything, motion, step * FRAME)
    assert not films.running
    assert films.changed_at(motion.changed_at) is motion.changed_at


def test_cells_of_a_film_change_with_its_pictures_and_those_outside_by_themselves(cinema: Cinema) -> None:
    sent = cinema.now
    cinema.picture(CellRect(36, 50, 37, 51), after=0.05)
    times = cinema.place.changed_at(cinema.motion.changed_at)
    assert (times[FILM.slices] == sent).all()
    assert times[36, 50] == pytest.approx(sent + 0.05)
    assert times[0, 0] == -np.inf


def still_after(cinema: Cinema) -> float:
    """Seconds after the last picture until the film's cells count as standing still."""
    times = cinema.place.changed_at(cinema.motion.changed_at)[FILM.slices]
    return float(times.max()) + SETTLE - cinema.now


def test_a_slow_film_does_not_stand_still_between_its_pictures(cinema: Cinema) -> None:
    assert still_after(cinema) == pytest.approx(SETTLE)
    for _ in range(10):
        cinema.picture(FILM, after=0.15)
        assert 0.15 < still_after(cinema) < 0.25
    # A picture that comes in two goes is one.
    for _ in range(10):
        cinema.picture(FILM, after=0.14)
        cinema.picture(FILM, after=0.01)
        assert 0.15 < still_after(cinema) < 0.25
    cinema.picture(FILM, after=0.4)
    assert still_after(cinema) == pytest.approx(SETTLE + MOST_PATIENCE)
    cinema.run(FILM, seconds=1.0)
    assert still_after(cinema) == pytest.approx(SETTLE)


CARET = np.full((18, 2), 0xFF101010, np.uint32)
LEFT, TOP, WIDTH, HEIGHT = 201, 103, 320, 241
MOST_OF_A_BLINK = 800
"""Bytes of a few cells of a photograph as an exact tile. A key picture of this film has 15,000 and more."""


@pytest.fixture(scope="module")
def cinema_display() -> Iterator[VirtualDisplay]:
    with virtual_display(1024, 640) as running:
        yield running


class Watched:
    """A film on a real display, and what of it was sent."""

    def __init__(self, display: VirtualDisplay, session: Session) -> None:
        self.display, self.session = display, session
        self.brush = Brush(display)
        self.seed = 0
        self.brush.draw(0, 0, text(640, 1024))

    def videos(self) -> list[Video]:
        operations = [operation for update in list(self.session.viewer.updates) for operation in update.operations]
        return [operation for operation in operations if isinstance(operation, Video)]

    def run(self, pictures: int) -> None:
        """Until so many more pictures of the film have gone out."""
        wanted = len(self.videos()) + pictures

        def step() -> bool:
            self.seed = self.seed % 40 + 1
            self.brush.draw(LEFT, TOP, photo(HEIGHT, WIDTH, self.seed))
            return len(self.videos()) >= wanted

        wait_for(step, f"{pictures} pictures of the film")

    def exact(self) -> None:
        """Until the picture is exact."""
        wait_for(lambda: self.session.viewer.picture.exact and self.session.shows(pixels_of(self.display)), "the exact picture")

    def blink(self, x: int, y: int, times: int) -> list[int]:
        """A caret comes and goes there; the bytes of each change."""
        below = pixels_of(self.display)[y : y + 18, x : x + 2]
        sizes = []
        for step in range(times):
            self.session.viewer.forget_counts()
            self.brush.draw(x, y, below if step % 2 else CARET)
            self.exact()
            assert {type(operation) for update in self.session.viewer.updates for operation in update.operations} <= {Tile}
            sizes.append(self.session.viewer.size())
        return sizes


@pytest.fixture
def watched(cinema_display: VirtualDisplay) -> Iterator[Watched]:
    session = Session(lambda: open_capture(cinema_display.name), StreamOptions(full_chroma=False), Counters())
    found = Watched(cinema_display, session)
    yield found
    found.brush.close()
    session.stop()


@pytest.mark.display
def test_a_caret_on_a_film_that_has_stopped_costs_a_small_tile(watched: Watched) -> None:
    watched.run(12)
    watched.exact()
    sizes = watched.blink(LEFT + 150, TOP + 100, 8)
    assert max(sizes) < MOST_OF_A_BLINK
    assert max(sizes[2:]) < 200  # what is below it was kept by the viewer, and the caret is one colour


@pytest.mark.display
def test_a_caret_in_and_beside_a_running_film_costs_no_key_picture(watched: Watched) -> None:
    watched.run(12)
    before = watched.videos()[-1].stream
    for step in range(12):
        colour = np.uint32(0xFF101010 if step % 2 else 0xFFF0F0F0)
        watched.brush.draw(LEFT + 150, TOP + 100, np.full((18, 2), colour))
        watched.brush.draw(LEFT + WIDTH + 120, TOP + 100, np.full((18, 2), colour))
        watched.run(2)
    assert [video.key for video in watched.videos() if video.stream == before].count(True) == 1
    assert watched.videos()[-1].stream == before
    watched.exact()


@pytest.mark.display
def test_a_film_that_is_drawn_in_strips_settles_on_one_stream(watched: Watched) -> None:
    watched.run(40)  # what is caught of it at first may be a few strips
    before = watched.videos()[-1].stream
    watched.run(40)
    assert watched.videos()[-1].stream == before
    assert not any(video.key for video in watched.videos()[-40:])
    watched.exact()


@pytest.mark.display
def test_what_spins_on_a_film_that_has_stopped_does_not_keep_the_rest_from_being_exact(watched: Watched) -> None:
    watched.run(12)
    step = 0

    def spin() -> bool:
        nonlocal step
        step += 1
        watched.brush.draw(LEFT + 144, TOP + 104, photo(30, 30, step % 12 + 100))
        shown, wanted = watched.session.viewer.picture.pixels.view(np.uint32)[..., 0].copy(), pixels_of(watched.display)
        shown[TOP + 89 : TOP + 153, LEFT + 127 : LEFT + 191] = wanted[TOP + 89 : TOP + 153, LEFT + 127 : LEFT + 191]
        return bool(np.array_equal(shown, wanted))

    wait_for(spin, "the exact picture around what spins")
    watched.exact()
