"""A technician at the console: a real Chromium, driven by what stands on the page."""

import base64
import io
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image
from playwright.async_api import Browser as AsyncBrowser
from playwright.async_api import BrowserContext as AsyncContext
from playwright.async_api import Locator as AsyncLocator
from playwright.async_api import Playwright as AsyncPlaywright
from playwright.async_api import TimeoutError as AsyncPlaywrightTimeout
from playwright.async_api import expect as expect_async
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.kit.waiting import PATIENCE

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = PATIENCE * 1000
# Playwright itself has 5 s for what is expected and 30 s for what is done: less than a busy machine may take.
expect.set_options(timeout=MILLISECONDS)
expect_async.set_options(timeout=MILLISECONDS)

STILL = """async element => {
    const place = () => { const {x, y, width, height} = element.getBoundingClientRect(); return [x, y, width, height].join(); };
    const frame = () => new Promise(requestAnimationFrame);
    for (let before = "", now = place(); before !== now; now = place()) {
        before = now;
        await frame();
        await frame();
    }
}"""
"""Until an element stands where it stood two frames ago: what has just changed on a page still moves."""

US_CODES = {" ": "Space", "-": "Minus", ">": "Period", ".": "Period", "/": "Slash", "_": "Minus"}

LOCKED_KEY = """([code, key, caps, num]) => {
    const more = {modifierCapsLock: caps, modifierNumLock: num, bubbles: true, cancelable: true};
    const keyboard = document.querySelector("textarea.keyboard");
    for (const name of ["keydown", "keyup"]) keyboard.dispatchEvent(new KeyboardEvent(name, {code, key, ...more}));
}"""
"""Press and release a key of a technician's keyboard with these locks on: a browser that is driven has none of its own."""


def chromium() -> str:
    """Any Chromium on PATH."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    raise AssertionError("no Chromium on PATH: install chromium")


async def launched(playwright: AsyncPlaywright, *flags: str) -> AsyncBrowser:
    """A Chromium of one's own."""
    return await playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *flags], timeout=2 * MILLISECONDS)


async def new_context(browser: AsyncBrowser, **options: Any) -> AsyncContext:
    """Somebody's browser window, with the patience of the tests; `options` as Playwright has them."""
    context = await browser.new_context(**{"locale": "en-GB", **options})
    context.set_default_timeout(MILLISECONDS)
    return context


ASKED_AGAIN_MILLISECONDS = 3000


def press_twice(button: Locator, again: Locator) -> None:
    """Press a button that asks once more, and say yes: after some seconds it forgets that it was pressed."""
    for _ in range(20):
        button.click()
        try:
            again.click(timeout=ASKED_AGAIN_MILLISECONDS)
        except PlaywrightTimeout:
            continue
        return
    raise AssertionError(f"{again} cannot be pressed in time")


async def press_twice_async(button: AsyncLocator, again: AsyncLocator, once: Callable[[], object] = lambda: None) -> None:
    """The same beside a running event loop; `once` is called when it has been pressed once."""
    for _ in range(20):
        await button.click()
        once()
        try:
            await again.click(timeout=ASKED_AGAIN_MILLISECONDS)
        except AsyncPlaywrightTimeout:
            continue
        return
    raise AssertionError(f"{again} cannot be pressed in time")


@dataclass
class Overheard:
    """What went between console and browser, in the clear: one of the endpoints' own plaintext."""

    sent: list[bytes] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        def opened(socket: WebSocket) -> None:
            socket.on("framesent", lambda data: self.sent.append(data if isinstance(data, bytes) else data.encode()))
            socket.on("framereceived", lambda data: self.received.append(data if isinstance(data, bytes) else data.encode()))

        page.on("websocket", opened)

    def everything(self) -> bytes:
        return b"\n".join([*self.sent, *self.received])


