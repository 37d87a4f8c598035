"""The life of a live session, with and without a tab."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason
from protocol.messages import Message
from protocol.messages.chat import ChatMessage
from protocol.messages.fixes import FixCatalogue, FixRun
from protocol.messages.input import ReleaseAll
from protocol.messages.screen import ScreenStop
from protocol.messages.session import Paused
from technician_client.console.hub import SESSIONS_AT_ONCE, LiveSession, Phase, SessionHub, TooMany
from technician_client.console.ports import DeviceConnected, SessionOver, Target
from technician_client.step_up import StepUpNeeded
from tests.kit.console import MemoryRelay, MemorySession, denied, sample_fixes, sample_rows
from tests.kit.waiting import eventually_async

DEVICE = "k3v9w2m4x7q1"


class Tab:
    """A tab that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.shown: list[Message] = []
        self.was_replaced = False

    async def show(self, message: Message) -> None:
        self.shown.append(message)

    def tell(self, value: dict[str, Any]) -> None:
        self.told.append(value)

    def replaced(self) -> None:
        self.was_replaced = True

    def phases(self) -> list[str]:
        return [value["phase"] for value in self.told if value["type"] == "session"]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def relay() -> MemoryRelay:
    session = MemorySession([Capability.VIEW, Capability.CHAT, Capability.CONTROL], np.zeros((4, 4, 3), np.uint8))
    return MemoryRelay(session, sample_rows(time.time()))


Make = Callable[..., LiveSession]


@pytest.fixture
async def make(relay: MemoryRelay) -> AsyncIterator[Make]:
    made: list[LiveSession] = []

    def begin(clock: Callable[[], float] = time.monotonic, code: str = "") -> LiveSession:
        target = Target(code=code) if code else Target(device=DEVICE)
        live = LiveSession("n", relay, target, [Capability.VIEW], "why", label="told", on_change=lambda: None, clock=clock)
        live.supervisor.spawn(live.run(), "session")
        made.append(live)
        return live

    yield begin
    for live in made:
        await live.end("test")
        await live.supervisor.aclose()


async def until(live: LiveSession, phase: Phase) -> None:
    await eventually_async(lambda: live.phase is phase, f"phase {phase}")


async def test_a_tab_sees_every_phase(relay: MemoryRelay, make: Make) -> None:
    live = make()
    tab = Tab()
    live.attach(tab)
    assert tab.told[0]["label"] == "told"
    assert not tab.told[0]["verified"]
    relay.connect.set()
    await until(live, Phase.WAITING)
    waiting = tab.told[-1]
    assert (waiting["label"], waiting["verified"], waiting["sas"]) == ("reception-pc", True, "482913")
    assert 0 < waiting["answer_in"] <= 180
    relay.consent.set()
    await until(live, Phase.OPEN)
    assert tab.phases() == ["dialling", "connected", "waiting", "open"]
    assert tab.told[-1]["granted"] == ["chat", "control", "view"]
    relay.session.finish(SessionOver("user", clean=True, by_peer=True, text="Stop was pressed.", receipt=b"{}"))
    await until(live, Phase.OVER)
    assert tab.told[-1]["over"] == {
        "reason": "user",
        "text": "Stop was pressed.",
        "clean": True,
        "by_peer": True,
        "receipt": "{}",
    }
    assert tab.told[-1]["granted"] == []


async def test_what_reaches_far_waits_for_the_passphrase(relay: MemoryRelay, make: Make) -> None:
    relay.ready()
    live = make()
    await until(live, Phase.OPEN)
    tab = Tab()
    live.attach(tab)
    relay.guarded = frozenset({Capability.TERMINAL})
    await live.ask(Capability.TERMINAL, "to look")
    assert tab.told[-1]["reason"] == "step_up"
    assert relay.session.asked == []  # nobody there is bothered before
    await relay.step_up("correct horse")
    await live.ask(Capability.TERMINAL, "to look")
    assert relay.session.asked == [(Capability.TERMINAL, "to look")]


async def test_a_fix_of_the_third_tier_waits_for_the_passphrase(relay: MemoryRelay, make: Make) -> None:
    relay.ready()
    live = make()
    await until(live, Phase.OPEN)
    easy, *_ = sample_fixes()
    far = msgspec.structs.replace(easy, id="far", min_tier=3)
    await live._pass_on(FixCatalogue(1, [easy, far]))
    relay.guarded = frozenset({Capability.TERMINAL})
    live.send(FixRun(1, easy.id))
    for fix in (far.id, "one-that-was-never-listed"):
        with pytest.raises(StepUpNeeded):
            live.send(FixRun(2, fix))
    assert relay.session.of(FixRun) == [FixRun(1, easy.id)]
    await relay.step_up("correct horse")
    live.send(FixRun(3, far.id))
    assert relay.session.of(FixRun)[-1] == FixRun(3, far.id)


