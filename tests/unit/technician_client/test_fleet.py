"""The same work on many devices."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused, TrustError
from protocol.link_messages import DeviceRow, TunnelOffer
from technician_client.errors import NotFound, SessionLost
from technician_client.fleet import (
    Outcome,
    demand_devices,
    run_on_devices,
    select_group,
    select_online,
    summarise,
)
from technician_client.known import KnownDevices
from technician_client.link import RelayClient
from technician_client.sessions import Session
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running

WANTED = (Capability.DIAGNOSTICS,)


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture
def devices(organisation: Organisation) -> list[SimulatedDevice]:
    groups = ("tills", "tills", "office", "tills")
    return [SimulatedDevice(organisation, label=f"PC {number}", group=group) for number, group in enumerate(groups)]


@pytest.fixture
async def board(organisation: Organisation, devices: list[SimulatedDevice]) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(organisation, *devices)) as board:
        yield board


@pytest.fixture
async def relay(organisation: Organisation, board: Switchboard, tmp_path: Path) -> AsyncIterator[RelayClient]:
    keys = keys_of(organisation, organisation.technician(), board.url)
    async with RelayClient(keys, Settings(tmp_path, end_seconds=2)) as relay:
        yield relay


@pytest.fixture
def known(tmp_path: Path) -> KnownDevices:
    return KnownDevices(tmp_path / "known.json")


async def label_of(session: Session) -> str:
    return session.label


async def test_everybody_is_served_and_one_failure_stops_nobody(
    relay: RelayClient, devices: list[SimulatedDevice], known: KnownDevices
) -> None:
    devices[1].denial = RefusalReason.DENIED_BY_USER
    devices[2].online = False
    seen: list[Outcome[str]] = []
    outcomes = await run_on_devices(
        relay,
        [device.row for device in devices],
        label_of,
        wanted=WANTED,
        reason="",
        known=known,
        concurrency=2,
        on_outcome=seen.append,
    )
    assert [outcome.result for outcome in outcomes] == ["PC 0", None, None, "PC 3"]
    assert isinstance(outcomes[1].error, Refused)
    assert len(seen) == 4
    summary = summarise(outcomes)
    assert (summary.devices, summary.succeeded, summary.failed) == (4, 2, 2)
    assert all(outcome.seconds >= 0 for outcome in outcomes)


async def test_no_more_than_so_many_at_once(relay: RelayClient, devices: list[SimulatedDevice], known: KnownDevices) -> None:
    running_now, most = 0, 0

    async def work(_session: Session) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.05)
        running_now -= 1

    rows = [device.row for device in devices]
    await run_on_devices(relay, rows, work, wanted=WANTED, reason="", known=known, concurrency=2)
    assert most == 2


async def test_a_group_is_known_by_certificate_and_others_are_left_alone(
    relay: RelayClient, devices: list[SimulatedDevice], known: KnownDevices
) -> None:
    rows = select_group(await relay.devices(), "tills", known)
    assert len(rows) == 4  # nobody was met yet
    outcomes = await run_on_devices(relay, rows, label_of, wanted=WANTED, reason="", known=known, concurrency=4, group="tills")
    assert sorted(outcome.label for outcome in outcomes) == ["PC 0", "PC 1", "PC 3"]
    assert devices[2].consents == []  # its certificate was seen, nothing was asked of it
    assert [row.label for row in select_group(await relay.devices(), "tills", known)] == ["PC 0", "PC 1", "PC 3"]
    assert [row.label for row in select_group(await relay.devices(), "office", known)] == ["PC 2"]


async def test_a_lying_label_is_that_devices_failure(
    relay: RelayClient, board: Switchboard, devices: list[SimulatedDevice], known: KnownDevices
) -> None:
    def lie(offer: TunnelOffer) -> TunnelOffer:
        return TunnelOffer(offer.request, offer.ticket, offer.peer, "PC 9", offer.by_code, offer.seconds)

    board.lies = lie
    (outcome,) = await run_on_devices(relay, [devices[0].row], label_of, wanted=WANTED, reason="", known=known, concurrency=1)
    assert isinstance(outcome.error, TrustError)
    assert known.get(devices[0].peer) is None


async def test_a_device_that_stops_answering_is_a_named_failure(
    relay: RelayClient, devices: list[SimulatedDevice], known: KnownDevices
) -> None:
    async def work(_session: Session) -> None:
        raise TimeoutError

    (outcome,) = await run_on_devices(relay, [devices[0].row], work, wanted=WANTED, reason="", known=known, concurrency=1)
    assert isinstance(outcome.error, SessionLost)


def test_only_connected_devices_are_chosen_by_label() -> None:
    rows = [
        DeviceRow(peer, label, "", online, 0) for peer, label, online in (("b", "y", True), ("a", "x", False), ("c", "X", True))
    ]
    assert [row.id for row in select_online(rows)] == ["c", "b"]
    demand_devices(rows, "anything")
    with pytest.raises(NotFound, match="group 'tills'"):
        demand_devices([], "group 'tills'")
