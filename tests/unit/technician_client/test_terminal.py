"""What is printed comes once, what is typed goes once, also over a cut; and the way out of a terminal."""

import asyncio
from typing import Any

import pytest

from protocol.errors import RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.session import Paused, Refusal
from protocol.messages.terminal import (
    INPUT_WINDOW,
    TerminalAck,
    TerminalAttach,
    TerminalClose,
    TerminalEnded,
    TerminalInput,
    TerminalList,
    TerminalListing,
    TerminalOpen,
    TerminalOpened,
    TerminalOpenRoot,
    TerminalOutput,
    TerminalResize,
    TerminalRow,
    TerminalTaken,
)
from technician_client.subscriptions import Publisher, Subscription
from technician_client.terminal import EscapeFilter, Hooks, RemoteTerminal, Wish
from tests.kit.waiting import eventually_async


class Line:
    """A session as a terminal sees it: what was said into it, and what the device says."""

    def __init__(self) -> None:
        self.ended: object = None
        self.said: list[Message] = []
        self.items: Publisher[Any] = Publisher(kept=64)

    def send(self, message: Message) -> None:
        self.said.append(message)

    def next_request(self) -> int:
        return 7

    def subscribe(self, *kinds: type, limit: int) -> Subscription[Any]:
        return self.items.subscribe(lambda item: isinstance(item, kinds), limit)

    def typed(self) -> bytes:
        return b"".join(one.data for one in self.said if isinstance(one, TerminalInput))

    def of(self, kind: type[Message]) -> list[Message]:
        return [one for one in self.said if isinstance(one, kind)]


class Person:
    def __init__(self, wish: Wish = Wish(100, 30)) -> None:  # noqa: B008 - frozen
        self.seen = bytearray()
        self.told: list[str] = []
        self.terminal = RemoteTerminal(
            wish,
            Hooks(self.show, lambda user: self.told.append(f"as {user}"), self.told.append, lambda n: self.told.append(f"-{n}")),
        )

    async def show(self, stream: int, data: bytes) -> None:
        self.seen += data

    def run(self, line: Line) -> "asyncio.Task[TerminalEnded | None]":
        return asyncio.get_running_loop().create_task(self.terminal.run(line))  # type: ignore[arg-type]


async def test_it_opens_shows_acknowledges_and_ends() -> None:
    person, line = Person(), Line()
    run = person.run(line)
    await eventually_async(lambda: line.said, "it is asked for")
    assert line.said == [TerminalOpen(7, 100, 30, "", True)]
    for item in (TerminalOpened(7, 1, "ana", False), TerminalOutput(1, 0, b"hello "), TerminalOutput(1, 6, b"you")):
        line.items.publish(item)
    line.items.publish(TerminalOutput(2, 0, b"another's"))
    line.items.publish(Paused(True, "user"))
    line.items.publish(TerminalEnded(1, 3))
    assert (await run) == TerminalEnded(1, 3)
    assert bytes(person.seen) == b"hello you"
    assert line.of(TerminalAck) == [TerminalAck(1, 6), TerminalAck(1, 9)]
    assert person.told == ["as ana", "user"]


async def test_after_a_cut_it_goes_on_where_it_was_both_ways() -> None:
    person, line = Person(), Line()
    run = person.run(line)
    line.items.publish(TerminalOpened(7, 1, "ana", False))
    line.items.publish(TerminalOutput(1, 0, b"abc"))
    await eventually_async(lambda: person.seen, "something is shown")
    await person.terminal.type(b"12345")
    line.items.publish(TerminalTaken(1, 2))
    line.items.finish()
    assert await run is None
    await person.terminal.type(b"67")  # nobody there: it waits
    person.terminal.resize(50, 20)
    again = Line()
    run = person.run(again)
    again.items.publish(TerminalListing(7, [TerminalRow(1, "ana", False, 100, 30, 0, 5, 3, False)]))
    again.items.publish(TerminalOutput(1, 1, b"bcd"))
    again.items.publish(TerminalOutput(1, 4, b"e"))
    await eventually_async(lambda: bytes(person.seen) == b"abcde", "every byte once")
    assert again.said[:3] == [TerminalList(7), TerminalAttach(1, 3), TerminalResize(1, 50, 20)]
    assert again.typed() == b"4567"
    again.items.publish(TerminalOutput(1, 9, b"z"))
    await eventually_async(lambda: bytes(person.seen) == b"abcdez", "it goes on")
    assert person.told[-1] == "-4"
    again.items.finish()
    assert await run is None
    last = Line()
    last.items.publish(TerminalListing(7, []))
    ended = await person.run(last)
    assert ended is not None
    assert ended.status is None


async def test_typing_waits_for_a_program_that_does_not_read_and_an_interrupt_does_not() -> None:
    person, line = Person(Wish(as_root=True)), Line()
    run = person.run(line)
    line.items.publish(TerminalOpened(7, 1, "root", True))
    await eventually_async(lambda: person.told, "it is open")
    assert isinstance(line.said[0], TerminalOpenRoot)
    typing = asyncio.get_running_loop().create_task(person.terminal.type(b"x" * (INPUT_WINDOW + 5)))
    await eventually_async(lambda: len(line.typed()) == INPUT_WINDOW, "the window is full")
    assert not typing.done()
    person.terminal.interrupt(b"\x03")
    assert line.typed().endswith(b"\x03")
    line.items.publish(TerminalTaken(1, INPUT_WINDOW + 1))
    await typing
    person.terminal.end_input()
    person.terminal.close()
    assert line.said[-2:] == [TerminalInput(1, b"", True), TerminalClose(1)]
    line.items.finish()
    await run


async def test_a_refusal_is_an_error_but_a_pause_is_none() -> None:
    person, line = Person(), Line()
    run = person.run(line)
    line.items.publish(Refusal("terminal.ack", 0, RefusalReason.PAUSED))
    line.items.publish(Refusal("chat.message", 0, RefusalReason.NOT_GRANTED))
    line.items.publish(Refusal("terminal.open", 7, RefusalReason.UNSUPPORTED, "Nobody is logged in."))
    with pytest.raises(Refused, match="Nobody is logged in"):
        await run


@pytest.mark.parametrize(
    ("typed", "passed", "leaves"),
    [
        ([b"ls\r"], b"ls\r", False),
        ([b"~."], b"", True),
        ([b"a\r~.x"], b"a\r", True),
        ([b"a~."], b"a~.", False),
        ([b"\r", b"~", b"."], b"\r", True),
        ([b"~~."], b"~.", False),
        ([b"~x"], b"~x", False),
    ],
)
def test_a_tilde_and_a_dot_at_the_beginning_of_a_line_lead_out(typed: list[bytes], passed: bytes, leaves: bool) -> None:
    escapes = EscapeFilter()
    results = [escapes.feed(piece) for piece in typed]
    assert b"".join(out for out, _ in results) == passed
    assert results[-1][1] is leaves
