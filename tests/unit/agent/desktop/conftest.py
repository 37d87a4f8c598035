"""One Qt application without a screen for the whole process: Qt allows no second one."""

import os

import pytest
from PySide6.QtWidgets import QApplication

from agent.desktop.parts import dress
from agent.desktop.texts import Texts
from tests.kit.clock import Clock


@pytest.fixture(scope="session")
def application() -> QApplication:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    found = QApplication.instance()
    application = found if isinstance(found, QApplication) else QApplication(["tests"])
    application.setQuitOnLastWindowClosed(False)
    dress(application, "light")
    return application


@pytest.fixture
def texts() -> Texts:
    return Texts("en")


@pytest.fixture
def now() -> Clock:
    return Clock()
