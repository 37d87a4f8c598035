"""One fix on many devices, each step told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hostio.tasks import Supervisor
from protocol.errors import RefusalReason
from protocol.messages import Message
from protocol.messages.diagnostics import Finding
from protocol.messages.fixes import FixCatalogue, FixEntry, FixList, FixOutput, FixResult, FixRun, FixStage
from technician_client.fleet_fixes import DeviceDone, DeviceOutput, DeviceStep, FixEvent, FixOrder, run_fix_on_devices
from technician_client.known import KnownDevices
from technician_client.link import RelayClient
from technician_client.settings import Settings
from technician_client.worklog import read_worklog
from tests.kit.organisation import Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running
from tests.kit.waiting import eventually_async

DIGEST = "3f" * 32
SLOW = Finding("slow", "It is slow", "notice", "", {})


def answers(message: Message) -> list[Message]:
    match message:
        case FixList(request=request):
            return [FixCatalogue(request, [FixEntry("clean", "1", "Clean", "", 1, "user", digest=DIGEST)])]
        case FixRun(request=request, id=name, digest=digest):
            assert digest == DIGEST
            output = FixOutput(request, "run", "stdout", "cleaning\n")
            return [FixStage(request, "run"), output, FixResult(request, name, "1", "fixed", 5, 0, before=[SLOW], after=[SLOW])]
    return []


def begun(message: Message) -> list[Message]:
    return [FixStage(message.request, "run")] if isinstance(message, FixRun) else answers(message)


@pytest.fixture
def devices() -> list[SimulatedDevice]:
    organisation = Organisation()
    return [
        SimulatedDevice(organisation, label=f"PC {n}", group=group, answers=answers) for n, group in enumerate(("a", "a", "b"))
    ]


@pytest.fixture
async def relay(devices: list[SimulatedDevice], tmp_path: Path) -> AsyncIterator[RelayClient]:
    organisation = devices[0].organisation
    async with running(Switchboard(organisation, *devices)) as board:
        keys = keys_of(organisation, organisation.technician(), board.url)
        async with RelayClient(keys, Settings(tmp_path, end_seconds=2)) as client:
            yield client


def order(devices: list[SimulatedDevice], group: str | None = None) -> FixOrder:
    return FixOrder("clean", DIGEST, {}, [device.peer for device in devices], "why", group)


async def test_each_device_is_told_of_from_the_call_to_the_proof(
    relay: RelayClient, devices: list[SimulatedDevice], tmp_path: Path
) -> None:
    devices[1].denial = RefusalReason.DENIED_BY_USER
    known, events = KnownDevices(tmp_path / "known.json"), list[FixEvent]()
    rows = [device.row for device in devices]
    await run_fix_on_devices(
        relay, rows, order(devices, "a"), known=known, worklogs=tmp_path / "logs", concurrency=2, on_event=events.append
    )
    (kept,) = (read_worklog(tmp_path / "logs", path.stem) for path in (tmp_path / "logs").iterdir())
    assert kept is not None and (kept.device, kept.label) == (devices[0].peer, "PC 0")
    assert [(fix.id, fix.outcome, fix.before, fix.after) for fix in kept.fixes] == [
        ("clean", "fixed", ["It is slow"], ["It is slow"])
    ]
    first = [event for event in events if event.device == devices[0].peer]
    steps = [event.step for event in first if isinstance(event, DeviceStep)]
    assert steps == ["asking", "tunnel", "connected", "consent", "open", "run"]
    assert [event.text for event in first if isinstance(event, DeviceOutput)] == ["cleaning\n"]
    done = {event.device: event for event in events if isinstance(event, DeviceDone)}
    won, refused, other = (done[device.peer] for device in devices)
    assert won.result is not None and won.result.outcome == "fixed"
    assert refused.result is None and "said no" in (refused.error or "")
    assert (other.result, other.error) == (None, None)  # of another group: left alone
    met = known.get(devices[0].peer)
    assert met is not None and met.health is not None and met.health.worst == "It is slow"


async def test_a_device_that_has_another_version_runs_nothing(
    relay: RelayClient, devices: list[SimulatedDevice], tmp_path: Path
) -> None:
    """Whether it is seen before the order is sent, or by the device, which has just got a newer one."""

    def newer(message: Message) -> list[Message]:
        if isinstance(message, FixList):
            return [FixCatalogue(message.request, [FixEntry("clean", "2", "Clean", "", 1, "user", digest="81" * 32)])]
        return answers(message)

    def refusing(message: Message) -> list[Message]:
        if isinstance(message, FixRun):
            changed = RefusalReason.CHANGED
            return [FixResult(message.request, "clean", "2", "refused", 5, None, changed, "changed since", digest="81" * 32)]
        return answers(message)

    devices[0].answers, devices[1].answers = newer, refusing
    events, rows = list[FixEvent](), [device.row for device in devices[:2]]
    known, logs = KnownDevices(tmp_path / "known.json"), tmp_path / "logs"
    await run_fix_on_devices(relay, rows, order(devices[:2]), known=known, worklogs=logs, concurrency=2, on_event=events.append)
    done = {event.device: event for event in events if isinstance(event, DeviceDone)}
    early, late = (done[device.peer] for device in devices[:2])
    assert early.changed and early.result is None and "version 2 (digest 818181818181)" in (early.error or "")
    assert not any(isinstance(message, FixRun) for message in devices[0].received)
    assert late.changed and late.result is not None and late.result.outcome == "refused"


async def test_cancelling_ends_the_session_there(relay: RelayClient, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    devices[0].answers = begun
    events = list[FixEvent]()
    known = KnownDevices(tmp_path / "known.json")
    async with Supervisor() as supervisor:
        rows, logs = [devices[0].row], tmp_path / "logs"
        work = run_fix_on_devices(
            relay, rows, order(devices[:1]), known=known, worklogs=logs, concurrency=1, on_event=events.append
        )
        supervisor.spawn(work, "the run")
        await eventually_async(lambda: any(isinstance(one, DeviceStep) and one.step == "run" for one in events), "it runs")
    await eventually_async(lambda: devices[0].ended, "the session has ended at the device")
