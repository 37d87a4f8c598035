"""What an order to many devices means is read from the technician's own verified files, over real repositories on disk."""

from pathlib import Path

import msgspec
import pytest

from protocol.errors import NeedsUpdate, TrustError, Unavailable
from protocol.formats import NEWEST_FORMAT
from protocol.manifests import MANIFEST_NAME, manifest_digest
from technician_client.errors import NotFound
from technician_client.organisation.approvals import Script, starter_fixes
from technician_client.pinned import Pinned, approved_script
from technician_client.signed_files import SignedFiles
from tests.kit.founded import Founded, Mirror


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    organisation = Founded(tmp_path)
    organisation.approve(*starter_fixes())
    organisation.publish()
    return organisation


def files_of(founded: Founded, tmp_path: Path, mirror: Mirror | None = None) -> SignedFiles:
    return SignedFiles(tmp_path / "technician", founded.record.tuf_root, mirror or founded.mirror())


def version(script: Script, number: str) -> Script:
    """The same script under another version."""
    return Script(msgspec.structs.replace(script.manifest, version=number), script.files)


def test_the_newest_approved_version_is_meant_by_its_digest(founded: Founded, tmp_path: Path) -> None:
    files = files_of(founded, tmp_path)
    found = approved_script(files, "empty-trash", founded.wall)
    path = f"scripts/empty-trash/{found.version}/{MANIFEST_NAME}"
    assert found.digest == manifest_digest(files.target(path))
    trash = next(script for script in starter_fixes() if script.manifest.id == "empty-trash")
    for later, number in enumerate(("9", "10"), start=1):
        founded.approve(version(trash, number), wall=founded.after(minutes=later))
    founded.publish(founded.after(minutes=3))
    newer = approved_script(files, "empty-trash", founded.after(minutes=3))
    assert (newer.version, newer.id) == ("10", "empty-trash") and newer.digest != found.digest
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=3))
    script = trust.script("empty-trash")
    assert script is not None and newer == Pinned("empty-trash", script.manifest.version, script.digest), "as devices choose"


def test_what_is_not_approved_is_said_with_what_is(founded: Founded, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no fix 'no-such-fix'\. It has approved: .*empty-trash"):
        approved_script(files_of(founded, tmp_path), "no-such-fix", founded.wall)


def test_a_relay_that_is_away_or_alters_gets_nothing_run(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    mirror.away = True
    with pytest.raises(Unavailable):
        approved_script(files_of(founded, tmp_path, mirror), "empty-trash", founded.wall)
    mirror = founded.mirror()
    served = founded.home.repository / "targets" / "scripts" / "empty-trash"
    (path,) = served.rglob(f"*.{MANIFEST_NAME}")
    mirror.altered[path.relative_to(founded.home.repository).as_posix()] = path.read_bytes().replace(b"Empty", b"Steal")
    with pytest.raises(TrustError):
        approved_script(files_of(founded, tmp_path, mirror), "empty-trash", founded.wall)


@pytest.mark.parametrize(
    ("said", "kind"), [({"version": "7"}, TrustError), ({"v": NEWEST_FORMAT + 1, "reader": "3.1"}, NeedsUpdate)]
)
def test_a_script_that_cannot_be_read_here_is_not_ordered(
    founded: Founded, tmp_path: Path, said: dict[str, object], kind: type[TrustError]
) -> None:
    trash = next(script for script in starter_fixes() if script.manifest.id == "empty-trash")
    document = msgspec.to_builtins(trash.manifest) | {"version": "99"} | said
    path = f"scripts/empty-trash/99/{MANIFEST_NAME}"
    founded.spool.edit(
        "scripts", add={path: msgspec.json.encode(document)}, signers=founded.signers("scripts"), wall=founded.wall
    )
    founded.publish(founded.after(minutes=1))
    with pytest.raises(kind):
        approved_script(files_of(founded, tmp_path), "empty-trash", founded.after(minutes=1))
