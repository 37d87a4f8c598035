"""What a command is doing, on standard error: with a spinner where that is a terminal, a line for each step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from hostio.steps import spinning
from protocol.printable import printable


@contextmanager
def steps(console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """`with steps() as tell:` - `tell("Asking the organisation ...")`: this is what goes on from now. `console`: standard error,
    unless it is another."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: click.echo(printable(text), err=True)
        return
    with spinning(console, printable) as tell:
        yield tell
