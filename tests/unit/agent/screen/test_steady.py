import numpy as np
import pytest

from agent.screen.frames import Cells
from agent.screen.steady import ONE_GO, SteadyCells

ROWS, COLUMNS = 4, 6
AT = 100.0


def marked(*places: tuple[int, int]) -> Cells:
    found: Cells = np.zeros((ROWS, COLUMNS), np.bool_)
    for place in places:
        found[place] = True
    return found


@pytest.mark.parametrize("pace", [10, 12, 24, 30, 60, 144])
def test_what_is_drawn_with_every_picture_of_a_film_is_steady(pace: int) -> None:
    steady = SteadyCells(ROWS, COLUMNS)
    for picture in range(pace):
        steady.drawn(marked((0, 0)), AT + picture / pace)
    assert np.array_equal(steady.find(AT + 1.0 - 1 / pace), marked((0, 0)))
    assert not steady.find(AT + 2.0).any(), "it has stopped"


def test_what_somebody_types_is_not() -> None:
    steady = SteadyCells(ROWS, COLUMNS)
    for key in range(COLUMNS * 2):  # ten keys a second; a cell holds two letters, and what stands before a letter is drawn anew
        now = AT + key * 0.1
        steady.drawn(marked((1, key // 2)) | marked((1, max(0, key - 1) // 2)), now)
        assert not steady.find(now).any()


@pytest.mark.parametrize("pace", [8, 12, 30])
def test_a_line_that_is_drawn_anew_with_every_key_is_not(pace: int) -> None:
    steady = SteadyCells(ROWS, COLUMNS)
    for key in range(pace * 2):
        pressed = AT + key / pace
        steady.drawn(marked((1, 0), (1, 1)), pressed + 0.01, pressed)
        assert not steady.find(pressed + 0.01).any()


def test_a_meter_beside_it_is() -> None:
    steady = SteadyCells(ROWS, COLUMNS)
    for picture in range(30):  # every third with a key
        now = AT + picture / 30
        steady.drawn(marked((0, 0)), now, AT + picture // 3 / 10 - 0.001)
    assert np.array_equal(steady.find(now), marked((0, 0)))


def test_what_is_drawn_in_several_goes_counts_once() -> None:
    steady = SteadyCells(ROWS, COLUMNS)
    for go in range(20):
        steady.drawn(marked((2, 2)), AT + go * ONE_GO / 21)
    assert not steady.find(AT + ONE_GO).any()


def test_at_first_and_after_days_nothing_is() -> None:
    steady = SteadyCells(ROWS, COLUMNS)
    assert not steady.find(AT + 1e9).any()
    steady.drawn(marked((3, 3)), AT)
    assert not steady.find(AT + 1e9).any()
