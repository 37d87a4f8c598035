"""The assisted person of the demo: the agent's real windows on their display, and somebody who uses them by mouse and keyboard.

The windows are found by what a screen reader would read out, and pressed by XTest. A thread of its own does it, because whoever
drives the browser meanwhile must not wait.
"""

import asyncio
import subprocess
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from tests.kit.accessible import reading
from tests.kit.display import VirtualDisplay
from tests.kit.status_notifier import TrayHost, tray_host
from tests.kit.user_desktop import UserDesktop, session_bus

T = TypeVar("T")
BUTTON, TICK = "push button", "check box"
ASKS = "Question of"  # what a screen reader calls the window that asks
SECONDS = 90.0


class Person:
    """Started by `start`, ended by `stop`. With `tray` there is a place for the icon; without, the small window shows."""

    def __init__(self, display: str, home: Path, logs: Path, environment: dict[str, str], *, tray: bool) -> None:
        """Args: home: the agent's; environment: what marks its processes, and the person's HOME."""
        self._display = display
        self._home = home
        self._logs = logs
        self._environment = environment
        self._with_tray = tray
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="the assisted person", daemon=True)
        self._stack = AsyncExitStack()
        self._tray: TrayHost | None = None
        self._logged_in: UserDesktop | None = None

    @property
    def user(self) -> UserDesktop:
        """Eyes and hands."""
        assert self._logged_in is not None, "start first"
        return self._logged_in

    def start(self) -> None:
        """Log in: a session bus, a tray, and `handrail-agent desktop`."""
        self._thread.start()
        self._do(self._start())

    def stop(self) -> None:
        """Log out."""
        if not self._thread.is_alive():
            return
        try:
            self._do(self._stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    async def _start(self) -> None:
        bus = self._stack.enter_context(session_bus())
        reader = await self._stack.enter_async_context(reading(bus))
        if self._with_tray:
            self._tray = await self._stack.enter_async_context(tray_host(bus))
        known = VirtualDisplay(self._display, subprocess.Popen(["true"]))
        known.server.wait()
        self._logged_in = UserDesktop(known, bus, reader, self._logs)
        self.user.start(self._home, env=self._environment)

    async def _stop(self) -> None:
        for process in self._logged_in.processes if self._logged_in is not None else ():
            await asyncio.to_thread(process.stop)
        await self._stack.aclose()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    # -- what they do -------------------------------------------------------------------------------------------------

    def asks_for_help(self, what: str) -> str:
        """*Get help*, one line and Enter; the nine digits that the window shows then."""
        return self._do(self._ask(what))

    async def _ask(self, what: str) -> str:
        if self._tray is not None:
            await self._tray.press("Get help")
        else:
            await self.user.click("Get help", role=BUTTON, window="Handrail")
        await self.user.see("What is wrong?", role="text", window="Get help", having=lambda one: "focused" in one.states)
        self.user.type(what)
        self.user.key("Return")
        shown = (await self.user.see("Code ", window="Get help", seconds=30)).name
        return "".join(letter for letter in shown if letter.isdigit())

    def reads(self, *what: str, window: str = "", seconds: float = 30.0) -> None:
        """See each of these."""
        for one in what:
            self._do(self.user.see(one, window=window, seconds=seconds))

    def compares(self) -> str:
        """The six digits of the window that asks."""
        shown = self._do(self.user.see("Compare this number:", window=ASKS, seconds=30)).name
        return "".join(letter for letter in shown if letter.isdigit())

    def allows_everything(self) -> int:
        """*More*, each box, *Allow what is ticked*; how many boxes there were."""
        return self._do(self._allow())

    async def _allow(self) -> int:
        user, window = self.user, ASKS
        await user.click("More: choose", role=BUTTON, window=window)
        boxes = [one for one in await self._boxes() if "checked" not in one.states]
        await user.click(boxes[0].name, role=TICK, window=window)
        for at in range(1, len(boxes)):  # the next one comes into view with the keyboard's focus
            user.key("Tab", "space")
            await self._until(lambda ticked, at=at: ticked == at + 1)  # type: ignore[misc]
        await user.click("Allow what is ticked", role=BUTTON, window=window)
        return len(boxes)

    async def _boxes(self) -> list[Any]:
        await self.user.see("", role=TICK, window=ASKS)
        return await self.user.look(role=TICK, window=ASKS)

    async def _until(self, enough: Callable[[int], bool]) -> None:
        async with asyncio.timeout(60):
            while not enough(sum("checked" in one.states for one in await self.user.look(role=TICK))):
                await asyncio.sleep(0.05)

    def says_yes(self) -> None:
        """To a fix."""
        self._do(self.user.click("Yes, go ahead", role=BUTTON, window=ASKS))

    def rates(self, stars: int) -> None:
        """So many stars under the receipt."""
        self._do(self._rate(stars))

    async def _rate(self, stars: int) -> None:
        user, keep = self.user, "Keep this rating"
        for _ in range(5):  # the window may still be on its way to its place
            await user.click(f"{stars} stars", window="Receipt")
            await asyncio.sleep(0.3)
            if any("sensitive" in one.states for one in await user.look(keep, role=BUTTON, window="Receipt")):
                break
        await user.click(keep, role=BUTTON, window="Receipt")
        await user.see("Thank you", window="Receipt")

    def picture(self, path: Path) -> None:
        """Of the whole desktop."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.user.picture("demo").replace(path)
