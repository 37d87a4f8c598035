"""The technician's identity at rest: locked, whole, and clear about where its passphrase comes from."""

import stat
from pathlib import Path
from unittest import mock

import keyring
import keyring.backend
import msgspec
import pytest
from keyrings.alt.file import PlaintextKeyring

from hostio.private_files import PrivateFileError, write_private
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
from technician_client.organisation.quickstart import keep_passphrase
from tests.kit.keyring_session import with_secret_service
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


KEEP = """
import sys
from pathlib import Path
from technician_client.identity import read_record, save_record
from technician_client.organisation.quickstart import keep_passphrase
directory = Path(sys.argv[1])
record, unlock = keep_passphrase(directory, read_record(directory), sys.argv[2].encode())
save_record(directory, record)
print(unlock)
"""
OPEN = """
import sys
from pathlib import Path
from technician_client.identity import unlock
print(unlock(Path(sys.argv[1])).name)
"""


def test_a_real_secret_service_keeps_the_passphrase_and_gives_it_back(identity: Path, tmp_path: Path) -> None:
    """gnome-keyring on a bus of its own: what one login kept, the next one opens; on the disk there is nothing to read."""
    desktop = tmp_path / "desktop"
    with_secret_service(desktop, KEEP, str(identity), PASSPHRASE.decode())
    assert read_record(identity).unlock == "keyring"
    assert with_secret_service(desktop, OPEN, str(identity)).strip() == "Ana Ruiz"
    assert any(path.is_file() for path in desktop.rglob("*.keyring"))
    for path in (*desktop.rglob("*"), *identity.rglob("*")):
        assert not path.is_file() or PASSPHRASE not in path.read_bytes()
    # Another desktop, or another identity's directory, knows nothing of it.
    with pytest.raises(AssertionError, match="Your key is locked and nobody can be asked here"):
        with_secret_service(tmp_path / "other", OPEN, str(identity))


def test_a_keyring_that_writes_passphrases_in_the_clear_is_not_used(identity: Path, tmp_path: Path) -> None:
    """keyrings.alt keeps them in a plain file: it says so by its priority, and then we rather ask."""
    before = keyring.get_keyring()
    plain = PlaintextKeyring()  # type: ignore[no-untyped-call]
    plain.file_path = str(tmp_path / "plain.cfg")
    try:
        keyring.set_keyring(plain)
        assert not keyring_usable()
        kept, how = keep_passphrase(identity, RECORD, PASSPHRASE)
        assert (kept.unlock, how) == ("prompt", "prompt") and not (tmp_path / "plain.cfg").exists()
        # Whoever chooses it all the same gets what they chose: the calls are those of any backend.
        record = msgspec.structs.replace(RECORD, unlock="keyring")
        keyring_put(identity, record, PASSPHRASE)
        assert find_passphrase(identity, record, passphrase_file=None, prompt=None) == PASSPHRASE
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
