"""A person at a terminal: lines in, lines out, Ctrl-C as a request, and nothing typed ahead counts as an answer."""

import asyncio
import os
import signal
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from protocol.errors import HandrailError

LINE_BYTES = 4096


class NoTerminal(HandrailError):
    """Questions need a person at a terminal, and there is none."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One line that a person typed, without its newline; None when they closed the terminal's input (Ctrl-D). `after` counts the
    prompts that had been printed by then: a line typed before a question stood there is no answer to it."""

    text: str | None
    after: int = 0


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C, or the system asks us to end."""


class Terminal:
    """The controlling terminal. Only real terminals will do: a pipe is not a person."""

    def __init__(self, write: Callable[[str], None], put: Callable[[Typed | Interrupted], None]) -> None:
        """Args:
            write: prints text as it is, without a newline of its own.
            put: hears lines and Ctrl-C, on the event loop.

        Raises:
            NoTerminal: standard input or output is not a terminal.
        """
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise NoTerminal(
                "Questions are answered by a person at a terminal, and this is none: run it in a terminal window, without pipes."
            )
        self._fd = sys.stdin.fileno()
        self._write = write
        self._put = put
        self._partial = b""
        self._fleeting = 0
        self.prompts = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Deliver lines and Ctrl-C while this lasts."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._put, Interrupted())
        loop.add_reader(self._fd, self._readable)
        try:
            yield
        finally:
            loop.remove_reader(self._fd)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            self.clear()

    def line(self, text: str = "") -> None:
        """Print one line."""
        self.clear()
        self._write(text + "\n")

    def prompt(self, text: str) -> None:
        """Print a question and leave the cursor behind it. What was typed before it came is thrown away."""
        self.clear()
        self.prompts += 1
        self._partial = b""
        termios.tcflush(self._fd, termios.TCIFLUSH)
        self._write(text)

    def fleeting(self, text: str) -> None:
        """Print a line that the next one replaces (a countdown)."""
        self._write("\r" + text + " " * max(0, self._fleeting - len(text)))
        self._fleeting = len(text)

    def clear(self) -> None:
        """End a fleeting line, which stays where it is."""
        if self._fleeting:
            self._fleeting = 0
            self._write("\n")

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, LINE_BYTES)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._put(Typed(None))
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._partial = self._partial[-LINE_BYTES:]
        for line in lines:
            self._put(Typed(line.decode("utf-8", "replace").rstrip("\r"), self.prompts))
