"""`handrail join`: from the invitation to an identity, with the words to read aloud."""

from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from protocol.documents import canonical_json
from protocol.enrolment import key_words
from technician_client.identity import unlock
from tests.kit.founded import Founded
from tests.kit.http_relay import http_relay
from tests.kit.org_commands import command_line, passphrase_option


def test_joining_gives_an_identity_and_its_words(tmp_path: Path) -> None:
    with http_relay() as relay, mock.patch("protocol.keys._LOG_N", 10):
        founded = Founded(tmp_path, relay=relay.url)
        founded.publish()
        issuer = founded.issuer()
        relay.answer = lambda document: issuer.answer(document, datetime.now(UTC))
        bundle = tmp_path / "bo.handrail"
        bundle.write_bytes(canonical_json(founded.technician_bundle("Bo Li", 2)))
        option = passphrase_option(tmp_path)
        ran = command_line(tmp_path / "home", "join", str(bundle), *option)
        assert ran.code == 0, ran.err
        identity = unlock(tmp_path / "home" / "identity")
        assert identity.name == "Bo Li" and key_words(identity.fingerprint) in ran.out
        assert "handrail org technician" in ran.out
        again = command_line(tmp_path / "home", "join", str(bundle), *option)
        assert again.code == 7 and "already" in again.err
        used = command_line(tmp_path / "other", "join", str(bundle), "--json", *option)
        assert used.code == 5 and used.json["error"]["reason"] == "limit"


def test_a_file_that_is_no_bundle_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    ran = command_line(tmp_path / "home", "join", str(tmp_path / "x"), *passphrase_option(tmp_path))
    assert ran.code == 7 and "Ask your administrator" in ran.err
    ran = command_line(tmp_path / "home", "join", str(tmp_path / "none"), *passphrase_option(tmp_path))
    assert ran.code == 2 and "cannot be read" in ran.err
