"""File systems: which count, how full, and one that does not answer."""

import os
import threading
from pathlib import Path

import pytest

from agent.diagnostics.probe import Unsupported
from agent.diagnostics.probes import mounts
from agent.diagnostics.probes.mounts import Mount, Mounts, parse_filesystems, parse_mounts, usage
from tests.kit.recorded import machine, recorded


def parsed() -> dict[str, Mount]:
    nodev = parse_filesystems(recorded("filesystems.txt"))
    return {mount.path: mount for mount in parse_mounts(recorded("mounts.txt"), nodev)}


def test_which_of_a_recording_count() -> None:
    found = parsed()
    assert set(found) == {"/run", "/", "/boot/efi", "/snap/core20/2318", "/media/ana/My Stick", "/mnt/share", "/mnt/nfs"}
    assert {path for path, mount in found.items() if mount.local} == {
        "/",
        "/boot/efi",
        "/snap/core20/2318",
        "/media/ana/My Stick",
        "/mnt/nfs",
    }


def test_what_is_mounted_over_is_hidden() -> None:
    assert parsed()["/mnt/nfs"].kind == "ext4"


def test_values_of_options_do_not_get_in() -> None:
    assert "ana" not in str(parsed()["/mnt/share"].options) and "username" in parsed()["/mnt/share"].options


def test_percentages_are_those_of_df() -> None:
    size = os.statvfs_result((4096, 4096, 1000, 300, 200, 100, 10, 10, 0, 255))
    row = usage(Mount("/dev/x", "/", "ext4", ("rw",)), size)
    assert (row["used_percent"], row["inodes_used_percent"]) == (77.8, 90.0)
    none = os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))
    assert usage(Mount("x", "/", "btrfs", ("rw",)), none)["inodes_used_percent"] is None


async def test_one_that_hangs_costs_its_own_row_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()
    real = os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        if path.name == "share":
            hang.wait(20)
        return real(tmp_path)

    monkeypatch.setattr(mounts.os, "statvfs", statvfs)
    monkeypatch.setattr(mounts, "PATIENCE_SECONDS", 0.1)
    files = {"/proc/mounts": recorded("mounts.txt"), "/proc/filesystems": recorded("filesystems.txt")}
    environment = machine(tmp_path, files)
    rows = {row["path"]: row for row in await Mounts().rows(environment)}
    again = {row["path"]: row for row in await Mounts().rows(environment)}
    hang.set()
    assert rows["/"]["responding"] is True and rows["/"]["blocks"]
    for answer in (rows, again):
        assert answer["/mnt/share"]["responding"] is False and "blocks" not in answer["/mnt/share"]
    assert sum(thread.name == "probe mount /mnt/share" for thread in threading.enumerate()) <= 1


async def test_missing(tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        await Mounts().rows(machine(tmp_path))
