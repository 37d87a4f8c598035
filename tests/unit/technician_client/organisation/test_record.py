"""The record: what anybody may know, and clear words where there is none."""

from pathlib import Path

import pytest

from protocol.errors import TrustError
from technician_client.errors import NotSetUp
from technician_client.organisation.record import OrganisationHome, OrganisationRecord, Thresholds

RECORD = OrganisationRecord("0123456789abcdef", "Example", b"root", b"{}", Thresholds.of_one(), 1.0)


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path / "organisation")
    assert not home.exists()
    home.save(RECORD)
    assert home.exists() and home.load() == RECORD


def test_who_has_no_organisation_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match="handrail quickstart"):
        OrganisationHome(tmp_path).load()


def test_who_has_no_relay_is_told_how_to_register(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path)
    home.save(RECORD)
    with pytest.raises(NotSetUp, match="org register"):
        home.registered()


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path)
    home.record_file.write_bytes(b'{"organisation": "../.."}')
    with pytest.raises(TrustError, match="backup"):
        home.load()


def test_thresholds_leave_a_spare_key_where_there_are_several() -> None:
    assert [Thresholds.keys_for(number) for number in (1, 2, 3)] == [1, 3, 4]
    assert Thresholds().scripts == 2 and Thresholds().revocation == 1


def test_every_part_lies_below_the_base(tmp_path: Path) -> None:
    home = OrganisationHome(tmp_path)
    for path in (home.vault, home.signer, home.signer_keys, home.records, home.repository, home.spool, home.certificate("login")):
        assert path.is_relative_to(tmp_path)
