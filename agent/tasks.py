"""Tasks that somebody keeps: the one place where the agent starts coroutines that outlive a call."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

_LOGGER = logging.getLogger(__name__)


class Supervisor:
    """Starts tasks by name, holds their references, hears of their failures, and ends them all when it closes.

    A task that raises is reported to `on_failure(name, error)` (by default it is logged with its traceback); the others go on.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure
        self._closed = False

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
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
