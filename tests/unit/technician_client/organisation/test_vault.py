"""Keys at rest: encrypted, private, never overwritten."""

import stat
from pathlib import Path

import pytest

from protocol.certificates import PrivateKey
from protocol.errors import TrustError
from technician_client.errors import NotSetUp
from technician_client.organisation.vault import KeyDirectory, WeakPassphrase, read_public

GOOD = b"correct horse battery"


def test_a_key_comes_back_only_with_its_passphrase(tmp_path: Path) -> None:
    key = KeyDirectory(tmp_path / "vault", GOOD).create("scripts-1")
    again = KeyDirectory(tmp_path / "vault", GOOD).get("scripts-1")
    assert again.public == key.public
    with pytest.raises(TrustError, match="passphrase is wrong"):
        KeyDirectory(tmp_path / "vault", b"wrong passphrase").get("scripts-1")


def test_files_are_private_and_tell_nothing(tmp_path: Path) -> None:
    vault = KeyDirectory(tmp_path / "vault", GOOD)
    key = vault.create("root-1")
    path = tmp_path / "vault" / "root-1.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert b"ENCRYPTED" in path.read_bytes()
    assert vault.has("root-1") and vault.names() == ["root-1"] and vault.get("root-1") is key


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    vault = KeyDirectory(tmp_path, GOOD)
    vault.create("root-1")
    with pytest.raises(TrustError, match="never overwritten"):
        vault.create("root-1")


def test_short_passphrases_missing_keys_and_strange_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeakPassphrase):
        KeyDirectory(tmp_path, b"short").create("root-1")
    assert not list(tmp_path.iterdir())
    with pytest.raises(NotSetUp, match="no key"):
        KeyDirectory(tmp_path, GOOD).get("root-1")
    with pytest.raises(TrustError, match="no name of a key"):
        KeyDirectory(tmp_path, GOOD).get("../root")


def test_a_public_half_lies_beside_each_key(tmp_path: Path) -> None:
    vault = KeyDirectory(tmp_path, GOOD)
    key = vault.create("scripts-1", holder="Bo Li")
    half = vault.public("scripts-1")
    assert half is not None and (half.key, half.holder) == (key.public, "Bo Li")
    fresh = PrivateKey.generate()
    vault.replace("scripts-1", fresh)
    half = KeyDirectory(tmp_path, GOOD).public("scripts-1")
    assert half is not None and (half.key, half.holder) == (fresh.public, "Bo Li")
    with pytest.raises(TrustError, match="passphrase is wrong"):
        KeyDirectory(tmp_path, b"wrong passphrase").replace("scripts-1", fresh)
    with pytest.raises(NotSetUp):
        vault.replace("scripts-2", fresh)
    vault.remove("scripts-1")
    assert list(tmp_path.iterdir()) == [] and vault.public("scripts-1") is None


def test_a_public_half_that_is_none_is_refused(tmp_path: Path) -> None:
    for number, data in enumerate((b"{}", b"\xff", b'{"name":"x","spki":"AAAA"}', b'{"name":"../x","spki":""}')):
        path = tmp_path / f"{number}.pub"
        path.write_bytes(data)
        with pytest.raises(TrustError):
            read_public(path)
    with pytest.raises(NotSetUp, match="org key new"):
        read_public(tmp_path / "none.pub")
