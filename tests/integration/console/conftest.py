"""A real Chromium on the real console, with devices in memory behind it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.kit.console import Picture
from tests.kit.console_page import launched
from tests.kit.console_window import WATCH_AND_CONTROL, Technician, console_window

__all__ = ["WATCH_AND_CONTROL", "Open", "Technician"]

Open = Callable[..., AbstractAsyncContextManager[Technician]]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this folder."""
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        yield browser
        await browser.close()


@pytest.fixture
def open_console(browser: Browser, tmp_path: Path) -> Open:
    """`async with open_console(picture=..., granted=...) as technician`: see `console_window`."""

    def begin(picture: Picture | None = None, **options: Any) -> AbstractAsyncContextManager[Technician]:
        return console_window(browser, tmp_path, picture, **options)

    return begin
