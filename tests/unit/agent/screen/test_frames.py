import numpy as np

from agent.backends.geometry import Rect
from agent.screen.frames import CELL, CellRect, Frames, part


def test_odd_sizes_are_padded_to_whole_cells() -> None:
    frames = Frames(1366, 768)
    assert frames.now.shape == frames.shown.shape == (768, 1376)
    assert (frames.rows, frames.columns) == (48, 86)
    assert frames.pixels(CellRect(47, 85, 48, 86)) == Rect(1360, 752, 6, 16)


def test_cells_are_those_touched_and_nothing_outside() -> None:
    frames = Frames(100, 50)
    assert frames.cells(Rect(15, 16, 2, 1)) == CellRect(1, 0, 2, 2)
    assert frames.cells(Rect(90, 40, 500, 500)) == CellRect(2, 5, 4, 7)
    assert frames.cells(Rect(200, 0, 5, 5)).count == 0


def test_everything_is_dirty_at_first_and_after_forgetting() -> None:
    frames = Frames(64, 32)
    assert frames.dirty.all()
    frames.dirty[:] = False
    frames.mark(Rect(16, 16, 1, 1))
    assert frames.dirty.sum() == 1
    frames.shown[:] = 7
    frames.lossy[:] = True
    frames.forget()
    assert frames.dirty.all()
    assert not frames.lossy.any()
    assert not frames.shown.any()


def test_a_part_is_a_view() -> None:
    pixels = np.zeros((32, 32), np.uint32)
    part(pixels, Rect(1, 2, 3, 4))[...] = 9
    assert pixels.sum() == 9 * 12
    assert CELL == 16


def test_the_rectangle_around_two() -> None:
    assert CellRect(1, 5, 3, 7).union(CellRect(2, 2, 9, 6)) == CellRect(1, 2, 9, 7)
    assert CellRect(1, 5, 3, 7).union(CellRect(2, 5, 3, 6)) == CellRect(1, 5, 3, 7)
