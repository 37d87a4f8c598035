"""Handrail as a system under measurement: everything of it, opened as two people would open it.

The agent serves the source display; the console is shown by a Chromium on the viewer's display, driven through its page until the
live desktop fills the screen, and then left alone. The relay's port is what the viewer's bytes are counted on.
"""

import contextlib
import json
import re
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect, sync_playwright

from tests.bench.peers import ROOMY_SIZE, SOURCE, VIEWER, Assembly, Peer, chromium, xvfb
from tests.kit.console_page import ConsolePage
from tests.kit.processes import free_port, wait_for_port
from tests.kit.shaped_link import Shape, ShapedLink
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


def consent(user: Terminal, answer: str = "w") -> None:
    """The person at the device reads who it is and lets them watch ("w"), or control too ("c")."""
    user.expect(r"=== Ana Ruiz of Example Ltd \(technician, tier 3\) ===")
    user.expect(re.escape(REASON))
    user.expect(r"Your answer \[w/")
    user.type(f"{answer}\n")
    user.expect(r"CONNECTED")


def start_behind(world: World, link: ShapedLink, display: str) -> str:
    """Everything, the agent alone behind `link`; returns the console's address."""
    told = world.start_relay()
    bundle = world.quickstart(told["token"], told["relay_spki"])
    world.start_signer()
    told = json.loads(bundle.read_text())
    bundle.write_text(json.dumps(told | {"relay": f"https://127.0.0.1:{link.port}"}))
    world.enrol(bundle)
    world.start_agent(display)
    return world.start_console()


def assemble(
    cache: Path, shape: Shape | None = None, *, control: bool = False, displays: tuple[str, str] = (SOURCE, VIEWER)
) -> Assembly:
    """Start everything and open a session; returns the running parts. `shape`: of the link between the agent and the relay;
    `displays`: the assisted one and the technician's."""
    source, viewer = displays
    directory = Path(tempfile.mkdtemp(prefix="handrail-bench-"))
    world = World(directory / "world")
    link = None if shape is None else ShapedLink(shape, world.port).start()
    if link is not None:
        world.environment["HANDRAIL_RELAY_OTHER_URLS"] = f"https://127.0.0.1:{link.port}"

    def stop() -> None:
        world.stop()
        if link is not None:
            link.stop()
        shutil.rmtree(directory, ignore_errors=True)

    with contextlib.ExitStack() as undo:
        undo.callback(stop)
        try:
            address = world.everything(source) if link is None else start_behind(world, link, source)
            user = world.user("attend")
            user.expect(r"Waiting for technicians")
            debug_port = free_port()
            start = chromium(address, directory / "chromium", debug_port, cache)
            world.spawn("chromium", *start.argv, env=start.env | {"DISPLAY": viewer})
            wait_for_port(debug_port)
            watch(debug_port, user, control=control)
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
        link=link,
        debug_port=debug_port,
    )


def watch(debug_port: int, user: Terminal, *, control: bool) -> None:
    """Ask to help, have it allowed, fill the screen, and let the browser go."""
    page = AttachedPage(debug_port)
    try:
        page.ask(LABEL, REASON, preset="Watch and control" if control else "Watch")
        consent(user, "c" if control else "w")
        page.wait_for_picture()
        page.fill_the_screen()
        if control:
            page.click(20, 20)
    finally:
        page.close()


def handrail(
    cache: Path, shape: Shape | None = None, *, control: bool = False, displays: tuple[str, str] = (SOURCE, VIEWER)
) -> Peer:
    """A whole Handrail on this machine."""
    source, viewer = displays
    return Peer(
        "handrail",
        0,
        xvfb(source),
        xvfb(viewer, ROOMY_SIZE),
        assemble=lambda: assemble(cache, shape, control=control, displays=displays),
        source_name=source,
        viewer_name=viewer,
    )
