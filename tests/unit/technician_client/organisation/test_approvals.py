"""Approving scripts: what is signed is what was read, and a version never changes its contents."""

import hashlib
from pathlib import Path

import pytest

from protocol.errors import TrustError
from technician_client.errors import NotFound
from technician_client.organisation.approvals import approve, approved, read_script, starter_fixes, withdraw
from tests.kit.founded import Founded

TOML = """
id = "say-hello"
version = "{version}"
title = "Say hello"
min_tier = 1
run_as = "user"
os = ["linux"]
files = ["hello.py"]
[run]
argv = ["/usr/bin/python3", "-I", "{{file:hello.py}}"]
"""


def source(directory: Path, *, version: str = "1", code: str = "print('hello')\n") -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "fix.toml").write_text(TOML.format(version=version))
    (directory / "hello.py").write_text(code)
    return directory


def test_hashes_are_taken_from_the_bytes_that_are_signed(tmp_path: Path) -> None:
    script = read_script(source(tmp_path / "hello"))
    (file,) = script.manifest.files
    assert file.sha256 == hashlib.sha256(b"print('hello')\n").hexdigest() and file.length == 15
    assert set(script.targets()) == {"scripts/say-hello/1/manifest.json", "scripts/say-hello/1/hello.py"}


def test_an_approved_script_stands_in_the_role_and_can_be_withdrawn(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    assert founded.approve(read_script(source(tmp_path / "hello"))) == 0
    assert [manifest.id for manifest in approved(founded.spool)] == ["say-hello"]
    assert founded.publish().waiting == ()
    withdraw(founded.spool, "say-hello", founded.signers("scripts"), founded.wall)
    assert approved(founded.spool) == []
    with pytest.raises(NotFound):
        withdraw(founded.spool, "say-hello", founded.signers("scripts"), founded.wall)


def test_a_version_cannot_change_its_contents(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.approve(read_script(source(tmp_path / "hello")))
    with pytest.raises(TrustError, match="Raise `version`"):
        founded.approve(read_script(source(tmp_path / "hello", code="print('else')\n")))
    founded.approve(read_script(source(tmp_path / "hello", version="2", code="print('else')\n")))
    assert [manifest.version for manifest in approved(founded.spool)] == ["2"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: (d / "fix.toml").unlink(), "no fix.toml"),
        (lambda d: (d / "fix.toml").write_text("id ="), "not valid TOML"),
        (lambda d: (d / "fix.toml").write_text('files = "hello.py"'), "list of file names"),
        (lambda d: (d / "hello.py").unlink(), "not there"),
        (lambda d: (d / "more.py").write_text("x"), "does not name more.py"),
        (lambda d: (d / "fix.toml").write_text(TOML.format(version="one")), "version"),
        (lambda d: (d / "fix.toml").write_text(TOML.format(version="1").replace("/usr/bin/", "")), "absolute path"),
        (lambda d: (d / "hello.py").write_bytes(bytes(1024 * 1024 + 1)), "larger"),
    ],
)
def test_a_source_that_is_wrong_is_refused_with_the_reason(tmp_path: Path, change: object, words: str) -> None:
    directory = source(tmp_path / "hello")
    change(directory)  # type: ignore[operator]
    with pytest.raises((TrustError, NotFound), match=words):
        read_script(directory)


def test_all_starter_fixes_can_be_approved_at_once(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    scripts = starter_fixes()
    assert len(scripts) >= 6
    assert approve(founded.spool, scripts, founded.signers("scripts"), founded.wall) == 0
    assert founded.publish().waiting == ()
    assert {manifest.id for manifest in approved(founded.spool)} == {script.manifest.id for script in scripts}