async def lost(relay: MemoryRelay, make: Make) -> tuple[LiveSession, Tab]:
    """A session whose connection was cut."""
    relay.ready()
    live = make()
    await until(live, Phase.OPEN)
    tab = Tab()
    live.attach(tab)
    await live._pass_on(Paused(True, "user"))
    relay.session.finish(SessionOver("cut", clean=False, by_peer=True, text="It was cut.", resumable=True))
    await until(live, Phase.RECONNECTING)
    return live, tab


async def test_a_cut_session_comes_back_in_the_same_tab(relay: MemoryRelay, make: Make) -> None:
    live, tab = await lost(relay, make)
    assert tab.told[-1]["granted"] == []
    assert tab.told[-1]["over"] is None
    assert tab.told[-1]["paused"] is None
    with pytest.raises(HandrailError, match="not open"):
        live.send(ReleaseAll())
    digits = tab.told[-1]["sas"]
    relay.next_session = MemorySession([Capability.VIEW], np.zeros((4, 4, 3), np.uint8))
    relay.back.set()
    await until(live, Phase.OPEN)
    assert relay.resumed == [relay.session]
    assert tab.phases() == ["open", "reconnecting", "open"]
    assert tab.told[-1]["granted"] == ["view"]
    assert tab.told[-1]["sas"] == digits  # those that were compared
    live.send(ReleaseAll())
    assert relay.next_session.sent == [ReleaseAll()]


async def test_a_device_that_asks_anew_leads_back_through_consent(relay: MemoryRelay, make: Make) -> None:
    live, tab = await lost(relay, make)
    relay.consent.clear()
    relay.asks_anew = True
    relay.next_session = MemorySession([Capability.VIEW], np.zeros((4, 4, 3), np.uint8))
    relay.back.set()
    await until(live, Phase.WAITING)
    assert tab.told[-1]["sas"] == "111222"
    relay.consent.set()
    await until(live, Phase.OPEN)


async def test_a_session_that_does_not_come_back_says_why(relay: MemoryRelay, make: Make) -> None:
    live, _ = await lost(relay, make)
    relay.gone = denied(RefusalReason.REVOKED, "You were revoked.")
    relay.back.set()
    await until(live, Phase.OVER)
    assert live.snapshot()["over"]["text"] == "It was cut. You were revoked."


async def test_giving_up_ends_the_attempts(relay: MemoryRelay, make: Make) -> None:
    live, tab = await lost(relay, make)
    await live.end("technician")
    assert live.phase is Phase.OVER
    assert tab.told[-1]["over"]["reason"] == "cancelled"
    assert "gave up" in tab.told[-1]["over"]["text"]


async def test_a_no_is_told_with_its_reason(relay: MemoryRelay, make: Make) -> None:
    relay.refuse = denied(RefusalReason.DENIED_BY_USER, "The person at the computer said no.")
    relay.ready()
    live = make()
    await until(live, Phase.OVER)
    over = live.snapshot()["over"]
    assert (over["reason"], over["text"]) == ("denied_by_user", "The person at the computer said no.")


async def test_giving_up_while_it_is_being_opened(relay: MemoryRelay, make: Make) -> None:
    live = make()
    await eventually_async(lambda: relay.opened, "the call")
    await live.end("technician")
    assert live.phase is Phase.OVER
    assert live.snapshot()["over"]["reason"] == "cancelled"


async def test_a_reload_finds_the_session_as_it_was(relay: MemoryRelay, make: Make) -> None:
    relay.ready()
    live = make()
    await until(live, Phase.OPEN)
    first = Tab()
    live.attach(first)
    relay.session.say(ChatMessage("hello", 1.0))
    live.send(ChatMessage("hi", 2.0))
    relay.session.say(Paused(True, "user"))
    await eventually_async(lambda: any(isinstance(message, Paused) for message in first.shown), "the pause")
    live.detach(first)
    second = Tab()
    live.attach(second)
    again = second.told[0]
    assert again["paused"] == "user"
    assert {(line["from"], line["text"]) for line in again["chat"]} == {("user", "hello"), ("technician", "hi")}
    relay.session.say(Paused(False))
    await eventually_async(lambda: live.snapshot()["paused"] is None, "the end of the pause")


