"""Runs one program under the guard: streams what it says, ends it with everything it started when its time is over."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.children import kill_group
from agent.fixes import guard as guard_module
from agent.fixes.output import StepOutput, Stream
from protocol.errors import Unavailable

GRACE_SECONDS = 2.0
GUARD_SECONDS = GRACE_SECONDS + guard_module.GIVE_UP_SECONDS + 2.0


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How one program ended. `exit_code` is None when it was ended from here; `stopped`: on demand; `flooded`: it printed without
    end."""

    exit_code: int | None
    seconds: float
    timed_out: bool = False
    stopped: bool = False
    flooded: bool = False
    truncated: bool = False

    @property
    def cut_short(self) -> bool:
        """Whether it was ended from here."""
        return self.timed_out or self.stopped or self.flooded


def guard_command(argv: Sequence[str], grace: float) -> list[str]:
    """The command line that runs `argv` under the guard; isolated mode, so that neither environment nor directory change it."""
    return [sys.executable, "-I", "-S", str(Path(guard_module.__file__).resolve()), f"{grace:g}", str(os.getpid()), *argv]


class _Stream(asyncio.SubprocessProtocol):
    """Hands output on; `ended` is done when the guard has left and both streams are at their ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, output: StepOutput) -> None:
        self._output = output
        self._open = {1, 2}
        self._exited = False
        self.ended: asyncio.Future[None] = loop.create_future()
        self.flooded: asyncio.Future[None] = loop.create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        name: Stream = "stdout" if fd == 1 else "stderr"
        self._output.feed(name, data)
        if self._output.flooding and not self.flooded.done():
            self.flooded.set_result(None)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._open.discard(fd)
        self._check()

    def process_exited(self) -> None:
        self._exited = True
        self._check()

    def _check(self) -> None:
        if self._exited and not self._open and not self.ended.done():
            self.ended.set_result(None)


async def run_guarded(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    seconds: float,
    max_bytes: int,
    emit: Callable[[Stream, str], None],
    stop: asyncio.Event,
    grace: float = GRACE_SECONDS,
) -> StepEnd:
    """Run `argv` (absolute program first) with empty input and `environment` as its whole environment.

    It and everything it started has ended when this returns, also when the caller is cancelled. `stop` ends it on demand.

    Raises:
        Unavailable: the guard cannot be started (no memory, too many processes).
    """
    loop = asyncio.get_running_loop()
    started = time.monotonic()
    output = StepOutput(max_bytes, emit)
    try:
        transport, stream = await loop.subprocess_exec(
            lambda: _Stream(loop, output),
            *guard_command(argv, grace),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=directory,
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"The script cannot be started: {error.strerror or error}.") from error
    stopping = loop.create_task(stop.wait(), name="waiting for a stop")
    try:
        happenings: set[asyncio.Future[Any]] = {stream.ended, stream.flooded, stopping}
        await asyncio.wait(happenings, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finished, flooded, stopped = stream.ended.done(), stream.flooded.done(), stopping.done()
        if not finished:
            await _end(transport.get_pid(), stream.ended)
    finally:
        stopping.cancel()
        if not stream.ended.done():
            await _end(transport.get_pid(), stream.ended)
        transport.close()
        output.finish()
    return StepEnd(
        transport.get_returncode() if finished else None,
        time.monotonic() - started,
        timed_out=not finished and not flooded and not stopped,
        stopped=not finished and stopped and not flooded,
        flooded=not finished and flooded,
        truncated=output.truncated,
    )


async def _end(guard: int, ended: "asyncio.Future[None]") -> None:
    """Tell the guard to stop; it asks, waits, kills. Should it hang itself, its own group goes, and the program with it."""
    try:
        os.kill(guard, signal.SIGTERM)
    except ProcessLookupError:
        return
    await asyncio.wait({ended}, timeout=GUARD_SECONDS)
    if not ended.done():
        kill_group(guard, signal.SIGKILL)
        await asyncio.wait({ended}, timeout=1.0)
