"""Going on after cuts of every kind: the technician's side and the agent's machine over real WebSockets of a small relay."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hostio.errors import TicketRefused
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused, TrustError
from protocol.link_messages import TunnelOffer
from protocol.messages.chat import ChatMessage
from technician_client.errors import SessionLost
from technician_client.link import RelayClient
from technician_client.resuming import Waiting, patience_of, resumable, resume
from technician_client.sessions import Progress, Session, Stage
from technician_client.settings import Settings
from tests.kit.organisation import Credentials, Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running
from tests.kit.waiting import eventually_async

WANTED = (Capability.VIEW, Capability.CHAT)


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
async def board(organisation: Organisation, device: SimulatedDevice) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(organisation, device)) as board:
        yield board


@pytest.fixture
async def relay(
    board: Switchboard, organisation: Organisation, person: Credentials, tmp_path: Path
) -> AsyncIterator[RelayClient]:
    settings = Settings(tmp_path, request_seconds=60, end_seconds=2, retry_first_seconds=0.02, resume_seconds=10)
    async with RelayClient(keys_of(organisation, person, board.url), settings) as client:  # type: ignore[arg-type]
        yield client


async def cut_session(relay: RelayClient, device: SimulatedDevice) -> Session:
    """An open session that loses its tunnel."""
    session = await Session.open(relay, device=device.peer, wanted=WANTED, reason="printer")
    device.cut()
    await session.wait_ended()
    await session.end()
    await eventually_async(lambda: device.cut_sessions, "the device notices")
    return session


async def test_it_goes_on_with_what_was_granted_and_nobody_is_asked(relay: RelayClient, device: SimulatedDevice) -> None:
    lost = await cut_session(relay, device)
    assert resumable(lost)
    assert lost.granted == frozenset()
    steps: list[Progress] = []
    async with await resume(relay, lost, on_progress=steps.append) as session:
        assert session.resumed
        assert session.session_id == lost.session_id
        assert session.granted == set(WANTED)
        assert len(device.consents) == 1
        assert Stage.CONSENT not in [step.stage for step in steps]
        session.send(ChatMessage("back again"))
        await eventually_async(lambda: device.received, "the line arrives")


async def test_many_cuts_in_a_row(relay: RelayClient, device: SimulatedDevice) -> None:
    lost = await cut_session(relay, device)
    for _ in range(5):
        session = await resume(relay, lost)
        assert session.resumed
        device.cut()
        await session.wait_ended()
        await session.end()
        await eventually_async(lambda: device.cut_sessions, "the device notices")
        lost = session
    assert len(device.consents) == 1


async def test_the_relay_goes_away_too_and_the_link_comes_back(
    relay: RelayClient, device: SimulatedDevice, board: Switchboard
) -> None:
    lost = await cut_session(relay, device)
    board.cut_links()
    device.online = False
    waits: list[Waiting] = []

    async def return_later() -> None:
        await eventually_async(lambda: len(waits) >= 3, "three attempts")
        device.online = True

    session, _ = await asyncio.gather(resume(relay, lost, on_waiting=waits.append), return_later())
    assert session.resumed
    assert "offline" in waits[-1].text
    await session.end()


async def test_the_tunnel_of_an_attempt_is_cut_too(relay: RelayClient, device: SimulatedDevice) -> None:
    lost = await cut_session(relay, device)
    device.close_with = 4000
    waits: list[Waiting] = []

    def on_waiting(waiting: Waiting) -> None:
        waits.append(waiting)
        device.close_with = 0

    session = await resume(relay, lost, on_waiting=on_waiting)
    assert session.resumed
    assert len(waits) == 1
    await session.end()


async def test_patience_has_an_end(relay: RelayClient, device: SimulatedDevice) -> None:
    lost = await cut_session(relay, device)
    device.online = False
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 3
        return now

    with pytest.raises(SessionLost, match="could not go on"):
        await resume(relay, lost, clock=clock)


async def test_a_no_is_an_answer_and_not_tried_again(relay: RelayClient, device: SimulatedDevice) -> None:
    lost = await cut_session(relay, device)
    device.resumes = False
    device.denial = RefusalReason.REVOKED
    with pytest.raises(Refused) as refused:
        await resume(relay, lost)
    assert refused.value.reason is RefusalReason.REVOKED
    assert len(device.consents) == 2


async def test_a_busy_device_is_tried_again(relay: RelayClient, device: SimulatedDevice) -> None:
    lost = await cut_session(relay, device)
    device.resumes, device.denial = False, RefusalReason.BUSY

    def on_waiting(_: Waiting) -> None:
        device.denial = None

    async with await resume(relay, lost, on_waiting=on_waiting) as session:
        assert not session.resumed  # asked anew, and allowed


async def test_a_ticket_whose_other_end_has_left_is_followed_by_another(
    relay: RelayClient, device: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, opens, waits = await cut_session(relay, device), Session.open, list[str]()
    refusals = [TicketRefused("The ticket is used.", reason=RefusalReason.EXPIRED)]

    async def open_later(*arguments: Any, **options: Any) -> Session:
        if refusals:
            raise refusals.pop()
        return await opens(*arguments, **options)

    monkeypatch.setattr(Session, "open", open_later)
    again = await resume(relay, session, on_waiting=lambda waiting: waits.append(waiting.text))
    assert waits == ["The ticket is used."]
    assert again.resumed
    await again.end()


async def test_another_device_at_the_other_end_is_noticed(
    relay: RelayClient, device: SimulatedDevice, board: Switchboard, organisation: Organisation
) -> None:
    lost = await cut_session(relay, device)
    other = SimulatedDevice(organisation, label="Payroll")

    def lie(offer: TunnelOffer) -> TunnelOffer:
        board._tickets[offer.ticket] = other
        return offer

    board.lies = lie
    with pytest.raises(TrustError):
        await resume(relay, lost)
    assert other.consents == []


async def test_a_session_that_was_ended_does_not_go_on(relay: RelayClient, device: SimulatedDevice) -> None:
    session = await Session.open(relay, device=device.peer, wanted=WANTED)
    assert not resumable(session)
    await session.end()
    assert not resumable(session)


async def test_nothing_of_a_guest_goes_on(relay: RelayClient, device: SimulatedDevice) -> None:
    lost = await cut_session(relay, device)
    lost.guest = True
    assert not resumable(lost)


async def test_a_computer_that_restarts_says_so(relay: RelayClient, device: SimulatedDevice) -> None:
    device.restart_seconds = 900.0
    session = await Session.open(relay, device=device.peer, wanted=WANTED, after_restart=1800.0)
    assert session.after_restart == 900.0
    assert device.session is not None
    device.session.end("the computer restarts", 0.0, resume_seconds=900.0)
    await device.flush()
    await session.wait_ended()
    assert resumable(session)
    assert patience_of(session) == 900.0
    await session.end()


async def test_the_longer_of_both_patiences_counts_after_a_cut(relay: RelayClient, device: SimulatedDevice) -> None:
    device.restart_seconds = 900.0
    session = await Session.open(relay, device=device.peer, wanted=WANTED, after_restart=900.0)
    device.cut()
    await session.wait_ended()
    assert patience_of(session) == 900.0
    await session.end()
