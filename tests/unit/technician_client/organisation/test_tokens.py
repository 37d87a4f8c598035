"""The signer's records: uses are counted once, answers are kept, both or neither."""

import stat
from pathlib import Path

import pytest

from protocol.documents import Bundle
from protocol.errors import Unavailable
from technician_client.organisation.tokens import Issued, Records, Token

BUNDLE = Bundle(
    kind="device",
    org="0" * 16,
    organisation_name="x",
    root=b"",
    tuf_root=b"",
    relay="https://x",
    token_id="f" * 16,
    secret=bytes(32),
    expires=100.0,
    group="kiosk",
)
ISSUED = Issued("peer", "device", "till", "kiosk", 0, "ab" * 32, 1.0, 1.0, 99.0, False)


def test_a_token_is_used_as_often_as_it_says(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite") as records:
        records.add_token(BUNDLE, 2, 1.0)
        assert records.use_token("f" * 16, b"one", b"answer one", ISSUED, 2.0)
        assert records.use_token("f" * 16, b"two", b"answer two", ISSUED, 2.0)
        assert not records.use_token("f" * 16, b"three", b"answer three", ISSUED, 2.0)
        assert records.answer(b"one") == b"answer one" and records.answer(b"three") is None
        token = records.token("f" * 16)
        assert token is not None and (token.used, token.uses, token.group) == (2, 2, "kiosk")
        assert bytes(32).hex() not in repr(token) and "b'" not in repr(token)


def test_a_withdrawn_token_is_used_no_more(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite") as records:
        records.add_token(BUNDLE, 1, 1.0)
        assert records.withdraw_token("f" * 16) and not records.withdraw_token("e" * 16)
        assert not records.use_token("f" * 16, b"one", b"a", ISSUED, 2.0)
        assert isinstance(records.tokens()[0], Token) and records.tokens()[0].withdrawn
        assert records.token("e" * 16) is None


def test_a_renewed_key_keeps_its_first_day_and_stays_revoked(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite") as records:
        records.add_issued(ISSUED)
        records.mark_revoked(ISSUED.fingerprint)
        records.add_issued(Issued("peer", "device", "till 2", "kiosk", 0, "ab" * 32, 5.0, 5.0, 120.0, False))
        (found,) = records.issued("device")
        assert (found.label, found.first_at, found.last_at, found.not_after, found.revoked) == ("till 2", 1.0, 5.0, 120.0, True)
        assert records.issued("technician") == [] and records.issued_key("cd" * 32) is None
        assert records.issued_key("ab" * 32) == found


def test_two_processes_see_each_other(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite") as one, Records(tmp_path / "records.sqlite") as two:
        one.add_token(BUNDLE, 1, 1.0)
        assert two.use_token("f" * 16, b"r", b"a", ISSUED, 1.0)
        assert not one.use_token("f" * 16, b"s", b"a", ISSUED, 1.0)


def test_the_file_is_private_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    Records(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable, match="backup"):
        Records(path)


def test_a_failed_transaction_changes_nothing(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite") as records:
        records.add_token(BUNDLE, 1, 1.0)
        with pytest.raises(Unavailable):
            records.add_token(BUNDLE, 1, 1.0)
        assert len(records.tokens()) == 1
        assert records.use_token("f" * 16, b"r", b"a", ISSUED, 1.0)
