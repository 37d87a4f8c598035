import numpy as np
import pytest

from agent.screen.refine import SETTLE, next_refinement, settled_cells

LOSSY = np.array([[True, True], [False, True]])
CHANGED_AT = np.array([[10.0, 10.5], [0.0, -np.inf]])


def test_a_lossy_cell_settles_after_a_while() -> None:
    assert settled_cells(LOSSY, CHANGED_AT, 10.0).tolist() == [[False, False], [False, True]]
    assert settled_cells(LOSSY, CHANGED_AT, 10.0 + SETTLE + 1e-9).tolist() == [[True, False], [False, True]]


def test_the_next_look_is_when_the_first_cell_settles() -> None:
    assert next_refinement(np.zeros((2, 2), np.bool_), CHANGED_AT, 10.0) is None
    assert next_refinement(LOSSY, CHANGED_AT, 10.0) == 0.0
    only = np.array([[True, True], [False, False]])
    assert next_refinement(only, CHANGED_AT, 10.0) == pytest.approx(SETTLE)
    assert next_refinement(only, CHANGED_AT, 99.0) == 0.0
