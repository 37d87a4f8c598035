"""A thread that opens files as one account of this computer, whoever the agent runs as."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from agent.backends.users import Account, act_as

T = TypeVar("T")


class AccountThread:
    """Does one call after the other. It takes on the account before the first, and does none while it cannot."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._pool = ThreadPoolExecutor(1, "file")
        self._is_account = False

    async def run(self, call: Callable[..., T], *arguments: Any) -> T:
        """The result of one call.

        Raises:
            Unavailable: files cannot be opened as this account, and nothing was called. What `call` raises.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._as_account, call, *arguments)

    def last(self, close: Callable[[], None]) -> asyncio.Future[None]:
        """Behind everything that was asked for: let go of what was opened here, if anything was. No call may follow."""
        closing = asyncio.get_running_loop().run_in_executor(self._pool, close)
        self._pool.shutdown(wait=False)
        return closing

    def drop(self) -> None:
        """Do nothing more. No call may follow."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _as_account(self, call: Callable[..., T], *arguments: Any) -> T:
        # Not the pool's own initializer: what that raises breaks the pool, and nobody hears the words of it.
        if not self._is_account:
            act_as(self._account)
            self._is_account = True
        return call(*arguments)
