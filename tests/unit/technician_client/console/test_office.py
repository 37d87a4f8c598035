"""Memory, standing, library and runs on the real relay client."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.errors import HandrailError
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable, Finding
from protocol.messages.fixes import FixResult
from technician_client.console.adapter import RelayAdapter, relay_port
from technician_client.console.office import Learner
from technician_client.console.ports import Target
from technician_client.errors import NotFound
from technician_client.fleet_fixes import DeviceDone, FixEvent, FixOrder
from technician_client.known import KnownDevice, KnownDevices
from technician_client.renewing import Renewer
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running

FULL = Finding("disk_full", "The disk is full", "critical", "", {})


def answers(message: Message) -> list[Message]:
    if not isinstance(message, DiagnosticsCollect):
        return []
    users = DiagnosticsTable(message.request, "logged_in_users", "ok", 1, 1, [{"user": "maria"}])
    return [users, DiagnosticsDone(message.request, [FULL], 3, 100)]


@pytest.fixture
def device() -> SimulatedDevice:
    return SimulatedDevice(Organisation(), answers=answers)


@pytest.fixture
async def port(device: SimulatedDevice, tmp_path: Path) -> AsyncIterator[RelayAdapter]:
    organisation = device.organisation
    async with running(Switchboard(organisation, device)) as board:
        settings = Settings(tmp_path, request_seconds=60, end_seconds=2, retry_first_seconds=0.05)
        async with relay_port(keys_of(organisation, organisation.technician(), board.url), settings) as adapter:  # type: ignore[arg-type]
            yield adapter


async def test_a_session_teaches_the_list_of_devices(port: RelayAdapter, device: SimulatedDevice) -> None:
    changes = port.watch_known()
    assert await anext(changes) == {}
    session = await port.open(Target(device=device.peer), [Capability.DIAGNOSTICS], "", lambda _step: None)
    session.send(DiagnosticsCollect(1))
    async with asyncio.timeout(60):
        async for event in session.events():
            if isinstance(event, DiagnosticsDone):
                break
        known = KnownDevice("", "", 0.0)
        while known.health is None:
            known = (await anext(changes))[device.peer]
    assert (known.label, known.group, known.user, known.health.worst) == ("Reception PC", "front", "maria", "The disk is full")
    assert known.last_session > 0
    await session.end("done")
    await changes.aclose()  # type: ignore[attr-defined]


async def test_standing_is_the_certificates_and_measured(port: RelayAdapter) -> None:
    standing = await port.standing()
    leaf_life = standing.not_after - standing.not_before
    assert standing.renewal_from - standing.not_before == leaf_life * 2 / 3
    assert standing.round_trip is not None and 0 < standing.round_trip < 5
    assert len(standing.fingerprint) == 64
    assert not standing.renewable
    with pytest.raises(NotFound):
        await port.renew()
    with pytest.raises(HandrailError, match="handrail join"):
        await port.fix_library()


async def test_renewing_is_asked_of_the_renewer(port: RelayAdapter, tmp_path: Path) -> None:
    port.office._renewer = Renewer(tmp_path)
    assert (await port.renew()).renewable  # keys that are no technician's identity stay as they are


async def test_a_fix_that_no_device_has_is_an_end_in_words(port: RelayAdapter, device: SimulatedDevice) -> None:
    from protocol.messages.fixes import FixCatalogue, FixList

    device.answers = lambda message: [FixCatalogue(message.request, [])] if isinstance(message, FixList) else []
    events = list[FixEvent]()
    await port.run_fix(FixOrder("clean", "3f" * 32, {}, [device.peer], ""), events.append)
    last = events[-1]
    assert isinstance(last, DeviceDone)
    assert "no approved fix" in (last.error or "")


def test_a_memory_that_cannot_be_written_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "known.json").write_text('{"peer": {"label": "a", "group": "b", "seen": 1}}')
    known = KnownDevices(tmp_path / "gone" / "known.json")
    known._devices = {"peer": KnownDevice("a", "b", 1.0)}
    (tmp_path / "gone").write_text("a file where a directory should be")
    Learner(known, "peer").hear(FixResult(1, "x", "1", "fixed", 1, before=[FULL], after=[]))
    assert "not remembered" in caplog.text
