import numpy as np
import pytest

from agent.screen.classify import LEAST_VIDEO_CELLS, MotionMap, busy_cells, busy_pixels, busy_sample, motion_areas
from agent.screen.frames import CellRect
from tests.unit.agent.screen.pictures import photo, text

ALL = CellRect(0, 0, 20, 30)


def test_photographs_are_busy_and_text_is_not() -> None:
    assert busy_cells(photo(320, 480), ALL).all()
    assert busy_cells(text(320, 480), ALL).mean() < 0.1
    assert not busy_cells(np.zeros((320, 480), np.uint32), ALL).any()


def test_a_sample_of_the_marked_cells_tells_how_busy_all_of_them_are() -> None:
    picture = photo(320, 480)
    picture[:, 240:] = text(320, 480)[:, 240:]
    left, right = np.zeros((20, 30), np.bool_), np.zeros((20, 30), np.bool_)
    left[:, :15], right[:, 15:] = True, True
    for marked in (left, right):
        exact = int(busy_pixels(picture, ALL)[marked].sum())
        assert busy_sample(picture, marked) == pytest.approx(exact, rel=0.25)
    one = np.zeros((20, 30), np.bool_)
    one[3, 4] = True
    assert busy_sample(picture, one) == pytest.approx(int(busy_pixels(picture, ALL)[3, 4]), abs=16)
    assert busy_sample(picture, np.zeros((20, 30), np.bool_)) == 0


def heat(changes: int, interval: float) -> MotionMap:
    motion = MotionMap(20, 30)
    everything = np.ones((20, 30), np.bool_)
    for step in range(changes):
        motion.update(everything, everything, step * interval)
    return motion


def test_what_changes_often_is_hot_and_cools_down() -> None:
    motion = heat(5, 1 / 30)
    assert motion.hot(4 / 30).all()
    assert not motion.hot(1.0).any()


def test_what_changes_once_or_slowly_is_not() -> None:
    assert not heat(1, 1.0).hot(0.0).any()
    assert not heat(20, 0.5).hot(9.5).any()


def test_what_a_copy_explains_is_no_motion_but_no_standstill_either() -> None:
    motion = MotionMap(20, 30)
    nothing, everything = np.zeros((20, 30), np.bool_), np.ones((20, 30), np.bool_)
    for step in range(10):
        motion.update(nothing, everything, step / 30)
    assert not motion.hot(9 / 30).any()
    assert (motion.changed_at == 9 / 30).all()


def test_the_area_of_motion_is_the_busy_part() -> None:
    pixels = text(320, 480)
    pixels[64:256, 96:384] = photo(192, 288)
    everything = np.ones((20, 30), np.bool_)
    assert motion_areas(pixels, everything, everything) == [CellRect(4, 6, 16, 24)]


def test_a_small_or_quiet_area_is_left_to_tiles() -> None:
    pixels = photo(320, 480)
    few = np.zeros((20, 30), np.bool_)
    few[:7, :11] = True
    assert few.sum() < LEAST_VIDEO_CELLS
    assert motion_areas(pixels, few, np.ones_like(few)) == []
    assert motion_areas(pixels, np.ones_like(few), np.zeros_like(few)) == []
    assert motion_areas(text(320, 480), np.ones_like(few), np.ones_like(few)) == []


def test_what_is_small_and_apart_is_no_part_of_the_area() -> None:
    pixels = photo(320, 480)
    moving = np.zeros((20, 30), np.bool_)
    moving[2:12, 2:14] = True
    moving[17:19, 26:28] = True
    everything = np.ones_like(moving)
    assert motion_areas(pixels, moving, everything) == [CellRect(2, 2, 12, 14)]
    moving[14:19, 10:28] = True  # 90 cells: a second film
    assert motion_areas(pixels, moving, everything) == [CellRect(2, 2, 19, 28)]


def test_two_that_move_apart_from_each_other_are_two() -> None:
    moving = np.zeros((20, 30), np.bool_)
    moving[1:11, 1:11] = moving[8:20, 17:29] = True
    found = motion_areas(photo(320, 480), moving, np.ones_like(moving))
    assert sorted(found) == [CellRect(1, 1, 11, 11), CellRect(8, 17, 20, 29)]


def test_what_moves_here_and_there_in_a_running_film_belongs_together() -> None:
    pixels = photo(320, 480)
    moving = np.zeros((20, 30), np.bool_)
    moving[1:9, 1:7] = moving[12:18, 20:29] = True
    everything = np.ones_like(moving)
    assert motion_areas(pixels, moving, everything) == []
    assert motion_areas(pixels, moving, everything, [CellRect(0, 0, 20, 30)]) == [CellRect(1, 1, 18, 29)]
    assert motion_areas(pixels, moving, everything, [CellRect(0, 0, 9, 7)]) == []
