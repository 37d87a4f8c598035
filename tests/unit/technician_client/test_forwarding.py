"""Listeners here and what goes through them; the device's part is played by the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from protocol.errors import RefusalReason
from protocol.messages import Lane, Message
from protocol.messages.forward import (
    ForwardClosed,
    ForwardCredit,
    ForwardData,
    ForwardEnd,
    ForwardOpen,
    ForwardOpened,
    ForwardRules,
)
from protocol.messages.session import Refusal
from technician_client.forwarding import Forwarder, ForwardError, ForwardWish, why_not
from technician_client.subscriptions import Publisher, Subscription
from tests.kit.waiting import eventually_async


class Line:
    """A session as the forwarder sees it."""

    def __init__(self) -> None:
        self.said: list[Message] = []
        self.items: Publisher[Any] = Publisher(kept=64)

    def send(self, message: Message) -> None:
        self.said.append(message)

    def pending(self, _lane: Lane) -> int:
        return 0

    def subscribe(self, *kinds: type, limit: int) -> Subscription[Any]:
        return self.items.subscribe(lambda item: isinstance(item, kinds), limit)

    def of(self, kind: type[Message]) -> list[Any]:
        return [one for one in self.said if isinstance(one, kind)]


@pytest.fixture
async def forwarder() -> AsyncIterator[Forwarder]:
    one = Forwarder()
    yield one
    await one.aclose()


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ("5432", ForwardWish(5432, "127.0.0.1", 5432)),
        ("0:80", ForwardWish(0, "127.0.0.1", 80)),
        ("8443:printer.example:443", ForwardWish(8443, "printer.example", 443)),
        ("80:[::1]:8080", ForwardWish(80, "::1", 8080)),
    ],
)
def test_words_become_a_forward(words: str, wish: ForwardWish) -> None:
    assert ForwardWish.parse(words) == wish


@pytest.mark.parametrize("words", ["", "x", "0", "70000", "1:2:3:4", "host:80", "70000:80", "80:", "1:a b:2", "٣"])
def test_other_words_do_not(words: str) -> None:
    with pytest.raises(ForwardError):
        ForwardWish.parse(words)


async def test_a_connection_is_opened_carried_and_ended_each_way(forwarder: Forwarder) -> None:
    forward, line = await forwarder.add(ForwardWish(0, "127.0.0.1", 80)), Line()
    run = asyncio.get_running_loop().create_task(forwarder.run(line))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local)
    writer.write(b"question")
    await eventually_async(lambda: line.of(ForwardOpen), "it is asked for")
    assert line.said == [ForwardOpen(1, 80, "127.0.0.1")]
    line.items.publish(ForwardOpened(1))
    await eventually_async(lambda: line.of(ForwardData), "the bytes")
    line.items.publish(ForwardData(1, b"answer"))
    line.items.publish(ForwardEnd(1))
    assert await reader.read() == b"answer"
    writer.close()
    await eventually_async(lambda: line.of(ForwardEnd), "the other end")
    await eventually_async(lambda: forward.received == 6 and not forward.streams, "it is counted")
    assert (forward.connections, forward.sent) == (1, 8)
    assert not line.of(ForwardClosed)
    line.items.finish()
    await run


async def test_what_did_not_come_about_is_told_and_the_connection_closed(forwarder: Forwarder) -> None:
    forward, line = await forwarder.add(ForwardWish(0, "127.0.0.1", 81)), Line()
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local)
    with contextlib.suppress(ConnectionError):
        assert await reader.read(1) == b""
    writer.close()
    assert "no session" in forward.problem
    run = asyncio.get_running_loop().create_task(forwarder.run(line))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local)
    await eventually_async(lambda: line.of(ForwardOpen), "it is asked for")
    line.items.publish(ForwardClosed(1, "refused", "Nothing listens there."))
    await eventually_async(lambda: forward.problem == "Nothing listens there.", "it is told")
    writer.close()
    line.items.finish()
    await run


async def test_a_device_that_sends_too_much_loses_that_connection(forwarder: Forwarder) -> None:
    forward, line = await forwarder.add(ForwardWish(0, "127.0.0.1", 82)), Line()
    run = asyncio.get_running_loop().create_task(forwarder.run(line))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    _, writer = await asyncio.open_connection("127.0.0.1", forward.local)
    await eventually_async(lambda: line.of(ForwardOpen), "it is asked for")
    for item in (ForwardOpened(1), ForwardCredit(1, 1), ForwardData(99, b"nobody's")):
        line.items.publish(item)
    await eventually_async(lambda: line.of(ForwardClosed), "it is closed")
    assert line.of(ForwardClosed)[0].outcome == "limit"
    writer.close()
    line.items.finish()
    await run


async def test_a_connection_that_is_refused_is_closed_and_the_reason_told(forwarder: Forwarder) -> None:
    forward, line = await forwarder.add(ForwardWish(0, "127.0.0.1", 80)), Line()
    run = asyncio.get_running_loop().create_task(forwarder.run(line))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    standing, standing_writer = await asyncio.open_connection("127.0.0.1", forward.local)
    await eventually_async(lambda: line.of(ForwardOpen), "it is asked for")
    line.items.publish(ForwardOpened(1))
    line.items.publish(ForwardData(1, b"x"))
    assert await standing.readexactly(1) == b"x"
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.local)
    await eventually_async(lambda: len(line.of(ForwardOpen)) == 2, "the second is asked for")
    line.items.publish(Refusal("forward.open", 0, RefusalReason.PAUSED, "the user has paused the session"))
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    await eventually_async(lambda: "paused" in forward.problem, "it is told")
    assert [one.stream for one in line.of(ForwardClosed)] == [2]
    line.items.publish(Refusal("fixes.run", 0, RefusalReason.PAUSED, "another's"))
    line.items.publish(Refusal("forward.data", 0, RefusalReason.NOT_GRANTED, "ask for forward first"))
    with contextlib.suppress(ConnectionError):
        assert await standing.read() == b""
    for one in (writer, standing_writer):
        one.close()
    line.items.finish()
    await run


async def test_a_port_that_is_taken_is_named(forwarder: Forwarder) -> None:
    first = await forwarder.add(ForwardWish(0, "127.0.0.1", 83))
    with pytest.raises(ForwardError, match="Choose another port"):
        await forwarder.add(ForwardWish(first.local, "127.0.0.1", 83))
    forwarder.remove(first.number)
    assert not forwarder.forwards


@pytest.mark.parametrize(
    ("rules", "host", "words"),
    [
        (ForwardRules(1, True), "127.0.0.1", ""),
        (ForwardRules(1, True, ["printer.example:631"]), "printer.example", ""),
        (ForwardRules(1, True), "printer.example", "It allows the device alone."),
        (ForwardRules(1, True, ["a.example:1", "b.example:*"]), "printer.example", "it allows a.example:1, b.example:*."),
        (ForwardRules(1, False, []), "127.0.0.1", "switched off on that computer"),
    ],
)
def test_what_leads_nowhere_is_said_with_what_would(rules: ForwardRules, host: str, words: str) -> None:
    said = why_not(rules, host, 631)
    assert words in said and bool(said) is bool(words)
