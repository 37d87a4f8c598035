"""`handrail shell`: its words, and that it asks for what it needs. What it does is in tests/integration/test_shell.py."""

from pathlib import Path
from typing import Any

import pytest

from protocol.messages.terminal import TerminalEnded
from technician_client.cli import keyboard, shell
from technician_client.cli.app import App
from technician_client.cli.output import Output
from technician_client.terminal import Wish


@pytest.mark.parametrize(
    ("arguments", "wish"),
    [
        (("till-3",), Wish(tty=False)),
        (("till-3", "--tty", "--", "vi", "a b"), Wish(command="vi 'a b'", tty=True)),
        (("till-3", "--root", "--", "ls | wc -l"), Wish(command="ls | wc -l", tty=False, as_root=True)),
    ],
)
def test_words_become_a_command(arguments: tuple[str, ...], wish: Wish, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    async def open_shell(_app: App, words: str, reason: str, wished: Wish) -> int:
        asked.append((words, reason, wished))
        return 9

    monkeypatch.setattr(shell, "open_shell", open_shell)
    monkeypatch.setattr(keyboard, "size", lambda: (80, 24))
    monkeypatch.setattr(keyboard, "is_terminal", lambda: False)
    with pytest.raises(SystemExit) as left:
        shell.shell.main(list(arguments), obj=App(tmp_path, Output()), standalone_mode=True)
    assert left.value.code == 9
    assert asked == [("till-3", "", wish)]


def test_an_end_from_there_is_no_exit_code_of_the_program(tmp_path: Path) -> None:
    one = shell._Shell(App(tmp_path, Output()), Wish(tty=False), "till-3")
    assert one._said(TerminalEnded(1, 0)) == 0
    assert one._said(TerminalEnded(1, 77)) == 77
    assert one._said(TerminalEnded(1, None, "it is not granted any more")) == 1
