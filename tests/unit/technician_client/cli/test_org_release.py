"""`handrail org release` by its commands."""

from pathlib import Path
from unittest import mock

import pytest

from technician_client.organisation.releases import releases
from tests.kit.founded import Founded
from tests.kit.org_commands import command_line, passphrase_option


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    founded = Founded(tmp_path)
    founded.publish()
    return founded


def test_a_release_is_signed_shown_and_withdrawn(founded: Founded, tmp_path: Path) -> None:
    options = passphrase_option(tmp_path)
    wheel = tmp_path / "handrail-1.2.whl"
    wheel.write_bytes(b"a wheel")
    named = ["--platform", "linux-x86_64", "--version", "1.2"]
    with mock.patch("click.confirm", return_value=False):
        assert "Nothing was signed" in command_line(tmp_path, "org", "release", "add", str(wheel), *named, *options).out
    ran = command_line(tmp_path, "org", "release", "add", str(wheel), *named, "--yes", *options)
    assert ran.code == 0 and "7 bytes, sha256" in ran.err and "Signed linux-x86_64 1.2" in ran.out
    assert [release.version for release in releases(founded.spool)] == ["1.2"]
    assert "handrail-1.2.whl" in command_line(tmp_path, "org", "show").out
    assert command_line(tmp_path, "org", "release", "add", str(wheel), *named, "--yes", *options).code == 7
    assert command_line(tmp_path, "org", "release", "withdraw", "linux-x86_64", *options).code == 0
    assert releases(founded.spool) == []
    assert command_line(tmp_path, "org", "release", "withdraw", "linux-x86_64", *options).code == 6
