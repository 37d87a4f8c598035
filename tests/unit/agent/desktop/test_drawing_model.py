"""What stands on the screen, and for how long."""

import pytest

from agent.desktop.drawing_model import (
    ARROW_SECONDS,
    FADE_SECONDS,
    FADES_AFTER,
    MOST_POINTS,
    MOST_RINGS,
    MOST_STROKES,
    RING_SECONDS,
    Drawings,
    ScreenPlace,
    in_points,
    opacity,
)
from agent.local_messages import DrawingCleared, PointerClicked, PointerMoved, StrokeDrawn


def pen(number: int, start: int, points: list[tuple[int, int]], *, stays: bool = False, session: str = "a") -> StrokeDrawn:
    return StrokeDrawn(number, "pen", 0, stays, start, points, session)


def test_a_stroke_grows_and_its_end_is_replaced() -> None:
    drawings = Drawings()
    drawings.hear(pen(1, 0, [(0, 0), (1, 1)]), 0.0)
    drawings.hear(pen(1, 2, [(2, 2)]), 0.0)
    drawings.hear(pen(1, 1, [(9, 9)]), 0.0)
    assert drawings.strokes["a", 1].points == [(0, 0), (9, 9)]
    assert drawings.strokes["a", 1].version == 3


def test_a_stroke_goes_by_itself_unless_it_stays() -> None:
    drawings = Drawings()
    drawings.hear(pen(1, 0, [(0, 0)]), 0.0)
    drawings.hear(pen(2, 0, [(0, 0)], stays=True), 0.0)
    assert drawings.next_change(0.0) == FADES_AFTER - FADE_SECONDS
    assert drawings.next_change(0.0, fade=0.0) == FADES_AFTER
    drawings.pass_time(FADES_AFTER)
    assert list(drawings.strokes) == [("a", 2)]
    assert drawings.next_change(FADES_AFTER) == float("inf")
    drawings.hear(DrawingCleared("a"), 0.0)
    assert drawings.empty


def test_an_arrow_that_nothing_is_heard_of_goes() -> None:
    drawings = Drawings()
    drawings.hear(PointerMoved(1, 2, True, "a", "Ana\u202e"), 0.0)
    assert drawings.arrows["a"].name == "Ana\\u202e"
    drawings.hear(PointerMoved(5, 5, True, "a", "Ana"), 10.0)
    drawings.pass_time(ARROW_SECONDS + 5)
    assert not drawings.empty
    drawings.pass_time(ARROW_SECONDS + 10)
    assert drawings.empty


def test_everything_is_bounded() -> None:
    drawings = Drawings()
    for number in range(MOST_STROKES + 9):
        drawings.hear(pen(number, 0, [(0, 0)] * 64, stays=True), 0.0)
    for start in range(0, 2 * MOST_POINTS, 64):
        drawings.hear(pen(MOST_STROKES, start, [(0, 0)] * 64, stays=True), 0.0)
    for _ in range(MOST_RINGS + 9):
        drawings.hear(PointerClicked(0, 0, "a"), 0.0)
    assert len(drawings.strokes) == MOST_STROKES
    assert len(drawings.strokes["a", MOST_STROKES].points) == MOST_POINTS
    assert len(drawings.rings) == MOST_RINGS
    drawings.pass_time(RING_SECONDS)
    assert not drawings.rings


def test_only_those_who_may_point_do() -> None:
    drawings = Drawings()
    for session in ("a", "b"):
        drawings.hear(pen(1, 0, [(0, 0)], session=session), 0.0)
        drawings.hear(PointerMoved(1, 1, True, session, "Ana"), 0.0)
        drawings.hear(PointerClicked(1, 1, session), 0.0)
    drawings.hear(PointerMoved(0, 0, False, "a"), 0.0)
    assert list(drawings.arrows) == ["b"]
    drawings.keep({"a"})
    assert list(drawings.strokes) == [("a", 1)]
    assert not drawings.arrows
    assert [ring.session for ring in drawings.rings] == ["a"]


SCREENS = [ScreenPlace(0, 0, 960, 540, 2.0), ScreenPlace(1920, 0, 1280, 1024, 1.0)]


@pytest.mark.parametrize(
    ("place", "point"),
    [
        ((0, 0), (0, 0)),
        ((1000, 600), (500, 300)),
        ((1919, 1079), (959.5, 539.5)),
        ((1920, 5), (1920, 5)),
        ((2500, 700), (2500, 700)),
    ],
)
def test_places_are_those_of_each_screen_and_its_scale(place: tuple[int, int], point: tuple[float, float]) -> None:
    assert in_points(SCREENS, *place) == point


def test_a_place_beside_every_screen_counts_by_the_first() -> None:
    assert in_points(SCREENS, 100, 2000) == (50, 1000)


def test_fading_takes_few_steps_and_ends_with_the_stroke() -> None:
    drawings, now, steps = Drawings(), 0.0, []
    drawings.hear(pen(1, 0, [(0, 0)]), now)
    while (change := drawings.next_change(now)) != float("inf"):
        assert change > now
        now = change
        drawings.pass_time(now)
        steps.append(opacity(FADES_AFTER, now))
    assert now == FADES_AFTER
    assert len(steps) <= 12
    assert steps[:-1] == sorted(steps[:-1], reverse=True)
    assert min(steps) > 0
    assert opacity(10.0, 9.9, fade=0.0) == 1.0
