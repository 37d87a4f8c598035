import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent.backends.geometry import Rect
from agent.screen.damage import MOST_RECTANGLES, bounds, changed_cells, clusters, rectangles, stretches, trim
from agent.screen.frames import CellRect, Frames


@pytest.mark.parametrize(("x", "y"), [(0, 0), (15, 15), (16, 0), (99, 49), (97, 33)])
def test_one_pixel_changes_its_cell_and_no_other(x: int, y: int) -> None:
    frames = Frames(100, 50)
    frames.now[y, x] = 1
    found = changed_cells(frames.now, frames.shown, CellRect(0, 0, frames.rows, frames.columns))
    assert np.argwhere(found).tolist() == [[y // 16, x // 16]]


def test_only_the_cells_asked_for_are_compared() -> None:
    frames = Frames(64, 64)
    frames.now[:] = 1
    assert changed_cells(frames.now, frames.shown, CellRect(1, 2, 3, 4)).shape == (2, 2)
    assert changed_cells(frames.now, frames.shown, CellRect(0, 0, 0, 0)).size == 0


@given(arrays(np.bool_, (6, 20)), st.integers(0, 5), st.integers(0, 19), st.integers(1, 6), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_wide_and_narrow_comparisons_say_the_same(marks: np.ndarray, top: int, left: int, height: int, width: int) -> None:
    frames = Frames(320, 96)
    frames.now[7::16, 9::16] = marks
    asked = CellRect(top, left, min(6, top + height), min(20, left + width))
    assert np.array_equal(changed_cells(frames.now, frames.shown, asked), marks[asked.slices])


@given(arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 60))))
def test_bounds_are_tight(cells: np.ndarray) -> None:
    rows, columns = np.nonzero(cells)
    expected = CellRect(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) if rows.size else None
    assert bounds(cells) == expected
    assert bounds(cells[1:, 1:]) == bounds(np.ascontiguousarray(cells[1:, 1:])), "a part of a grid is one too"


def test_bounds_of_nothing() -> None:
    assert bounds(np.zeros((3, 3), np.bool_)) is None


def covered(cells: np.ndarray, found: list[CellRect]) -> np.ndarray:
    count = np.zeros(cells.shape, np.int32)
    for rectangle in found:
        count[rectangle.slices] += 1
    return count


@settings(max_examples=60, deadline=None)
@given(arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 70))))
def test_rectangles_cover_every_marked_cell_at_most_once(cells: np.ndarray) -> None:
    count = covered(cells, rectangles(cells))
    assert count.max(initial=0) <= 1
    assert (count[cells] == 1).all()


def test_equal_runs_of_neighbouring_rows_are_one_rectangle() -> None:
    cells = np.zeros((20, 20), np.bool_)
    cells[2:15, 3:9] = True
    cells[18, 19] = True
    assert sorted(rectangles(cells), key=lambda r: r.top) == [CellRect(2, 3, 15, 9), CellRect(18, 19, 19, 20)]


def test_a_chessboard_does_not_become_thousands_of_pieces() -> None:
    cells = np.indices((68, 120)).sum(axis=0) % 2 == 0
    assert len(rectangles(cells)) <= MOST_RECTANGLES


def test_trimming_cuts_to_the_pixels_that_differ() -> None:
    now, shown = np.zeros((64, 64), np.uint32), np.zeros((64, 64), np.uint32)
    now[20:23, 30:35] = 1
    assert trim(now, shown, Rect(16, 16, 32, 16)) == Rect(30, 20, 5, 3)
    assert trim(now, shown, Rect(48, 48, 16, 16)) == Rect(48, 48, 16, 16)


def test_stretches_of_rows() -> None:
    cells = np.zeros((10, 12), np.bool_)
    assert stretches(cells) == []
    cells[1, 3] = cells[2, 7] = cells[2, 5] = cells[9, 0] = True
    assert stretches(cells) == [CellRect(1, 3, 3, 8), CellRect(9, 0, 10, 1)]
    assert stretches(np.ones((2, 3), np.bool_)) == [CellRect(0, 0, 2, 3)]


def test_clusters_are_cut_apart_where_enough_lies_between() -> None:
    cells = np.zeros((40, 60), np.bool_)
    assert clusters(cells, 4, 1) == []
    cells[2:10, 2:20] = True
    cells[2:10, 23:30] = True  # 3 columns apart: the same
    cells[14:20, 2:6] = True  # 4 rows apart: another
    cells[14, 50] = True
    assert sorted(clusters(cells, 4, 2), key=lambda found: found.top) == [CellRect(2, 2, 10, 30), CellRect(14, 2, 20, 6)]
    assert CellRect(14, 50, 15, 51) in clusters(cells, 4, 1)
    assert clusters(cells, 4, 201) == []


@given(arrays(np.bool_, (12, 14)), st.integers(1, 4))
def test_every_marked_cell_is_in_one_cluster(cells: np.ndarray, gap: int) -> None:
    covered = np.zeros(cells.shape, np.int64)
    for found in clusters(cells, gap, 1):
        covered[found.slices] += 1
    assert (covered[cells] == 1).all()
    assert covered.max(initial=0) <= 1
