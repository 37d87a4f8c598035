"""How the desktop side is started: a process of its own that replaces the command, so that it carries nothing of the daemon."""

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from agent.errors import NotEnrolled
from protocol.errors import HandrailError


class NoDesktop(HandrailError):
    """What the windows are made with is not installed."""


Execute = Callable[[str, list[str]], NoReturn]


def launch(home: Path, options: Sequence[str], *, identity: Path, execute: Execute = os.execv) -> None:
    """Become the desktop side of the agent in `home`.

    Raises:
        NotEnrolled: this computer belongs to no organisation yet.
        NoDesktop: Qt is missing.
    """
    if importlib.util.find_spec("PySide6") is None:
        raise NoDesktop(
            "The windows need PySide6: install Handrail with its extra `desktop` (pip install 'handrail[agent,desktop]'), or use "
            "`handrail-agent ask` at a terminal."
        )
    if not identity.is_dir():
        raise NotEnrolled("This computer belongs to no organisation yet. Run `handrail-agent enrol BUNDLE` first.")
    execute(sys.executable, [sys.executable, "-m", "agent.desktop", "--home", str(home), *options])
