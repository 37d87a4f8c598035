"""This computer's own terminal while it shows another one: raw keys in, bytes out, its size."""

import asyncio
import os
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

READ_BYTES = 4096


def is_terminal() -> bool:
    """Whether a person sits at both ends of this process."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def size() -> tuple[int, int]:
    """Columns and rows, within what the wire carries."""
    columns, rows = shutil.get_terminal_size()
    return max(2, min(1000, columns)), max(1, min(1000, rows))


@contextmanager
def raw_keys() -> Iterator[None]:
    """Every key comes as it is pressed, Ctrl-C included; afterwards the terminal is as it was."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


@contextmanager
def on_resize(act: Callable[[], None]) -> Iterator[None]:
    """While inside, `act` is called on the event loop whenever the window changes its size."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop.add_signal_handler(signal.SIGWINCH, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


async def typed(descriptor: int) -> AsyncIterator[bytes]:
    """What comes on a descriptor (terminal, pipe or file), until its end. It is read no faster than it is taken.

    A thread of its own reads, since regular files cannot be waited for and a blocked read cannot be called back; it dies with
    the process.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue(1)

    def read() -> None:
        data = b"begin"
        while data:
            try:
                data = os.read(descriptor, READ_BYTES)
            except OSError:
                data = b""  # the terminal is gone: nothing more will be typed
            try:
                asyncio.run_coroutine_threadsafe(queue.put(data), loop).result()
            except RuntimeError:
                return  # the loop has ended; nobody waits for this

    threading.Thread(target=read, name="standard input", daemon=True).start()
    while data := await queue.get():
        yield data


def write_all(descriptor: int, data: bytes) -> bool:
    """Write everything, waiting where that takes time; False: nobody reads any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BrokenPipeError:
            return False
    return True
