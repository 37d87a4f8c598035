"""Diagnostics, catalogues and fixes in an open session."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused, RemoteProtocolError
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable, Finding
from protocol.messages.fixes import (
    FixCatalogue,
    FixEntry,
    FixList,
    FixOutput,
    FixParameter,
    FixResult,
    FixRun,
    FixStage,
    ParameterValue,
)
from technician_client.errors import NotFound, SessionLost
from technician_client.link import RelayClient
from technician_client.operations import (
    ParameterError,
    check_shown,
    diagnose,
    find_finding,
    find_fix,
    list_fixes,
    remaining_findings,
    run_fix,
    typed_parameters,
)
from technician_client.sessions import Session
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running

FULL = Finding("disk_full", "The disk is full", "critical", "", {"path": "/"}, fix="clean-cache")
SLOW = Finding("dns_slow", "DNS is slow", "notice", "", {}, fix="flush-dns-cache")
ENTRY = FixEntry(
    "clean-cache",
    "1",
    "Clean the cache",
    "",
    1,
    "user",
    [
        FixParameter("days", "int", low=1, high=30),
        FixParameter("mode", "choice", required=False, choices=["soft", "hard"]),
        FixParameter("dry", "bool", required=False),
        FixParameter("path", "text", required=False, default="/tmp"),
    ],
)


def answers(message: Message) -> list[Message]:
    match message:
        case DiagnosticsCollect(request=request, tables=tables):
            names = tables or ["memory", "mounts"]
            return [DiagnosticsTable(request, name, "ok", 1, 10, [{"a": 1}]) for name in names] + [
                DiagnosticsDone(request, [FULL], 3, 100)
            ]
        case FixList(request=request):
            return [FixCatalogue(request, [ENTRY])]
        case FixRun(request=request, id=name, finding=finding):
            return [
                FixStage(request, "run"),
                FixOutput(request, "run", "stdout", "cleaning\n"),
                FixResult(request, name, "1", "fixed", 5, 0, before=[FULL, SLOW], after=[SLOW], text=finding),
            ]
    return []


@pytest.fixture
def device() -> SimulatedDevice:
    return SimulatedDevice(Organisation(), answers=answers)


@pytest.fixture
async def session(device: SimulatedDevice, tmp_path: Path) -> AsyncIterator[Session]:
    organisation = device.organisation
    async with (
        running(Switchboard(organisation, device)) as board,
        RelayClient(keys_of(organisation, organisation.technician(), board.url), Settings(tmp_path)) as relay,
        await Session.open(relay, device=device.peer, wanted=[Capability.DIAGNOSTICS, Capability.FIXES]) as session,
    ):
        yield session


async def test_a_snapshot_has_its_tables_and_findings(session: Session) -> None:
    snapshot = await diagnose(session)
    assert [table.name for table in snapshot.tables] == ["memory", "mounts"]
    assert (snapshot.findings, snapshot.duration_ms, snapshot.taken_at) == ((FULL,), 3, 100)
    assert [table.name for table in (await diagnose(session, ["routes"])).tables] == ["routes"]


async def test_a_fix_streams_and_ends_with_its_proof(session: Session, device: SimulatedDevice) -> None:
    assert await list_fixes(session) == [ENTRY]
    events: list[FixStage | FixOutput] = []
    result = await run_fix(session, "clean-cache", {"days": 3}, digest="3f" * 32, finding="disk_full", on_event=events.append)
    assert [type(event) for event in events] == [FixStage, FixOutput]
    assert (result.outcome, result.text) == ("fixed", "disk_full")
    run = device.received[-1]
    assert isinstance(run, FixRun)
    assert (run.parameters, run.digest) == ({"days": 3}, "3f" * 32)


async def test_nonsense_and_endless_answers_are_the_devices_fault(session: Session, device: SimulatedDevice) -> None:
    device.answers = lambda message: [FixStage(getattr(message, "request", 0), "run")]
    with pytest.raises(RemoteProtocolError):
        await diagnose(session)
    device.answers = lambda message: [DiagnosticsTable(getattr(message, "request", 0), "t", "ok", 1, 1, []) for _ in range(300)]
    with pytest.raises(RemoteProtocolError):
        await diagnose(session)
    with pytest.raises(RemoteProtocolError):
        await run_fix(session, "x", {}, digest="3f" * 32, on_event=lambda _event: None)


async def test_a_cut_in_the_middle_is_said(session: Session, device: SimulatedDevice) -> None:
    def cut(_message: Message) -> list[Message]:
        device.cut()
        return []

    device.answers = cut
    with pytest.raises(SessionLost):
        await diagnose(session)


def test_what_is_not_there_is_said_with_what_is() -> None:
    assert find_fix("clean-cache", [ENTRY]) is ENTRY
    with pytest.raises(NotFound, match="clean-cache"):
        find_fix("other", [ENTRY])
    with pytest.raises(NotFound, match="none at all"):
        find_fix("other", [])
    assert find_finding("disk_full", [SLOW, FULL]) is FULL
    with pytest.raises(NotFound, match="dns_slow"):
        find_finding("disk_full", [SLOW])


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({"days": "7"}, {"days": 7}),
        ({"days": 7, "dry": "yes"}, {"days": 7, "dry": True}),
        ({"days": "1", "dry": False, "mode": "hard"}, {"days": 1, "dry": False, "mode": "hard"}),
        ({"days": "30", "dry": "0", "path": "/var"}, {"days": 30, "dry": False, "path": "/var"}),
    ],
)
def test_words_become_the_declared_types(given: dict[str, ParameterValue], typed: dict[str, ParameterValue]) -> None:
    assert typed_parameters(ENTRY, given) == typed


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"days": "0"},
        {"days": "31"},
        {"days": "many"},
        {"days": "1", "dry": "perhaps"},
        {"days": "1", "mode": "medium"},
        {"days": "1", "hours": "2"},
        {"days": True},
    ],
)
def test_other_words_are_refused_here_already(given: dict[str, ParameterValue]) -> None:
    with pytest.raises(ParameterError):
        typed_parameters(ENTRY, given)


def test_what_remains_is_what_the_fix_was_meant_for() -> None:
    def result(before: list[Finding], after: list[Finding]) -> FixResult:
        return FixResult(1, "clean-cache", "1", "fixed", 1, before=before, after=after)

    assert remaining_findings(result([FULL, SLOW], [SLOW])) == []
    assert remaining_findings(result([FULL, SLOW], [FULL, SLOW])) == [FULL]
    assert remaining_findings(result([FULL], [FULL, SLOW]), "dns_slow") == [SLOW]


def test_another_version_than_the_one_that_was_looked_at_is_refused() -> None:
    entry = msgspec.structs.replace(ENTRY, digest="3f2a" + "0" * 60)
    check_shown(entry, "3f2a00")
    check_shown(entry, "")
    for digest, told in (("81" * 32, "digest 3f2a00000000"), ("81d4", "Look at it again")):
        with pytest.raises(Refused, match=told) as raised:
            check_shown(entry, digest)
        assert raised.value.reason is RefusalReason.CHANGED
    with pytest.raises(Refused, match="too old"):
        check_shown(ENTRY, "3f2a00")
