"""One Qt application without a screen for the whole process: Qt allows no second one."""

import pytest
from PySide6.QtWidgets import QApplication

from agent.desktop.parts import dress
from agent.desktop.texts import Texts
from tests.kit.clock import Clock


@pytest.fixture(scope="session")
def application() -> QApplication:
    found = QApplication.instance()
    application = found if isinstance(found, QApplication) else QApplication(["tests", "-platform", "offscreen"])
    application.setQuitOnLastWindowClosed(False)
    dress(application, "light")
    return application


@pytest.fixture
def texts() -> Texts:
    return Texts("en")


@pytest.fixture
def now() -> Clock:
    return Clock()
