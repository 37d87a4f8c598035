"""An organisation of one in one go, and again after an interruption."""

from pathlib import Path
from unittest import mock

import pytest

from hostio.errors import RelayUnreachable
from hostio.private_files import write_private
from protocol.certificates import Role, check_chain
from protocol.documents import decode_bundle
from protocol.errors import Refused, TrustError
from technician_client.identity import read_record, unlock
from technician_client.organisation import lists
from technician_client.organisation.approvals import approved
from technician_client.organisation.quickstart import Plan, keep_passphrase, quickstart
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from tests.kit.http_relay import http_relay
from tests.kit.processes import free_port


@pytest.fixture(autouse=True)
def quick_keys_and_no_keyring() -> object:
    with (
        mock.patch("protocol.keys._LOG_N", 10),
        mock.patch("technician_client.organisation.quickstart.keyring_usable", return_value=False),
    ):
        yield


def plan(tmp_path: Path, url: str, **changes: object) -> Plan:
    passphrase_file = tmp_path / "passphrase"
    if not passphrase_file.exists():
        write_private(passphrase_file, b"correct horse battery\n")
    fields: dict[str, object] = {
        "relay": url,
        "token": "token",
        "pin": "",
        "name": "Example",
        "technician": "Ana",
        "passphrase": b"correct horse battery",
        "passphrase_file": passphrase_file,
        "bundle_file": tmp_path / "devices.handrail",
    }
    return Plan(**{**fields, **changes})  # type: ignore[arg-type]


def test_everything_is_there_and_fits_together(tmp_path: Path) -> None:
    home, identity = OrganisationHome(tmp_path / "home" / "organisation"), tmp_path / "home" / "identity"
    with http_relay() as relay:
        result = quickstart(home, identity, plan(tmp_path, relay.url))
    record = home.registered()
    spool = Spool(home.spool, Repository(home.repository))
    (entry,) = lists.technicians(spool).technicians
    assert (entry.name, entry.tier, entry.key) == ("Ana", 3, result.identity.fingerprint.hex())
    assert {manifest.id for manifest in approved(spool)} == set(result.fixes) and len(result.fixes) >= 6
    assert decode_bundle(result.bundle_file.read_bytes()).org == record.organisation
    opened = unlock(identity)
    assert opened.peer == result.identity.peer and opened.relay_url == record.relay
    who = check_chain(opened.login_chain, root_der=record.root, expected=Role.TECHNICIAN, purpose="login", wall=opened.not_before)
    assert who.peer == opened.peer and result.unlock == "file"
    with pytest.raises(TrustError, match="already"):
        quickstart(home, identity, plan(tmp_path, "http://127.0.0.1:1"))
    (identity / "identity.json").unlink()
    with pytest.raises(TrustError, match="already"):
        quickstart(home, identity, plan(tmp_path, "http://127.0.0.1:1"))


def test_a_relay_that_is_away_is_told_before_anything_is_made(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path / "home" / "organisation")
    with pytest.raises(RelayUnreachable):
        quickstart(home, tmp_path / "identity", plan(tmp_path, f"http://127.0.0.1:{free_port()}"))
    assert not home.base.exists()


def test_a_wrong_token_can_be_mended_by_calling_again(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path / "home" / "organisation")
    with http_relay() as relay:
        with pytest.raises(Refused):
            quickstart(home, tmp_path / "identity", plan(tmp_path, relay.url, token="wrong"))
        made = home.load().organisation
        (tmp_path / "devices.handrail").write_text("left from before")
        result = quickstart(home, tmp_path / "identity", plan(tmp_path, relay.url))
    assert result.record.organisation == made
    assert result.bundle_file.name == "devices-2.handrail"


def test_a_typed_passphrase_goes_to_the_keyring_where_there_is_one(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path / "home" / "organisation")
    kept: list[bytes] = []
    with (
        http_relay() as relay,
        mock.patch("technician_client.organisation.quickstart.keyring_usable", return_value=True),
        mock.patch("technician_client.organisation.quickstart.keyring_put", side_effect=lambda *a: kept.append(a[2])),
    ):
        result = quickstart(home, tmp_path / "identity", plan(tmp_path, relay.url, passphrase_file=None))
    assert result.unlock == "keyring" and kept == [b"correct horse battery"]
    record = read_record(tmp_path / "identity")
    assert record.unlock == "keyring"
    assert keep_passphrase(tmp_path, record, b"x") == (record, "keyring")
