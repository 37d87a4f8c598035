"""The desktop side replaces the command, or says why it cannot."""

import importlib.util
import sys
from pathlib import Path

import pytest

from agent.desktop.launch import NoDesktop, launch
from agent.errors import NotEnrolled


def test_it_becomes_a_process_of_its_own(tmp_path: Path) -> None:
    started: list[list[str]] = []
    launch(tmp_path, ["--theme", "dark"], identity=tmp_path, execute=lambda _path, argv: started.append(argv))  # type: ignore[arg-type, func-returns-value]
    assert started == [[sys.executable, "-m", "agent.desktop", "--home", str(tmp_path), "--theme", "dark"]]


def test_without_an_identity_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="enrol BUNDLE"):
        launch(tmp_path, [], identity=tmp_path / "none")


def test_without_qt_it_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(NoDesktop, match=r"handrail\[agent,desktop\]"):
        launch(tmp_path, [], identity=tmp_path)
