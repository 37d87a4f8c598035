"""The library over real repositories on disk, with a mirror that withholds and alters."""

import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from protocol.errors import TrustError, Unavailable
from technician_client.organisation.approvals import Script, starter_fixes
from technician_client.published import PublishedLibrary
from tests.kit.founded import Founded, Mirror


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    organisation = Founded(tmp_path, two_people=True)
    organisation.approve(*starter_fixes())
    organisation.publish()
    return organisation


def library_of(founded: Founded, directory: Path) -> PublishedLibrary:
    return over(founded, directory, founded.mirror())


def over(founded: Founded, directory: Path, mirror: Mirror) -> PublishedLibrary:
    return PublishedLibrary(directory, founded.record.tuf_root, mirror)


def newer(script: Script, text: bytes) -> Script:
    """The same script with another text and the next version."""
    name = next(iter(script.files))
    data = script.files[name] + text
    files = [
        msgspec.structs.replace(file, sha256=hashlib.sha256(data).hexdigest(), length=len(data)) if file.name == name else file
        for file in script.manifest.files
    ]
    manifest = msgspec.structs.replace(script.manifest, version="9.9", files=files)
    return replace(script, manifest=manifest, files={**script.files, name: data})


def test_scripts_come_with_text_and_approvals(founded: Founded, tmp_path: Path) -> None:
    library = library_of(founded, tmp_path / "library").read(founded.after(hours=1))
    assert set(library.scripts) == {script.manifest.id for script in starter_fixes()}
    trash = library.scripts["empty-trash"]
    assert trash.files["fix.py"].startswith(b'"""Empty')
    keys = {signer.public_key.keyid for signer in founded.signers("scripts")}
    assert set(trash.approval.signers) == keys
    assert trash.approval.threshold == 2
    assert trash.former is None
    assert (trash.approval.expires - trash.approval.signed).days == 90


def test_the_former_version_and_since_when(founded: Founded, tmp_path: Path) -> None:
    script = next(script for script in starter_fixes() if script.manifest.id == "empty-trash")
    first = library_of(founded, tmp_path / "library").read(founded.after(hours=1))
    founded.approve(newer(script, b"# more\n"), wall=founded.after(hours=2))
    founded.publish(founded.after(hours=2))
    library = library_of(founded, tmp_path / "library").read(founded.after(hours=3))
    trash = library.scripts["empty-trash"]
    assert (trash.manifest.version, trash.files["fix.py"].endswith(b"# more\n")) == ("9.9", True)
    assert trash.former is not None
    assert trash.former.manifest.version == script.manifest.version
    assert trash.former.files == script.files
    other = library.scripts[next(name for name in library.scripts if name != "empty-trash")]
    assert other.former is None
    assert other.approval.signed == first.scripts[other.manifest.id].approval.signed  # it stood there before
    assert other.approval.expires == library.approval.expires > first.approval.expires


def test_what_was_altered_is_not_shown(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    path = next(
        path for path, _ in founded.repository.files() if path.startswith("targets/scripts/empty-trash") and ".fix.py" in path
    )
    mirror.altered[path] = b"import os"
    with pytest.raises(TrustError, match="do not verify"):
        over(founded, tmp_path / "library", mirror).read(founded.wall)


def test_a_relay_that_is_away_is_said(founded: Founded, tmp_path: Path) -> None:
    mirror = founded.mirror()
    mirror.away = True
    with pytest.raises(Unavailable, match="does not answer"):
        over(founded, tmp_path / "library", mirror).read(founded.wall)


def test_expired_approvals_are_an_error_that_says_what_to_do(founded: Founded, tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="handrail signer"):
        library_of(founded, tmp_path / "library").read(founded.after(days=200))


def test_former_files_that_the_mirror_lacks_or_forges_are_left_out(founded: Founded, tmp_path: Path) -> None:
    script = next(script for script in starter_fixes() if script.manifest.id == "empty-trash")
    founded.approve(newer(script, b"# more\n"), wall=founded.after(hours=2))
    founded.publish(founded.after(hours=2))
    mirror = founded.mirror()
    version = library_of(founded, tmp_path / "a").read(founded.after(hours=3)).approval.version - 1
    mirror.altered[f"metadata/{version}.scripts.json"] = mirror.read(f"metadata/{version}.scripts.json", 10**6).replace(
        b"empty-trash", b"empty-trush"
    )
    library = over(founded, tmp_path / "b", mirror).read(founded.after(hours=3))
    assert library.scripts["empty-trash"].former is None


def test_what_is_known_already_is_not_fetched_again(founded: Founded, tmp_path: Path) -> None:
    founded.approve(*(newer(script, b"# more\n") for script in starter_fixes()), wall=founded.after(hours=2))
    founded.publish(founded.after(hours=2))
    mirror = founded.mirror()
    library = over(founded, tmp_path / "library", mirror)
    first = library.read(founded.after(hours=3))
    mirror.asked.clear()
    again = library.read(founded.after(hours=4))
    assert mirror.asked == ["metadata/timestamp.json"]
    assert again.scripts == first.scripts and again.read_at == founded.after(hours=4)
    mirror.asked.clear()
    restarted = over(founded, tmp_path / "library", mirror).read(founded.after(hours=5))
    assert not [path for path in mirror.asked if path.startswith("targets/")]
    assert not [path for path in mirror.asked if ".scripts.json" in path]
    assert restarted.scripts == first.scripts and restarted.scripts["empty-trash"].former is not None
    founded.approve(*starter_fixes(), wall=founded.after(hours=6))
    founded.publish(founded.after(hours=6))
    assert library.read(founded.after(hours=7)).approval.version == first.approval.version + 1


def test_what_was_changed_on_the_disk_is_fetched_again(founded: Founded, tmp_path: Path) -> None:
    founded.approve(*(newer(script, b"# more\n") for script in starter_fixes()), wall=founded.after(hours=2))
    founded.publish(founded.after(hours=2))
    first = library_of(founded, tmp_path / "library").read(founded.after(hours=3))
    for folder in ("objects", "former"):
        for path in (tmp_path / "library" / folder).iterdir():
            path.write_bytes(b"{}")
    again = library_of(founded, tmp_path / "library").read(founded.after(hours=4))
    assert again.scripts == first.scripts


def test_approvals_that_ran_out_under_a_running_signer_say_what_to_do(founded: Founded, tmp_path: Path) -> None:
    late = founded.after(days=91)
    founded.publish(late)
    with pytest.raises(TrustError, match="handrail org renew") as error:
        library_of(founded, tmp_path / "library").read(late)
    assert f"{late:%Y-%m-%d %H:%M} UTC" in str(error.value)
