import pytest

from agent.backends.choose import display_name, open_capture, open_input
from agent.backends.mss_capture import MssCapture
from agent.backends.x11.capture import X11Capture
from protocol.errors import Unavailable
from tests.kit.display import virtual_display


def test_the_configured_display_comes_before_that_of_the_environment() -> None:
    assert display_name(":7", {"DISPLAY": ":8"}) == ":7"
    assert display_name("", {"DISPLAY": ":8"}) == ":8"


def test_without_a_display_the_text_says_what_to_do() -> None:
    with pytest.raises(Unavailable, match=r"agent\.toml"):
        display_name("", {})


def test_a_display_that_is_not_there_is_not_tried_by_other_means() -> None:
    with pytest.raises(Unavailable, match=":1973 cannot be opened"):
        open_capture(":1973")
    with pytest.raises(Unavailable, match=":1973 cannot be opened"):
        open_input(":1973")


@pytest.mark.display
def test_damage_and_shared_memory_are_taken_where_they_exist_and_said_so() -> None:
    with virtual_display(320, 200) as display:
        capture = open_capture(display.name)
        assert isinstance(capture, X11Capture)
        assert "XDamage" in capture.reason
        capture.close()
        asked = open_capture(display.name, "mss")
        assert isinstance(asked, MssCapture)
        assert "configuration" in asked.reason
        asked.close()


@pytest.mark.display
def test_without_shared_memory_mss_is_taken_and_the_reason_says_why() -> None:
    with virtual_display(320, 200, extra=("-extension", "MIT-SHM")) as display:
        capture = open_capture(display.name)
        assert isinstance(capture, MssCapture)
        assert "MIT-SHM" in capture.reason
        capture.close()
        with pytest.raises(Unavailable, match="MIT-SHM"):
            open_capture(display.name, "x11")
