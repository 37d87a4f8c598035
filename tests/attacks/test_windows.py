"""Rows 35 and 39: the person's windows while a technician has mouse and keyboard. A real agent, a real desktop process, and a
technician who presses what stands on the screen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest

from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.input import Key, PointerButton, PointerMove, TypeText
from protocol.messages.screen import ScreenLayout, ScreenStart, ScreenUpdate
from protocol.messages.session import Paused
from technician_client.sessions import Session
from tests.kit.stage import Stage
from tests.kit.user_desktop import UserDesktop, user_desktop
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.display]
BUTTON = "push button"
VIEW, CHAT, CONTROL, DIAGNOSTICS = Capability.VIEW, Capability.CHAT, Capability.CONTROL, Capability.DIAGNOSTICS


@asynccontextmanager
async def controlled(tmp_path: Path, without: str) -> AsyncIterator[tuple[UserDesktop, Session]]:
    """A session in which the person allowed watching and control, in the window, with the mouse."""
    async with user_desktop(tmp_path / "logs") as user:
        stage = await asyncio.to_thread(Stage, tmp_path / "stage", without, display=user.display.name)
        try:
            user.start(stage.world.agent_home, env=stage.world.environment)
            await user.see("Ready. Nobody is connected")
            await user.minimize("Handrail$")
            async with stage.technician() as client:
                opening = asyncio.get_running_loop().create_task(stage.open(client, VIEW, CHAT, CONTROL))
                await user.click("Watch and control", role=BUTTON)
                opened = await opening
                with opened.subscribe(ScreenLayout, limit=1000) as layouts:
                    opened.send(ScreenStart([]))
                    async with asyncio.timeout(60):
                        async for _ in layouts:
                            break
                yield user, opened
        finally:
            await asyncio.to_thread(stage.stop)


def pointer(user: UserDesktop) -> str:
    return user.display.run("xdotool", "getmouselocation")


def press(opened: Session, x: int, y: int) -> None:
    """What the console sends for a click."""
    for message in (PointerMove(x, y), PointerButton(x, y, 0, True), PointerButton(x, y, 0, False)):
        opened.send(message)


@asynccontextmanager
async def heard(opened: Session, *kinds: type[Message]) -> AsyncIterator[list[object]]:
    """Everything of these kinds that comes meanwhile."""
    items: list[object] = []
    with opened.subscribe(*kinds, limit=1000) as subscription:

        async def collect() -> None:
            async for item in subscription:
                items.append(item)

        collecting = asyncio.get_running_loop().create_task(collect())
        try:
            yield items
        finally:
            collecting.cancel()
            await asyncio.wait([collecting])


async def unmoved(look: Callable[[], Awaitable[object]], seconds: float = 1.5) -> bool:
    """Whether nothing changes for a while in which everything sent has long arrived."""
    before = await look()
    await asyncio.sleep(seconds)
    return await look() == before


@pytest.mark.attack(39, without=["question_holds_input"])
async def test_injected_input_never_reaches_the_window_that_asks(tmp_path: Path, without: str) -> None:
    async with controlled(tmp_path, without) as (user, opened):
        opened.send(PointerMove(30, 700))
        await eventually_async(lambda: "x:30 y:700" in pointer(user), "control works")
        asking = asyncio.get_running_loop().create_task(opened.ask(DIAGNOSTICS, "please"))
        yes = await user.usable("Allow this", role=BUTTON)
        before = pointer(user)
        press(opened, *yes.centre)
        for code in ("Tab", "Enter", "Space"):
            for pressed in (True, False):
                opened.send(Key(code, " " if code == "Space" else code, pressed))
        opened.send(TypeText("\t\n \n"))
        assert await unmoved(lambda: asyncio.sleep(0, (asking.done(), pointer(user)))), "the technician answered for the person"
        assert not asking.done()
        assert pointer(user) == before
        await user.focused("No", role=BUTTON)
        user.picture("consent-over-session")
        user.key("Escape")
        assert await asking is False
        opened.send(PointerMove(200, 600))
        await eventually_async(lambda: "x:200 y:600" in pointer(user), "control works again")


@pytest.mark.attack(35, without=["banner"])
async def test_the_banner_outlives_everything_that_a_technician_can_press(tmp_path: Path, without: str) -> None:
    async with controlled(tmp_path, without) as (user, opened):
        words = "Ana Ruiz of Example Ltd is connected"
        banner = await user.see(words, window="Connected")
        press(opened, *banner.centre)
        for modifier, code in (("AltLeft", "F4"), ("AltLeft", "F9"), ("", "Escape"), ("ControlLeft", "KeyW")):
            strokes = [(modifier, True), (code, True), (code, False), (modifier, False)]
            for name, pressed in strokes:
                if name:
                    opened.send(Key(name, name.removesuffix("Left"), pressed, "physical"))
        opened.send(PointerMove(300, 500))
        await eventually_async(lambda: "x:300 y:500" in pointer(user), "all of it has arrived")
        await user.see(words, window="Connected")
        user.key("ctrl+alt+End")
        await eventually_async(lambda: opened.ended is not None, "the person's key ends it")
        await user.see("Ana Ruiz helped on this computer")
        user.picture("receipt")
        await user.vanishes(words, window="Connected")


@pytest.mark.attack(35, without=["presence"])
async def test_a_session_whose_window_was_killed_stands_still_and_ends(tmp_path: Path, without: str) -> None:
    """Whoever has control can end the program that says so: from then on nothing goes either way."""
    async with controlled(tmp_path, without) as (user, opened):
        opened.send(PointerMove(30, 700))
        await eventually_async(lambda: "x:30 y:700" in pointer(user), "control works")
        async with heard(opened, Paused, ScreenUpdate) as items:
            user.processes[0].kill()
            await eventually_async(lambda: Paused(True, "unwatched") in items, "it is held back")
            before, pictures = pointer(user), items.index(Paused(True, "unwatched"))
            user.display.run("xsetroot", "-solid", "#a04020")
            press(opened, 200, 600)
            assert await unmoved(lambda: asyncio.sleep(0, (pointer(user), len(items) - pictures))), "it still sees or acts"
            assert (pointer(user), opened.ended) == (before, None)
        async with asyncio.timeout(60):
            while opened.ended is None:
                await asyncio.sleep(0.05)
        assert "nobody at the computer could see" in opened.ended.reason


@pytest.mark.attack(35, without=["attention"])
async def test_a_session_whose_window_was_stopped_stands_still_and_ends(tmp_path: Path, without: str) -> None:
    """Whoever has control can also stop that program (kill -STOP): its connection stays, but it paints nothing."""
    async with controlled(tmp_path, without) as (user, opened):
        opened.send(PointerMove(30, 700))
        await eventually_async(lambda: "x:30 y:700" in pointer(user), "control works")
        async with heard(opened, Paused) as items:
            desktop = user.processes[0].popen
            desktop.send_signal(SIGSTOP)
            try:
                await eventually_async(lambda: Paused(True, "unwatched") in items, "it is held back")
                before = pointer(user)
                press(opened, 200, 600)
                await eventually_async(lambda: opened.ended is not None, "it ends")
                assert pointer(user) == before
            finally:
                desktop.send_signal(SIGCONT)
        assert opened.ended is not None and "nobody at the computer could see" in opened.ended.reason
        # Who was only slow is back by itself: the windows show how things stand.
        await user.see("Ready. Nobody is connected")
