"""Tasks that somebody keeps: the one place where the technician's side starts coroutines that outlive a call."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

_LOGGER = logging.getLogger(__name__)


class Supervisor:
    """Starts tasks by name, keeps their references, hears of their failures and ends them all when it closes.

    A task that raises is reported to `on_failure(name, error)` (by default: logged with its traceback); the others go on.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure
        self._closing = False

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> None:
        """Start `coroutine`. Must be called on the event loop.

        Raises:
            RuntimeError: the supervisor is closed; the coroutine is closed unrun.
        """
        if self._closing:
            coroutine.close()
            raise RuntimeError(f"cannot start {name}: its supervisor is closed")
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if self._on_failure is not None:
            self._on_failure(task.get_name(), error)
        else:
            _LOGGER.error("task %s failed", task.get_name(), exc_info=error)

    async def aclose(self) -> None:
        """Cancel what still runs and wait for it. A task that closes its own supervisor is left out."""
        self._closing = True
        current = asyncio.current_task()
        running = [task for task in self._tasks if task is not current]
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
