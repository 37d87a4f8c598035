"""A bar where somebody looks and waits, and nothing anywhere else."""

import io

import pytest
from rich.console import Console

from technician_client.cli.output import Output
from technician_client.cli.progress import progress_bar


def drawn(*, terminal: bool, seconds: float, no_color: bool = False) -> tuple[str, str]:
    """What stands on standard error and output after work of so many seconds."""
    out, err = io.StringIO(), io.StringIO()
    output = Output(stdout=out, stderr=err)
    output.err = Console(file=err, force_terminal=terminal, width=100, no_color=no_color)
    now = [0.0]
    with progress_bar(output, "Exporting", clock=lambda: now[0]) as tell:
        for part in (0.1, 0.5, 1.0):
            now[0] = part * seconds
            tell(part)
    return err.getvalue(), out.getvalue()


@pytest.mark.parametrize(("terminal", "seconds", "shown"), [(True, 5.0, True), (True, 0.9, False), (False, 60.0, False)])
def test_it_is_drawn_on_a_terminal_after_a_second(terminal: bool, seconds: float, shown: bool) -> None:
    err, out = drawn(terminal=terminal, seconds=seconds)
    assert ("Exporting" in err) is shown
    assert out == ""


def test_it_keeps_to_no_color() -> None:
    assert "\x1b[3" in drawn(terminal=True, seconds=5.0)[0]
    assert "\x1b[3" not in drawn(terminal=True, seconds=5.0, no_color=True)[0]
