"""A person at a terminal: a program on a real pseudo-terminal, its screen read and its questions answered by keys."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from tests.kit.waiting import PATIENCE

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")


class Terminal:
    """A program with a pseudo-terminal as its controlling terminal."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, columns: int = 110, rows: int = 40) -> None:
        self.argv = list(argv)
        self._raw = ""
        self._searched = 0
        pid, self._fd = pty.fork()
        if pid == 0:
            os.environ.update({**(env or {}), "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(rows)})
            try:
                os.execvp(self.argv[0], self.argv)
            finally:
                os._exit(127)
        self.pid = pid
        self.status: int | None = None

    @property
    def text(self) -> str:
        """Everything printed so far, without escape sequences."""
        self._read(0)
        return ESCAPES.sub("", self._raw)

    def _read(self, seconds: float) -> bool:
        with contextlib.suppress(OSError):
            if self._fd >= 0 and select.select([self._fd], [], [], seconds)[0]:
                data = os.read(self._fd, 65536)
                self._raw += data.decode("utf-8", "replace")
                return bool(data)
        return False

    def expect(self, pattern: str, *, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait for a match in what was printed after the previous match."""
        end = time.monotonic() + seconds
        while True:
            text = self.text
            found = re.compile(pattern, re.MULTILINE).search(text, self._searched)
            if found:
                self._searched = found.end()
                return found
            if time.monotonic() > end:
                raise AssertionError(f"{self.argv[0]} did not print {pattern!r} in {seconds:g} s:\n{text}")
            if not self._read(0.05) and self.ended() and not re.compile(pattern, re.MULTILINE).search(self.text, self._searched):
                raise AssertionError(f"{self.argv[0]} ended ({self.status}) before printing {pattern!r}:\n{self.text}")

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._fd, text.encode())

    def ended(self) -> bool:
        """Whether the program has ended; then `status` is its exit status."""
        if self.status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, *, seconds: float = PATIENCE) -> int:
        """Its exit status; keeps reading so that it never blocks on a full terminal."""
        end = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.argv, seconds)
            self._read(0.05)
        assert self.status is not None
        return self.status

    def stop(self) -> None:
        """Hang up; kill when that is not enough."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.ended():
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait(seconds=10)
        descriptor, self._fd = self._fd, -1  # stopping twice must not close what has got the number since
        if descriptor >= 0:
            os.close(descriptor)
