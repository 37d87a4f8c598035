"""The forwarded ports of one session of the console, with a service played by the test."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from protocol.capabilities import Capability
from protocol.messages import Lane, Message
from protocol.messages.forward import ForwardData, ForwardOpen, ForwardOpened, ForwardRules
from technician_client.console import forwards as forwards_module
from technician_client.console.forwards import Forwards
from technician_client.step_up import StepUpNeeded
from technician_client.subscriptions import Publisher, Subscription
from tests.kit.processes import free_port
from tests.kit.waiting import eventually_async

FORWARD = frozenset({Capability.FORWARD})


class Line:
    """A session as forwards see it: answers each connection with a greeting."""

    def __init__(self) -> None:
        self.said: list[Message] = []
        self.items: Publisher[Any] = Publisher(kept=64)

    def send(self, message: Message) -> None:
        self.said.append(message)
        if isinstance(message, ForwardOpen):
            self.items.publish(ForwardOpened(message.stream))
            self.items.publish(ForwardData(message.stream, b"hello"))

    def pending(self, _lane: Lane) -> int:
        return 0

    def subscribe(self, *kinds: type, limit: int) -> Subscription[Any]:
        return self.items.subscribe(lambda item: isinstance(item, kinds), limit)


class Page:
    """What the page was told, and whether the passphrase has to be typed first."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.guarded = False
        self.forwards = Forwards(self.told.append, self._demand)

    def _demand(self, _capabilities: Iterable[Capability]) -> None:
        if self.guarded:
            raise StepUpNeeded("Type your passphrase again.")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.told if one["type"] == kind]

    async def start(self, port: int, local: int | None = None, host: str = "127.0.0.1") -> dict[str, Any]:
        await self.forwards.start(port, local, host)
        return self.of("forward_started")[-1]


@pytest.fixture
async def page(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    monkeypatch.setattr(forwards_module, "TELL_SECONDS", 0.01)
    one = Page()
    yield one
    await one.forwards.aclose()


async def greeting(local: str) -> bytes:
    host, _, port = local.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        return await reader.read(5)
    finally:
        writer.close()


async def refuses(local: str) -> bool:
    try:
        await greeting(local)
    except ConnectionRefusedError:
        return True
    return False


async def test_a_port_is_listened_for_counted_and_stopped(page: Page) -> None:
    line = Line()
    page.forwards.opened(line, FORWARD)  # type: ignore[arg-type]
    assert await page.start(free_port()) == {"type": "forward_started", "number": 1, "reason": "", "text": ""}
    (row,) = page.of("forwards")[-1]["forwards"]
    assert row["local"] == f"127.0.0.1:{row['port']}"
    assert await greeting(row["local"]) == b"hello"
    await eventually_async(lambda: page.of("forwards")[-1]["forwards"][0]["received"] == 5, "it is counted")
    assert page.forwards.rows[0] | {"open": 0} == row | {"connections": 1, "received": 5}
    page.forwards.stop(1)
    assert page.of("forwards")[-1] == {"type": "forwards", "forwards": []}
    assert await refuses(row["local"])


async def test_where_the_same_port_is_taken_another_is_chosen_and_a_chosen_one_is_not(page: Page) -> None:
    page.forwards.opened(Line(), FORWARD)  # type: ignore[arg-type]
    taken = free_port()
    assert (await page.start(taken))["number"] == 1
    assert (await page.start(taken))["number"] > 1
    assert len({row["local"] for row in page.forwards.rows}) == 2
    answer = await page.start(taken, taken)
    assert answer["number"] == 0
    assert "Choose another port" in answer["text"]


async def test_only_while_it_is_granted_and_the_passphrase_was_typed(page: Page) -> None:
    assert "not granted" in (await page.start(free_port()))["text"]
    page.forwards.opened(Line(), FORWARD)  # type: ignore[arg-type]
    page.guarded = True
    assert (await page.start(free_port()))["reason"] == "step_up"
    page.guarded = False
    assert (await page.start(free_port()))["number"] == 1
    local = page.forwards.rows[0]["local"]
    page.forwards.granted({Capability.VIEW})
    assert page.forwards.rows == []
    assert await refuses(local)


async def test_what_the_device_would_refuse_is_refused_here_with_the_reason(page: Page) -> None:
    page.forwards.opened(Line(), FORWARD)  # type: ignore[arg-type]
    page.forwards.ruled(ForwardRules(1, True, ["printer.example:631"]))
    assert (await page.start(9100, 0, "printer.example"))["number"] == 0
    told = page.of("forward_started")[-1]["text"]
    assert "does not let printer.example:9100" in told and "allows printer.example:631" in told
    assert (await page.start(631, 0, "printer.example"))["number"] > 0
    assert (await page.start(9100, 0))["number"] > 0
    page.forwards.ruled(ForwardRules(2, False))
    assert "switched off" in (await page.start(9100, 0))["text"]


async def test_there_are_so_many_and_no_more(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwards_module, "MOST_FORWARDS", 1)
    page.forwards.opened(Line(), FORWARD)  # type: ignore[arg-type]
    await page.start(free_port())
    assert "Stop one" in (await page.start(free_port()))["text"]


async def test_a_listener_outlives_a_cut_and_not_the_end(page: Page) -> None:
    first, second = Line(), Line()
    page.forwards.opened(first, FORWARD)  # type: ignore[arg-type]
    await page.start(free_port())
    local = page.forwards.rows[0]["local"]
    assert await greeting(local) == b"hello"
    first.items.finish()
    while (
        "no session" not in page.forwards.rows[0]["problem"]
    ):  # until its end is known here, one is broken off without that word
        assert await greeting(local) == b"", "there is no session for it"
    page.forwards.opened(second, FORWARD)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert await greeting(local) == b"hello"
    assert page.forwards.rows[0]["problem"] == ""
    await page.forwards.aclose()
    assert await refuses(local)
