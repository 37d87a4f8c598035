"""A spinner where somebody looks, lines where nobody does."""

import io

import pytest
from rich.console import Console

from agent.steps import steps


def shown(console: Console) -> str:
    """What stands on that console after two steps, the second one hostile."""
    with steps(console) as tell:
        tell("Asking Example Ltd ...")
        tell("Waiting for \x1b[2J[red]the signer[/red] ...")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_on_a_terminal_each_step_has_its_time_and_its_end() -> None:
    told = shown(Console(file=io.StringIO(), force_terminal=True, width=100, no_color=True))
    last = [line for line in told.splitlines() if "Asking Example Ltd" in line][-1]
    assert "\u2713" in last and "0:00:0" in last
    assert "[red]the signer[/red]" in told
    assert "\x1b[2J" not in told
    assert "\x1b[3" not in told  # NO_COLOR


def test_elsewhere_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Console(file=io.StringIO(), force_terminal=False)) == ""
    assert capsys.readouterr().err.splitlines() == ["Asking Example Ltd ...", "Waiting for \\x1b[2J[red]the signer[/red] ..."]


def test_what_fails_shows_no_end() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with pytest.raises(ValueError, match="no"), steps(console) as tell:
        tell("Asking ...")
        raise ValueError("no")
    assert isinstance(console.file, io.StringIO)
    assert "\u2713" not in console.file.getvalue()
