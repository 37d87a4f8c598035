"""What a command is doing, on standard error: with a spinner where that is a terminal, a line for each step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from agent.printable import printable


@contextmanager
def steps(console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """`with steps() as tell:` - `tell("Asking the organisation ...")`: this is what goes on from now. `console`: standard error,
    unless it is another."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: click.echo(printable(text), err=True)
        return
    columns = (SpinnerColumn(finished_text="\u2713"), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console) as shown:
        tasks: list[TaskID] = []

        def finish() -> None:
            for task in tasks:
                shown.update(task, completed=1)

        def tell(text: str) -> None:
            finish()
            tasks.append(shown.add_task(printable(text), total=1))

        yield tell
        finish()
