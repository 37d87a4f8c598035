"""The agent's end of `agent.backends.x11.release_guard`: a small process that outlives this one and lets go of what it held.

Started with the injector, in a session of its own, so that what is sent to the agent's process group does not reach it. Should it
be killed, another is started, at once and then ever more rarely; without one everything works, but nobody is left to let go.
"""

import logging
import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from agent.backends.x11 import release_guard
from agent.backends.x11.release_guard import LEDGER_BYTES, Ledger

_LOGGER = logging.getLogger(__name__)
FAREWELL: Final = b"."
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
END_SECONDS: Final = 2.0


def guard_command(display: str, memory: int) -> list[str]:
    """The command line of the guard; isolated mode, so that neither environment nor directory change what it runs."""
    script = str(Path(release_guard.__file__).resolve())
    return [sys.executable, "-I", "-S", script, display, str(memory), *(str(Path(place).resolve()) for place in sys.path)]


class ReleaseGuard:
    """The guard of one injector. Belongs to the injector's thread; nothing here waits for the guard but `farewell` and `abandon`.

    Args:
        command: what to run, of the display's name and the memory's descriptor.
        clock: seconds, for the pauses between attempts.
    """

    def __init__(
        self,
        display: str,
        *,
        command: Callable[[str, int], Sequence[str]] = guard_command,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._display, self._command, self._clock = display, command, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = self._memory = -1
        self._map: mmap.mmap | None = None
        self._pause = FIRST_PAUSE
        self._started_at = self._again_at = float("-inf")
        self._closed = False
        try:
            self._memory = os.memfd_create("handrail-held", os.MFD_CLOEXEC)
            os.ftruncate(self._memory, LEDGER_BYTES)
            self._map = mmap.mmap(self._memory, LEDGER_BYTES)
        except OSError as error:
            self._unguarded(error.strerror or str(error))
        self.ledger = Ledger(bytearray(LEDGER_BYTES) if self._map is None else self._map)
        self._start()

    @property
    def pid(self) -> int | None:
        """The guard's process id while it runs, as far as is known here."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    def tend(self) -> None:
        """Start another if it has ended. One system call; call it now and then."""
        if self._closed or (self._process is not None and self._process.poll() is None):
            return
        if self._process is not None:
            _LOGGER.warning("the process that lets go of held keys has ended (code %s)", self._process.returncode)
            self._forget()
            if self._clock() - self._started_at > LONGEST_PAUSE:
                self._pause, self._again_at = FIRST_PAUSE, float("-inf")
        if self._clock() >= self._again_at:
            self._start()

    def _start(self) -> None:
        if self._map is None:
            return
        self._started_at = self._clock()
        self._again_at, self._pause = self._started_at + self._pause, min(2 * self._pause, LONGEST_PAUSE)
        theirs, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                self._command(self._display, self._memory),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                cwd="/",
                pass_fds=(self._memory,),
                start_new_session=True,
            )
        except OSError as error:
            self._forget()
            self._unguarded(error.strerror or str(error))
        finally:
            os.close(theirs)

    def _unguarded(self, why: str) -> None:
        _LOGGER.warning(
            "nobody will let go of held keys should this agent be killed: the process for that cannot be started (%s)", why
        )

    def _forget(self) -> None:
        self._process = None
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def farewell(self) -> None:
        """Everything is put back: the guard may end, and has when this returns. May be called twice."""
        if not self._closed and self._process is not None:
            try:
                os.write(self._pipe, FAREWELL)
            except BrokenPipeError:
                pass  # it has ended before
        self._close(kill=True)

    def abandon(self) -> None:
        """The connection to the display broke before everything was put back: have the guard try, if the display still stands."""
        self._close(kill=False)

    def _close(self, *, kill: bool) -> None:
        if self._closed:
            return
        self._closed = True
        process = self._process
        self._forget()  # its end of the pipe hears that
        if process is not None:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                _LOGGER.warning("the process that lets go of held keys does not end")
                if kill:
                    process.kill()
                    process.wait()
        if self._map is not None:
            self._map.close()
            self.ledger = Ledger(bytearray(LEDGER_BYTES))
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1
