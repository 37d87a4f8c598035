"""One Qt application without a screen for the whole process: Qt allows no second one."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from agent.desktop.banner import Banner
from agent.desktop.overlay import Mark
from agent.desktop.parts import Window, dress
from agent.desktop.texts import Texts
from tests.kit.clock import Clock


@pytest.fixture(scope="session")
def application() -> QApplication:
    found = QApplication.instance()
    application = found if isinstance(found, QApplication) else QApplication(["tests", "-platform", "offscreen"])
    application.setQuitOnLastWindowClosed(False)
    dress(application, "light")
    return application


@pytest.fixture(autouse=True)
def strays(application: QApplication) -> Iterator[None]:
    """No part of a window shows as a window of its own: shown before it has a parent, it would flash up and take the keyboard."""
    watch = _Watch()
    application.installEventFilter(watch)
    yield
    application.removeEventFilter(watch)
    assert not watch.strays, f"shown without a parent: {watch.strays}"


class _Watch(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.strays: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        shown = event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow()
        if shown and not isinstance(watched, Window | Banner | Mark | QMenu):
            self.strays.append(f"{type(watched).__name__} {getattr(watched, 'text', str)()!r}")
        return False


@pytest.fixture
def texts() -> Texts:
    return Texts("en")


@pytest.fixture
def now() -> Clock:
    return Clock()
