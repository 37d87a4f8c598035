"""`handrail org key` and `org rotate`: the steps of docs/ceremony.md, by the commands it names."""

import re
from pathlib import Path
from unittest import mock

import pytest

from technician_client.cli.main import COMMANDS
from technician_client.organisation import lists
from technician_client.organisation.vault import KeyDirectory
from tests.architecture.source import ROOT
from tests.kit.founded import PASSPHRASE, Founded
from tests.kit.org_commands import command_line, passphrase_option


class Desk:
    """The ceremony's table: an organisation of several people, all of whose keys still lie in one vault."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.founded = Founded(self.home, two_people=True)
        self.founded.publish()
        self.passphrase = passphrase_option(tmp_path)
        self.file = self.passphrase[1]

    def run(self, *arguments: str, code: int = 0) -> str:
        ran = command_line(self.home, "org", *arguments)
        assert ran.code == code, (ran.code, ran.out, ran.err)
        return ran.out + ran.err


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    with mock.patch("protocol.keys._LOG_N", 10):
        yield Desk(tmp_path)  # type: ignore[misc]


def test_a_new_holder_brings_a_key_and_an_old_one_leaves(desk: Desk, tmp_path: Path) -> None:
    theirs = tmp_path / "cy"
    made = desk.run("--vault", str(theirs), "key", "new", "scripts-4", "--holder", "Cy Young", *desk.passphrase)
    assert "scripts-4.pub" in made and not (desk.home / "organisation" / "vault" / "scripts-4.pem").exists()
    desk.run("key", "trust", "scripts", str(theirs / "scripts-4.pub"), "--replace", "scripts-1", *desk.passphrase)
    assert desk.founded.publish().waiting == ()
    shown = desk.run("show")
    assert "Cy Young" in shown and "scripts-2 (here)" in shown.replace("\n", " ")
    assert "0 keys of scripts" in desk.run("key", "trust", "scripts", "--replace", "nobody", *desk.passphrase, code=6)
    desk.run("key", "trust", "scripts", "--threshold", "3", *desk.passphrase)
    assert desk.founded.record.thresholds.scripts == 3
    assert "would need 4" in desk.run("key", "trust", "scripts", "--threshold", "4", *desk.passphrase, code=7)
    desk.run("key", "trust", "scripts", *desk.passphrase, code=2)
    assert "There is no file" in desk.run("key", "trust", "scripts", str(tmp_path / "none.pub"), *desk.passphrase, code=3)


def test_keys_are_handed_over_under_the_holders_own_passphrase(desk: Desk, tmp_path: Path) -> None:
    theirs = tmp_path / "bo"
    second = passphrase_option(tmp_path / "p", b"another passphrase")[1]
    moving = ["--to", str(theirs), "--holder", "Bo Li", "--new-passphrase-file", second]
    desk.run("key", "move", "root-2", "scripts-2", *moving, *desk.passphrase)
    assert KeyDirectory(theirs, b"another passphrase").get("root-2").public
    assert "root-2" not in desk.founded.vault.names()
    shown = desk.run("show")
    assert "Bo Li" in shown
    desk.run("key", "move", "root-2", *moving, *desk.passphrase, code=3)


def test_the_root_is_changed_by_two_of_three(desk: Desk, tmp_path: Path) -> None:
    bo, cy = tmp_path / "bo", tmp_path / "cy"
    for vault, number in ((bo, 2), (cy, 3)):
        desk.run("key", "move", f"root-{number}", "--to", str(vault), "--new-passphrase-file", desk.file, *desk.passphrase)
    said = desk.run("rotate", "root", "--key", "root-1", *desk.passphrase)
    assert "handrail org countersign root" in said
    assert [item.role for item in desk.founded.publish().waiting] == ["root"]
    desk.run("--vault", str(cy), "countersign", "root", "--key", "root-3", *desk.passphrase)
    assert desk.founded.publish().published == ("root",)
    trust = desk.founded.trust(tmp_path / "agent")
    trust.refresh_blocking(desk.founded.after(minutes=1))
    assert desk.founded.repository.root().signed.version == 2
    desk.run("--vault", str(cy), "countersign", "root", "--key", "root-3", *desk.passphrase, code=7)


@pytest.mark.parametrize("what", ["device-ca", "technician-ca", "login", "snapshot", "timestamp"])
def test_the_signers_keys_are_rotated(desk: Desk, tmp_path: Path, what: str) -> None:
    before = KeyDirectory(desk.founded.home.signer_keys, PASSPHRASE).get(what).public
    revoke = ["--revoke"] if what == "technician-ca" else []
    said = desk.run("rotate", what, "--signer-passphrase-file", desk.file, *revoke, *desk.passphrase)
    assert "Restart `handrail signer`" in said
    assert KeyDirectory(desk.founded.home.signer_keys, PASSPHRASE).get(what).public != before
    if revoke:
        assert lists.revocation(desk.founded.spool).fingerprints == [before.fingerprint.hex()]


def test_what_goes_together_is_checked(desk: Desk) -> None:
    desk.run("rotate", "root", *desk.passphrase, code=2)
    desk.run("rotate", "device-ca", "--key", "x", *desk.passphrase, code=2)
    desk.run("rotate", "login", "--revoke", *desk.passphrase, code=2)
    assert "no key 'root-9'" in desk.run("rotate", "root", "--key", "root-9", *desk.passphrase, code=6)


def test_every_command_of_the_ceremony_exists() -> None:
    """docs/ceremony.md names only commands and options that are there."""
    text = (ROOT / "docs" / "ceremony.md").read_text(encoding="utf-8")
    lines = re.findall(r"^handrail(?:-relay)? .*$", text, re.MULTILINE)
    assert len(lines) > 10
    for line in lines:
        words = line.split("#")[0].split()
        if words[0] != "handrail":
            continue
        words = words[1:]
        assert words[0] in COMMANDS, line
        path = [words[0]]
        if words[0] == "org":
            rest = words[1:]
            if rest[0] == "--vault":
                rest = rest[2:]
            path += rest[:2] if rest[0] == "key" else rest[:1]
        help_text = command_line(Path("/nonexistent"), *path, "--help")
        assert help_text.code == 0, line
