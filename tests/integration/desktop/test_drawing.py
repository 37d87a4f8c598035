"""What a technician points at and draws stands on the person's real screen, and takes nothing from them."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import mss
import numpy as np
import pytest
import xcffib
import xcffib.xproto
from numpy.typing import NDArray

from protocol.capabilities import Capability
from protocol.messages.pointer import PointerClick, PointerPlace, PointerState, PointerStroke
from protocol.messages.screen import ScreenLayout, ScreenStart
from technician_client.identity import unlock
from technician_client.link import RelayClient
from technician_client.sessions import Session
from technician_client.settings import Settings
from tests.kit.display import virtual_display
from tests.kit.processes import ROOT
from tests.kit.user_desktop import UserDesktop, user_desktop
from tests.kit.waiting import PATIENCE, eventually, eventually_async
from tests.kit.world import World

pytestmark = [pytest.mark.display]
BUTTON = "push button"
WANTED = [Capability.VIEW, Capability.CHAT, Capability.POINTER]
BLUE, ORANGE = (0x13, 0x66, 0xD6), (0xE8, 0x72, 0x0C)


class Pad:
    """A plain window that notes where it is clicked."""

    def __init__(self, display: str) -> None:
        self._connection: Any = xcffib.connect(display)
        screen = self._connection.get_setup().roots[self._connection.pref_screen]
        window = self._connection.generate_id()
        mask = xcffib.xproto.CW.BackPixel | xcffib.xproto.CW.OverrideRedirect | xcffib.xproto.CW.EventMask
        values = [0x808080, 1, xcffib.xproto.EventMask.ButtonPress]
        core = self._connection.core
        core.CreateWindow(screen.root_depth, window, screen.root, 620, 300, 600, 300, 0, 1, screen.root_visual, mask, values)
        core.MapWindow(window)
        core.GetInputFocus().reply()  # it is there now, and what is drawn later lies above it
        self._found: list[tuple[int, int]] = []

    def clicks(self) -> list[tuple[int, int]]:
        """Every click so far, where on the desktop."""
        found = self._found
        while (event := self._connection.poll_for_event()) is not None:
            if isinstance(event, xcffib.xproto.ButtonPressEvent):
                found.append((event.root_x, event.root_y))
        return found

    def close(self) -> None:
        self._connection.disconnect()


@contextmanager
def pad(display: str) -> Iterator[Pad]:
    made = Pad(display)
    try:
        yield made
    finally:
        made.close()


def screen(user: UserDesktop) -> NDArray[np.uint8]:
    """The display's pixels, RGB."""
    with mss.MSS(display=user.display.name) as camera:
        shot = camera.grab(camera.monitors[0])
    return np.frombuffer(shot.rgb, np.uint8).reshape(shot.height, shot.width, 3)


