"""Bars and spinners on standard error, where that is a terminal and somebody waits for more than a second."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from hostio.steps import spinning
from technician_client.cli.output import Output, inert

QUIET_SECONDS: Final = 1.0


@contextmanager
def progress_bar(output: Output, words: str, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[float], None]]:
    """`with progress_bar(output, "Exporting") as tell:` - `tell(0.4)`: so far it is. Nothing is shown in the first second, nor
    where standard error is no terminal or JSON was asked for."""
    if output.as_json or not output.err.is_terminal:
        yield lambda _part: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=output.err, transient=True)
    task = bar.add_task(words, total=1.0)
    began, shown = clock(), False

    def tell(part: float) -> None:
        nonlocal shown
        if not shown and clock() - began >= QUIET_SECONDS:
            shown = True
            bar.start()
        bar.update(task, completed=part)

    try:
        yield tell
    finally:
        bar.stop()


@contextmanager
def steps(output: Output) -> Iterator[Callable[[str], None]]:
    """`with steps(output) as tell:` - `tell("Making keys ...")`: this is what goes on from now. Where standard error is a
    terminal a spinner turns beside it, with the time it takes; elsewhere, and with JSON, each step is a line. Ask nobody
    anything inside.
    """
    if output.as_json or not output.err.is_terminal:
        yield output.progress
        return
    with spinning(output.err, inert) as tell:
        yield tell


def counting(output: Output, words: str, total: int, clock: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    """What to call each time one of `total` things is done, once its own words are printed.

    One line on standard error for each tenth of the way, where that is a terminal and it takes longer than a second: results
    go to standard output meanwhile, and a bar would be drawn into them."""
    began, finished, said = clock(), 0, 0

    def done() -> None:
        nonlocal finished, said
        finished += 1
        tenth = finished * 10 // max(total, 1)
        shown = output.err.is_terminal and not output.as_json
        if shown and tenth > said and finished < total and clock() - began >= QUIET_SECONDS:
            said = tenth
            left = (clock() - began) / finished * (total - finished)
            output.progress(f"{words}: {finished} of {total}, about {left:.0f} s left")

    return done
