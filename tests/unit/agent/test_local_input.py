"""Control waits for the person's own hands, where policy says so."""

import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from agent.backends.base import DisplayLost, LocalInputWatch
from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.local_input import LocalInputPause, Yielding
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason, Unavailable
from protocol.messages import Message
from protocol.messages.input import PointerMove, ReleaseAll
from protocol.messages.session import Paused, Refusal
from protocol.session import MessageReceived, Opened
from tests.kit.assisted import Assistance, SignedFiles
from tests.kit.organisation import Organisation
from tests.kit.waiting import eventually_async, let_pass

CHAT, CONTROL = Capability.CHAT, Capability.CONTROL


class Hands(LocalInputWatch):
    """A watch whose hands a test moves."""

    opened: ClassVar[list["Hands"]] = []

    def __init__(self, display: str) -> None:
        self.reader, self.writer = os.pipe()
        self.closed = False
        self.opened.append(self)

    def move(self, what: bytes = b"h") -> None:
        os.write(self.writer, what)

    def wait(self, timeout: float | None, wake: int) -> bool:
        ready = select.select([self.reader, wake], [], [], timeout)[0]
        if self.reader not in ready:
            return False
        said = os.read(self.reader, 100)
        if said.startswith(b"x"):
            raise DisplayLost("The display went away.")
        if said.startswith(b"!"):
            raise RuntimeError("a bug")
        return True

    def close(self) -> None:
        self.closed = True
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture(autouse=True)
def _hands(monkeypatch: pytest.MonkeyPatch) -> None:
    Hands.opened.clear()
    Desktop.notes.clear()
    monkeypatch.setattr("agent.local_input.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("agent.local_input.AT_MOST_EVERY", 0.001)


class Desktop(Feature):
    """A desktop that notes what reaches it."""

    handles: ClassVar = (PointerMove, ReleaseAll)
    notes: ClassVar[list[str]] = []

    async def handle(self, message: Message) -> None:
        self.notes.append(type(message).__name__)

    def paused(self, paused: bool) -> None:
        self.notes.append(f"paused {paused}")


@pytest.mark.parametrize(
    ("acts", "at", "acting"), [([], 0.0, False), ([10.0], 12.9, True), ([10.0], 13.0, False), ([10.0, 12.0], 14.0, True)]
)
def test_acting_lasts_a_few_seconds(acts: list[float], at: float, acting: bool) -> None:
    yielding = Yielding(3.0)
    for time in acts:
        yielding.acted(time)
    assert yielding.acting(at) is acting
    assert yielding.deadline() == (acts[-1] + 3.0 if acts else None)


def test_who_cannot_see_holds_back() -> None:
    yielding = Yielding(3.0)
    yielding.blind = True
    assert yielding.acting(1e9)
    assert yielding.deadline() is None


async def watching(changed: Callable[[bool], None], open_watch: Callable[[str], LocalInputWatch] = Hands) -> LocalInputPause:
    pause = LocalInputPause("", 0.1, changed, open_watch)
    await pause.follow(True)
    return pause


async def test_it_begins_held_and_lets_go_once_it_watches(tmp_path: Path) -> None:
    told: list[bool] = []
    pause = await watching(told.append)
    assert told == [True]
    await eventually_async(lambda: told == [True, False], "watching has begun")
    Hands.opened[0].move()
    await eventually_async(lambda: told[2:] == [True], "a hand")
    await eventually_async(lambda: told[2:] == [True, False], "it goes on by itself")
    await pause.follow(False)
    assert Hands.opened[0].closed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_watch_that_fails_holds_back_for_good() -> None:
    told: list[bool] = []
    pause = await watching(told.append)
    await eventually_async(lambda: told == [True, False], "watching has begun")
    Hands.opened[0].move(b"!")
    await eventually_async(lambda: told[2:] == [True], "nobody watches")
    await let_pass(0.3)  # three times as long as a hand counts
    assert pause.acting
    await pause.follow(False)
    assert Hands.opened[0].closed


async def test_a_display_that_goes_away_holds_back_until_it_is_there_again() -> None:
    told: list[bool] = []
    pause = await watching(told.append)
    await eventually_async(lambda: told == [True, False], "watching has begun")
    Hands.opened[0].move(b"x")
    await eventually_async(lambda: len(Hands.opened) == 2 and told[2:] == [True, False], "it is watched anew")
    await pause.follow(False)


async def test_where_hands_cannot_be_told_control_stays_held_back() -> None:
    def nothing(display: str) -> LocalInputWatch:
        raise Unavailable("There is nothing to watch.")

    told: list[bool] = []
    pause = await watching(told.append, nothing)
    await let_pass(0.2)
    assert told == [True]
    await pause.follow(False)
    assert told == [True, False]


def rules(tmp_path: Path, pause: bool) -> dict[str, GroupPolicy]:
    return {"front": GroupPolicy(pause_on_local_input=pause)}


async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, pause: bool = True) -> Assistance:
    monkeypatch.setattr(
        "agent.holds.LocalInputPause",
        lambda display, seconds, changed: LocalInputPause(display, 0.2, changed, Hands),
    )
    organisation = Organisation()
    person = organisation.technician()
    files = SignedFiles(person, groups=rules(tmp_path, pause))
    return Assistance(
        tmp_path, (ChatFeature, Desktop), organisation=organisation, technician=person, files=files, wanted=(CHAT, CONTROL)
    )


async def messages(one: Assistance, count: int) -> list[Message]:
    return [(await one.event(MessageReceived)).message for _ in range(count)]


async def test_a_hand_holds_the_technician_back_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await opened(tmp_path, monkeypatch) as one:
        await one.sit_down().allow(CHAT, CONTROL)
        await one.event(Opened)
        assert await messages(one, 2) == [Paused(True, "local_input"), Paused(False, "local_input")]
        one.say(PointerMove(1, 1))
        await eventually_async(lambda: Desktop.notes[-1:] == ["PointerMove"], "control works")
        Hands.opened[0].move()
        assert await messages(one, 1) == [Paused(True, "local_input")]
        await eventually_async(lambda: Desktop.notes[-1:] == ["paused True"], "held keys are released")
        one.say(PointerMove(2, 2))
        (refusal,) = await messages(one, 1)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is RefusalReason.PAUSED
        assert "using mouse or keyboard" in refusal.text
        assert await messages(one, 1) == [Paused(False, "local_input")]
        one.say(PointerMove(3, 3))
        await eventually_async(lambda: Desktop.notes[-1:] == ["PointerMove"], "control works again")
        assert Desktop.notes.count("PointerMove") == 2


async def test_without_the_policy_nobody_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await opened(tmp_path, monkeypatch, pause=False) as one:
        await one.sit_down().allow(CHAT, CONTROL)
        await one.event(Opened)
        one.say(PointerMove(1, 1))
        await eventually_async(lambda: Desktop.notes == ["PointerMove"], "control works")
        assert Hands.opened == []
        one.files.rules = msgspec.structs.replace(one.files.rules, groups=rules(tmp_path, True))
        one.session.recheck()
        await eventually_async(lambda: Hands.opened, "newer policy is followed in the session")
        one.session.revoke(CONTROL, "user")
        await eventually_async(lambda: Hands.opened[0].closed, "nothing to wait for, nothing to watch")


async def test_without_control_nobody_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await opened(tmp_path, monkeypatch) as one:
        await one.sit_down().allow(CHAT)
        await one.event(Opened)
        assert Hands.opened == []
