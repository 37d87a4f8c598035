"""A program on a pseudo-terminal (pty(7)) or on three pipes, under the guard that ends everything it starts.

The guard (`agent.fixes.guard`) is the program's parent: it makes the pseudo-terminal its controlling one in a session of its own,
takes on the account, and stays until nothing of it is left, also when the agent dies.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import struct
import sys
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.backends.users import Account
from agent.fixes import guard
from protocol.errors import Unavailable

GUARD = str(Path(guard.__file__).resolve())
GRACE_SECONDS = 1.0
UMASK = 0o022
INTERRUPTS = ((termios.VINTR, signal.SIGINT), (termios.VQUIT, signal.SIGQUIT), (termios.VSUSP, signal.SIGTSTP))
TIOCSIG = getattr(termios, "TIOCSIG", 0x40045436)  # ioctl_tty(2): a signal to the foreground group, from the master's side


@dataclass(slots=True)
class PtyProcess:
    """What runs. `outputs` are the descriptors to read from with the number of their stream (1, and 2 for a standard error of its
    own); `typed` is the one to write to, -1 once it is closed. All are non-blocking."""

    process: asyncio.subprocess.Process
    outputs: dict[int, int]
    typed: int
    tty: bool

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program the size of its window (SIGWINCH)."""
        if self.tty and self.typed >= 0:
            fcntl.ioctl(self.typed, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def interrupt_of(self, data: bytes) -> signal.Signals | None:
        """The signal that this key stands for by the terminal's present settings, or None."""
        if not self.tty or self.typed < 0 or len(data) != 1:
            return None
        try:
            settings = termios.tcgetattr(self.typed)
        except termios.error:  # the program may end in this moment
            return None
        if not settings[3] & termios.ISIG:
            return None
        return next((number for place, number in INTERRUPTS if settings[6][place] == data), None)

    def interrupt(self, number: signal.Signals) -> None:
        """Throw away what the program has not read yet and send the signal to whatever is in the foreground."""
        with contextlib.suppress(OSError, termios.error):  # the program may end in this moment; the latter is no OSError
            termios.tcflush(self.typed, termios.TCIOFLUSH)
            fcntl.ioctl(self.typed, TIOCSIG, int(number))

    def end_input(self) -> None:
        """Nothing more will be typed: the end of file of a pipe. A pseudo-terminal has none."""
        if not self.tty and self.typed >= 0:
            os.close(self.typed)
            self.typed = -1

    def hang_up(self) -> None:
        """End it, with everything it started: SIGHUP, then SIGKILL. Returns at once; `process.wait()` says when that is done."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def close_one(self, descriptor: int) -> None:
        """Close one that was read to its end and is no longer among `outputs`."""
        os.close(descriptor)

    def close(self) -> None:
        """Close the descriptors. Nothing may watch them any more."""
        for number in {*self.outputs.values(), self.typed} - {-1}:
            os.close(number)
        self.outputs.clear()
        self.typed = -1


def read_piece(descriptor: int, size: int) -> bytes | None:
    """What there is to read; b"" at the end, None when there is nothing now."""
    try:
        return os.read(descriptor, size)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:  # how the master learns that nobody has the terminal open
            return b""
        raise


def write_piece(descriptor: int, data: bytes | memoryview) -> int:
    """How many bytes went in; -1 when nobody will read them."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
    except OSError as error:
        if error.errno in (errno.EIO, errno.EPIPE):
            return -1
        raise


async def start_program(
    argv: Sequence[str],
    *,
    account: Account,
    environment: Mapping[str, str],
    tty: bool,
    columns: int,
    rows: int,
) -> PtyProcess:
    """Start `argv` as `account`.

    Raises:
        Unavailable: it cannot be started (no pseudo-terminal, no memory).
    """
    theirs: list[int] = []
    outputs: dict[int, int] = {}
    typed = -1
    try:
        if tty:
            typed, slave = os.openpty()
            theirs = [slave, slave, slave]
            outputs = {1: typed}
            if account.uid != os.geteuid():
                os.fchown(slave, account.uid, -1)
            fcntl.ioctl(typed, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        else:
            stdin, typed = os.pipe()
            outputs[1], stdout = os.pipe()
            outputs[2], stderr = os.pipe()
            theirs = [stdin, stdout, stderr]
        for number in {*outputs.values(), typed}:
            os.set_blocking(number, False)
        process = await _start(argv, account, environment, theirs, tty)
    except OSError as error:
        for number in {*outputs.values(), typed} - {-1}:
            os.close(number)
        raise Unavailable(f"{argv[0]} cannot be started: {error.strerror or error}.") from error
    finally:
        for number in set(theirs):
            os.close(number)
    return PtyProcess(process, outputs, typed, tty)


async def _start(
    argv: Sequence[str], account: Account, environment: Mapping[str, str], streams: list[int], tty: bool
) -> asyncio.subprocess.Process:
    user = account.name if account.uid != os.geteuid() else ""
    home = account.home if account.home.is_dir() else Path("/")
    command = [sys.executable, "-I", "-S", GUARD, f"{GRACE_SECONDS:g}", str(os.getpid())]
    return await asyncio.create_subprocess_exec(
        *command,
        "--terminal",
        "1" if tty else "0",
        user,
        *argv,
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        env=dict(environment),
        cwd=home,
        umask=UMASK,
        start_new_session=True,
    )
