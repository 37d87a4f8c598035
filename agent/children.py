"""Child processes on a leash: an argv list, a clean environment, a process group of their own, an end to time and output.

Nothing here goes through a shell. `capture` is for short questions to the system's own tools; `agent.fixes` has its own runner
for scripts, which may leave daemons behind and are watched more closely.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hostio.tasks import Supervisor
from protocol.errors import Unavailable

P = TypeVar("P", bound=asyncio.SubprocessProtocol)
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE_SECONDS = 0.2
STDERR_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Captured:
    """What a child left behind. `timed_out`: it was killed for time; `truncated`: it said more than it may, the rest was
    thrown away and it was killed."""

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    truncated: bool = False


def tool_environment() -> dict[str, str]:
    """The environment of the system's tools: nothing inherited, English and parseable output, no pager, no colour."""
    return {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "TZ": "UTC", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


def kill_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a whole process group; one that is already gone is fine."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        # PermissionError: only zombies, or set-user-id programs of the group, are left; neither can be helped from here.
        return


class _Collector(asyncio.SubprocessProtocol):
    """Gathers both streams. `ended` is done when both are at their end and the child has exited, or too much was said."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.truncated = False
        self.exited: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            # Read on to the end, so that a talkative standard error cannot block the child; keep the beginning.
            self.stderr += data[: STDERR_BYTES - len(self.stderr)]
            return
        room = self._max_bytes - len(self.stdout)
        self.stdout += data[:room]
        if len(data) > room:
            self.truncated = True
            self._settle(self.ended)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._open.discard(fd)
        self._check()

    def process_exited(self) -> None:
        self._settle(self.exited)
        self._check()

    def _check(self) -> None:
        if not self._open and self.exited.done():
            self._settle(self.ended)

    @staticmethod
    def _settle(future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)


async def capture(
    argv: Sequence[str], *, seconds: float, max_bytes: int = 4 * 1024 * 1024, environment: Mapping[str, str] | None = None
) -> Captured:
    """Run `argv` (absolute path first), with nothing on its standard input, and read what it says.

    The whole process group is killed when `seconds` are over, when it says more than `max_bytes`, and when the caller
    is cancelled.

    Raises:
        Unavailable: the program cannot be started (missing, no permission, no memory).
    """
    loop = asyncio.get_running_loop()
    transport, collector, cancelled = await start_child(
        lambda: _Collector(loop, max_bytes), argv, tool_environment() if environment is None else environment, Path("/")
    )
    timed_out = False
    try:
        if cancelled:
            raise asyncio.CancelledError
        async with asyncio.timeout(seconds):
            await asyncio.shield(collector.ended)
    except TimeoutError:
        timed_out = True
    finally:
        try:
            if timed_out or collector.truncated or not collector.ended.done():
                await _end(transport.get_pid(), collector.exited)
        finally:
            # Also when a second cancellation cuts the waiting short.
            transport.close()
    return Captured(transport.get_returncode(), bytes(collector.stdout), bytes(collector.stderr), timed_out, collector.truncated)


async def start_child(
    factory: Callable[[], P], argv: Sequence[str], environment: Mapping[str, str], directory: Path
) -> tuple[asyncio.SubprocessTransport, P, bool]:
    """Start a child in a session of its own, with empty input and both outputs piped to the protocol that `factory` makes.

    A cancellation that arrives while it starts (some milliseconds) is kept back: asyncio would otherwise kill the child alone and
    wait for everybody who holds its pipes.

    Returns:
        Transport and protocol, and whether the caller was cancelled meanwhile: it must then end the child and raise
        CancelledError.

    Raises:
        Unavailable: the program cannot be started (missing, no permission, no memory).
    """
    loop = asyncio.get_running_loop()
    cancelled = False
    async with Supervisor(lambda *_: None) as tasks:  # what it raises is raised by `result` below
        starting = tasks.spawn(
            loop.subprocess_exec(
                factory,
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,
            ),
            f"starting {argv[0]}",
        )
        while not starting.done():
            try:
                await asyncio.wait({starting})
            except asyncio.CancelledError:
                cancelled = True
    try:
        transport, protocol = starting.result()
    except OSError as error:
        if cancelled:
            raise asyncio.CancelledError from error
        raise Unavailable(f"{argv[0]} cannot be started: {error.strerror or error}.") from error
    return transport, protocol, cancelled


async def _end(leader: int, exited: "asyncio.Future[None]") -> None:
    """Ask the whole group to stop, then make it; returns when the child has been reaped."""
    kill_group(leader, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await asyncio.shield(exited)
    except TimeoutError:
        pass
    finally:
        kill_group(leader, signal.SIGKILL)
    await asyncio.shield(exited)
