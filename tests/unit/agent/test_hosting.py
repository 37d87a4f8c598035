"""Features on a leash: order, limits, faults."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from agent.features.base import Feature
from agent.hosting import QUEUE_MESSAGES, FeatureHost, reason_of, supported
from hostio.errors import RelayUnreachable
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError
from protocol.messages import Message
from protocol.messages.chat import ChatMessage
from protocol.messages.input import PointerMove, ReleaseAll
from protocol.messages.screen import ScreenStop
from tests.kit.waiting import eventually_async, let_pass


class Facade:
    """A session that notes refusals. Everything is admitted unless `closed` to it."""

    def __init__(self) -> None:
        self.refusals: list[tuple[Message, RefusalReason, str]] = []
        self.closed_to: set[type[Message]] = set()

    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None:
        self.refusals.append((message, reason, text))

    def admits(self, message: Message) -> bool:
        return type(message) not in self.closed_to

    def granted(self, capability: Capability) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return f"the session's {name}"


class Chatty(Feature):
    """Notes what it is told; obeys a few words."""

    handles: ClassVar = (ChatMessage,)
    made: ClassVar[list["Chatty"]] = []

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.heard: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.made.append(self)

    async def handle(self, message: Message) -> None:
        assert isinstance(message, ChatMessage)
        await self.gate.wait()
        self.heard.append(message.text)
        match message.text:
            case "refuse":
                raise Refused("no", reason=RefusalReason.BUSY)
            case "crash":
                raise KeyError("fault")
            case "thread":
                await asyncio.to_thread(self.context.call_from_thread, self.heard.append, threading.current_thread().name)

    def capability_lost(self, capability: Capability) -> None:
        self.heard.append(f"lost {capability}")
        if capability is Capability.FIXES:
            raise KeyError("a fault while letting go")

    def paused(self, paused: bool) -> None:
        self.heard.append(f"paused {paused}")

    async def close(self) -> None:
        self.heard.append("closed")
        if "bad end" in self.heard:
            raise KeyError("a fault while closing")


class Hands(Chatty):
    handles: ClassVar = (PointerMove, ReleaseAll)


@pytest.fixture
async def host() -> AsyncIterator[tuple[FeatureHost, Facade]]:
    Chatty.made.clear()
    facade = Facade()
    host = FeatureHost(facade, (Chatty, Hands))  # type: ignore[arg-type]
    yield host, facade
    await host.close()


def feature() -> Chatty:
    return Chatty.made[0]


async def test_messages_come_in_order_to_the_one_that_handles_them(host: tuple[FeatureHost, Facade]) -> None:
    for number in range(5):
        await host[0].deliver(ChatMessage(str(number)))
    await eventually_async(lambda: len(feature().heard) == 5, "five lines")
    assert feature().heard == ["0", "1", "2", "3", "4"]


async def test_a_message_that_nobody_handles_is_refused(host: tuple[FeatureHost, Facade]) -> None:
    await host[0].deliver(ScreenStop())
    assert host[1].refusals[0][1] is RefusalReason.UNSUPPORTED


async def test_a_documented_error_is_a_refusal_and_work_goes_on(host: tuple[FeatureHost, Facade]) -> None:
    await host[0].deliver(ChatMessage("refuse"))
    await host[0].deliver(ChatMessage("next"))
    await eventually_async(lambda: "next" in feature().heard, "the next line")
    assert host[1].refusals == [(ChatMessage("refuse"), RefusalReason.BUSY, "no")]


async def test_a_fault_ends_one_feature(host: tuple[FeatureHost, Facade]) -> None:
    await host[0].deliver(ChatMessage("crash"))
    await host[0].deliver(ChatMessage("waits behind it"))
    await eventually_async(lambda: "lost chat" in feature().heard, "it lets go")
    await host[0].deliver(ChatMessage("later"))
    assert [message for message, _, _ in host[1].refusals] == [ChatMessage("waits behind it"), ChatMessage("later")]
    assert "KeyError" in host[1].refusals[0][2]
    host[0].paused(True)
    await eventually_async(lambda: "paused True" in Chatty.made[1].heard, "the other one lives")


async def test_a_fault_while_letting_go_is_that_features_own(host: tuple[FeatureHost, Facade]) -> None:
    host[0].lost(Capability.FIXES)
    await eventually_async(lambda: "lost fixes" in Chatty.made[1].heard, "everybody is told")
    await host[0].deliver(ChatMessage("later"))
    await eventually_async(lambda: host[1].refusals, "it is off")


async def test_what_waited_and_was_revoked_meanwhile_is_dropped(host: tuple[FeatureHost, Facade]) -> None:
    feature().gate.clear()
    await host[0].deliver(ChatMessage("first"))
    await host[0].deliver(ChatMessage("second"))
    await asyncio.sleep(0)
    host[1].closed_to.add(ChatMessage)
    feature().gate.set()
    await eventually_async(lambda: feature().heard == ["first"], "the first line")
    await asyncio.sleep(0)
    assert feature().heard == ["first"]


async def test_a_full_queue_makes_the_sender_wait(host: tuple[FeatureHost, Facade]) -> None:
    feature().gate.clear()
    for _ in range(QUEUE_MESSAGES + 1):
        await host[0].deliver(ChatMessage("x"))
        await asyncio.sleep(0)
    task = asyncio.get_running_loop().create_task(host[0].deliver(ChatMessage("last")))
    await let_pass(0.01)
    assert not task.done()
    feature().gate.set()
    await asyncio.wait_for(task, 60)
    await eventually_async(lambda: "last" in feature().heard, "all of it")


async def test_pauses_reach_only_those_they_are_for(host: tuple[FeatureHost, Facade]) -> None:
    host[0].paused(True, frozenset({Capability.CONTROL}))
    await eventually_async(lambda: "paused True" in Chatty.made[1].heard, "the hands")
    assert "paused True" not in Chatty.made[0].heard


async def test_calls_from_threads_come_to_the_loop_and_stop_at_the_end(host: tuple[FeatureHost, Facade]) -> None:
    await host[0].deliver(ChatMessage("thread"))
    await eventually_async(lambda: len(feature().heard) == 2, "the call")
    one = feature()
    await host[0].close()
    one.context.call_from_thread(one.heard.append, "too late")
    await asyncio.sleep(0)
    assert one.heard[-1] == "closed"


async def test_a_fault_while_closing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    Chatty.made.clear()
    host = FeatureHost(Facade(), (Chatty,))  # type: ignore[arg-type]
    feature().heard.append("bad end")
    await host.close()
    assert "closing chatty failed" in caplog.text


async def test_a_feature_sees_its_session(host: tuple[FeatureHost, Facade]) -> None:
    context = feature().context
    assert context.label == "the session's label"
    assert context.granted(Capability.CHAT)
    for name in ("identity", "tier", "unattended", "round_trip", "settings", "trust", "rules", "relay"):
        assert getattr(context, name) == f"the session's {name}"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("x", reason=RefusalReason.LOCKED), RefusalReason.LOCKED),
        (TrustError("x"), RefusalReason.UNTRUSTED),
        (RelayUnreachable("x"), RefusalReason.UNSUPPORTED),
        (HandrailError("x"), RefusalReason.INVALID),
    ],
)
def test_errors_have_names_on_the_wire(error: HandrailError, reason: RefusalReason) -> None:
    assert reason_of(error) is reason


def test_what_features_answer_to() -> None:
    assert supported((Chatty, Hands)) == {Capability.CHAT, Capability.CONTROL}
