import numpy as np
import pytest

from agent.backends.base import CursorSource, DisplayLost, Happened, InputInjector, ScreenCapture, copy_areas
from agent.backends.geometry import Rect
from protocol.errors import Unavailable


@pytest.mark.parametrize("kind", [ScreenCapture, CursorSource, InputInjector])
def test_an_ability_cannot_be_half_implemented(kind: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        kind()


def test_a_lost_display_is_a_kind_of_unavailable_with_a_time_to_try_again() -> None:
    error = DisplayLost("gone", retry_after=1.0)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 1.0


def test_nothing_happened_is_false() -> None:
    assert not Happened.NOTHING
    assert Happened.DAMAGE in (Happened.NOTHING | Happened.DAMAGE)


def test_areas_are_cut_out_of_a_picture_that_holds_them() -> None:
    picture = np.arange(12, dtype=np.uint32).reshape(3, 4)
    into = np.zeros((2, 3), np.uint32)
    assert copy_areas(picture, [Rect(1, 1, 2, 1), Rect(3, 2, 1, 1)], into, (1, 1))
    assert into.tolist() == [[5, 6, 0], [0, 0, 11]]
    before = into.copy()
    assert not copy_areas(picture, [Rect(0, 0, 1, 1), Rect(3, 2, 2, 1)], into, (0, 0))
    assert (into == before).all()
