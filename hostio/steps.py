"""What a command is doing, told on a terminal step by step: a spinner beside the one that goes on, with the time it takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


@contextmanager
def spinning(console: Console, inert: Callable[[str], str]) -> Iterator[Callable[[str], None]]:
    """`with spinning(console, inert) as tell:` - `tell("Making keys ...")`: this is what goes on from now. `inert` takes out of
    a text whatever a terminal would obey. Ask nobody anything inside."""
    columns = (SpinnerColumn(finished_text="\u2713"), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console) as shown:
        tasks: list[TaskID] = []

        def finish() -> None:
            for task in tasks:
                shown.update(task, completed=1)

        def tell(text: str) -> None:
            finish()
            tasks.append(shown.add_task(inert(text), total=1))

        yield tell
        finish()
