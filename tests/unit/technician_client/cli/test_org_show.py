"""`handrail org show`: everything at a glance, also as JSON, also before anything is published."""

from datetime import timedelta
from pathlib import Path
from unittest import mock

from protocol.certificates import PrivateKey
from technician_client.organisation.approvals import starter_fixes
from tests.kit.founded import Applicant, Founded
from tests.kit.org_commands import command_line


def test_all_parts_are_shown(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    founded.admit("Bo Li", 2, PrivateKey.generate())
    founded.approve(*starter_fixes())
    Applicant(founded.device_bundle(group="kiosk"), label="till \x1b[31m3").enrol(founded.issuer(), founded.wall)
    founded.technician_bundle("Cy", 1)
    shown = command_line(tmp_path, "org", "show")
    assert shown.code == 0, shown.err
    for words in ("Example Ltd", "Bo Li", "empty-trash", "kiosk", "Cy", "Waiting: policy", "organisation-root"):
        assert words in shown.out, words
    assert "\x1b[31m" not in shown.out
    document = command_line(tmp_path, "org", "show", "--json").json
    assert document["name"] == "Example Ltd" and document["waiting"] == {"policy": 0, "scripts": 0}
    assert [entry["name"] for entry in document["technicians"]] == ["Bo Li"]
    assert "secret" not in str(document)


def test_before_anything_is_published_the_way_on_is_shown(tmp_path: Path) -> None:
    Founded(tmp_path)
    shown = command_line(tmp_path, "org", "show")
    assert shown.code == 0 and "Start: handrail signer" in shown.out


def test_what_expires_is_told(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    with mock.patch("technician_client.cli.org.now", return_value=founded.wall + timedelta(days=80)):
        shown = command_line(tmp_path, "org", "show")
    assert "handrail org renew" in shown.err and "the signer does not run" in shown.err
