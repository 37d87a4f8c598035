"""Waiting for things without sleeping blindly: ask again until it is so, or say what was missing."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(question: Callable[[], T], what: str, *, seconds: float = 20.0, every: float = 0.02) -> T:
    """Ask until the answer is truthy and return it; AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(every)


async def eventually_async(question: Callable[[], T], what: str, *, seconds: float = 20.0, every: float = 0.02) -> T:
    """The same beside a running event loop."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for: {what}")
        await asyncio.sleep(every)


async def let_pass(seconds: float) -> None:
    """Let go by the time in which what must not happen would have happened: of that there is no sign to wait for."""
    await asyncio.sleep(seconds)
