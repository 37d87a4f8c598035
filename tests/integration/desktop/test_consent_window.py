"""The consent window as a real process on a real display, answered with the mouse and the keyboard."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.consent import Answer, ConsentQuestion, Outcome, wishes_for
from protocol.capabilities import Capability
from tests.kit.accessible import Seen
from tests.kit.desk import Desk, asking, serving_desk
from tests.kit.user_desktop import UserDesktop, user_desktop
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.display]
BUTTON = "push button"


@asynccontextmanager
async def person(home: Path, *options: str, **environment: str) -> AsyncIterator[tuple[Desk, UserDesktop]]:
    """A daemon's local side, and the desktop process of a person on it."""
    (home / "identity").mkdir()
    async with serving_desk(home) as desk, user_desktop(home) as user:
        user.start(home, *options, env=environment)
        await eventually_async(lambda: desk.broker.attached, "the desktop attaches")
        yield desk, user


def seconds_left(countdown: Seen) -> int:
    """Of "No in 0:04"."""
    found = re.search(r"No in 0:(\d\d)", countdown.name)
    assert found is not None, countdown
    return int(found[1])


def ask(desk: Desk, question: ConsentQuestion) -> asyncio.Task[Answer]:
    return asyncio.get_running_loop().create_task(desk.broker.ask(question))


async def test_by_mouse(tmp_path: Path) -> None:
    async with person(tmp_path) as (desk, user):
        question = ask(desk, asking(sas="482913"))
        await user.see("Ana Ruiz wants to connect to this computer")
        await user.see("Example Ltd")
        await user.see("4 8 2, 9 1 3")
        await user.usable("No", role=BUTTON)
        user.picture("consent-light")
        await user.click("Watch", role=BUTTON)
        answer = await question
        assert answer.granted == {Capability.VIEW, Capability.CHAT, Capability.DIAGNOSTICS}
        await user.vanishes("Ana Ruiz wants to connect")

        question = ask(desk, asking())
        await user.click("Watch and control", role=BUTTON)
        assert Capability.CONTROL in (await question).granted

        question = ask(desk, asking())
        await user.click("More: choose", role=BUTTON)
        boxes = await user.look(role="check box")
        assert len(boxes) == 5
        assert not any("checked" in one.states for one in boxes)
        await user.click("Chat with you", role="check box")
        await user.see("Chat with you", having=lambda one: "checked" in one.states)
        user.picture("consent-more")
        await user.click("Allow what is ticked", role=BUTTON)
        assert (await question).granted == {Capability.CHAT}


async def test_by_keyboard_in_german_and_dark(tmp_path: Path) -> None:
    async with person(tmp_path, "--language", "de", "--theme", "dark") as (desk, user):
        question = ask(desk, asking(sas="482913"))
        await user.focused("Nein", role=BUTTON)
        user.picture("consent-dark-german")
        user.key("shift+Tab", "Return")
        assert Capability.CONTROL in (await question).granted
        for keys in (("Return",), ("Escape",), ("alt+F4",)):
            question = ask(desk, asking())
            await user.focused("Nein", role=BUTTON)
            user.key(*keys)
            assert await question == Answer(Outcome.ANSWERED), keys


async def test_somebody_who_types_on_accepts_nothing(tmp_path: Path) -> None:
    async with person(tmp_path) as (desk, user):
        question = ask(desk, asking())
        await user.see("Watch and control", role=BUTTON)
        await user.in_front("Allow remote help")
        # One program types: were one started for each key, a busy machine might leave a pause as long as the moment.
        await asyncio.to_thread(user.do, "key", "--delay", "120", *("Return", "space", "Tab", "w", "Escape") * 6)
        assert not question.done()
        await user.focused("No", role=BUTTON)
        user.key("Escape")
        assert (await question).granted == frozenset()


async def test_later_requests_fixes_and_time(tmp_path: Path) -> None:
    async with person(tmp_path) as (desk, user):
        first = ask(desk, asking(kind="capability", reason="I must copy a driver", wishes=wishes_for([Capability.FILES_IN])))
        second = ask(
            desk,
            asking(
                kind="confirm",
                wishes=[],
                reason="",
                title="Run this fix? Free disk space",
                text="Deletes temporary files that are older than the given number of days.",
                details=["deletes files in /tmp and /var/tmp", "days: 7"],
                seconds=15.0,
            ),
        )
        await user.see("Put files on this computer")
        await user.see("One more question waits")
        await user.usable("Allow this", role=BUTTON)
        user.picture("consent-one-more")
        await user.click("Allow this", role=BUTTON)
        assert (await first).granted == {Capability.FILES_IN}
        await user.see("days: 7")
        await user.usable("More time", role=BUTTON)
        user.picture("consent-fix")
        early = seconds_left(await user.see("No in", having=lambda one: seconds_left(one) <= 12))
        await user.click("More time", role=BUTTON)
        await user.see("No in", having=lambda one: seconds_left(one) > early)
        answer = await second
        assert answer.outcome is Outcome.NO_ANSWER
        await user.vanishes("Run this fix?")


async def test_it_is_sharp_on_a_dense_screen_and_stays_on_top(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    async with serving_desk(tmp_path) as desk, user_desktop(tmp_path, width=2560, height=1600) as user:
        user.start(tmp_path, env={"QT_SCALE_FACTOR": "2"})
        await eventually_async(lambda: desk.broker.attached, "the desktop attaches")
        question = ask(desk, asking(sas="482913"))
        await user.focused("No", role=BUTTON)
        user.picture("consent-dense")
        number = await user.window("Allow remote help")
        assert "_NET_WM_STATE_ABOVE" in user.display.run("xprop", "-id", number, "_NET_WM_STATE")
        user.key("Escape")
        await question
