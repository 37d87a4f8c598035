"""One browser window on the real console, with devices in memory behind it."""

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, Page

from protocol.capabilities import Capability
from technician_client.console.server import ConsoleAddress
from tests.kit.console import MemoryRelay, MemorySession, Picture, running_console, sample_known, sample_rows
from tests.kit.console_page import STILL, new_context
from tests.kit.waiting import PATIENCE

WATCH_AND_CONTROL = (
    Capability.VIEW,
    Capability.CHAT,
    Capability.DIAGNOSTICS,
    Capability.CONTROL,
    Capability.FIXES,
)


@dataclass
class Technician:
    """One browser window on one console."""

    page: Page
    relay: MemoryRelay
    address: ConsoleAddress
    problems: list[str] = field(default_factory=list)

    @property
    def session(self) -> MemorySession:
        return self.relay.session

    async def open_session(self, pictured: bool = True) -> None:
        """From the list of devices to an open session. `pictured`: wait for its picture, where it may be seen."""
        self.relay.ready()
        await self.page.get_by_label("Ask to help on meeting-room-2").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Ask", exact=True).click()
        await self.page.locator(".sessionbar").wait_for()
        if pictured and Capability.VIEW in self.session.granted:
            await self.painted(1)

    async def painted(self, sequence: int) -> None:
        """Until the browser has acknowledged an update."""
        end = time.monotonic() + PATIENCE
        while self.session.painted() < sequence:
            assert time.monotonic() < end, f"update {sequence} was not painted"
            await self.page.wait_for_timeout(10)

    async def canvas(self) -> Picture:
        """What the canvas shows: (height, width, 3)."""
        size, data = await self.page.evaluate(
            """() => {
              const canvas = document.getElementById("screen");
              const copy = Object.assign(document.createElement("canvas"), {width: canvas.width, height: canvas.height});
              const context = copy.getContext("2d", {willReadFrequently: true});
              context.drawImage(canvas, 0, 0);
              const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
              let text = "";
              for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
              return [[canvas.height, canvas.width], btoa(text)];
            }"""
        )
        pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(*size, 4)
        return pixels[..., :3]

    async def place(self, x: int, y: int) -> tuple[float, float]:
        """Where a source pixel lies in the window, once the picture stands still."""
        await self.page.locator("#screen").evaluate(STILL)
        box = await self.page.locator("#screen").bounding_box()
        assert box is not None
        height, width = self.session.picture.shape[:2]
        return box["x"] + (x + 0.5) * box["width"] / width, box["y"] + (y + 0.5) * box["height"] / height


@asynccontextmanager
async def console_window(
    browser: Browser,
    home: Path,
    picture: Picture | None = None,
    granted: tuple[Capability, ...] = WATCH_AND_CONTROL,
    loaded: bool = True,
    known: bool = False,
    **options: Any,
) -> AsyncIterator[Technician]:
    """A window that shows the list of devices; fails at the end if the page complained of anything.

    Args:
        home: the console's directory.
        loaded: the relay tells its devices at once.
        known: earlier sessions have told about some devices.
        options: of the browser's context.
    """
    if picture is None:
        picture = np.full((600, 800, 3), 60, np.uint8)
    relay = MemoryRelay(MemorySession(granted, picture), sample_rows(time.time()))
    if known:
        relay.known = sample_known(time.time())
    if loaded:
        relay.loaded.set()
    options = {"viewport": {"width": 1280, "height": 720}} | options
    async with running_console(relay, home) as address:
        context = await new_context(browser, **options)
        page = await context.new_page()
        technician = Technician(page, relay, address)
        page.on("pageerror", lambda error: technician.problems.append(str(error)))
        page.on(
            "console",
            lambda said: technician.problems.append(said.text) if said.type in ("error", "warning") else None,
        )
        await page.goto(address.file.as_uri())
        await page.get_by_role("heading", name="Connect by code").wait_for()
        yield technician
        await context.close()
    assert technician.problems == []
