"""Letting Qt's events happen until something is so."""

import asyncio
import time
from collections.abc import Callable

from PySide6.QtWidgets import QApplication

from tests.kit.waiting import PATIENCE


def qt_until(question: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Process events until the answer is truthy; AssertionError naming `what` otherwise."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for: {what}"
        QApplication.processEvents()
        time.sleep(0.005)


async def qt_until_async(question: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """The same while an asyncio loop turns as well."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for: {what}"
        QApplication.processEvents()
        await asyncio.sleep(0.005)
