"""Disks."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import ProbeError, Unsupported
from agent.diagnostics.probes.block_devices import BlockDevices, parse_lsblk
from tests.kit.recorded import machine, recorded, recorded_bytes


def test_a_tree_becomes_rows() -> None:
    rows = parse_lsblk(recorded_bytes("lsblk-2.38.json"))
    assert [(row["name"], row["parent"], row["type"]) for row in rows] == [
        ("sda", "", "disk"),
        ("sda1", "sda", "part"),
        ("sda2", "sda", "part"),
        ("dm-0", "sda2", "crypt"),
    ]
    assert (rows[0]["vendor"], rows[0]["model"], rows[0]["rotational"]) == ("ATA", "Samsung SSD 860 EVO 500GB", False)


def test_flags_of_older_versions() -> None:
    (row,) = parse_lsblk(recorded_bytes("lsblk-2.31.json"))
    assert (row["size"], row["rotational"], row["read_only"]) == (21474836480, True, False)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"blockdevices": 1}'])
def test_what_it_is_not(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse_lsblk(data)


async def test_through_the_tool(tmp_path: Path) -> None:
    text = recorded("lsblk-2.31.json")
    assert len(await BlockDevices().rows(machine(tmp_path, tools={"lsblk": f"cat <<'E'\n{text}\nE"}))) == 1
    with pytest.raises(ProbeError, match="exit code 1: lsblk: no luck"):
        await BlockDevices().rows(machine(tmp_path, tools={"lsblk": "echo 'lsblk: no luck' >&2; exit 1"}))
    with pytest.raises(Unsupported, match="no `lsblk`"):
        await BlockDevices().rows(machine(tmp_path, path="/nowhere"))
