"""`org adopt` and what the commands say without a relay. (Through a real one: tests/integration/test_approvals.py.)"""

from pathlib import Path

import pytest

from technician_client.cli.org_approvals import holders
from technician_client.organisation.record import OrganisationHome
from tests.kit.founded import Founded
from tests.kit.org_commands import command_line, passphrase_option


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    founded = Founded(tmp_path / "admin", two_people=True)
    founded.publish()
    return founded


def test_a_record_is_adopted_once_and_shows_the_root_to_compare(founded: Founded, tmp_path: Path) -> None:
    record = str(founded.home.record_file)
    ran = command_line(tmp_path / "bo", "org", "adopt", record, "--yes")
    assert ran.code == 0 and "root certificate" in ran.err and "decide for Example Ltd" in ran.out
    assert OrganisationHome(tmp_path / "bo" / "organisation").load() == founded.record
    assert command_line(tmp_path / "bo", "org", "adopt", record, "--yes").code == 7
    (tmp_path / "other.json").write_text("{}")
    assert command_line(tmp_path / "cy", "org", "adopt", str(tmp_path / "other.json"), "--yes").code == 7


def test_approvals_without_a_relay_or_keys_say_what_to_do(founded: Founded, tmp_path: Path) -> None:
    command_line(tmp_path / "bo", "org", "adopt", str(founded.home.record_file), "--yes")
    options = passphrase_option(tmp_path)
    ran = command_line(tmp_path / "bo", "org", "approvals", *options)
    assert ran.code == 4 and "does not answer" in ran.err
    assert command_line(tmp_path / "nobody", "org", "approvals", *options).code == 3


def test_key_holders_in_words(founded: Founded) -> None:
    import msgspec

    record = msgspec.structs.replace(founded.record, holders={"ab" * 32: "Bo Li"})
    assert holders(record, ["ab" * 32, "cd" * 32]) == ["Bo Li (abababab)", "cdcdcdcd"]
