import pytest

from agent.backends.base import CursorSource, DisplayLost, Happened, InputInjector, ScreenCapture
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
