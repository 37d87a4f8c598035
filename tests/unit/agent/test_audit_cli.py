"""`handrail-agent audit`, on the chain of a real home."""

import json
import sys
from pathlib import Path
from unittest import mock

import pytest

from agent.audit_export import Sound
from agent.cli import main
from tests.kit.audited import Audited


class Ran:
    """One run of the command, in this process."""

    def __init__(self, capfd: pytest.CaptureFixture[str], home: Audited, *arguments: str) -> None:
        command = ["handrail-agent", "--home", str(home.settings.home), "audit", *arguments]
        with mock.patch.object(sys, "argv", command), pytest.raises(SystemExit) as left:
            main()
        self.code = left.value.code
        self.out, self.err = capfd.readouterr()


@pytest.fixture
def home(tmp_path: Path) -> Audited:
    audited = Audited(tmp_path / "agent")
    audited.session("one")
    audited.session("two")
    return audited


@pytest.fixture(autouse=True)
def identity(home: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.audit_cli.load_identity", lambda _: home.device)


def test_a_whole_chain_and_one_that_was_changed(home: Audited, capfd: pytest.CaptureFixture[str]) -> None:
    whole = Ran(capfd, home, "verify")
    assert whole.code == 0 and "8 records: whole" in whole.out and "2 receipts agree" in whole.out
    assert json.loads(Ran(capfd, home, "verify", "--json").out) == {"records": 8, "receipts": 2, "gone": 0}
    home.change("UPDATE record SET at = 1 WHERE sequence = 3")
    broken = Ran(capfd, home, "verify")
    assert broken.code == 7 and "broken at record 3: it was edited" in broken.err
    assert Sound(1, 2).receipts == 2


def test_records_are_shown_and_made_harmless(home: Audited, capfd: pytest.CaptureFixture[str]) -> None:
    home.session("three\x1b[2J")
    shown = Ran(capfd, home, "show")
    assert shown.code == 0 and len(shown.out.splitlines()) == 12 and "\x1b" not in shown.out
    assert "session opened: granted chat, technician Ana Ruiz" in shown.out
    assert len(Ran(capfd, home, "show", "--session", "two").out.splitlines()) == 3
    last = Ran(capfd, home, "show", "--last", "1", "--json")
    assert json.loads(last.out)["sequence"] == 12


def test_the_file_for_others_is_written_once(home: Audited, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "till.audit"
    written = Ran(capfd, home, "export", str(path))
    assert written.code == 0 and "8 records in" in written.out and path.stat().st_mode & 0o077 == 0
    assert Ran(capfd, home, "export", str(path)).code == 1
    streamed = Ran(capfd, home, "export", "-", "--session", "one")
    assert len(streamed.out.splitlines()) == 4
    assert json.loads(streamed.out.splitlines()[0])["whole"] is False


def test_without_a_chain_there_is_nothing_to_verify(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capfd, Audited(tmp_path / "new"), "verify")
    assert ran.code == 3 and "no audit record" in ran.err
