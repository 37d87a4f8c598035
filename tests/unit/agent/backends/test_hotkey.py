"""Which key there is here, and why not."""

import pytest

from agent.backends.hotkey import open_hotkey
from protocol.errors import Unavailable
from tests.kit.display import virtual_display


def test_without_a_display_there_is_none() -> None:
    with pytest.raises(Unavailable, match="no X display"):
        open_hotkey({})


def test_another_system_has_none_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(Unavailable, match="on this system"):
        open_hotkey({"DISPLAY": ":0"})


@pytest.mark.display
def test_on_x11_there_is_one() -> None:
    with virtual_display(320, 200) as display:
        hotkey = open_hotkey({"DISPLAY": display.name})
        assert hotkey.fileno() > 0
        hotkey.close()
