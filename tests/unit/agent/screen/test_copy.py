import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.copy import (
    FAR_SHARE,
    LOOK_ANEW,
    MOST_SKIPPED,
    Move,
    MoveFinder,
    find_anchors,
    move_pixels,
    repeats,
    verify,
    vertical_offset,
)
from agent.screen.frames import part
from tests.unit.agent.screen.pictures import photo, text

SCREEN = Rect(0, 0, 800, 608)
BOX = Rect(100, 60, 600, 480)


def scrolled(offset: int) -> tuple[np.ndarray, np.ndarray]:
    """(now, shown): a window of text scrolled by `offset` rows."""
    page = text(2000, BOX.width)
    shown, now = photo(SCREEN.height, SCREEN.width), photo(SCREEN.height, SCREEN.width)
    part(shown, BOX)[...] = page[500 : 500 + BOX.height]
    part(now, BOX)[...] = page[500 + offset : 500 + offset + BOX.height]
    return now, shown


def wrong(now: np.ndarray, shown: np.ndarray) -> int:
    return int(np.count_nonzero(now != shown))


@pytest.mark.parametrize("offset", [40, -40, 17, 1, -3, 333])
def test_scrolling_is_found_and_exact_but_for_the_new_strip(offset: int) -> None:
    now, shown = scrolled(offset)
    move = MoveFinder().find(now, shown, BOX, SCREEN)
    assert move is not None
    assert (move.dx, move.dy) == (0, offset)
    assert move.target.width > BOX.width - 20
    move_pixels(shown, move)
    assert np.array_equal(part(now, move.target), part(shown, move.target))
    assert wrong(now, shown) <= (abs(offset) + 20) * BOX.width


@pytest.mark.parametrize("offset", [(20, 7), (-33, 0), (0, -25), (-5, -60)])
def test_dragging_a_photograph_is_found_to_the_pixel(offset: tuple[int, int]) -> None:
    dx, dy = offset
    picture = photo(200, 300, seed=9)
    shown, now = text(SCREEN.height, SCREEN.width), text(SCREEN.height, SCREEN.width)
    old, new = Rect(250, 200, 300, 200), Rect(250 - dx, 200 - dy, 300, 200)
    part(shown, old)[...] = picture
    part(now, new)[...] = picture
    move = MoveFinder().find(now, shown, old.union(new), SCREEN)
    assert move is not None
    assert (move.dx, move.dy) == (dx, dy)
    assert move.target.union(new).area <= 1.02 * new.area  # to the pixel, but for edges that match by chance
    assert move.target.intersect(new).area >= 0.98 * new.area
    assert move.source == move.target.moved(dx, dy)
    move_pixels(shown, move)
    assert wrong(part(now, new), part(shown, new)) <= 0.02 * new.area


def test_a_horizontal_scroll_is_found() -> None:
    page = photo(BOX.height, 1000)
    shown = photo(SCREEN.height, SCREEN.width, seed=3)
    now = shown.copy()
    part(shown, BOX)[...] = page[:, 100 : 100 + BOX.width]
    part(now, BOX)[...] = page[:, 148 : 148 + BOX.width]
    move = MoveFinder().find(now, shown, BOX, SCREEN)
    assert move is not None
    assert (move.dx, move.dy) == (48, 0)


def test_what_went_far_is_found_where_much_of_the_box_has_changed() -> None:
    shown = photo(SCREEN.height, SCREEN.width, seed=3)
    now, thing = shown.copy(), photo(200, 200, seed=4)
    old, new = Rect(420, 320, 200, 200), Rect(20, 30, 200, 200)
    part(shown, old)[...] = thing
    part(now, new)[...] = thing
    move = MoveFinder().find(now, shown, old.union(new), SCREEN)
    assert move is not None
    assert (move.dx, move.dy) == (400, 290)
    assert MoveFinder().find(now, shown, old.union(new), SCREEN, share=FAR_SHARE / 2) is None, "taken for many small things"


