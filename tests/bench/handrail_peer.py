"""Handrail as a system under measurement: everything of it, opened as two people would open it.

The agent serves the source display; the console is shown by a Chromium on the viewer's display, driven through its page until the
live desktop fills the screen, and then left alone. The relay's port is what the viewer's bytes are counted on.
"""

import contextlib
import re
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect, sync_playwright

from tests.bench.peers import ROOMY, SOURCE, Assembly, Peer, chromium, xvfb
from tests.kit.console_page import ConsolePage
from tests.kit.processes import free_port, wait_for_port
from tests.kit.terminal import Terminal
from tests.kit.world import World

LABEL = "Reception PC"
REASON = "Measuring how fresh your picture is here"


class AttachedPage(ConsolePage):
    """The console in a Chromium that runs already. Closing it leaves that Chromium as it is."""

    def __init__(self, debug_port: int) -> None:
        self._playwright = sync_playwright().start()
        self.browser = self._playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{debug_port}")
        self.page = self.browser.contexts[0].pages[0]
        self.problems = []
        expect(self.page.get_by_role("heading", name="Connect by code")).to_be_visible(timeout=20_000)

    def close(self) -> None:
        self._playwright.stop()

    def fill_the_screen(self) -> None:
        """The picture pixel for pixel, with nothing over it."""
        self.page.get_by_role("radio", name="1:1").click()
        self.page.get_by_role("button", name="Full screen").click()
        self.page.wait_for_function("document.fullscreenElement !== null")


def consent(user: Terminal) -> None:
    """The person at the device reads who it is and lets them watch."""
    user.expect(r"=== Ana Ruiz of Example Ltd \(technician, tier 3\) ===")
    user.expect(re.escape(REASON))
    user.expect(r"Your answer \[w/")
    user.type("w\n")
    user.expect(r"CONNECTED")


def assemble(cache: Path) -> Assembly:
    """Start everything and open a session; returns the running parts."""
    directory = Path(tempfile.mkdtemp(prefix="handrail-bench-"))
    world = World(directory / "world")

    def stop() -> None:
        world.stop()
        shutil.rmtree(directory, ignore_errors=True)

    with contextlib.ExitStack() as undo:
        undo.callback(stop)
        try:
            address = world.everything(SOURCE)
            user = world.user("attend")
            user.expect(r"Waiting for technicians")
            debug_port = free_port()
            start = chromium(address, directory / "chromium", debug_port, cache)
            world.spawn("chromium", *start.argv, env=start.env)
            wait_for_port(debug_port)
            watch(debug_port, user)
        except (AssertionError, PlaywrightError) as error:
            raise RuntimeError(f"{error}\n{world.output()}") from error
        undo.pop_all()
    running = world.processes
    return Assembly(
        port=world.port,
        pids={
            "relay": [running["relay"].pid],
            "server": [running["agent"].pid, user.pid],
            "viewer": [running["console"].pid, running["chromium"].pid],
        },
        stop=stop,
    )


def watch(debug_port: int, user: Terminal) -> None:
    """Ask to help, have it allowed, fill the screen, and let the browser go."""
    page = AttachedPage(debug_port)
    try:
        page.ask(LABEL, REASON, preset="Watch")
        consent(user)
        page.wait_for_picture()
        page.fill_the_screen()
    finally:
        page.close()


def handrail(cache: Path) -> Peer:
    """A whole Handrail on this machine."""
    return Peer("handrail", 0, xvfb(SOURCE), ROOMY, assemble=lambda: assemble(cache))
