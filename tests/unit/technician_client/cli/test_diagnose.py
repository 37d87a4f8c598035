"""`handrail diagnose`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hostio.exit_codes import ExitCode
from protocol.errors import RefusalReason
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable, Finding
from technician_client.cli.diagnose import evidence_words, fleet_exit_code
from technician_client.errors import DeviceOffline, NotFound
from technician_client.fleet import Outcome
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.switchboard import Keys, SimulatedDevice, Switchboard, keys_of, running

FULL = Finding("disk_full", "The disk \x1b[31mis full", "critical", "", {"path": "/", "free": 0.5}, "clean-cache", {"days": 3})


def answers(message: Message) -> list[Message]:
    if not isinstance(message, DiagnosticsCollect):
        return []
    request = message.request
    return [
        DiagnosticsTable(request, "mounts", "ok", 1.2, 10, [{"path": "/", "free": 1}, {"path": "/h\x07", "type": "ext4"}], "", 4),
        DiagnosticsTable(request, "patches", "unsupported", 0, 10, [], "not on this system"),
        DiagnosticsDone(request, [FULL, Finding("b", "Notice", "notice", "", {})], 3, 100),
    ]


@pytest.fixture
def devices() -> list[SimulatedDevice]:
    organisation = Organisation()
    groups = ("tills", "tills", "office")
    return [SimulatedDevice(organisation, f"PC {n}", group, answers=answers) for n, group in enumerate(groups)]


@pytest.fixture
async def board(devices: list[SimulatedDevice]) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(devices[0].organisation, *devices)) as board:
        yield board


@pytest.fixture
def keys(board: Switchboard) -> Keys:
    return keys_of(board.organisation, board.organisation.technician(), board.url)


async def test_findings_and_tables_are_shown_inert(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "diagnose", "PC", "0")
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert ran.out.index("critical") < ran.out.index("notice")
    assert f"-> handrail fix {devices[0].peer} clean-cache --finding disk_full" in ran.out
    assert "path=/, free=0.5" in ran.out
    assert "not on this system" in ran.out
    assert "Connected to PC 0" in ran.err


async def test_a_named_table_shows_its_rows(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "diagnose", "PC 0", "--table", "mounts")
    assert "ext4" in ran.out
    assert "4 rows left out" in ran.out
    assert isinstance(devices[0].received[0], DiagnosticsCollect)
    assert devices[0].received[0].tables == ["mounts"]
    full = await handrail(tmp_path, keys, "diagnose", "PC 0", "--full")
    assert "patches: unsupported" in full.out


async def test_one_device_is_one_document(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    document = (await handrail(tmp_path, keys, "--json", "diagnose", devices[0].peer)).json
    assert (document["device"], document["label"]) == (devices[0].peer, "PC 0")
    assert [table["name"] for table in document["tables"]] == ["mounts", "patches"]
    assert document["tables"][0]["rows"][1] == {"path": "/h\x07", "type": "ext4"}
    assert document["findings"][0]["fix_parameters"] == {"days": 3}
    assert document["taken_at"] == "1970-01-01T00:01:40Z"


async def test_a_group_is_json_lines_and_a_summary(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    devices[1].denial = RefusalReason.POLICY
    ran = await handrail(tmp_path, keys, "diagnose", "--group", "tills", "--json")
    assert ran.code == 5
    by_label = {line.get("label", "summary"): line for line in ran.lines}
    assert set(by_label) == {"PC 0", "PC 1", "summary"}
    assert by_label["PC 1"]["error"]["reason"] == "policy"
    assert by_label["summary"]["summary"] == {"devices": 2, "succeeded": 1, "failed": 1, "findings": 2}
    assert devices[2].consents == []


async def test_all_is_every_connected_device(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    devices[2].online = False
    ran = await handrail(tmp_path, keys, "diagnose", "--all", "--concurrency", "1")
    assert ran.code == 0
    assert "PC 0" in ran.out
    assert "2 devices: 2 read, 0 failed, 4 findings." in ran.err
    assert max(device.most_tunnels for device in devices) == 1


async def test_nobody_there_is_6(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    assert (await handrail(tmp_path, keys, "diagnose", "nobody")).code == 6
    assert (await handrail(tmp_path, keys, "diagnose", "--group", "no such group")).code == 6
    for device in devices:
        device.online = False
    assert (await handrail(tmp_path, keys, "diagnose", "PC 0")).code == 6
    assert (await handrail(tmp_path, keys, "diagnose", "--all")).code == 6


async def test_an_ambiguous_name_is_2_and_lists_them(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "diagnose", "PC")
    assert ran.code == 2
    assert all(device.peer in ran.err for device in devices)


async def test_a_wrong_label_is_7(keys: Keys, board: Switchboard, tmp_path: Path) -> None:
    from protocol.link_messages import TunnelOffer

    def lie(offer: TunnelOffer) -> TunnelOffer:
        return TunnelOffer(offer.request, offer.ticket, offer.peer, "PC 9", offer.by_code, offer.seconds)

    board.lies = lie
    assert (await handrail(tmp_path, keys, "diagnose", "PC 0")).code == 7


def test_long_evidence_is_cut() -> None:
    words = evidence_words(Finding("a", "A", "notice", "", {"list": "x" * 1000, "b": True}))
    assert len(words) < 400
    assert words.endswith(" ...")


def test_the_code_of_a_fleet() -> None:
    fine: Outcome[object] = Outcome("a", "a", 1, None, 0)
    offline: Outcome[object] = Outcome("b", "b", None, DeviceOffline(""), 0)
    unknown: Outcome[object] = Outcome("c", "c", None, NotFound(""), 0)
    assert fleet_exit_code([fine]) is ExitCode.OK
    assert fleet_exit_code([fine, offline, unknown]) is ExitCode.NOT_FOUND
    assert fleet_exit_code([]) is ExitCode.NOT_FOUND
