"""What is kept is verified anew; scripts are read with their hash; versions and clocks only go forward."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from agent.trusted_state import (
    VerifiedScript,
    collect_scripts,
    load_set,
    open_set,
    save_set,
    version_key,
)
from hostio.private_files import PrivateFileError
from protocol.errors import TrustError
from protocol.manifests import ScriptFile, ScriptManifest, Step
from tests.kit.founded import Founded

DATA = b"print('hello')\n"
DIGEST = hashlib.sha256(DATA).hexdigest()
MANIFEST = ScriptManifest(
    id="hello",
    version="1",
    title="Hello",
    min_tier=1,
    run_as="user",
    os=["linux"],
    files=[ScriptFile(name="hello.py", sha256=DIGEST, length=len(DATA))],
    run=Step(argv=["/usr/bin/python3", "{file:hello.py}"]),
)


@pytest.fixture
def script(tmp_path: Path) -> VerifiedScript:
    objects = tmp_path / "objects"
    objects.mkdir()
    (objects / DIGEST).write_bytes(DATA)
    return VerifiedScript(MANIFEST, objects, "ab" * 32)


def test_the_bytes_that_were_opened_are_hashed(script: VerifiedScript, tmp_path: Path) -> None:
    assert script.read("hello.py") == DATA
    path = script.objects / DIGEST
    for changed in (DATA.replace(b"hello", b"HELLO"), DATA + b"more", b""):
        path.write_bytes(changed)
        with pytest.raises(TrustError, match="not the one that was approved"):
            script.read("hello.py")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrustError, match="not here"):
        script.read("hello.py")
    with pytest.raises(TrustError, match="no file"):
        script.read("../other")


def test_copies_are_private_and_never_written_over(script: VerifiedScript, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    paths = script.materialise(work)
    assert Path(paths["hello.py"]).read_bytes() == DATA and Path(paths["hello.py"]).stat().st_mode & 0o777 == 0o500
    with pytest.raises(FileExistsError):
        script.materialise(work)


def test_a_kept_set_is_verified_whenever_it_is_opened(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    founded.trust(tmp_path / "agent").refresh_blocking(founded.wall)
    stored = load_set(tmp_path / "agent" / "verified.msgpack")
    assert stored is not None
    objects, root = tmp_path / "agent" / "objects", founded.record.tuf_root
    assert open_set(stored, root, objects).policy.name == "Example Ltd"
    documents = {**stored.documents, "policy/technicians.json": b'{"v":1,"issued":1.0,"technicians":[]}'}
    for changed in (
        msgspec.structs.replace(stored, documents=documents),
        msgspec.structs.replace(stored, documents={}),
        msgspec.structs.replace(stored, timestamp=stored.targets),
        msgspec.structs.replace(stored, targets=stored.roles["policy"]),
        msgspec.structs.replace(stored, roles={**stored.roles, "policy": stored.roles["scripts"]}),
        msgspec.structs.replace(stored, roles={}),
        msgspec.structs.replace(stored, roots=[root]),
    ):
        with pytest.raises(TrustError):
            open_set(changed, root, objects)
    with pytest.raises(TrustError):
        open_set(stored, stored.targets, objects)


def test_the_newest_version_of_a_script_is_offered() -> None:
    assert version_key("10") > version_key("2.9") > version_key("2")
    assert collect_scripts({}, {}, Path("/nowhere")) == ((), {})


def test_a_set_that_is_missing_damaged_or_too_large_is_told_apart(tmp_path: Path) -> None:
    assert load_set(tmp_path / "none") is None
    (tmp_path / "bad").write_bytes(b"\xff")
    with pytest.raises(TrustError, match="damaged"):
        load_set(tmp_path / "bad")
    (tmp_path / "directory").mkdir()
    with pytest.raises(TrustError, match="cannot be read"):
        load_set(tmp_path / "directory")
    founded = Founded(tmp_path)
    founded.publish()
    founded.trust(tmp_path / "agent").refresh_blocking(founded.wall)
    stored = load_set(tmp_path / "agent" / "verified.msgpack")
    assert stored is not None
    with pytest.raises(PrivateFileError, match="more than an agent keeps"):
        save_set(tmp_path / "big", msgspec.structs.replace(stored, targets=bytes(33 * 1024 * 1024)))
