"""What was fixed and recorded in a session is kept beside its receipt."""

import stat
from pathlib import Path

import pytest

from hostio.private_files import PrivateFileError
from protocol.errors import TrustError
from protocol.messages.fixes import FixResult
from technician_client.worklog import MOST_FIXES, Worklog, log_fix, log_recording, read_worklog, recording_name
from tests.kit.past import FULL, OLD

EMPTY = Worklog("4f21aa", "dev1", "Reception PC")


def test_fixes_and_recordings_add_up_and_are_read_by_their_owner_alone(tmp_path: Path) -> None:
    assert read_worklog(tmp_path, "4f21aa") is None
    log_fix(tmp_path, EMPTY, FixResult(1, "free-disk-space", "1.2", "fixed", 5.0, 0, before=[FULL, OLD], after=[OLD]), 7.0)
    log_recording(tmp_path, EMPTY, "one")
    log_recording(tmp_path, EMPTY, "one")
    log_recording(tmp_path, EMPTY, "two")
    log = read_worklog(tmp_path, "4f21aa")
    assert log is not None
    (fix,) = log.fixes
    assert (fix.id, fix.outcome, fix.at) == ("free-disk-space", "fixed", 7.0)
    assert (fix.before, fix.after) == (["The disk is nearly full", "12 updates wait"], ["12 updates wait"])
    assert log.recordings == ["one", "two"]
    assert stat.S_IMODE((tmp_path / "4f21aa.json").stat().st_mode) == 0o600


def test_of_very_many_fixes_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(MOST_FIXES + 2):
        log_fix(tmp_path, EMPTY, FixResult(1, f"fix-{number}", "1", "done", 1.0), float(number))
    log = read_worklog(tmp_path, "4f21aa")
    assert log is not None
    assert [log.fixes[0].id, log.fixes[-1].id, len(log.fixes)] == ["fix-2", f"fix-{MOST_FIXES + 1}", MOST_FIXES]


def test_a_device_does_not_write_into_what_is_kept_of_another(tmp_path: Path) -> None:
    log_recording(tmp_path, EMPTY, "one")
    with pytest.raises(TrustError, match="nothing of it is kept"):
        log_fix(tmp_path, Worklog("4f21aa", "dev2", "Another"), FixResult(1, "free-disk-space", "1.2", "fixed", 5.0), 7.0)
    log = read_worklog(tmp_path, "4f21aa")
    assert log is not None and log.fixes == []


def test_a_recording_that_lies_elsewhere_is_named_by_its_path(tmp_path: Path) -> None:
    kept = tmp_path / "recordings"
    assert recording_name(kept / "one.hrrec", kept) == "one"
    assert recording_name(tmp_path / "one.hrrec", kept) == str(tmp_path / "one.hrrec")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 65])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(PrivateFileError, match="no session's name"):
        log_recording(tmp_path, Worklog(name, "d", "l"), "one")


def test_what_was_changed_is_said(tmp_path: Path) -> None:
    (tmp_path / "4f21aa.json").write_text("{")
    (tmp_path / "4f21aa.json").chmod(0o600)
    with pytest.raises(TrustError, match="does not read"):
        read_worklog(tmp_path, "4f21aa")
