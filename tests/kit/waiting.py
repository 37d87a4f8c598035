"""Waiting for things without sleeping blindly: ask again until it is so, or say what was missing."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for what must come: a machine that is busy, or stands still for a while, is no fault of what is tested, and where
nothing is wrong nobody waits for it. What must not come has times of its own (`let_pass`)."""


def eventually(question: Callable[[], T], what: str, *, seconds: float = PATIENCE, every: float = 0.02) -> T:
    """Ask until the answer is truthy and return it; AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(every)


async def eventually_async(question: Callable[[], T], what: str, *, seconds: float = PATIENCE, every: float = 0.02) -> T:
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
