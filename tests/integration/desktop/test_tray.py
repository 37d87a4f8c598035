"""The tray icon on a real session bus, and the small window where there is no tray."""

import time
from pathlib import Path

import msgspec
import pytest

from agent.status import SessionStatus
from protocol.link_messages import HelpCode, HelpRequest
from tests.kit.desk import AWAY, CONNECTED, serving_desk
from tests.kit.status_notifier import tray_host
from tests.kit.user_desktop import user_desktop
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.display]
BUTTON = "push button"


def session(*, paused: bool = False) -> SessionStatus:
    return SessionStatus(
        "00aa11bb", "Ana Ruiz", "Example Ltd", 2, ["view", "chat"], False, paused, time.time(), time.time() + 900
    )


async def test_the_trays_menu_does_everything(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    async with serving_desk(tmp_path) as desk, user_desktop(tmp_path) as user, tray_host(user.bus) as tray:
        user.start(tmp_path)
        await tray.sees("Ready. Nobody is connected", enabled=False)
        ready = (await tray.look())["IconPixmap"]
        assert ready
        for text in ("My code", "Chat", "Pause", "Stop"):
            await tray.sees(text, enabled=False)
        assert not await user.look(role=BUTTON), "no window of ours without being asked"

        await tray.press("Get help")
        await user.focused("What is wrong?", role="text")
        user.type("no sound")
        user.key("Return")
        await eventually_async(lambda: desk.sent == [HelpRequest(1, "no sound")], "a code is asked for")
        desk.desk.help_code(HelpCode(1, "482913507", 600.0))
        await user.see("Code 4 8 2, 9 1 3, 5 0 7")
        await tray.sees("Waiting for a technician", enabled=False)
        assert (await tray.look())["IconPixmap"] != ready
        user.picture("help-code")
        user.key("Escape")
        await user.vanishes("Code 4 8 2")
        await tray.press("My code")
        await user.see("Code 4 8 2")
        await user.click("Cancel", role=BUTTON)
        await eventually_async(lambda: len(desk.sent) == 2, "withdrawn")

        await tray.press("What may be done here")
        await user.see("Ana Ruiz (tier 2)", window="What may be done")
        await user.see("Free disk space (you are asked before it runs)", window="What may be done")
        user.picture("allowed")
        await user.in_front("What may be done")
        user.key("Escape")
        await user.vanishes("Ana Ruiz (tier 2)", window="What may be done")

        noted = desk.show(session())
        await tray.sees("Ana Ruiz is connected", enabled=False)
        await tray.press("Pause")
        await eventually_async(lambda: noted.done == [("pause", True)], "paused")
        desk.show(session(paused=True))
        await tray.sees("nothing gets through", enabled=False)
        await tray.press("Go on")
        await tray.press("Chat")
        await user.focused("Write to Ana Ruiz")
        await tray.press("Stop")
        await eventually_async(lambda: noted.done[-1][0] == "end", "stopped")

        desk.board.set_relay(AWAY)
        desk.sessions.clear()
        await tray.press("About")
        await user.see("This computer: Reception PC")
        user.picture("about")
        await tray.activate()
        await user.see("Handrail", window="Handrail")


async def test_without_a_tray_a_small_window_does_the_same(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    async with serving_desk(tmp_path) as desk, user_desktop(tmp_path) as user:
        desk.board.set_relay(AWAY)
        user.start(tmp_path, "--theme", "dark")
        await user.see("Not available: your organisation's relay cannot be reached")
        user.picture("home-offline")
        desk.board.set_relay(CONNECTED)
        await user.usable("Get help", role=BUTTON)
        noted = desk.show(session())
        await user.click("Stop", role=BUTTON, window="Handrail")
        await eventually_async(lambda: noted.done and noted.done[-1][0] == "end", "stopped")
        user.picture("home-connected")


async def test_the_banner_stays_and_a_key_ends_everything(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    async with serving_desk(tmp_path) as desk, user_desktop(tmp_path) as user, tray_host(user.bus):
        user.start(tmp_path)
        await eventually_async(lambda: desk.broker.attached, "attached")
        noted = desk.show(session())
        banner = await user.see("Ana Ruiz of Example Ltd is connected", window="Connected")
        user.picture("banner")
        number = await user.window("Connected")
        # What a technician with the mouse could try: close it as the window manager does, minimise it, press keys at it.
        user.do("windowactivate", number)
        user.key("alt+F4", "Escape")
        user.do("windowminimize", number)
        await user.see("Ana Ruiz of Example Ltd is connected", window="Connected")
        assert banner.y < 100
        desk.show(msgspec.structs.replace(session(paused=True)))
        await user.see("Paused: they see nothing")
        user.picture("banner-paused")
        await user.click("Go on", role=BUTTON, window="Connected")
        await eventually_async(lambda: noted.done == [("pause", False)], "goes on")
        user.do("mousemove", "640", "600")
        user.key("ctrl+alt+End")
        await eventually_async(lambda: noted.done[-1][0] == "end", "ended by the key")


async def test_a_second_start_opens_the_first_ones_window(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    async with serving_desk(tmp_path) as desk, user_desktop(tmp_path) as user, tray_host(user.bus):
        first = user.start(tmp_path)
        await eventually_async(lambda: desk.broker.attached, "attached")
        second = user.start(tmp_path, "--get-help")
        await user.see("What is wrong?", role="text")
        assert second.wait() == 0
        assert desk.broker.attached == 1
        first.popen.terminate()
        assert first.wait() == 0, "it ends when it is told to, whatever windows are open"
