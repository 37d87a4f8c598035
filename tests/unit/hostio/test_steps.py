"""Each step has its time and its end; what fails has none, and nothing foreign is obeyed."""

import io

import pytest
from rich.console import Console

from hostio.steps import spinning


def console() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=True, width=100, no_color=True), file


def test_each_step_has_its_time_and_its_end() -> None:
    shown, file = console()
    with spinning(shown, lambda text: text.replace("\x1b", "?")) as tell:
        tell("Asking Example Ltd ...")
        tell("Waiting for \x1b[2J[red]the signer[/red] ...")
    told = file.getvalue()
    last = [line for line in told.splitlines() if "Asking Example Ltd" in line][-1]
    assert "\u2713" in last and "0:00:0" in last
    assert "?[2J[red]the signer[/red]" in told
    assert "\x1b[2J" not in told


def test_what_fails_shows_no_end() -> None:
    shown, file = console()
    with pytest.raises(ValueError, match="no"), spinning(shown, str) as tell:
        tell("Asking ...")
        raise ValueError("no")
    assert "\u2713" not in file.getvalue()
