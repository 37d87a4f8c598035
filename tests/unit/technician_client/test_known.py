"""What certificates have told about devices."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.certificates import Identity, check_chain, check_guest
from protocol.errors import TrustError
from technician_client.known import KnownDevice, KnownDevices
from tests.kit.organisation import Credentials, Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def identity_of(organisation: Organisation, credentials: Credentials) -> Identity:
    return check_chain(
        credentials.chain, root_der=organisation.root, expected=credentials.role, purpose="session", wall=datetime.now(UTC)
    )


def test_what_was_seen_is_there_the_next_time(organisation: Organisation, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    till, desk = organisation.device("Till 1", "tills"), organisation.device("Desk", "office")
    known, beside = KnownDevices(path, wall=lambda: 100.0), KnownDevices(path, wall=lambda: 200.0)
    known.remember(identity_of(organisation, till))
    beside.remember(identity_of(organisation, desk))  # another command, that had read the file before
    again = KnownDevices(path)
    assert again.get(till.peer) == KnownDevice("Till 1", "tills", 100.0)
    assert again.get(desk.peer) == KnownDevice("Desk", "office", 200.0)
    assert again.get("nobody") is None
    assert again.groups() == {"tills", "office"}
    assert path.stat().st_mode & 0o077 == 0


def test_a_new_certificate_replaces_the_old_word(organisation: Organisation, tmp_path: Path) -> None:
    known = KnownDevices(tmp_path / "known.json")
    till = organisation.device("Till 1", "tills")
    known.remember(identity_of(organisation, till))
    known.remember(identity_of(organisation, organisation.device("Till 9", "museum", peer=till.peer)))
    met = KnownDevices(tmp_path / "known.json").get(till.peer)
    assert met is not None
    assert (met.label, met.group) == ("Till 9", "museum")


def test_what_does_not_change_is_not_written(organisation: Organisation, tmp_path: Path) -> None:
    known = KnownDevices(tmp_path / "known.json")
    identity = identity_of(organisation, organisation.device())
    known.remember(identity)
    (tmp_path / "known.json").unlink()
    known.remember(identity)
    assert not (tmp_path / "known.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a":{"label":1}}', b"\xff"])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "known.json").write_bytes(content)
    assert KnownDevices(tmp_path / "known.json").groups() == frozenset()


def test_a_technician_is_not_remembered_as_a_device(organisation: Organisation, tmp_path: Path) -> None:
    with pytest.raises(TrustError):
        KnownDevices(tmp_path / "known.json").remember(identity_of(organisation, organisation.technician()))


def test_nothing_is_noted_of_a_guest(organisation: Organisation, tmp_path: Path) -> None:
    guest = check_guest(organisation.guest().chain, organisation=organisation.id, wall=datetime.now(UTC))
    known = KnownDevices(tmp_path / "known.json")
    known.remember(guest)
    assert known.get(guest.peer) is None
    assert not (tmp_path / "known.json").exists()
