"""Tasks that somebody keeps: the one place where coroutines are started that outlive a call."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

_LOGGER = logging.getLogger(__name__)
T = TypeVar("T")


class Supervisor:
    """Starts tasks by name, holds their references, hears of their failures, and ends them all when it closes.

    A task that raises is reported to `on_failure(name, error)` (by default it is logged with its traceback); the others go on.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure
        self._closed = False

    def spawn(self, coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start `coroutine`; event loop only.

        Raises:
            RuntimeError: the supervisor has closed; the coroutine is closed without having run.
        """
        if self._closed:
            coroutine.close()
            raise RuntimeError(f"{name} cannot start: what it belongs to has ended")
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    @property
    def closed(self) -> bool:
        """Nothing can be started any more."""
        return self._closed

    @property
    def running(self) -> list[asyncio.Task[Any]]:
        """What still runs."""
        return list(self._tasks)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if self._on_failure is None:
            _LOGGER.error("%s failed", task.get_name(), exc_info=error)
        else:
            self._on_failure(task.get_name(), error)

    async def aclose(self) -> None:
        """Cancel what still runs and wait until it has ended. The task that calls this is left alone."""
        self._closed = True
        running = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.gather(*running, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class Alarm:
    """One timer that is set anew again and again: the `next_deadline()` of a machine."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, when: float | None) -> None:
        """Ring at `when` (the loop's time); None: not at all. An earlier setting is forgotten."""
        if self._handle is not None:
            if self._handle.when() == when and not self._handle.cancelled():
                return
            self._handle.cancel()
            self._handle = None
        if when is not None:
            self._handle = asyncio.get_running_loop().call_at(when, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._ring()
