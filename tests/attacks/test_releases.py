"""Attacks on releases of the agent, on real repositories: rows 12, 13 and 31. What an agent lays ready is what somebody will
install."""

from pathlib import Path

import pytest

from agent.releases import StagedReleases
from agent.trust import TrustStore
from protocol.errors import HandrailError
from technician_client.organisation.releases import add_release, read_release
from tests.kit.founded import Founded, Mirror
from tests.kit.tuf_forgery import forge_repository

PLATFORM = "linux-x86_64"
DAY = 24 * 60


class Device:
    """An agent of version 0.1.0."""

    def __init__(self, founded: Founded, directory: Path) -> None:
        self.founded = founded
        self.mirror: Mirror = founded.mirror()
        self.trust: TrustStore = founded.trust(directory / "tuf", self.mirror)
        self.staged = StagedReleases(directory / "releases", self.trust, platform=PLATFORM, running="0.1.0")

    def ready(self, minutes: float) -> str:
        """Look as the daemon does; which version is ready then."""
        try:
            self.trust.refresh_blocking(self.founded.after(minutes=minutes))
            self.staged.look()
        except HandrailError:
            pass
        found = self.staged.ready()
        return "" if found is None else found[0].version


def sign(founded: Founded, directory: Path, version: str, minutes: float, *keys: str) -> None:
    path = directory / f"handrail-{version}.whl"
    path.write_bytes(f"version {version}".encode())
    release, targets = read_release(path, platform=PLATFORM, version=version)
    add_release(founded.spool, release, targets, founded.signers("agent", *keys), founded.after(minutes=minutes))
    founded.publish(founded.after(minutes=minutes))


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    founded = Founded(tmp_path)
    founded.publish()
    return founded


@pytest.mark.attack(12, without=["repository_signatures"])
def test_a_relay_cannot_push_a_release(founded: Founded, tmp_path: Path) -> None:
    device = Device(founded, tmp_path / "agent")
    assert device.ready(1) == ""
    (tmp_path / "evil.whl").write_bytes(b"evil")
    _, targets = read_release(tmp_path / "evil.whl", platform=PLATFORM, version="9.9")
    device.mirror.frozen = forge_repository(founded.home.repository, tmp_path / "forged", "agent", targets)
    assert device.ready(5) == ""


@pytest.mark.attack(13, without=["repository_memory"])
def test_a_relay_cannot_roll_a_release_back_to_one_with_a_hole(founded: Founded, tmp_path: Path) -> None:
    device = Device(founded, tmp_path / "agent")
    sign(founded, tmp_path, "0.2", 1)
    device.mirror.freeze(tmp_path / "old")
    device.mirror.frozen = None
    sign(founded, tmp_path, "0.3", 2)
    assert device.ready(3) == "0.3"
    device.mirror.frozen = tmp_path / "old"
    assert device.ready(4) == "0.3"


@pytest.mark.attack(13, without=["repository_expiry"])
def test_a_relay_cannot_have_an_old_release_laid_ready_by_freezing(founded: Founded, tmp_path: Path) -> None:
    """A new computer is shown the state of long ago, whole and signed."""
    sign(founded, tmp_path, "0.2", 1)
    device = Device(founded, tmp_path / "agent")
    device.mirror.freeze(tmp_path / "old")
    sign(founded, tmp_path, "0.3", 2)
    assert device.ready(30 * DAY) == ""


@pytest.mark.attack(31, without=["thresholds"])
def test_the_thief_of_one_release_key_releases_nothing(tmp_path: Path) -> None:
    founded = Founded(tmp_path, two_people=True)
    founded.publish()
    sign(founded, tmp_path, "6.6", 1, "agent-1")
    assert Device(founded, tmp_path / "agent").ready(2) == ""
