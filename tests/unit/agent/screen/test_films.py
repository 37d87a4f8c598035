"""Several films at a time, by cells and times alone."""

import pytest

from agent.screen.film import KEPT_SECONDS, LINGER
from agent.screen.films import MOST_FILMS, Films, common, joined
from agent.screen.frames import CellRect
from tests.unit.agent.screen.cinema import FILM, Cinema


@pytest.fixture
def cinema() -> Cinema:
    made = Cinema()
    assert made.run(FILM)[-1] == FILM
    return made


def test_films_that_lie_apart_have_a_stream_each_and_those_side_by_side_one(cinema: Cinema) -> None:
    far, beside = CellRect(28, 44, 38, 58), CellRect(5, 32, 25, 42)
    for _ in range(20):
        apart = cinema.pictures(FILM, far)
    assert apart == [FILM, far]
    assert cinema.pictures(far) == [far], "the other has no picture this time"
    assert cinema.pictures(FILM) == [FILM]
    for _ in range(20):
        together = cinema.pictures(FILM, beside)
    assert together == [FILM.union(beside)]


def test_a_film_that_grows_into_another_takes_it_over(cinema: Cinema) -> None:
    far = CellRect(28, 44, 38, 58)
    for _ in range(20):
        cinema.pictures(FILM, far)
    for _ in range(20):
        cinema.pictures(CellRect(5, 5, 38, 58))
    assert cinema.films.running == [CellRect(5, 5, 38, 58)]


def test_of_many_films_neighbours_share_a_stream(cinema: Cinema) -> None:
    small = [CellRect(top, left, top + 9, left + 10) for top in (0, 15, 31) for left in (0, 22, 45)]
    for _ in range(40):
        found = cinema.pictures(*small)
    assert len(found) <= MOST_FILMS
    assert all(any(area.union(one) == area for area in found) for one in small)
    assert not any(common(one, other) for at, one in enumerate(found) for other in found[at + 1 :])


def test_one_that_ends_leaves_the_other_and_makes_room(cinema: Cinema) -> None:
    far = CellRect(28, 44, 38, 58)
    for _ in range(20):
        cinema.pictures(FILM, far)
    for _ in range(round((LINGER + 0.2) * 30)):
        cinema.pictures(far)
    assert cinema.films.running == [far]
    assert [place.area for place in cinema.films.places] == [FILM, far], "it may go on without a key picture"
    for _ in range(round(KEPT_SECONDS * 30)):
        cinema.pictures(far)
    assert [place.area for place in cinema.films.places] == [far]


def test_a_new_film_takes_the_place_of_the_one_that_rests_longest() -> None:
    cinema = Cinema()
    corners = [CellRect(top, left, top + 9, left + 12) for top in (0, 30) for left in (0, 20, 45)][: MOST_FILMS + 1]
    for corner in corners:
        for _ in range(10):
            cinema.pictures(corner)
        cinema.now += LINGER + 0.1
    assert sorted(place.area for place in cinema.films.places if place.area) == sorted(corners[1:])


def test_parts_are_joined_where_the_rectangle_around_them_is_hardly_larger() -> None:
    left, right, far = CellRect(0, 0, 10, 10), CellRect(1, 11, 10, 20), CellRect(30, 50, 40, 60)
    assert sorted(joined([far, left, right])) == [left.union(right), far]
    assert joined([]) == []
    assert Films().running == []
