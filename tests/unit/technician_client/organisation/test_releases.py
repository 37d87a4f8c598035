"""Signing releases. (What agents make of them: tests/unit/agent/test_releases.py.)"""

from pathlib import Path

import pytest

from hostio.errors import UnreadableFile
from protocol.errors import TrustError
from protocol.releases import PART_BYTES
from technician_client.errors import NotFound
from technician_client.organisation.releases import add_release, read_release, releases, withdraw_release
from tests.kit.founded import Founded


def test_a_file_becomes_parts_and_the_newest_one_stands(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    path = tmp_path / "handrail-1.whl"
    path.write_bytes(b"x" * (PART_BYTES + 1))
    release, targets = read_release(path, platform="linux-x86_64", version="1.0", notes="The first.")
    assert release.parts == 2 and len(targets) == 3
    signers = founded.signers("agent")
    add_release(founded.spool, release, targets, signers, founded.wall)
    path.write_bytes(b"y")
    newer, more = read_release(path, platform="linux-x86_64", version="1.1")
    add_release(founded.spool, newer, more, signers, founded.wall)
    assert releases(founded.spool) == [newer]
    with pytest.raises(TrustError, match="never go back"):
        add_release(founded.spool, release, targets, signers, founded.wall)
    withdraw_release(founded.spool, "linux-x86_64", signers, founded.wall)
    assert releases(founded.spool) == []
    with pytest.raises(NotFound, match="No release"):
        withdraw_release(founded.spool, "linux-x86_64", signers, founded.wall)


def test_what_cannot_be_a_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        read_release(tmp_path / "none", platform="linux", version="1")
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(TrustError, match="between 1 and"):
        read_release(empty, platform="linux", version="1")
    empty.write_bytes(b"x")
    for platform, version in (("Linux!", "1"), ("linux", "one")):
        with pytest.raises(TrustError, match="cannot be a release"):
            read_release(empty, platform=platform, version=version)
