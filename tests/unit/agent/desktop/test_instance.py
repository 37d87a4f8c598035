"""A second start wakes the first."""

from pathlib import Path

from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication

from agent.desktop.instance import SOCKET, Instance, hand_over
from tests.kit.qt import qt_until


def test_the_second_hands_its_wish_to_the_first(application: QApplication, tmp_path: Path) -> None:
    assert not hand_over(tmp_path, get_help=True)
    wanted: list[bool] = []
    first = Instance(tmp_path, wanted.append)
    assert (tmp_path / SOCKET).stat().st_mode & 0o077 == 0
    assert hand_over(tmp_path, get_help=True)
    qt_until(lambda: wanted == [True], "it happens")
    assert hand_over(tmp_path, get_help=False)
    qt_until(lambda: wanted == [True, False], "it happens")
    stranger = QLocalSocket()
    stranger.connectToServer(str(tmp_path / SOCKET))
    stranger.write(b"something else\n")
    qt_until(lambda: stranger.state() == QLocalSocket.LocalSocketState.UnconnectedState, "it happens")
    assert wanted == [True, False]
    first.close()
    assert not hand_over(tmp_path, get_help=True)
