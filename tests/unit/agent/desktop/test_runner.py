"""An agent of our own: started, heard to its last line, ended."""

import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from agent.desktop.runner import STARTS, AgentRunner, agent_argv
from tests.kit.qt import qt_until


def test_the_command_is_the_agents(tmp_path: Path) -> None:
    assert agent_argv(tmp_path) == [sys.executable, "-m", "agent", "--home", str(tmp_path), "run"]


def test_its_last_line_says_why_it_ended(application: QApplication, capfd: pytest.CaptureFixture[str]) -> None:
    ended: list[str] = []
    code = "import sys; print('first', flush=True); sys.exit('handrail-agent: The disk is full.')"
    runner = AgentRunner([sys.executable, "-c", code], ended.append)
    for count in range(1, STARTS + 1):
        runner.start()
        qt_until(lambda count=count: len(ended) == count, "it happens")  # type: ignore[misc]
    runner.start()
    assert not runner.running
    assert ended == ["The disk is full."] * STARTS
    assert "first" in capfd.readouterr().err


def test_it_is_ended_politely(application: QApplication) -> None:
    ended: list[str] = []
    runner = AgentRunner([sys.executable, "-c", "import time; time.sleep(60)"], ended.append)
    runner.start()
    runner.start()
    qt_until(lambda: runner.running, "it happens")
    runner.stop()
    assert not runner.running