class ConsolePage:
    """The console in a browser of its own. `address` is the file:// URL that `handrail console` prints."""

    def __init__(
        self,
        address: str,
        *,
        width: int = 1680,
        height: int = 1000,
        dark: bool = False,
        headless: bool = True,
        touch: bool = False,
    ) -> None:
        self._playwright = sync_playwright().start()
        self.browser: Browser = self._playwright.chromium.launch(
            executable_path=chromium(), headless=headless, args=FLAGS, timeout=2 * MILLISECONDS
        )
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            has_touch=touch,
        )
        context.set_default_timeout(MILLISECONDS)
        self.page: Page = context.new_page()
        self.overheard = Overheard()
        self.overheard.listen(self.page)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.goto(address)
        expect(self.page.get_by_role("heading", name="Connect by code")).to_be_visible()

    def __enter__(self) -> "ConsolePage":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.browser.close()
        self._playwright.stop()

    # -- opening a session ------------------------------------------------------------------------------------------

    def join(self, code: str, reason: str, preset: str = "Watch and control") -> None:
        """Type a code that was read out, and ask."""
        self.page.get_by_label("Code", exact=True).fill(code)
        self.page.get_by_role("button", name="Connect", exact=True).click()
        self._wish(reason, preset, "Connect")

    def ask(self, label: str, reason: str, preset: str = "Watch and control") -> None:
        """Ask to help on a known device, without a code."""
        self.page.get_by_role("row").filter(has_text=label).get_by_role("button", name="Ask to help").first.click()
        self._wish(reason, preset, "Ask")

    def _wish(self, reason: str, preset: str, button: str) -> None:
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill(reason)
        dialog.get_by_role("radio", name=preset, exact=False).first.check()
        dialog.get_by_role("button", name=button, exact=True).click()

    def sas(self) -> str:
        """The six digits of the waiting page."""
        box = self.page.locator(".sas")
        expect(box).to_be_visible()
        return "".join(box.inner_text().split())

    def wait_for_picture(self) -> None:
        """Until the live desktop has been painted."""
        expect(self.page.locator("#screen")).to_be_visible()
        self.page.wait_for_function("() => document.getElementById('screen').width > 100")

    # -- the desktop ------------------------------------------------------------------------------------------------

    def picture(self) -> tuple[np.ndarray, float]:
        """The canvas at its own size (RGB) and the monotonic time at which it was read."""
        at = time.monotonic()
        data = self.page.evaluate("document.getElementById('screen').toDataURL('image/png')")
        image = Image.open(io.BytesIO(base64.b64decode(data.split(",", 1)[1])))
        return np.asarray(image.convert("RGB")), at

    def place(self, x: int, y: int) -> tuple[float, float]:
        """Where a source pixel is on the page, once the picture stands still."""
        self.page.locator("#screen").evaluate(STILL)
        box = self.page.locator("#screen").bounding_box()
        assert box is not None
        width, height = self.page.evaluate("(c => [c.width, c.height])(document.getElementById('screen'))")
        return box["x"] + (x + 0.5) * box["width"] / width, box["y"] + (y + 0.5) * box["height"] / height

    def click(self, x: int, y: int) -> None:
        """Click a source pixel."""
        self.page.mouse.click(*self.place(x, y))

    def wheel(self, x: int, y: int, dx: float, dy: float) -> None:
        """Turn the wheel over a source pixel (CSS pixels, as a browser reports them)."""
        self.page.mouse.move(*self.place(x, y))
        self.page.mouse.wheel(dx, dy)

    def type(self, text: str) -> None:
        """Press the keys of a keyboard on which every character has one: what a browser reports from such a keyboard."""
        keys = self.page.context.new_cdp_session(self.page)
        for character in text:
            if character == "\n":
                self.page.keyboard.press("Enter")
                continue
            upper = character.upper()
            code = US_CODES.get(character) or (
                f"Key{upper}"
                if "A" <= upper <= "Z"
                else f"Digit{character}"
                if character.isascii() and character.isdigit()
                else ""
            )
            event: dict[str, Any] = {"key": character, "code": code, "text": character, "unmodifiedText": character}
            keys.send("Input.dispatchKeyEvent", {"type": "keyDown", **event})
            keys.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": character, "code": code})
        keys.detach()

    def press(self, chord: str) -> None:
        """A key or chord by Playwright's names ("Control+D")."""
        self.page.keyboard.press(chord)

    # -- beside the picture -----------------------------------------------------------------------------------------

    def tab(self, name: str) -> None:
        """Findings, Tables, Fixes or Chat."""
        self.page.get_by_role("tab", name=name).click()

    def collect(self) -> list[str]:
        """Take the diagnostics anew and return the findings' titles."""
        self.tab("Findings")
        self.page.get_by_role("button", name="Check again").click()
        expect(self.page.get_by_text("Checked")).to_be_visible()
        return self.findings()

    def findings(self) -> list[str]:
        """The titles of the findings shown."""
        return self.page.locator(".finding h3").all_inner_texts()

    def tables(self) -> dict[str, str]:
        """Every table and its state as shown: "3 rows · 12 ms" for one that is ok, else its status."""
        self.tab("Tables")
        found = {}
        for row in self.page.locator("ul.tables li button").all():
            name, _, state = row.inner_text().partition("\n")
            found[name.strip()] = state.strip()
        return found

    def run_fix(self, finding: str) -> None:
        """From a finding to its fix, and run it with what the finding proposes."""
        self.tab("Findings")
        card = self.page.locator(".finding").filter(has_text=finding)
        card.get_by_role("button", name="Run fix").click()
        self.page.locator(".fix-form").get_by_role("button", name="Run fix").click()

    def fix_result(self) -> str:
        """The outcome of the fix that was run, in the page's words."""
        head = self.page.locator(".result-head strong")
        expect(head).to_be_visible()
        return head.inner_text()

    def end(self) -> None:
        """End the session (the button asks once more)."""
        press_twice(self.page.get_by_role("button", name="End session"), self.page.get_by_role("button", name="Really end?"))
        expect(self.page.get_by_role("link", name="Back to the devices")).to_be_visible()

    def screenshot(self, path: Path) -> None:
        """The page as the technician sees it, what moves at its end."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path), animations="disabled")
