"""What is published arrives on an approver's computer verified, and laid out as the signer has it."""

from pathlib import Path

import pytest

from protocol.errors import TrustError
from technician_client.organisation import mirroring
from technician_client.organisation.approvals import approved, starter_fixes
from technician_client.organisation.mirroring import refresh_published, runs_signer
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.settings import Settings
from tests.kit.founded import Founded
from tests.kit.tuf_forgery import forge_repository


def test_the_copy_is_verified_and_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    founded = Founded(tmp_path / "admin")
    founded.approve(*starter_fixes())
    founded.publish()
    mirror = founded.mirror()
    monkeypatch.setattr(mirroring, "RelayMirror", lambda http, organisation: mirror)
    home = OrganisationHome(tmp_path / "bo")
    home.save(founded.record)
    assert runs_signer(founded.home) and not runs_signer(home)
    refresh_published(home, Settings(tmp_path), founded.wall)
    copy = Repository(home.repository)
    assert dict(copy.files()) == dict(founded.repository.files()) and copy.expiries() == founded.repository.expiries()
    spool = Spool(home.spool, copy)
    assert {manifest.id for manifest in approved(spool)} == {script.manifest.id for script in starter_fixes()}
    mirror.asked.clear()
    founded.publish(founded.after(minutes=3))
    refresh_published(home, Settings(tmp_path), founded.after(minutes=3))
    assert not [path for path in mirror.asked if path.startswith("targets/")]  # nothing is fetched twice
    assert not list((home.base / "seen" / "objects").iterdir())  # and nothing kept twice
    damaged = next(path for path in (home.repository / "targets").rglob("*fix.py"))
    damaged.write_bytes(b"cut short")
    refresh_published(home, Settings(tmp_path), founded.after(minutes=4))
    assert dict(copy.files()) == dict(founded.repository.files())
    mirror.frozen = forge_repository(founded.home.repository, tmp_path / "forged", "scripts", {"scripts/x/1/y": b"z"})
    with pytest.raises(TrustError, match="do not verify"):
        refresh_published(home, Settings(tmp_path), founded.after(minutes=5))
    assert dict(copy.files()) == dict(founded.repository.files())
