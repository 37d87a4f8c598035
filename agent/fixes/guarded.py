"""Runs one program under the guard: streams what it says, ends it with everything it started when its time is over."""

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.children import kill_group, start_child
from agent.fixes import guard as guard_module
from agent.fixes.output import StepOutput, Stream
from hostio.tasks import Supervisor

GRACE_SECONDS = 2.0
MARK = "HANDRAIL_RUN"
SWEEPS = 50
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
    """Hands output on; `left` is done when the guard has left, `ended` when also both streams are at their ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, output: StepOutput) -> None:
        self._output = output
        self._open = {1, 2}
        self.ended: asyncio.Future[None] = loop.create_future()
        self.flooded: asyncio.Future[None] = loop.create_future()
        self.left: asyncio.Future[None] = loop.create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        name: Stream = "stdout" if fd == 1 else "stderr"
        self._output.feed(name, data)
        if self._output.flooding and not self.flooded.done():
            self.flooded.set_result(None)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._open.discard(fd)
        self._check()

    def process_exited(self) -> None:
        self.left.set_result(None)
        self._check()

    def _check(self) -> None:
        if self.left.done() and not self._open and not self.ended.done():
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
    mark = secrets.token_hex(16)
    output = StepOutput(max_bytes, emit)
    transport, stream, cancelled = await start_child(
        lambda: _Stream(loop, output), guard_command(argv, grace), {**environment, MARK: mark}, directory
    )
    async with Supervisor() as tasks:
        stopping = tasks.spawn(stop.wait(), "waiting for a stop")
        try:
            if cancelled:
                raise asyncio.CancelledError
            happenings: set[asyncio.Future[Any]] = {stream.left, stream.flooded, stopping}
            await asyncio.wait(happenings, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finished, flooded, stopped = stream.left.done(), stream.flooded.done(), stopping.done()
            await _finish(transport, stream, mark)
        finally:
            try:
                if not stream.ended.done():
                    await _finish(transport, stream, mark)
            finally:
                transport.close()
                output.finish()
    code = transport.get_returncode()
    return StepEnd(
        (code if code is None or code >= 0 else 128 - code) if finished else None,
        time.monotonic() - started,
        timed_out=not finished and not flooded and not stopped,
        stopped=not finished and stopped and not flooded,
        flooded=not finished and flooded,
        truncated=output.truncated,
    )


async def _finish(transport: asyncio.SubprocessTransport, stream: _Stream, mark: str) -> None:
    """Make sure that everything is over: tell the guard to stop (it asks, waits, kills), then look for what it did not catch."""
    if not stream.left.done():
        try:
            transport.send_signal(signal.SIGTERM)
        except ProcessLookupError:
            pass  # it has just left by itself
        await asyncio.wait({stream.left}, timeout=GUARD_SECONDS)
    code = transport.get_returncode()
    if code is None or code < 0:
        # The guard hangs or was killed (the kernel, short of memory, may have picked it): do its work from here.
        kill_group(transport.get_pid(), signal.SIGKILL)
        await _sweep(mark)
    await asyncio.wait({stream.ended}, timeout=1.0)


async def _sweep(mark: str) -> None:
    """Kill everything that carries this run's mark in its environment, until nothing does."""
    for _ in range(SWEEPS):
        marked = await asyncio.to_thread(_marked, f"{MARK}={mark}".encode())
        if not marked:
            return
        guard_module.send(marked, signal.SIGKILL)
        await asyncio.sleep(guard_module.POLL_SECONDS)


def _marked(entry: bytes) -> set[int]:
    """Processes with this entry in the environment they were started with (proc(5), /proc/PID/environ)."""
    found: set[int] = set()
    for directory in Path("/proc").iterdir():
        if not directory.name.isdecimal():
            continue
        try:
            environment = (directory / "environ").read_bytes()
        except OSError:
            continue
        if entry in environment.split(b"\0"):
            found.add(int(directory.name))
    return found
