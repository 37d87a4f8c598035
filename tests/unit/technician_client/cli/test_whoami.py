"""`handrail whoami`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.errors import TrustError
from technician_client.cli.main import run
from technician_client.cli.whoami import certified
from technician_client.identity import IdentityRecord, save_record
from tests.kit.organisation import Credentials, Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation("Example Ltd")


def record(organisation: Organisation, person: Credentials) -> IdentityRecord:
    return IdentityRecord(
        organisation.id,
        organisation.name,
        organisation.root,
        b"",
        "https://relay.example:8443",
        "aa" * 32,
        person.chain,
        person.login_chain,
    )


def test_it_says_who_needs_no_passphrase(organisation: Organisation, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = organisation.technician("Ana Ruiz", 2)
    save_record(tmp_path / "identity", record(organisation, person))
    assert run(["--home", str(tmp_path), "whoami"]) == 0
    shown = capsys.readouterr().out
    for word in ("Ana Ruiz", "Example Ltd", organisation.id, person.peer, "relay.example:8443", "pinned", "valid until"):
        assert word in shown
    assert run(["--home", str(tmp_path), "whoami", "--json"]) == 0
    import json

    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["tier"], document["peer"]) == ("Ana Ruiz", 2, person.peer)
    assert document["organisation"] == {"id": organisation.id, "name": "Example Ltd"}
    assert document["certificate"]["expired"] is False
    assert document["key"] == person.key.public.fingerprint.hex()


def test_an_expired_certificate_is_shown_as_such(
    organisation: Organisation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = organisation.technician(wall=datetime.now(UTC) - timedelta(hours=20), hours=2)
    save_record(tmp_path / "identity", record(organisation, person))
    assert run(["--home", str(tmp_path), "whoami"]) == 0
    assert "expired" in capsys.readouterr().out


def test_a_certificate_of_somebody_else_is_7(
    organisation: Organisation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = Organisation("Evil Ltd").technician()
    save_record(tmp_path / "identity", record(organisation, stranger))
    assert run(["--home", str(tmp_path), "whoami"]) == 7
    empty = Credentials(stranger.role, stranger.peer, stranger.key, [], stranger.login_key, [])
    with pytest.raises(TrustError, match="no certificate"):
        certified(record(organisation, empty))
    assert capsys.readouterr().out == ""
