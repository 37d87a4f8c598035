"""A technician asks for diagnostics: tables as they come, findings at the end, once at a time."""

import time
from pathlib import Path

import pytest

from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.collect import Collector
from agent.diagnostics.probe import Target, Threads
from agent.diagnostics.probes import all_probes
from agent.features.diagnostics import DiagnosticsFeature, make_environment, reach_targets, snapshot
from agent.transport import Relay
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages import decode_message, encode_message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable
from tests.kit.feature_context import RecordingContext
from tests.kit.unhurried import let_probes_take_their_time
from tests.kit.waiting import PATIENCE

SERVED_EVERYWHERE = {
    "system_info",
    "os_version",
    "cpu_info",
    "memory_info",
    "mounts",
    "interface_addresses",
    "processes",
    "listening_ports",
    "logged_in_users",
    "time_synchronisation",
    "startup_items",
    "uptime",
}


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    let_probes_take_their_time(monkeypatch)


async def test_a_whole_snapshot_of_this_machine(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = DiagnosticsFeature(context)
    await feature.handle(DiagnosticsCollect(request=7))
    done = await context.next(DiagnosticsDone, seconds=2 * PATIENCE)
    await context.close(feature)
    tables = {table.name: table for table in context.of(DiagnosticsTable)}
    assert tables.keys() == TABLES.keys()
    assert {name for name in SERVED_EVERYWHERE if tables[name].status != "ok"} == set()
    for table in tables.values():
        assert table.request == 7 and (table.status == "ok") == (table.reason == "")
        assert {column for row in table.rows for column in row} <= {column.name for column in TABLES[table.name].columns}
        assert decode_message(encode_message(table)) == table
    assert done.request == 7 and abs(done.taken_at - time.time()) < PATIENCE
    assert decode_message(encode_message(done)) == done
    assert context.sent[-1] is done
    assert context.audited == [("diagnostics collected", {"tables": "all"})]


async def test_only_what_was_asked_for(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = DiagnosticsFeature(context)
    await feature.handle(DiagnosticsCollect(request=1, tables=["uptime", "no\x1bsuch"]))
    await context.next(DiagnosticsDone)
    await context.close(feature)
    assert {table.name: table.status for table in context.of(DiagnosticsTable)} == {"uptime": "ok", "no\\x1bsuch": "unsupported"}


async def test_one_at_a_time(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = DiagnosticsFeature(context)
    await feature.handle(DiagnosticsCollect(request=1, tables=["memory_info"]))
    with pytest.raises(Refused) as caught:
        await feature.handle(DiagnosticsCollect(request=2))
    assert caught.value.reason is RefusalReason.BUSY
    await context.next(DiagnosticsDone)
    await feature.handle(DiagnosticsCollect(request=3, tables=["uptime"]))
    await context.close(feature)


async def test_taken_back_while_it_runs(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = DiagnosticsFeature(context)
    context.held.discard(Capability.DIAGNOSTICS)
    await feature.handle(DiagnosticsCollect(request=1, tables=["uptime"]))
    while not context.refused:
        await context.tasks.spawn(_nothing(), "turn")
    assert context.refused[0][1] is RefusalReason.NOT_GRANTED
    assert context.sent == []
    await context.close(feature)


async def _nothing() -> None:
    return


async def test_a_session_that_ends_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = DiagnosticsFeature(context)
    await feature.handle(DiagnosticsCollect(request=1))
    await context.next(DiagnosticsTable)
    await context.close(feature)
    assert context.of(DiagnosticsDone) == [] and context.failures == []


def test_targets_are_the_relay_and_what_settings_name() -> None:
    relay = Relay.parse("https://relay.example:8443", "ab" * 32)
    assert reach_targets(relay, ["intranet.example:443", "[2001:db8::1]:22", "nonsense", "x:99999"]) == (
        Target("relay.example", 8443, True, "ab" * 32),
        Target("intranet.example", 443, True),
        Target("2001:db8::1", 22, False),
    )
    assert reach_targets(None, []) == ()


async def test_without_a_relay_nothing_is_contacted_but_name_servers(tmp_path: Path) -> None:
    environment = make_environment(RecordingContext(tmp_path), Threads())
    results, findings = await snapshot(Collector(all_probes()), environment, ["reachability"])
    assert {row["test"] for row in results[0].rows} <= {"dns"}
    assert all(finding.id in ("dns_unreachable",) for finding in findings)
