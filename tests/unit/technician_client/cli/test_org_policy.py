"""`handrail org policy`: what is said becomes a signed rule of the group, and what is not said stays."""

from pathlib import Path

import click
import pytest

from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from protocol.forwarding import may_reach
from technician_client.cli.org_policy import in_words, parse_capabilities, parse_logs, parse_targets
from technician_client.organisation import lists
from tests.kit.founded import Founded
from tests.kit.org_commands import command_line, passphrase_option


class Desk:
    """An administrator's computer."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.founded = Founded(self.home)
        self.founded.publish()
        self.passphrase = passphrase_option(tmp_path)

    def policy(self, *arguments: str, code: int = 0) -> str:
        ran = command_line(self.home, "org", "policy", "kiosk", *arguments, *self.passphrase)
        assert ran.code == code, (ran.code, ran.out, ran.err)
        return ran.out + ran.err

    @property
    def rules(self) -> GroupPolicy:
        return lists.policy(self.founded.spool).group("kiosk")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_policy_is_set_by_group(desk: Desk) -> None:
    desk.policy(code=2)
    desk.policy("--unattended", "fly", code=2)
    desk.policy("--unattended", "view, control", "--no-ask-before-fixes")
    assert desk.rules.unattended == [Capability.VIEW, Capability.CONTROL]
    assert not desk.rules.consent_for_fixes
    desk.policy("--recording", "perhaps", code=2)
    desk.policy("--recording", "required")
    desk.policy("--unattended", "")
    assert (desk.rules.unattended, desk.rules.consent_for_fixes, desk.rules.recording) == ([], False, "required")


def test_the_folders_that_files_are_moved_in_are_set_and_shown(desk: Desk) -> None:
    assert "files are moved in all of the home" in in_words(GroupPolicy())
    said = desk.policy("--files-folders", "~/Documents/, Downloads/from us")
    assert "files are moved in Documents, Downloads/from us" in said
    assert desk.rules.files_folders == ["Documents", "Downloads/from us"]
    for wrong in ("/etc", "../other", "~/", "a//b"):
        desk.policy("--files-folders", wrong, code=2)
    desk.policy("--files-folders", "")
    assert desk.rules.files_folders == []


def test_what_terminals_ports_and_logs_may_do_is_set_too_and_shown(desk: Desk) -> None:
    usual = GroupPolicy()
    said = desk.policy("--forward-to", "printer.example:443, 10.0.0.*:*", "--keep-transcripts")
    assert "forwarding reaches the device itself, printer.example:443, 10.0.0.*:*" in said
    assert "transcripts of terminals are kept" in said
    assert desk.rules.log_files == usual.log_files
    desk.policy("--log-files", "/var/log/cups/*")
    assert (desk.rules.forward_to, desk.rules.keep_transcripts, desk.rules.log_files) == (
        ["printer.example:443", "10.0.0.*:*"],
        True,
        ["/var/log/cups/*"],
    )
    desk.policy("--forward-to", "", "--log-files", "", "--no-keep-transcripts")
    assert (desk.rules.forward_to, desk.rules.keep_transcripts, desk.rules.log_files) == ([], False, [])
    desk.policy("--forward-to", "printer", code=2)
    desk.policy("--log-files", "/etc/shadow", code=2)
    shown = command_line(desk.home, "org", "show", "--json").json["groups"]["kiosk"]
    assert (shown["forward_to"], shown["keep_transcripts"], shown["log_files"]) == ([], False, [])
    assert "the journal" in command_line(desk.home, "org", "show").out


def test_how_long_things_are_kept_is_set_and_shown(desk: Desk) -> None:
    said = desk.policy("--transcript-days", "30", "--recording-days", "1", "--keep-transcripts")
    assert "transcripts of terminals are kept 30 days at most" in said and "recordings are kept 1 day at most" in said
    assert (desk.rules.transcript_days, desk.rules.recording_days) == (30, 1)
    desk.policy("--transcript-days", "0", "--recording-days", "0")
    assert (desk.rules.transcript_days, desk.rules.recording_days) == (0, 0)
    desk.policy("--recording-days", "-1", code=2)


def test_texts_become_lists() -> None:
    assert parse_capabilities("view,fixes") == [Capability.VIEW, Capability.FIXES]
    assert parse_capabilities("") == parse_targets(" ,") == parse_logs("") == []
    targets = parse_targets("*:22, fe80::*:80,db-?.example:54[0-9]*")
    for host, port in (("any", 22), ("fe80::17", 80), ("db-1.example", 5432)):
        assert may_reach(host, port, targets)
    assert not may_reach("any", 80, targets)
    for bad in ("printer", "http://x:80", "x:", ":80", "a b:80", "[fe80::1]:80"):
        with pytest.raises(click.UsageError):
            parse_targets(bad)
    for bad in ("syslog", "/var/logs/x", "/var/log/../../etc/shadow"):
        with pytest.raises(click.UsageError):
            parse_logs(bad)


def test_everything_that_can_be_set_is_said_in_words() -> None:
    assert in_words(GroupPolicy()) == (
        "unattended nothing; fixes are asked for; recording is allowed; transcripts of terminals are not kept; "
        "forwarding reaches the device itself; logs are the journal, /var/log/*.log, /var/log/syslog, /var/log/messages; "
        "files are moved in all of the home"
    )


def test_it_says_which_agents_read_the_policy(desk: Desk) -> None:
    assert "cannot read" not in desk.policy("--recording", "required")
    assert "Agents older than 0.2.0 cannot read this policy" in desk.policy("--recording-days", "30")
    assert '"needs_agent":"0.2.0"' in desk.policy("--recording", "allowed", "--json")
    desk.policy("--recording-days", "0")
    assert '"needs_agent":"0.1.0"' in desk.policy("--recording", "allowed", "--json")
