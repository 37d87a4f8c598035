"""`handrail org`: every decision from the command line to the signed file."""

from pathlib import Path
from unittest import mock

import click
import pytest

from protocol.documents import decode_bundle
from technician_client.cli.org import parse_thresholds
from technician_client.organisation import lists
from technician_client.organisation.approvals import approved
from technician_client.organisation.record import OrganisationHome, Thresholds
from tests.kit.founded import Applicant, Founded
from tests.kit.http_relay import http_relay
from tests.kit.org_commands import command_line, passphrase_option


class Desk:
    """An administrator's computer."""

    def __init__(self, tmp_path: Path, *, two_people: bool = False) -> None:
        self.directory = tmp_path
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.founded = Founded(self.home, two_people=two_people)
        self.founded.publish()
        self.passphrase = passphrase_option(tmp_path)
        self.second_passphrase = ["--new-passphrase-file", self.passphrase[1]]

    def run(self, *arguments: str, code: int = 0) -> str:
        ran = command_line(self.home, *arguments)
        assert ran.code == code, (ran.code, ran.out, ran.err)
        return ran.out + ran.err


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_init_and_register(tmp_path: Path) -> None:
    option = passphrase_option(tmp_path)
    with mock.patch("protocol.keys._LOG_N", 10), http_relay() as relay:
        made = command_line(tmp_path / "home", "org", "init", "Example", "--thresholds", "1", "--json", *option)
        assert made.code == 0 and made.json["name"] == "Example"
        again = command_line(tmp_path / "home", "org", "init", "Example", *option)
        assert again.code == 7 and "already" in again.err
        before = command_line(tmp_path / "home", "org", "enrolment")
        assert before.code == 3 and "org register" in before.err
        wrong = command_line(tmp_path / "home", "org", "register", "--relay", relay.url, "--token", "wrong")
        assert wrong.code == 5 and "handrail-relay token" in wrong.err
        done = command_line(tmp_path / "home", "org", "register", "--relay", relay.url, "--token", "token", "--json")
        assert done.json["relay"] == relay.url
    assert OrganisationHome(tmp_path / "home" / "organisation").load().thresholds == Thresholds.of_one()


def test_a_bundle_is_written_once_and_its_token_counts(desk: Desk) -> None:
    path = desk.directory / "kiosk.handrail"
    said = desk.run("org", "enrolment", "--group", "kiosk", "--uses", "2", "--out", str(path))
    assert "handrail-agent enrol kiosk.handrail" in said
    assert decode_bundle(path.read_bytes()).group == "kiosk"
    assert "already" in desk.run("org", "enrolment", "--out", str(path), code=1)
    open_tokens = [token for token in desk.founded.records.tokens() if not token.withdrawn]
    assert len(open_tokens) == 1
    desk.run("org", "revoke", "--token", open_tokens[0].token_id)
    desk.run("org", "revoke", "--token", "0" * 16, code=6)
    assert desk.founded.records.tokens()[0].withdrawn


def test_a_technician_is_invited_then_admitted_then_revoked(desk: Desk) -> None:
    path = desk.directory / "bo.handrail"
    desk.run("org", "technician", "Bo Li", code=2)
    desk.run("org", "technician", "Bo Li", "--tier", "2", "--out", str(path))
    bo = Applicant(decode_bundle(path.read_bytes()))
    bo.enrol(desk.founded.issuer(), desk.founded.wall)
    with mock.patch("click.confirm", return_value=False):
        assert "Nothing was changed" in desk.run("org", "technician", "Bo Li", *desk.passphrase)
    desk.run("org", "technician", "Bo Li", "--yes", *desk.passphrase)
    (entry,) = lists.technicians(desk.founded.spool).technicians
    assert (entry.name, entry.tier) == ("Bo Li", 2)
    desk.run("org", "revoke", "--technician", "Bo Li", *desk.passphrase)
    assert lists.technicians(desk.founded.spool).technicians == []
    assert lists.revocation(desk.founded.spool).fingerprints == [bo.key.public.fingerprint.hex()]
    desk.run("org", "revoke", "--technician", "Nobody", *desk.passphrase, code=6)


def test_two_keys_under_one_name_are_not_guessed(desk: Desk) -> None:
    for _ in range(2):
        Applicant(desk.founded.technician_bundle("Bo Li", 2)).enrol(desk.founded.issuer(), desk.founded.wall)
    assert "2 keys joined" in desk.run("org", "technician", "Bo Li", "--yes", *desk.passphrase, code=7)


def test_scripts_are_approved_and_withdrawn(desk: Desk) -> None:
    desk.run("org", "approve", code=2)
    desk.run("org", "approve", "--starter", "no-such-fix", code=6)
    with mock.patch("click.confirm", return_value=False):
        assert "Nothing was signed" in desk.run("org", "approve", "--starter", "empty-trash")
    said = desk.run("org", "approve", "--starter", "empty-trash", "--yes", *desk.passphrase)
    assert "sha256" in said and "Removes everything" in said
    desk.run("org", "approve", "--all-starters", "--yes", *desk.passphrase)
    assert len(approved(desk.founded.spool)) >= 6
    desk.run("org", "revoke", "--fix", "empty-trash", *desk.passphrase)
    assert "empty-trash" not in [manifest.id for manifest in approved(desk.founded.spool)]
    desk.run("org", "revoke", "--fix", "empty-trash", *desk.passphrase, code=6)


