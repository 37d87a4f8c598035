"""`handrail devices`."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.link_messages import DeviceRow
from technician_client.cli.devices import device_document, rfc3339
from technician_client.known import KnownDevice
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.processes import free_port
from tests.kit.switchboard import Keys, SimulatedDevice, Switchboard, keys_of, running


@pytest.fixture
def devices() -> list[SimulatedDevice]:
    organisation = Organisation()
    return [
        SimulatedDevice(organisation, label="Till 2"),
        SimulatedDevice(organisation, label="Till 3", told_label="Evil \x1b[31m\x07 till", online=False),
    ]


@pytest.fixture
async def board(devices: list[SimulatedDevice]) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(devices[0].organisation, *devices)) as board:
        yield board


@pytest.fixture
def keys(board: Switchboard) -> Keys:
    return keys_of(board.organisation, board.organisation.technician(), board.url)


async def test_devices_are_listed_online_ones_first_and_inert(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "devices")
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert ran.out.index("Till 2") < ran.out.index("Evil")
    assert devices[0].peer in ran.out
    assert "2 devices, 1 online" in ran.err


async def test_json_carries_everything_and_escapes_it(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "--json", "devices")
    rows = {row["id"]: row for row in ran.json["devices"]}
    assert "\x1b" not in ran.out
    assert rows[devices[1].peer]["label"] == "Evil \x1b[31m\x07 till"
    assert rows[devices[0].peer]["online"] is True
    assert rows[devices[0].peer]["certified"] is None


async def test_a_filter_and_online_narrow_the_list(keys: Keys, tmp_path: Path) -> None:
    assert len((await handrail(tmp_path, keys, "devices", "Till 2", "--json")).json["devices"]) == 1
    assert len((await handrail(tmp_path, keys, "devices", "--online", "--json")).json["devices"]) == 1
    assert (await handrail(tmp_path, keys, "devices", "nothing like it", "--json")).json == {"devices": []}


async def test_a_label_that_differs_from_the_certificate_is_noted(
    keys: Keys, devices: list[SimulatedDevice], tmp_path: Path
) -> None:
    (tmp_path / "known_devices.json").write_text(json.dumps({devices[0].peer: {"label": "Till 1", "group": "tills", "seen": 5}}))
    ran = await handrail(tmp_path, keys, "devices")
    assert "disagree" in ran.out
    assert "tills" in ran.out


async def test_a_relay_that_is_away_is_4(keys: Keys, tmp_path: Path) -> None:
    away = Keys(**{**keys.__dict__, "relay_url": f"http://127.0.0.1:{free_port()}"})
    ran = await handrail(tmp_path, away, "devices")
    assert ran.code == 4
    assert "does not answer" in ran.err


def test_times_are_rfc_3339() -> None:
    assert rfc3339(1.0) == "1970-01-01T00:00:01Z"
    assert rfc3339(0) is None
    assert rfc3339(1e300) is None
    row = DeviceRow("a", "b", "c", False, 0.0, True, "help", 60.0)
    document = device_document(row, KnownDevice("b", "g", 1.0))
    assert document["certified"] == {"label": "b", "group": "g", "seen": "1970-01-01T00:00:01Z"}
    assert (document["last_seen"], document["waiting_since"]) == (None, "1970-01-01T00:01:00Z")
