"""The technician's identity at rest: locked, whole, and clear about where its passphrase comes from."""

import stat
from pathlib import Path
from unittest import mock

import keyring
import keyring.backend
import msgspec
import pytest

from protocol.errors import TrustError
from technician_client.errors import NotSetUp
from technician_client.identity import (
    IdentityRecord,
    find_passphrase,
    keyring_get,
    keyring_put,
    keyring_usable,
    read_record,
    save_keys,
    save_record,
    unlock,
)
from technician_client.private_files import PrivateFileError, write_private
from tests.kit.organisation import Organisation

ORGANISATION = Organisation()
PERSON = ORGANISATION.technician("Ana Ruiz", 3)
PASSPHRASE = b"correct horse battery"
RECORD = IdentityRecord(
    organisation=ORGANISATION.id,
    organisation_name="Example Ltd",
    root=ORGANISATION.root,
    tuf_root=b"{}",
    relay="https://relay.example",
    relay_spki="",
    chain=PERSON.chain,
    login_chain=PERSON.login_chain,
)


class Drawer(keyring.backend.KeyringBackend):
    """A keyring in memory, as a desktop's."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    directory = tmp_path / "identity"
    with mock.patch("protocol.keys._LOG_N", 10):
        save_keys(directory, PERSON.key, PERSON.login_key, PASSPHRASE)
    save_record(directory, RECORD)
    return directory


def test_an_identity_opens_with_its_passphrase(identity: Path, tmp_path: Path) -> None:
    write_private(tmp_path / "pass", PASSPHRASE)
    opened = unlock(identity, passphrase_file=tmp_path / "pass")
    assert (opened.name, opened.tier, opened.peer, opened.relay_url) == ("Ana Ruiz", 3, PERSON.peer, "https://relay.example")
    assert opened.key.public == PERSON.key.public and opened.login_key.public == PERSON.login_key.public
    assert opened.fingerprint == PERSON.key.public.fingerprint and "chain" not in repr(opened)
    assert opened.renewal_due(opened.not_after) and not opened.renewal_due(ORGANISATION.wall)
    asked: list[str] = []
    unlock(identity, prompt=lambda words: asked.append(words) or PASSPHRASE.decode())
    assert "Example Ltd" in asked[0]


def test_a_wrong_passphrase_and_missing_people_are_told(identity: Path) -> None:
    with pytest.raises(TrustError, match="passphrase is wrong"):
        unlock(identity, prompt=lambda _: "wrong")
    with pytest.raises(NotSetUp, match="--passphrase-file"):
        unlock(identity)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in identity.iterdir())


def test_a_passphrase_file_that_was_written_down_is_used(identity: Path, tmp_path: Path) -> None:
    write_private(tmp_path / "pass", PASSPHRASE)
    record = msgspec.structs.replace(RECORD, unlock="file", passphrase_file=str(tmp_path / "pass"))
    save_record(identity, record)
    assert unlock(identity).name == "Ana Ruiz"
    (tmp_path / "pass").unlink()
    with pytest.raises(PrivateFileError, match="no passphrase file"):
        unlock(identity)


def test_the_keyring_keeps_a_passphrase_where_there_is_one(identity: Path) -> None:
    before = keyring.get_keyring()
    drawer = Drawer()
    record = msgspec.structs.replace(RECORD, unlock="keyring")
    save_record(identity, record)
    try:
        keyring.set_keyring(drawer)
        assert keyring_usable()
        assert find_passphrase(identity, record, passphrase_file=None, prompt=lambda _: "typed") == b"typed"
        keyring_put(identity, record, PASSPHRASE)
        assert list(drawer.kept) == [("handrail", f"{ORGANISATION.id}:{identity}")]
        assert unlock(identity).name == "Ana Ruiz"
        drawer.set_password = mock.Mock(side_effect=keyring.errors.KeyringLocked("locked"))  # type: ignore[method-assign]
        drawer.get_password = mock.Mock(side_effect=keyring.errors.KeyringLocked("locked"))  # type: ignore[method-assign]
        with pytest.raises(PrivateFileError, match="locked"):
            keyring_put(identity, record, PASSPHRASE)
        assert keyring_get("x") is None
        keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
        assert not keyring_usable() and keyring_get("x") is None
    finally:
        keyring.set_keyring(before)


def test_who_has_no_identity_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match="handrail join"):
        read_record(tmp_path)


def test_damaged_identities_are_refused(identity: Path) -> None:
    other = ORGANISATION.technician("Somebody Else")
    for changes in ({"chain": other.chain}, {"chain": []}, {"chain": PERSON.login_chain}, {"root": Organisation().root}):
        save_record(identity, msgspec.structs.replace(RECORD, **changes))  # type: ignore[arg-type]
        with pytest.raises(TrustError):
            unlock(identity, prompt=lambda _: PASSPHRASE.decode())
    (identity / "identity.json").write_bytes(b"{")
    with pytest.raises(TrustError, match="damaged"):
        read_record(identity)
    save_record(identity, RECORD)
    (identity / "login.pem").unlink()
    with pytest.raises(TrustError, match="missing"):
        unlock(identity, prompt=lambda _: PASSPHRASE.decode())
