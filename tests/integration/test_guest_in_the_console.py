"""A guest from their own command to the picture in a real browser: seed file, code with its secret half, consent, desktop."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.kit.console_page import ConsolePage
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.guest_world import Guest, founded_world, mistyped
from tests.kit.waiting import eventually
from tests.kit.world import World

pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
]
DARK_RED = (0x7A, 0x10, 0x20)


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(800, 600) as display:
        yield display


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = founded_world(tmp_path_factory.mktemp("guest-in-the-console"))
    try:
        yield world
    finally:
        world.stop()


@pytest.fixture(scope="module")
def console(world: World) -> Iterator[ConsolePage]:
    with ConsolePage(world.start_console(), width=1280, height=720) as console:
        yield console
        console.page.goto("about:blank")


def test_a_guest_is_seen_and_helped_in_the_browser(world: World, display: VirtualDisplay, console: ConsolePage) -> None:
    display.run("xsetroot", "-solid", "#7a1020")
    guest = Guest(world, "the printer is on fire", display=display.name)
    console.join(guest.code(), "you asked for help")
    guest.terminal.expect(r"=== Ana Ruiz of Example Ltd \(technician, tier 3\) ===")
    guest.terminal.expect(r"Your answer \[.*\] ")
    expect(console.page.get_by_text("the printer is on fire")).to_be_visible()
    expect(console.page.locator(".sas")).to_have_count(0)  # the code has proved more than six digits could
    guest.terminal.type("c\n")
    guest.terminal.expect(r"CONNECTED: Ana Ruiz of Example Ltd can ")
    console.wait_for_picture()
    expect(console.page.get_by_text(re.compile("guest", re.I)).first).to_be_visible()

    def red() -> bool:
        picture, _ = console.picture()
        return bool(picture.shape == (600, 800, 3) and np.all(picture[300, 100:700:50] == DARK_RED))

    eventually(red, "the guest's desktop is on the canvas, exact")
    x, y = console.place(123, 456)
    console.page.mouse.move(x, y)
    eventually(lambda: "x:123 y:456" in display.run("xdotool", "getmouselocation"), "the technician's mouse moves theirs")
    guest.terminal.type("\x03")
    guest.terminal.expect(r"The session of Ana Ruiz is over")
    expect(console.page.get_by_text(re.compile("ended by the person", re.I)).first).to_be_visible()
    assert guest.terminal.wait() == 0
    assert guest.left_over() == []
    assert console.problems == []


def test_a_mistyped_code_says_in_the_browser_what_to_do(world: World, console: ConsolePage) -> None:
    console.page.goto(console.page.url.partition("#")[0] + "#/")
    guest = Guest(world)
    console.join(mistyped(guest.code()), "you asked for help")
    expect(console.page.get_by_text(re.compile("ask for a new one", re.I)).first).to_be_visible()
    guest.terminal.expect(r"Nothing was opened")
    assert guest.terminal.wait() != 0
    assert guest.left_over() == []
