import pytest
import xcffib.damage
import xcffib.xproto

from agent.backends.base import DisplayLost
from agent.backends.x11.connection import X11Connection, lost_display
from protocol.errors import Unavailable
from tests.kit.display import VirtualDisplay, virtual_display

pytestmark = pytest.mark.display


def test_no_server_is_unavailable_with_a_sentence() -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        X11Connection(":1973")


def test_an_extension_that_is_missing_is_named(connection: X11Connection) -> None:
    with pytest.raises(Unavailable, match="no NOT-THERE extension"):
        connection.extension(xcffib.damage.key, "NOT-THERE")


def test_sleeping_ends_by_time_and_by_the_wake_descriptor(connection: X11Connection, quiet: int) -> None:
    assert connection.events() == []
    assert connection.sleep(0.0, quiet) == (False, False)


def test_a_refused_request_without_an_answer_is_logged_and_the_rest_is_read(
    connection: X11Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.core.DestroyWindow(12345)
    connection.root_size()
    assert connection.events() == []
    assert "refused" in caplog.text


def test_the_root_size_is_the_present_one(connection: X11Connection) -> None:
    assert connection.root_size() == (1366, 768)


def test_a_server_that_ends_is_a_lost_display(quiet: int) -> None:
    with virtual_display(320, 200) as short:
        connection = X11Connection(short.name)
        short.stop()
        with pytest.raises(DisplayLost):
            connection.root_size()
        with pytest.raises(DisplayLost):
            connection.events()
        connection.close()


def test_other_errors_pass_through(display: VirtualDisplay) -> None:
    with pytest.raises(ValueError, match="mine"), lost_display():
        raise ValueError("mine")