def test_a_new_picture_is_no_move_and_is_looked_at_ever_less_often() -> None:
    finder = MoveFinder()
    films = [photo(SCREEN.height, SCREEN.width, seed) for seed in range(3)]
    for step in range(30):
        assert finder.find(films[step % 3], films[(step + 1) % 3], BOX, SCREEN) is None
    now, shown = scrolled(40)
    found = [finder.find(now, shown, BOX, SCREEN) for _ in range(MOST_SKIPPED + 1)]
    assert found[-1] is not None


def test_after_a_rest_it_looks_at_once() -> None:
    finder = MoveFinder()
    films = [photo(SCREEN.height, SCREEN.width, seed) for seed in range(3)]
    for step in range(30):
        finder.find(films[step % 3], films[(step + 1) % 3], BOX, SCREEN)
    finder.rest()
    now, shown = scrolled(40)
    assert finder.find(now, shown, BOX, SCREEN) is not None


def test_a_flat_area_has_no_offset() -> None:
    flat = np.full((SCREEN.height, SCREEN.width), 0xFF102030, np.uint32)
    weights = np.arange(1, 129, 2, dtype=np.uint64)
    assert vertical_offset(flat, flat, BOX, weights) == 0
    assert find_anchors(flat, flat, BOX) == []
    assert MoveFinder().find(flat, flat, BOX, SCREEN) is None


def test_a_false_hint_is_refused() -> None:
    now, shown = scrolled(40)
    assert verify(now, shown, BOX, SCREEN, 0, 39) is None
    assert verify(now, shown, BOX, SCREEN, 9999, 0) is None


def test_the_same_move_again_is_recognised() -> None:
    now, shown = scrolled(40)
    anchors = find_anchors(now, shown, BOX)
    assert repeats(now, shown, anchors, (0, 40))
    assert not repeats(now, shown, anchors, (0, 41))
    assert not repeats(now, shown, anchors, (5000, 0))


@pytest.mark.parametrize("offset", [(0, 20), (0, -20), (3, 16), (5, 1), (-70, 0)])
def test_moving_pixels_reads_the_source_before_it_is_overwritten(offset: tuple[int, int]) -> None:
    before = photo(200, 300)
    after = before.copy()
    target = Rect(80, 40, 150, 110)
    move_pixels(after, Move(target, *offset))
    assert np.array_equal(part(after, target), part(before, target.moved(*offset)))


def test_a_scroll_that_goes_on_is_presumed_and_a_window_that_grew_is_found_soon() -> None:
    page, finder = text(4000, 700), MoveFinder()

    def window(right: int, row: int) -> np.ndarray:
        screen = photo(SCREEN.height, SCREEN.width)
        screen[60:540, 50:right] = page[row : row + 480, : right - 50]
        return screen

    shown, widths, found = window(450, 500), [], 0
    for step in range(1, 2 * LOOK_ANEW):
        right = 450 if step < LOOK_ANEW else 750
        if step == LOOK_ANEW:
            shown = window(right, 500 + 40 * (step - 1))
        now = window(right, 500 + 40 * step)
        move = finder.presume(now, shown, SCREEN)
        if move is None:
            found += 1
            move = finder.find(now, shown, Rect(50, 60, right - 50, 480), SCREEN)
        assert move is not None
        finder.left_over(move, int(np.count_nonzero(now != shown)) if move.target.width < right - 100 else 0)
        assert (move.dx, move.dy) == (0, 40)
        assert np.mean(part(now, move.target) == part(shown, move.source)) > 0.97
        widths.append(move.target.width)
        shown = now
    assert widths[0] > 380
    assert widths[-1] > 680
    assert found <= 3, "the others were presumed"


def test_what_holds_still_or_moves_otherwise_is_not_presumed() -> None:
    finder = MoveFinder()
    (now, shown), (further, _) = scrolled(40), scrolled(63)
    assert finder.presume(now, shown, SCREEN) is None, "nothing has moved yet"
    assert finder.find(now, shown, BOX, SCREEN) is not None
    assert finder.presume(now, now, SCREEN) is None
    assert finder.presume(further, now, SCREEN) is None
