"""The technician's session against the agent's machine, over real WebSockets of a small relay."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.errors import LocalProtocolError, RefusalReason, Refused, TrustError
from protocol.link_messages import TunnelOffer
from protocol.messages.chat import ChatMessage
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable
from protocol.messages.fixes import FixList
from protocol.messages.input import PointerMove
from protocol.messages.session import Paused
from protocol.session import GrantsChanged, SessionEnded
from technician_client.errors import DeviceOffline, NotFound, SessionLost
from technician_client.link import RelayClient
from technician_client.sessions import Progress, Session, Stage
from technician_client.settings import Settings
from tests.kit.organisation import Credentials, Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running
from tests.kit.waiting import eventually_async, let_pass

ALL = tuple(Capability)


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture(scope="module")
def person(organisation: Organisation) -> Credentials:
    return organisation.technician()


@pytest.fixture
def device(organisation: Organisation) -> SimulatedDevice:
    return SimulatedDevice(organisation)


@pytest.fixture
async def switchboard(organisation: Organisation, device: SimulatedDevice) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(organisation, device)) as board:
        yield board


@pytest.fixture
async def relay(
    switchboard: Switchboard, organisation: Organisation, person: Credentials, tmp_path: Path
) -> AsyncIterator[RelayClient]:
    settings = Settings(tmp_path, request_seconds=5, end_seconds=2)
    async with RelayClient(keys_of(organisation, person, switchboard.url), settings) as client:
        yield client


async def test_a_session_opens_step_by_step_and_says_who_is_there(relay: RelayClient, device: SimulatedDevice) -> None:
    steps: list[Progress] = []
    async with await Session.open(
        relay, device=device.peer, wanted=[Capability.VIEW, Capability.CHAT], reason="printer", on_progress=steps.append
    ) as session:
        assert [step.stage for step in steps] == [Stage.ASKING, Stage.TUNNEL, Stage.CONNECTED, Stage.CONSENT, Stage.OPEN]
        assert steps[2].label == "Reception PC"
        assert steps[2].sas == session.sas == device.consents[0].sas
        assert steps[3].seconds == 180
        assert device.consents[0].reason == "printer"
        assert (session.device, session.label, session.group) == (device.peer, "Reception PC", "front")
        assert session.granted == {Capability.VIEW, Capability.CHAT}
        assert session.session_id == "session-1"
        assert not session.by_code
    assert session.ended is not None
    assert session.ended.clean


async def test_a_code_leads_to_its_device_and_is_good_once(
    relay: RelayClient, device: SimulatedDevice, switchboard: Switchboard
) -> None:
    switchboard.codes["482913507"] = device
    async with await Session.open(relay, code="482913507", wanted=[Capability.VIEW]) as session:
        assert session.by_code
        assert session.device == device.peer
    with pytest.raises(NotFound):
        await Session.open(relay, code="482913507", wanted=[Capability.VIEW])


async def test_messages_go_both_ways_and_in_order(relay: RelayClient, device: SimulatedDevice) -> None:
    async with await Session.open(relay, device=device.peer, wanted=ALL) as session:
        with session.subscribe(ChatMessage) as lines:
            for number in range(50):
                session.send(ChatMessage(f"line {number}"))
            await device.say(ChatMessage("hello"), Paused(True), ChatMessage("again"))
            assert [(await anext(lines)).text for _ in range(2)] == ["hello", "again"]  # type: ignore[union-attr]
        await eventually_async(lambda: len(device.received) == 50, "50 lines")
        assert [message.text for message in device.received if isinstance(message, ChatMessage)] == [
            f"line {number}" for number in range(50)
        ]


async def test_what_comes_before_the_first_subscription_is_kept_for_it(relay: RelayClient, device: SimulatedDevice) -> None:
    async with await Session.open(relay, device=device.peer, wanted=ALL) as session:
        await device.say(ChatMessage("early"))
        await eventually_async(lambda: session._items._early, "the early line")
        with session.subscribe() as items:
            assert await anext(items) == ChatMessage("early")


async def test_the_answers_to_a_request_are_a_stream_up_to_the_final_one(relay: RelayClient, device: SimulatedDevice) -> None:
    device.answers = lambda message: (
        [
            DiagnosticsTable(message.request, "memory", "ok", 1, 10, [{"total": 4}]),
            DiagnosticsTable(message.request + 1000, "of another request", "ok", 1, 10, []),
            DiagnosticsTable(message.request, "cpu", "unsupported", 1, 10, []),
            DiagnosticsDone(message.request, [], 2, 0),
        ]
        if isinstance(message, DiagnosticsCollect)
        else []
    )
    async with await Session.open(relay, device=device.peer, wanted=ALL) as session:
        async with session.request(DiagnosticsCollect(session.next_request())) as answers:
            got = [answer async for answer in answers]
        assert [getattr(answer, "name", "done") for answer in got] == ["memory", "cpu", "done"]


async def test_a_request_that_is_not_granted_raises_refused(relay: RelayClient, device: SimulatedDevice) -> None:
    async with await Session.open(relay, device=device.peer, wanted=[Capability.VIEW]) as session:
        async with session.request(DiagnosticsCollect(session.next_request())) as answers:
            with pytest.raises(Refused) as refused:
                await anext(answers)
        assert refused.value.reason is RefusalReason.NOT_GRANTED
        with pytest.raises(LocalProtocolError):
            session.request(PointerMove(1, 2))


async def test_one_capability_more_is_asked_for_and_given_back(relay: RelayClient, device: SimulatedDevice) -> None:
    async with await Session.open(relay, device=device.peer, wanted=[Capability.VIEW]) as session:
        with session.subscribe(GrantsChanged) as changes:
            assert await session.ask(Capability.CONTROL, "to click") is True
            assert Capability.CONTROL in session.granted
            session.give_back(Capability.CONTROL)
            assert [(await anext(changes)) for _ in range(2)] == [
                GrantsChanged(frozenset({Capability.VIEW, Capability.CONTROL})),
                GrantsChanged(frozenset({Capability.VIEW})),
            ]
        device.asked_more = False
        refusal = await session.refusal_of(Capability.TERMINAL, "please")
        assert refusal is not None
        assert refusal.reason is RefusalReason.DENIED_BY_USER
        assert await session.ask(Capability.TERMINAL) is False


@pytest.mark.parametrize("reason", [RefusalReason.DENIED_BY_USER, RefusalReason.NOBODY_TO_ASK, RefusalReason.NOT_ON_LIST])
async def test_a_denied_session_raises_the_reason(relay: RelayClient, device: SimulatedDevice, reason: RefusalReason) -> None:
    device.denial = reason
    with pytest.raises(Refused) as refused:
        await Session.open(relay, device=device.peer, wanted=[Capability.VIEW])
    assert refused.value.reason is reason
    await eventually_async(lambda: device.tunnels == 0, "the tunnel's end")


async def test_an_offline_or_unknown_device_is_said_to_be_so(relay: RelayClient, device: SimulatedDevice) -> None:
    device.online = False
    with pytest.raises(DeviceOffline):
        await Session.open(relay, device=device.peer, wanted=[Capability.VIEW])
    with pytest.raises(NotFound):
        await Session.open(relay, device="nobody", wanted=[Capability.VIEW])


LIES: list[Callable[[TunnelOffer], TunnelOffer]] = [
    lambda offer: replace_offer(offer, label="Payroll server"),
    lambda offer: replace_offer(offer, peer="somebodyelse"),
]


def replace_offer(offer: TunnelOffer, **changes: str) -> TunnelOffer:
    return TunnelOffer(**{name: getattr(offer, name) for name in offer.__struct_fields__} | changes)


@pytest.mark.parametrize("lie", LIES, ids=["label", "peer"])
@pytest.mark.parametrize("by_code", [True, False])
async def test_a_relay_that_swaps_names_is_found_out_before_the_device_hears_anything(
    relay: RelayClient,
    device: SimulatedDevice,
    switchboard: Switchboard,
    lie: Callable[[TunnelOffer], TunnelOffer],
    by_code: bool,
) -> None:
    switchboard.lies = lie
    switchboard.codes["123456789"] = device
    with pytest.raises(TrustError, match="the session was stopped"):
        if by_code:
            await Session.open(relay, code="123456789", wanted=[Capability.VIEW])
        else:
            await Session.open(relay, device=device.peer, wanted=[Capability.VIEW])
    await eventually_async(lambda: device.tunnels == 0, "the tunnel's end")
    assert device.consents == []
    assert device.session is not None
    assert device.session.peer is None  # not even the technician's certificate was shown


async def test_a_relay_that_leads_elsewhere_is_found_out(
    relay: RelayClient, organisation: Organisation, device: SimulatedDevice, switchboard: Switchboard
) -> None:
    other = SimulatedDevice(organisation, label=device.label)
    switchboard.devices = {device.peer: other}
    with pytest.raises(TrustError):
        await Session.open(relay, device=device.peer, wanted=[Capability.VIEW])
    assert other.consents == []


async def test_a_device_of_another_organisation_is_refused(relay: RelayClient, switchboard: Switchboard) -> None:
    stranger = SimulatedDevice(Organisation("Evil Ltd"))
    switchboard.devices[stranger.peer] = stranger
    with pytest.raises(TrustError):
        await Session.open(relay, device=stranger.peer, wanted=[Capability.VIEW])
    assert stranger.consents == []


async def test_accept_is_asked_before_the_device_is(relay: RelayClient, device: SimulatedDevice) -> None:
    def accept(_identity: object) -> None:
        raise NotFound("not this one")

    with pytest.raises(NotFound):
        await Session.open(relay, device=device.peer, wanted=[Capability.VIEW], accept=accept)
    await eventually_async(lambda: device.tunnels == 0, "the tunnel's end")
    assert device.consents == []


async def test_a_cut_network_ends_the_session_by_name(relay: RelayClient, device: SimulatedDevice) -> None:
    session = await Session.open(relay, device=device.peer, wanted=ALL)
    with session.subscribe(SessionEnded) as ends:
        async with session.request(FixList(session.next_request())) as answers:
            device.cut()
            with pytest.raises(SessionLost) as lost:
                await anext(answers)
        assert lost.value.reason == "cut"
        assert not lost.value.clean
        ended = await session.wait_ended()
        assert [end async for end in ends] == [ended]
    assert await session.end() == ended
    with pytest.raises(LocalProtocolError):
        session.send(ChatMessage("anybody?"))
    with pytest.raises(LocalProtocolError):
        await session.ask(Capability.CONTROL)


async def test_the_agents_last_words_come_with_the_end(relay: RelayClient, device: SimulatedDevice) -> None:
    device.checkpoint, device.receipt = b"signed", b'{"what":"was done"}'
    session = await Session.open(relay, device=device.peer, wanted=ALL)
    ended = await session.end("all done")
    assert (ended.clean, ended.by_peer, ended.checkpoint, ended.receipt) == (True, False, b"signed", b'{"what":"was done"}')
    await eventually_async(lambda: bool(device.ended), "the agent's end")
    assert device.ended[0].reason == "all done"


async def test_the_agent_can_end_it_too(relay: RelayClient, device: SimulatedDevice) -> None:
    session = await Session.open(relay, device=device.peer, wanted=ALL)
    assert device.session is not None
    device.session.end("stopped by the user", 0.0)
    await device.flush()
    ended = await session.wait_ended()
    assert (ended.reason, ended.clean, ended.by_peer) == ("stopped by the user", True, True)
    await session.end()


async def test_giving_up_while_the_person_thinks_closes_the_tunnel(relay: RelayClient, device: SimulatedDevice) -> None:
    device.silent = True
    waiting = asyncio.Event()

    def watch(step: Progress) -> None:
        if step.stage is Stage.CONSENT:
            waiting.set()

    opening = asyncio.ensure_future(  # noqa: TID251 - awaited below
        Session.open(relay, device=device.peer, wanted=[Capability.VIEW], on_progress=watch)
    )
    await asyncio.wait_for(waiting.wait(), 60)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await eventually_async(lambda: device.tunnels == 0, "the tunnel's end")


@pytest.mark.parametrize("arrived", [False, True], ids=["the welcome is on its way", "the welcome has just come"])
async def test_giving_up_in_the_moment_of_the_welcome_is_an_end_and_no_cut(
    relay: RelayClient, device: SimulatedDevice, arrived: bool
) -> None:
    device.silent = not arrived
    stage = Stage.OPEN if arrived else Stage.CONSENT
    reached = asyncio.Event()

    def watch(step: Progress) -> None:
        if step.stage is stage:
            if arrived:
                opening.cancel()
            reached.set()

    opening = asyncio.ensure_future(  # noqa: TID251 - awaited below
        Session.open(relay, device=device.peer, wanted=[Capability.VIEW], on_progress=watch)
    )
    await asyncio.wait_for(reached.wait(), 60)
    if not arrived:
        assert device.session is not None
        device.session.welcome([Capability.VIEW], 3600, "session-1", time.monotonic())
        opening.cancel()
        await device.flush()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await eventually_async(lambda: device.ended, "the device hears of it")
    assert device.ended[0].clean
    assert not device.ended[0].cut
    await eventually_async(lambda: device.tunnels == 0, "the tunnel's end")


async def test_a_device_that_never_comes_is_given_up(
    organisation: Organisation, person: Credentials, switchboard: Switchboard, device: SimulatedDevice, tmp_path: Path
) -> None:
    async def nobody(socket: object) -> None:
        await asyncio.sleep(3)

    device.serve = nobody  # type: ignore[method-assign,assignment]
    settings = Settings(tmp_path, pairing_seconds=0.2, end_seconds=0.2)
    async with RelayClient(keys_of(organisation, person, switchboard.url), settings) as client:
        with pytest.raises(SessionLost) as lost:
            await Session.open(client, device=device.peer, wanted=[Capability.VIEW])
    assert lost.value.reason == "no_answer"


async def test_a_device_that_does_not_come_is_said_by_the_relay(relay: RelayClient, device: SimulatedDevice) -> None:
    device.close_with = 4008
    with pytest.raises(SessionLost, match="did not come") as lost:
        await Session.open(relay, device=device.peer, wanted=[Capability.VIEW])
    assert lost.value.reason == "no_answer"


async def test_a_subscriber_that_is_behind_holds_the_tunnel_back(relay: RelayClient, device: SimulatedDevice) -> None:
    async with await Session.open(relay, device=device.peer, wanted=ALL) as session:
        with session.subscribe(ChatMessage, limit=4) as lines:
            for number in range(64):
                await device.say(ChatMessage(f"{number} " + "x" * 3000))
            await eventually_async(lambda: lines.full, "a full queue")
            await let_pass(0.1)
            assert len(lines) <= 64  # one chunk of the tunnel may bring several, the next is not read
            seen = [(await anext(lines)).text.split()[0] for _ in range(64)]  # type: ignore[union-attr]
        assert seen == [str(number) for number in range(64)]


async def test_round_trip_is_measured(relay: RelayClient, device: SimulatedDevice) -> None:
    async with await Session.open(relay, device=device.peer, wanted=ALL) as session:
        await eventually_async(lambda: session.round_trip is not None, "a ping")
        assert session.round_trip is not None
        assert 0 <= session.round_trip < 1


async def test_it_takes_a_code_or_a_device(relay: RelayClient) -> None:
    with pytest.raises(LocalProtocolError):
        await Session.open(relay, wanted=[Capability.VIEW])
