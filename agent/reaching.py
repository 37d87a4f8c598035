"""The daemon that a conversation with the person here needs: the one that runs, one that is just starting, or one of its own.

A daemon that starts holds the home's lock for a while before its socket is there, and one that stops for a while after: whoever
comes in between waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from agent.errors import AlreadyRunning, NotRunning

T = TypeVar("T")
STARTING_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.1


class OwnDaemon(Protocol):
    """What is asked of `agent.daemon.Daemon`."""

    ready: asyncio.Event

    async def run(self) -> None:
        """Until stopped. Raises `AlreadyRunning` where another one serves the same home."""

    def stop(self) -> None:
        """Have `run` end."""


async def with_daemon(
    converse: Callable[[], Awaitable[T]],
    make: Callable[[], OwnDaemon],
    *,
    waiting: Callable[[], None] = lambda: None,
    seconds: float = STARTING_SECONDS,
) -> T:
    """Talk to the daemon that runs; without one, run one for as long as that lasts.

    Args:
        converse: the conversation; raises `NotRunning` where nobody answers.
        make: the daemon to run.
        waiting: called once when another one holds the home and does not answer yet.
        seconds: how long that may last.

    Raises:
        NotRunning: it does not answer in that time; the text says what to do. Whatever `converse`, `make` and the daemon raise.
    """
    loop = asyncio.get_running_loop()
    daemon: OwnDaemon | None = None
    end: float | None = None
    while True:
        try:
            return await converse()
        except NotRunning:
            if daemon is None:
                daemon = make()
        who = ""
        try:
            return await with_own(daemon, converse)
        except* AlreadyRunning as found:
            who = next((f" {error.who}" for error in found.exceptions if isinstance(error, AlreadyRunning) and error.who), "")
        if end is None:
            end = loop.time() + seconds
            waiting()
        elif loop.time() >= end:
            raise NotRunning(
                f"Another agent{who} serves this home and has not answered for {seconds:g} s: it starts or stops very slowly, or "
                "hangs. Try again in a moment; if that does not help, end that process."
            )
        await asyncio.sleep(LOOK_SECONDS)  # nothing tells when the socket of another process is there, or its lock free


async def with_own(daemon: OwnDaemon, converse: Callable[[], Awaitable[T]]) -> T:
    """Run a daemon for as long as a conversation with it lasts.

    Raises:
        ExceptionGroup: of whatever the daemon raises before it is ready, or `converse` raises.
    """
    async with asyncio.TaskGroup() as group:
        running = group.create_task(daemon.run())
        ready = group.create_task(daemon.ready.wait())
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            await running
        try:
            return await converse()
        finally:
            daemon.stop()
