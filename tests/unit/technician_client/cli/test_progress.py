"""A bar where somebody looks and waits, and nothing anywhere else."""

import io

import pytest
from rich.console import Console

from technician_client.cli.output import Output
from technician_client.cli.progress import counting, progress_bar, steps


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


@pytest.mark.parametrize(("terminal", "as_json", "lines"), [(True, False, 9), (False, False, 0), (True, True, 0)])
def test_many_things_are_counted_by_tenths_where_somebody_looks(terminal: bool, as_json: bool, lines: int) -> None:
    err, now = io.StringIO(), [0.0]
    output = Output(stdout=io.StringIO(), stderr=err, as_json=as_json)
    output.err = Console(file=err, force_terminal=terminal, width=100)
    done = counting(output, "Devices", 50, clock=lambda: now[0])
    for _ in range(50):
        now[0] += 2.0
        done()
    assert err.getvalue().count("Devices: ") == lines
    assert ("Devices: 5 of 50, about 90 s left" in err.getvalue()) is (lines > 0)


def test_what_is_quick_is_not_counted() -> None:
    err = io.StringIO()
    output = Output(stdout=io.StringIO(), stderr=err)
    output.err = Console(file=err, force_terminal=True, width=100)
    done = counting(output, "Devices", 50, clock=lambda: 0.5)
    for _ in range(50):
        done()
    assert err.getvalue() == ""


def test_it_keeps_to_no_color() -> None:
    assert "\x1b[3" in drawn(terminal=True, seconds=5.0)[0]
    assert "\x1b[3" not in drawn(terminal=True, seconds=5.0, no_color=True)[0]


@pytest.mark.parametrize(("terminal", "as_json", "spun"), [(True, False, True), (False, False, False), (True, True, False)])
def test_steps_turn_on_a_terminal_and_are_lines_elsewhere(terminal: bool, as_json: bool, spun: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(stdout=out, stderr=err, as_json=as_json)
    output.err = Console(file=err, force_terminal=terminal, width=100, no_color=True)
    with steps(output) as tell:
        tell("Making keys ...")
        tell("Registering at [bold]\x1b[2J the relay ...")
    said = err.getvalue()
    assert ("\u2713" in said and "0:00:0" in said) is spun
    assert "Making keys ..." in said and "[bold]" in said
    assert "\x1b[2J" not in said and "\x1b[3" not in said
    assert out.getvalue() == ""


def test_a_step_that_fails_is_not_ticked_off() -> None:
    err = io.StringIO()
    output = Output(stdout=io.StringIO(), stderr=err)
    output.err = Console(file=err, force_terminal=True, width=100)
    with pytest.raises(ValueError, match="no"), steps(output) as tell:
        tell("Making keys ...")
        raise ValueError("no")
    assert "\u2713" not in err.getvalue()