def test_a_device_is_revoked_by_label_or_id(desk: Desk) -> None:
    till = Applicant(desk.founded.device_bundle(uses=3), label="till 3")
    till.enrol(desk.founded.issuer(), desk.founded.wall)
    for _ in range(2):
        Applicant(desk.founded.device_bundle(), label="twin").enrol(desk.founded.issuer(), desk.founded.wall)
    assert "2 devices are called" in desk.run("org", "revoke", "--device", "twin", *desk.passphrase, code=7)
    desk.run("org", "revoke", "--device", "till 3", *desk.passphrase)
    known = desk.founded.records.issued_key(till.key.public.fingerprint.hex())
    assert known is not None and known.revoked
    desk.run("org", "revoke", "--device", "none", *desk.passphrase, code=6)
    desk.run("org", "revoke", code=2)


def test_every_certificate_of_a_stolen_signer_is_refused_at_once(desk: Desk) -> None:
    desk.run("org", "revoke", "--all-technicians", *desk.passphrase)
    revoked = lists.revocation(desk.founded.spool)
    assert revoked.refuses(bytes(32), desk.founded.wall.timestamp() - 1) and revoked.fingerprints == []


def test_a_second_signature_is_asked_for_and_given(tmp_path: Path) -> None:
    desk = Desk(tmp_path, two_people=True)
    said = desk.run("org", "approve", "--starter", "empty-trash", "--yes", "--key", "scripts-1", *desk.passphrase)
    assert "org countersign scripts" in said
    assert "waits" not in desk.run("org", "show") and "Waiting: scripts" in desk.run("org", "show")
    said = desk.run("org", "countersign", "scripts", "--key", "scripts-1", "--yes", *desk.passphrase, code=7)
    assert "has signed this already" in said
    assert desk.founded.spool.missing("scripts") == 1
    # Whoever holds the vault with both keys is one person.
    said = desk.run("org", "countersign", "scripts", "--key", "scripts-2", "--yes", *desk.passphrase, code=7)
    assert "its author would be both approvers" in said and desk.founded.spool.missing("scripts") == 1
    theirs = str(desk.directory / "bo")
    desk.run("org", "key", "move", "scripts-2", "--to", theirs, "--holder", "Bo Li", *desk.second_passphrase, *desk.passphrase)
    with mock.patch("click.confirm", return_value=False):
        shown = desk.run("org", "--vault", theirs, "countersign", "scripts", "--key", "scripts-2", *desk.passphrase)
        assert "+++ empty-trash" in shown and "Nothing was signed" in shown
    desk.run("org", "--vault", theirs, "countersign", "scripts", "--key", "scripts-2", "--yes", *desk.passphrase)
    assert desk.founded.publish().published == ("scripts",)
    desk.run("org", "countersign", "scripts", "--key", "scripts-3", "--yes", *desk.passphrase, code=7)


def test_one_person_signs_with_one_key(tmp_path: Path) -> None:
    desk = Desk(tmp_path, two_people=True)
    said = desk.run("org", "approve", "--starter", "empty-trash", "--yes", *desk.passphrase, code=7)
    assert "2 people approve scripts" in said
    two = ["--key", "scripts-1", "--key", "scripts-2"]
    assert "2 people approve" in desk.run("org", "approve", "--starter", "empty-trash", "--yes", *two, *desk.passphrase, code=7)


def test_approving_shows_what_changes(desk: Desk) -> None:
    source = desk.directory / "hello"
    source.mkdir()
    (source / "fix.sh").write_text("echo one\necho two\n")
    (source / "data.bin").write_bytes(b"\xff\xfe")
    toml = (
        'id = "hello"\nversion = "{}"\ntitle = "Hello"\nmin_tier = {}\nrun_as = "user"\nos = ["linux"]\n'
        'files = ["fix.sh", "data.bin"]\n[run]\nargv = ["/bin/sh", "{{file:fix.sh}}"]\n'
    )
    (source / "fix.toml").write_text(toml.format(1, 1))
    new = desk.run("org", "approve", str(source), "--yes", *desk.passphrase)
    assert "+echo one" in new and "+++ hello 1/manifest.json" in new and "2 bytes, no text" in new
    same = desk.run("org", "approve", str(source), "--yes", *desk.passphrase)
    assert "Nothing differs" in same
    (source / "fix.toml").write_text(toml.format(2, 3))
    (source / "fix.sh").write_text("echo one\nrm -rf ~\n\x1b[2J")
    changed = desk.run("org", "approve", str(source), "--yes", *desk.passphrase)
    for words in ("--- approved/fix.sh", "-echo two", "+rm -rf ~", '-  "min_tier": 1', '+  "min_tier": 3'):
        assert words in changed, words
    assert "+echo one" not in changed and "\x1b" not in changed


def test_everything_is_signed_anew(desk: Desk) -> None:
    assert "root" in desk.run("org", "renew", *desk.passphrase)
    assert desk.founded.publish().waiting == ()


def test_a_wrong_passphrase_and_a_missing_organisation_are_told(desk: Desk, tmp_path: Path) -> None:
    wrong = passphrase_option(tmp_path / "w", b"wrong passphrase")
    assert "passphrase is wrong" in desk.run("org", "renew", *wrong, code=7)
    ran = command_line(tmp_path / "empty", "org", "show")
    assert ran.code == 3 and "handrail quickstart" in ran.err


def test_thresholds_are_parsed() -> None:
    assert parse_thresholds("") == Thresholds() and parse_thresholds("1") == Thresholds.of_one()
    assert parse_thresholds("scripts=3, policy=1") == Thresholds(scripts=3, policy=1)
    for bad in ("0", "x", "scripts=x", "nothing=2", "10"):
        with pytest.raises(click.UsageError):
            parse_thresholds(bad)