async def test_a_tab_that_goes_away_lets_go_of_keys_and_picture(relay: MemoryRelay, make: Make) -> None:
    relay.ready()
    live = make()
    await until(live, Phase.OPEN)
    tab = Tab()
    live.attach(tab)
    live.detach(tab)
    assert relay.session.sent == [ReleaseAll(), ScreenStop()]


async def test_another_tab_takes_over(relay: MemoryRelay, make: Make) -> None:
    relay.ready()
    live = make()
    await until(live, Phase.OPEN)
    old, new = Tab(), Tab()
    live.attach(old)
    live.attach(new)
    assert old.was_replaced
    live.detach(old)
    assert relay.session.sent == []
    relay.session.say(ChatMessage("x", 0.0))
    await eventually_async(lambda: new.shown, "the message")
    assert old.shown == []


async def test_a_session_without_a_tab_is_forgotten_after_the_grace(relay: MemoryRelay, make: Make) -> None:
    clock = Clock()
    live = make(clock)
    assert not live.forgotten
    clock.now += 31
    assert live.forgotten
    tab = Tab()
    live.attach(tab)
    assert not live.forgotten
    live.detach(tab)
    live.keep_for_first_tab()
    clock.now += 1e6
    assert not live.forgotten


async def test_asking_for_more_is_answered_in_words(relay: MemoryRelay, make: Make) -> None:
    relay.ready()
    live = make()
    tab = Tab()
    live.attach(tab)
    await live.ask(Capability.FIXES, "")
    assert tab.told[-1] == {"type": "asked", "capability": "fixes", "granted": False, "text": "The session is not open."}
    await until(live, Phase.OPEN)
    relay.session.answer = lambda _capability: denied(RefusalReason.TIER_TOO_LOW, "Your tier does not allow this.")
    await live.ask(Capability.FIXES, "please")
    assert tab.told[-1]["reason"] == "tier_too_low"
    relay.session.answer = lambda _capability: None
    await live.ask(Capability.FIXES, "please")
    assert tab.told[-1]["granted"] is True
    await eventually_async(lambda: "fixes" in live.snapshot()["granted"], "the grant")


async def test_nothing_is_sent_before_it_is_open(relay: MemoryRelay, make: Make) -> None:
    live = make()
    with pytest.raises(HandrailError):
        live.send(ChatMessage("x"))
    assert relay.session.sent == []


async def test_the_hub_keeps_so_many_and_forgets_old_ones(relay: MemoryRelay) -> None:
    names = iter(range(1000))
    async with Supervisor() as supervisor:
        hub = SessionHub(relay, supervisor, new_name=lambda: f"name-{next(names)}")
        changed = hub.watch()
        for _ in range(SESSIONS_AT_ONCE):
            hub.start(Target(device=DEVICE), [Capability.VIEW], "", "x")
        assert changed.is_set()
        with pytest.raises(TooMany):
            hub.start(Target(device=DEVICE), [Capability.VIEW], "", "x")
        for row in hub.rows():
            live = hub.get(row["id"])
            assert live is not None
            await live.end("technician")
        for _ in range(SESSIONS_AT_ONCE):
            hub.start(Target(device=DEVICE), [Capability.VIEW], "", "x")
        assert len(hub.rows()) < 2 * SESSIONS_AT_ONCE + 1
        assert hub.get("name-0") is None
        hub.unwatch(changed)
        await hub.aclose()
        assert all(row["phase"] == "over" for row in hub.rows())


async def test_forgotten_sessions_are_swept(relay: MemoryRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("technician_client.console.hub.GRACE_SECONDS", 0.0)
    relay.ready()
    async with Supervisor() as supervisor:
        hub = SessionHub(relay, supervisor, new_name=lambda: "only")
        live = hub.start(Target(device=DEVICE), [Capability.VIEW], "", "x")
        supervisor.spawn(hub.sweep(0.01), "sweep")
        await until(live, Phase.OVER)
        await hub.aclose()


async def test_a_guest_is_shown_as_nobody_that_is_certified(make: Make) -> None:
    live = make(code="482913507-ABCDEFGH")
    assert live.snapshot()["by_code"]
    live._progress(DeviceConnected("Guest abc123", "abc123", "482913", by_code=False, guest=True))
    shown = live.snapshot()
    assert (shown["label"], shown["verified"], shown["guest"], shown["by_code"]) == ("Guest abc123", False, True, False)
