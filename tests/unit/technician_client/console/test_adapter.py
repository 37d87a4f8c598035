"""The console's ports on the real relay client and sessions, against a small relay and the agent's own session machine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages.chat import ChatMessage
from protocol.messages.session import Called, Paused
from technician_client.console.adapter import RelayAdapter, person_of, relay_port
from technician_client.console.ports import (
    ConsentAsked,
    DeviceConnected,
    DevicesUpdate,
    GrantsNow,
    OpenProgress,
    RelayState,
    SessionOver,
    Target,
)
from technician_client.knocking import CallAtDevice
from technician_client.settings import Settings
from tests.kit.organisation import Credentials, Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture(scope="module")
def person(organisation: Organisation) -> Credentials:
    return organisation.technician()


@pytest.fixture
def device(organisation: Organisation) -> SimulatedDevice:
    return SimulatedDevice(organisation, receipt=b'{"seen": true}')


@pytest.fixture
async def board(organisation: Organisation, device: SimulatedDevice) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(organisation, device)) as switchboard:
        yield switchboard


@pytest.fixture
async def port(
    board: Switchboard, organisation: Organisation, person: Credentials, tmp_path: Path
) -> AsyncIterator[RelayAdapter]:
    settings = Settings(tmp_path, request_seconds=60, end_seconds=2, retry_first_seconds=0.05)
    async with relay_port(keys_of(organisation, person, board.url), settings) as adapter:  # type: ignore[arg-type]
        yield adapter


async def test_the_person_is_the_certified_one(port: RelayAdapter, board: Switchboard, organisation: Organisation) -> None:
    assert port.person == person_of(port._client.identity)
    assert port.person.tier in (1, 2, 3)
    assert port.person.relay == board.url


async def test_devices_and_their_changes_are_watched(port: RelayAdapter, board: Switchboard, device: SimulatedDevice) -> None:
    events = port.watch()
    async with asyncio.timeout(60):
        first = await anext(events)
        while not (isinstance(first, RelayState) and first.online):
            first = await anext(events)
        listed = await anext(events)
        assert isinstance(listed, DevicesUpdate)
        assert listed.replace
        assert [row.id for row in listed.devices] == [device.peer]
        await board.announce(device.row)
        changed = await anext(events)
        assert isinstance(changed, DevicesUpdate)
        assert not changed.replace
        board.cut_links()
        away = await anext(events)
        assert isinstance(away, RelayState)
        assert not away.online
        while not (isinstance(away, RelayState) and away.online):
            away = await anext(events)
        again = await anext(events)
        assert isinstance(again, DevicesUpdate)
        assert again.replace
    await events.aclose()  # type: ignore[attr-defined]


async def test_a_session_goes_through_the_port(port: RelayAdapter, device: SimulatedDevice) -> None:
    steps: list[OpenProgress] = []
    session = await port.open(Target(device=device.peer), [Capability.VIEW, Capability.CHAT], "why", steps.append)
    sas = device.consents[0].sas
    assert steps == [DeviceConnected("Reception PC", device.peer, sas, False), ConsentAsked(180.0)]
    assert (session.session_id, session.unattended, session.seconds) == ("session-1", False, 3600.0)
    assert session.granted == {Capability.VIEW, Capability.CHAT}
    events = session.events()
    async with asyncio.timeout(60):
        await device.say(ChatMessage("hello", 1.0))
        assert await anext(events) == ChatMessage("hello", 1.0)
        session.send(ChatMessage("hi", 2.0))
        await session.ask(Capability.FIXES, "disk")
        seen = [await anext(events)]
        while not isinstance(seen[-1], GrantsNow):
            seen.append(await anext(events))
        assert Capability.FIXES in session.granted
        device.asked_more = False
        with pytest.raises(Refused) as refused:
            await session.ask(Capability.TERMINAL, "")
        assert refused.value.reason is RefusalReason.DENIED_BY_USER
        assert device.session is not None
        device.session.pause(True, "user", asyncio.get_running_loop().time())
        await device.flush()
        while not isinstance(await anext(events), Paused):
            pass
        await session.end("technician")
        last = [event async for event in events][-1]
    assert isinstance(last, SessionOver)
    assert last.clean
    assert last.receipt == b'{"seen": true}'
    assert ChatMessage("hi", 2.0) in device.received


async def test_who_calls_is_asked_and_declined_through_the_port(port: RelayAdapter, device: SimulatedDevice) -> None:
    assert port.peer == port._client.peer
    assert await port.who_calls(device.peer) is None
    device.called = Called("Ana Ruiz", 1, "the spooler crashes", 5.0, 90.0)
    assert await port.who_calls(device.peer) == CallAtDevice(device.label, device.called)
    known = port.office.known.get(device.peer)
    assert known is not None and (known.label, known.last_session) == (device.label, 0.0)  # certified, and no session
    await port.decline_call(device.peer, "in a meeting")
    assert device.declined == ["in a meeting"]
    with pytest.raises(Refused):
        await port.decline_call(device.peer, "in a meeting")
    assert device.consents == []


async def test_a_no_comes_through_as_a_no(port: RelayAdapter, device: SimulatedDevice) -> None:
    device.denial = RefusalReason.DENIED_BY_USER
    with pytest.raises(Refused) as refused:
        await port.open(Target(device=device.peer), [Capability.VIEW], "", lambda _step: None)
    assert refused.value.reason is RefusalReason.DENIED_BY_USER
