"""The only way from a command to the terminal: results on stdout, progress on stderr, everything foreign made inert.

Texts of devices and of the relay are hostile: a label may carry terminal escapes, a bidirectional override or rich markup. They
go through `inert` here, at the last moment, and never through markup. In `--json` they stay as they are: JSON escapes them.
"""

import sys
from collections.abc import Sequence
from typing import IO, Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from protocol.errors import HandrailError, Refused
from protocol.printable import NEWLINE_AND_TAB, printable
from technician_client.cli.exit_codes import exit_code_of


def inert(text: str, *, lines: bool = False) -> str:
    """`text` without anything a terminal would obey (`protocol.printable`).

    Args:
        lines: keep newlines and tabs (the text has lines of its own); else they become spaces.
    """
    if lines:
        return printable(text, keep=NEWLINE_AND_TAB)
    return printable(text.replace("\n", " ").replace("\t", " "))


class Output:
    """Where a command's words go. `as_json`: one JSON document or JSON lines on stdout and nothing else there."""

    def __init__(
        self, *, as_json: bool = False, stdout: IO[str] | None = None, stderr: IO[str] | None = None, colour: bool | None = None
    ) -> None:
        """Args: colour: None lets the terminal and NO_COLOR decide."""
        self.as_json = as_json
        self._stdout = stdout if stdout is not None else sys.stdout
        self._stderr = stderr if stderr is not None else sys.stderr
        no_colour = None if colour is None else not colour
        options: dict[str, Any] = {"no_color": no_colour, "markup": False, "highlight": False, "emoji": False}
        self.out = Console(file=self._stdout, **options)
        self.err = Console(file=self._stderr, **options)

    def json(self, value: object) -> None:
        """Write one JSON document (a line of its own) to stdout, whatever the mode."""
        self._stdout.write(msgspec.json.encode(value).decode() + "\n")
        self._stdout.flush()

    def text(self, text: str, style: str = "") -> None:
        """A line of the result. Silent in JSON mode."""
        if not self.as_json:
            self.out.print(Text(inert(text, lines=True), style=style), soft_wrap=True)

    def raw(self, text: str) -> None:
        """A piece of foreign output as it comes, made inert, without a newline of ours. Silent in JSON mode."""
        if not self.as_json:
            self._stdout.write(inert(text, lines=True))
            self._stdout.flush()

    def progress(self, text: str, style: str = "dim") -> None:
        """What is going on, on stderr."""
        self.err.print(Text(inert(text), style=style), soft_wrap=True)

    def warning(self, text: str) -> None:
        """Something to notice, on stderr."""
        self.progress(text, style="yellow")

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        styles: Sequence[str] = (),
        *,
        whole: Sequence[str] = (),
    ) -> None:
        """A table of the result. Silent in JSON mode.

        Args:
            columns: their headings; none of them said, no heading is shown.
            styles: when given, one for each row.
            whole: columns whose cells are never broken over lines (what people copy: ids).
        """
        if self.as_json:
            return
        if title:
            self.out.print(Text(inert(title), style="bold"), soft_wrap=True)
        table = Table(header_style="bold", box=box.SIMPLE, pad_edge=False, show_header=any(columns))
        for column in columns:
            table.add_column(Text(inert(column)), overflow="fold", no_wrap=column in whole)
        for index, row in enumerate(rows):
            cells = [Text(inert(cell_text(cell))) for cell in row]
            table.add_row(*cells, style=styles[index] if styles else None)
        self.out.print(table)

    def error(self, error: HandrailError) -> None:
        """An error for its reader: words on stderr, and in JSON mode a document on stdout."""
        code = exit_code_of(error)
        self.err.print(Text(f"handrail: {inert(str(error), lines=True)}", style="red"), soft_wrap=True)
        if self.as_json:
            self.json({"error": error_document(error), "exit_code": int(code)})


def error_document(error: HandrailError) -> dict[str, str]:
    """An error as `--json` shows it: `kind` (class name), `text`, and `reason` when something was refused."""
    document = {"kind": type(error).__name__, "text": str(error)}
    if isinstance(error, Refused):
        document["reason"] = error.reason.value
    return document


def cell_text(cell: object) -> str:
    """A table cell in words: nothing for None, yes or no for booleans, no needless decimals."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.2f}".rstrip("0").rstrip(".")
    return str(cell)


def age_text(seconds: float) -> str:
    """How long ago, in the largest unit that fits: "3 min ago"."""
    if seconds < 1:
        return "now"
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def count(number: int, noun: str) -> str:
    """ "1 device", "2 devices"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
