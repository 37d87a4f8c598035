"""A newer release is verified and laid ready, over a real repository; what is older, frozen, forged or withdrawn is not."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from agent import releases
from agent.releases import StagedReleases
from agent.trust import TrustStore
from protocol.certificates import PrivateKey
from protocol.documents import POLICY_PATH
from protocol.errors import NeedsUpdate, TrustError, Unavailable
from protocol.formats import NEWEST_FORMAT
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.releases import add_release, read_release, withdraw_release
from tests.kit.founded import Founded, Mirror
from tests.kit.tuf_forgery import forge_repository

PLATFORM = "linux-x86_64"


class Device:
    """An agent of version 0.1.0 with its mirror."""

    def __init__(self, founded: Founded, directory: Path) -> None:
        self.mirror: Mirror = founded.mirror()
        self.trust: TrustStore = founded.trust(directory / "tuf", self.mirror)
        self.directory = directory / "releases"
        self.staged = StagedReleases(self.directory, self.trust, platform=PLATFORM, running="0.1.0")

    @property
    def version(self) -> str:
        found = self.staged.ready()
        return found[0].version if found else ""


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    return Founded(tmp_path)


@pytest.fixture
def device(founded: Founded, tmp_path: Path) -> Device:
    founded.publish()
    return Device(founded, tmp_path / "agent")


def sign(founded: Founded, directory: Path, version: str, data: bytes, minutes: float, *, platform: str = PLATFORM) -> None:
    path = directory / f"handrail-{version}.whl"
    path.write_bytes(data)
    release, targets = read_release(path, platform=platform, version=version)
    assert add_release(founded.spool, release, targets, founded.signers("agent"), founded.after(minutes=minutes)) == 0
    founded.publish(founded.after(minutes=minutes))


def look(founded: Founded, device: Device, minutes: float) -> None:
    device.trust.refresh_blocking(founded.after(minutes=minutes))
    device.staged.look()


def test_a_newer_release_comes_with_rules_that_only_it_can_read(founded: Founded, device: Device, tmp_path: Path) -> None:
    device.trust.refresh_blocking(founded.wall)
    policy = json.loads(founded.spool.newest_target("policy", POLICY_PATH)) | {"v": NEWEST_FORMAT + 1, "reader": "0.3.0"}
    founded.spool.edit(
        "policy", add={POLICY_PATH: json.dumps(policy).encode()}, signers=founded.signers("policy"), wall=founded.wall
    )
    sign(founded, tmp_path, "0.3.0", b"reads more", 1)
    with pytest.raises(NeedsUpdate):
        look(founded, device, 2)
    device.staged.look()
    assert device.version == "0.3.0"


def test_a_newer_release_is_ready_and_nothing_is_installed(founded: Founded, device: Device, tmp_path: Path) -> None:
    device.staged.look()  # nothing was fetched yet
    assert device.version == "" and device.staged.sentence() == ""
    data = bytes(range(256)) * 8192  # two parts
    sign(founded, tmp_path, "0.2.0", data, 1)
    look(founded, device, 2)
    found = device.staged.ready()
    assert found is not None and found[0].version == "0.2.0" and found[1].read_bytes() == data
    assert found[1].stat().st_mode & 0o177 == 0  # for its owner alone, and no program yet
    assert "0.2.0 is signed by your organisation and ready" in device.staged.sentence()
    device.mirror.asked.clear()
    look(founded, device, 3)
    assert device.mirror.asked == ["metadata/timestamp.json"]  # what is ready is not fetched again
    found[1].write_bytes(data[:-1] + b"\0")
    assert device.version == ""  # changed on the disk
    look(founded, device, 4)
    assert device.version == "0.2.0"
    sign(founded, tmp_path, "0.3.0", b"newer", 5)
    look(founded, device, 6)
    assert device.version == "0.3.0" and len(list(device.directory.iterdir())) == 2


def test_a_file_is_hashed_once_and_again_when_somebody_was_at_it(
    founded: Founded, device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 8192
    sign(founded, tmp_path, "0.2.0", data, 1)
    look(founded, device, 2)
    found = device.staged.ready()
    assert found is not None
    hashed: list[int] = []
    plain = hashlib.sha256

    def counted(data: bytes = b"") -> object:
        hashed.append(len(data))
        return plain(data)

    monkeypatch.setattr(releases, "hashlib", SimpleNamespace(sha256=counted))
    for _ in range(3):
        assert device.version == "0.2.0"
        assert device.staged.sentence()
    assert hashed == []
    before = found[1].stat()
    found[1].write_bytes(data[:-1] + b"\0")
    os.utime(found[1], ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nobody had been
    assert device.version == ""
    assert hashed == [len(data)]


def test_nothing_older_than_what_runs_or_for_others_is_taken(founded: Founded, device: Device, tmp_path: Path) -> None:
    sign(founded, tmp_path, "0.1.0", b"same", 1)
    sign(founded, tmp_path, "9.0", b"other", 2, platform="windows-amd64")
    look(founded, device, 3)
    assert device.version == ""
    with pytest.raises(TrustError, match="never go back"):
        sign(founded, tmp_path, "0.0.9", b"old", 4)


def test_a_relay_cannot_roll_a_release_back(founded: Founded, device: Device, tmp_path: Path) -> None:
    sign(founded, tmp_path, "0.2.0", b"with a hole", 1)
    device.mirror.freeze(tmp_path / "old")
    device.mirror.frozen = None
    sign(founded, tmp_path, "0.3.0", b"mended", 2)
    look(founded, device, 3)
    device.mirror.frozen = tmp_path / "old"
    with pytest.raises(TrustError, match="do not verify"):
        look(founded, device, 4)
    device.staged.look()
    assert device.version == "0.3.0"


def test_a_relay_cannot_freeze_releases_for_longer_than_a_day(founded: Founded, device: Device, tmp_path: Path) -> None:
    device.mirror.freeze(tmp_path / "old")
    sign(founded, tmp_path, "0.2.0", b"new", 1)
    look(founded, device, 2)
    assert device.version == ""
    with pytest.raises(TrustError, match="have expired"):
        look(founded, device, 25 * 60)


def test_a_relay_cannot_push_a_release(founded: Founded, device: Device, tmp_path: Path) -> None:
    look(founded, device, 1)
    (tmp_path / "evil.whl").write_bytes(b"evil")
    _, targets = read_release(tmp_path / "evil.whl", platform=PLATFORM, version="9.9")
    device.mirror.frozen = forge_repository(founded.home.repository, tmp_path / "forged", "agent", targets)
    with pytest.raises(TrustError, match="do not verify"):
        look(founded, device, 2)
    assert device.version == ""


def test_one_of_two_keys_releases_nothing(tmp_path: Path) -> None:
    founded = Founded(tmp_path, two_people=True)
    founded.publish()
    device = Device(founded, tmp_path / "agent")
    (tmp_path / "a.whl").write_bytes(b"alone")
    release, targets = read_release(tmp_path / "a.whl", platform=PLATFORM, version="0.2")
    assert add_release(founded.spool, release, targets, founded.signers("agent", "agent-1"), founded.wall) == 1
    assert founded.publish(founded.after(minutes=1)).published == ()
    look(founded, device, 2)
    assert device.version == ""
    with pytest.raises(TrustError, match="may not sign"):
        founded.spool.countersign("agent", [TufSigner(PrivateKey.generate())])
    assert founded.spool.countersign("agent", founded.signers("agent", "agent-2")) == 0
    founded.publish(founded.after(minutes=3))
    look(founded, device, 4)
    assert device.version == "0.2"


def test_what_is_withdrawn_is_thrown_away_and_a_relay_that_is_away_changes_nothing(
    founded: Founded, device: Device, tmp_path: Path
) -> None:
    sign(founded, tmp_path, "0.2.0", b"new", 1)
    look(founded, device, 2)
    device.mirror.away = True
    with pytest.raises(Unavailable):
        look(founded, device, 3)
    assert device.version == "0.2.0"
    device.mirror.away = False
    stopping = StagedReleases(tmp_path / "other", device.trust, platform=PLATFORM, running="0.1.0")
    stopping.stop()
    with pytest.raises(Unavailable, match="stopping"):
        stopping.look()
    withdraw_release(founded.spool, PLATFORM, founded.signers("agent"), founded.after(minutes=4))
    founded.publish(founded.after(minutes=4))
    look(founded, device, 5)
    assert device.version == "" and list(device.directory.iterdir()) == []
    shutil.rmtree(device.directory)
    device.staged.look()


def test_a_note_on_the_disk_vouches_for_nothing(founded: Founded, device: Device, tmp_path: Path) -> None:
    """Whoever can write there lays another file ready, with a note that fits, for an administrator to install."""
    sign(founded, tmp_path, "0.2.0", b"genuine", 1)
    look(founded, device, 2)
    (tmp_path / "handrail-0.2.0.whl").write_bytes(b"evil")
    forged, _ = read_release(tmp_path / "handrail-0.2.0.whl", platform=PLATFORM, version="0.2.0")
    (device.directory / forged.file).write_bytes(b"evil")
    (device.directory / "staged.json").write_bytes(msgspec.json.encode(forged))
    assert device.staged.sentence() == ""
    again = StagedReleases(device.directory, device.trust, platform=PLATFORM, running="0.1.0")  # the agent was restarted
    assert again.sentence() == ""
    again.look()
    found = again.ready()
    assert found is not None and found[1].read_bytes() == b"genuine"
    device.mirror.asked.clear()
    later = StagedReleases(device.directory, device.trust, platform=PLATFORM, running="0.1.0")
    later.look()
    assert later.ready() is not None
    assert [path for path in device.mirror.asked if "part-" in path] == []  # what is there and right is not fetched again


def test_a_folder_among_the_releases_is_in_nobodys_way(founded: Founded, device: Device, tmp_path: Path) -> None:
    """Whatever somebody puts there: newer releases are laid ready, and what was withdrawn goes."""
    (device.directory / "notes").mkdir(parents=True)
    (device.directory / "notes" / "of-somebody").write_text("mine")
    look(founded, device, 1)
    sign(founded, tmp_path, "0.2.0", b"new", 2)
    look(founded, device, 3)
    assert device.version == "0.2.0"
    sign(founded, tmp_path, "0.3.0", b"newer", 4)
    look(founded, device, 5)
    assert device.version == "0.3.0"
    withdraw_release(founded.spool, PLATFORM, founded.signers("agent"), founded.after(minutes=6))
    founded.publish(founded.after(minutes=6))
    look(founded, device, 7)
    assert device.version == ""
    assert (device.directory / "notes" / "of-somebody").read_text() == "mine"
    assert [path.name for path in device.directory.iterdir()] == ["notes"]


def test_a_file_in_the_place_of_the_folder_is_said(founded: Founded, device: Device, tmp_path: Path) -> None:
    device.directory.parent.mkdir(exist_ok=True)
    device.directory.write_text("not a folder")
    sign(founded, tmp_path, "0.2.0", b"new", 1)
    with pytest.raises(Unavailable, match="cannot be kept"):
        look(founded, device, 2)
    assert device.version == ""