async def until_colour(user: UserDesktop, x: int, y: int, wanted: Callable[[tuple[int, ...]], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not wanted(tuple(int(part) for part in screen(user)[y, x])):
        assert time.monotonic() < end, f"{what}: {screen(user)[y, x]} at {x},{y}\n{user.output}"
        await asyncio.sleep(0.03)


@asynccontextmanager
async def pointing(world: World, logs: Path) -> AsyncIterator[tuple[UserDesktop, Session]]:
    """A person at their desktop, and a technician whom they let watch and point."""
    async with user_desktop(logs) as user:
        user.start(world.agent_home, "--get-help", env=world.environment)
        await user.click("Get a code", role=BUTTON, window="Get help")
        code = (await user.see("Code ", window="Get help")).name
        keys = unlock(world.home / "identity", passphrase_file=world.passphrase_file)
        async with RelayClient(keys, Settings(home=world.directory / "in-process", end_seconds=1.0)) as client:
            digits = "".join(letter for letter in code if letter.isdigit())
            opening = asyncio.get_running_loop().create_task(
                Session.open(client, code=digits, wanted=WANTED, reason="Let me show you")
            )
            await user.click("Watch", role=BUTTON)
            session = await opening
            assert Capability.POINTER in session.granted
            with session.subscribe(ScreenLayout) as layouts:
                session.send(ScreenStart([]))
                async with asyncio.timeout(60):
                    await anext(aiter(layouts))
            yield user, session


async def test_it_shows_lets_clicks_through_and_can_be_switched_off(founded_world: World, tmp_path: Path) -> None:
    async with pointing(founded_world, tmp_path) as (user, session):
        with pad(user.display.name) as below, session.subscribe(PointerState) as states:
            session.send(PointerStroke(1, "rectangle", 3, True, 0, [(700, 350), (900, 450)]))
            session.send(PointerStroke(2, "arrow", 1, True, 0, [(1150, 550), (950, 420)]))
            session.send(PointerPlace(1020, 380))
            session.send(PointerClick(800, 500))
            async with asyncio.timeout(60):
                assert (await anext(aiter(states))) == PointerState(True, "")
            await until_colour(user, 700, 400, lambda colour: colour == BLUE, "the rectangle's edge")
            await until_colour(user, 1050, 485, lambda colour: colour == ORANGE, "the arrow's shaft")
            await until_colour(user, 1024, 392, lambda colour: colour == (0x0B, 0x6B, 0x74), "the technician's arrow")
            assert tuple(screen(user)[400, 800]) == (0x80, 0x80, 0x80), "inside the rectangle the window shows"
            user.picture("drawing")

            for x, y in ((700, 400), (1050, 485), (1024, 392)):
                user.do("mousemove", str(x), str(y), "click", "1")
            await eventually_async(lambda: len(below.clicks()) >= 3, "the clicks arrive below")
            assert below.clicks() == [(700, 400), (1050, 485), (1024, 392)]

            banner = await user.see("They can", window="Connected")
            session.send(PointerStroke(3, "arrow", 1, True, 0, [(0, banner.y + 5), (1200, banner.y + 5)]))
            session.send(PointerStroke(4, "rectangle", 3, True, 0, [(700, 350), (720, 450)]))
            await until_colour(user, 720, 400, lambda colour: colour == BLUE, "a stroke that came after the one over the banner")
            across = screen(user)[banner.y + 5, banner.x : banner.x + banner.width]
            assert not (across == ORANGE).all(axis=1).any(), "nothing is painted over our own windows"

            await user.click("No drawing", role=BUTTON, window="Connected")
            await until_colour(user, 700, 400, lambda colour: colour == (0x80, 0x80, 0x80), "everything has gone")
            await eventually_async(lambda: Capability.POINTER not in session.granted, "the technician hears of it")
            await user.vanishes("No drawing")


OVERLAY = """
from PySide6.QtWidgets import QApplication
from agent.desktop.overlay import Overlay
from agent.local_messages import StrokeDrawn
application = QApplication([])
overlay = Overlay()
overlay.allow({"a"}, held=False)
overlay.hear(StrokeDrawn(1, "rectangle", 3, True, 0, [(200, 450), (400, 550)], "a"))
application.exec()
"""


@pytest.mark.parametrize("scale", ["1", "1.5", "2"])
def test_on_a_scaled_desktop_it_stands_at_the_same_pixels(scale: str) -> None:
    with virtual_display(1280, 800) as display:
        environment = {**os.environ, "DISPLAY": display.name, "QT_SCALE_FACTOR": scale}
        process = subprocess.Popen([sys.executable, "-c", OVERLAY], cwd=ROOT, env=environment)
        try:

            def drawn() -> bool:
                with mss.MSS(display=display.name) as camera:
                    shot = camera.grab(camera.monitors[0])
                return all(shot.pixel(x, y) == BLUE for x, y in ((200, 500), (400, 500), (300, 450), (300, 550)))

            eventually(drawn, "all four edges")
        finally:
            process.terminate()
            process.wait(PATIENCE)


# Long enough that whoever looks on a busy machine does not miss it.
SLOWLY = """
drawing_model.FADES_AFTER = 6.0
overlay_module.FADE_SECONDS = 5.0
overlay = Overlay()
"""
MODULES = "drawing_model, overlay as overlay_module"
FADING = (
    OVERLAY.replace("overlay = Overlay()", SLOWLY)
    .replace("from agent.desktop.overlay", f"from agent.desktop import {MODULES}\nfrom agent.desktop.overlay")
    .replace("3, True, 0", "3, False, 0")
)


def opacities(connection: Any) -> list[float]:
    """What a compositor would give each window on the display that says how much of it is to be seen."""
    core, found = connection.core, []
    wanted = core.InternAtom(False, len("_NET_WM_WINDOW_OPACITY"), "_NET_WM_WINDOW_OPACITY").reply().atom
    root = connection.get_setup().roots[connection.pref_screen].root
    for window in core.QueryTree(root).reply().children:
        try:
            told = core.GetProperty(False, window, wanted, xcffib.xproto.Atom.CARDINAL, 0, 1).reply()
        except xcffib.xproto.WindowError:  # it has gone meanwhile
            continue
        if told.value_len:
            found.append(told.value.to_atoms()[0] / 0xFFFFFFFF)
    return found


def test_a_stroke_that_goes_by_itself_grows_pale_on_a_real_display() -> None:
    with virtual_display(1280, 800) as display:
        process = subprocess.Popen([sys.executable, "-c", FADING], cwd=ROOT, env={**os.environ, "DISPLAY": display.name})
        connection: Any = xcffib.connect(display.name)
        seen: list[float] = []

        def gone() -> bool:
            now = opacities(connection)
            seen.extend(now)
            return bool(seen) and not now

        try:
            eventually(gone, "the stroke grows pale and goes", every=0.05)
        finally:
            connection.disconnect()
            process.terminate()
            process.wait(PATIENCE)
        assert seen == sorted(seen, reverse=True)
        assert len(set(seen)) >= 3
        assert 0 < seen[-1] < 0.6
