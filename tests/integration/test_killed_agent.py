"""An agent that is killed while a technician holds keys and buttons leaves none of them down, and the keyboard as it was."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from agent.backends.x11.connection import X11Connection
from protocol.capabilities import Capability
from protocol.messages.input import Key, LockKeys, PointerButton, Typed, TypePiece
from protocol.messages.screen import ScreenAck, ScreenStart, ScreenUpdate
from technician_client.link import RelayClient
from technician_client.sessions import Session
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.processes import descendants, gone, processes_with
from tests.kit.stage import Stage
from tests.kit.waiting import eventually_async

pytestmark = [pytest.mark.display]
VIEW, CONTROL = Capability.VIEW, Capability.CONTROL
SHIFT, LEFT, CAPS = 1, 0x100, 2
Seen = tuple[int, list[int], list[int], bytes]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, VirtualDisplay]]:
    with virtual_display(800, 600) as display:
        stage = Stage(tmp_path_factory.mktemp("killed"), display=display.name)
        try:
            yield stage, display
        finally:
            stage.stop()


@pytest.fixture
def look(place: tuple[Stage, VirtualDisplay]) -> Iterator[Callable[[], Seen]]:
    """What every program there sees: modifiers and buttons, keys that are down, the mapping, and which keys repeat."""
    watcher = X11Connection(place[1].name)

    def seen() -> Seen:
        core = watcher.core
        keys = bytes(core.QueryKeymap().reply().keys)
        return (
            int(core.QueryPointer(watcher.root).reply().mask),
            [code for code in range(256) if keys[code >> 3] >> (code & 7) & 1],
            list(core.GetKeyboardMapping(8, 248).reply().keysyms),
            bytes(core.GetKeyboardControl().reply().auto_repeats),
        )

    yield seen
    watcher.close()


def guards(stage: Stage) -> list[int]:
    """The processes that let go of held keys, of this stage's agent."""
    return [pid for pid, argv in processes_with(stage.world.mark) if "release_guard" in argv]


async def controlled(stage: Stage, client: RelayClient) -> Session:
    """A session that watches and controls."""
    session = await stage.open(client, VIEW, CONTROL)
    with session.subscribe(ScreenUpdate) as updates:
        session.send(ScreenStart([]))
        async for update in updates:
            assert isinstance(update, ScreenUpdate)
            session.send(ScreenAck(update.sequence, 1.0, 0))
            return session
    raise AssertionError("the session ended")


async def typed(session: Session, text: str) -> None:
    """Type it, and wait until that is done."""
    with session.subscribe(Typed) as answers:
        session.send(TypePiece(session.next_request(), text))
        async for answer in answers:
            assert answer == Typed(answer.request, 0)  # type: ignore[union-attr]
            return


async def hold_everything(session: Session) -> None:
    """Shift and Q, the left button, Caps Lock, and keys that are lent to what no layout here has."""
    session.send(LockKeys(True, None))
    await typed(session, "日ж")
    session.send(Key("ShiftLeft", "Shift", True, "physical"))
    session.send(Key("KeyQ", "Q", True, "auto"))
    session.send(PointerButton(40, 50, 0, True))


async def test_what_was_held_is_let_go_and_what_was_lent_is_put_back(
    place: tuple[Stage, VirtualDisplay], look: Callable[[], Seen]
) -> None:
    stage, _ = place
    before = look()
    async with stage.person(VIEW, CONTROL), stage.technician() as client:
        session = await controlled(stage, client)
        assert guards(stage) == []  # nothing was held so far, nothing can be left down
        await hold_everything(session)
        await eventually_async(lambda: look()[0] == SHIFT | LEFT | CAPS and look()[1], "keys and button are down")
        assert look()[2] != before[2], "keys are lent"
        (guard,) = guards(stage)
        os.kill(stage.agent.pid, signal.SIGKILL)
        await eventually_async(lambda: look() == before, "everything is as it was")
    gone(guard)
    assert "handrail-agent was killed: " in stage.agent.output


async def test_a_guard_that_was_killed_is_replaced_and_none_is_left_in_the_end(
    place: tuple[Stage, VirtualDisplay], look: Callable[[], Seen]
) -> None:
    stage, _ = place
    stage.start_agent()
    before = look()
    async with stage.person(VIEW, CONTROL), stage.technician() as client:
        session = await controlled(stage, client)
        await hold_everything(session)
        await eventually_async(lambda: look()[0] == SHIFT | LEFT | CAPS and look()[1], "keys and button are down")
        (guard,) = guards(stage)
        assert guard in descendants(stage.agent.pid)
        os.kill(guard, signal.SIGKILL)
        (other,) = await eventually_async(lambda: [pid for pid in guards(stage) if pid != guard], "another")
        assert look()[0] == SHIFT | LEFT | CAPS  # nothing else has broken
        await typed(session, "ok")
        await session.end()
        await eventually_async(lambda: look() == before, "everything is as it was")
    gone(other)
    assert guards(stage) == []
