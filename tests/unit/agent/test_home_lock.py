"""One daemon for one home."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import AlreadyRunning
from agent.home_lock import home_lock
from protocol.errors import HandrailError

HOLD = """
import sys, time
from pathlib import Path
from agent.home_lock import home_lock
with home_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_taken_and_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with home_lock(tmp_path / "home" / "agent.lock"):
            assert (tmp_path / "home" / "agent.lock").read_text() == f"{os.getpid()}\n"


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "agent.lock"
    with (
        home_lock(path),
        pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\) already serves"),
        home_lock(path),
    ):
        pass


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "agent.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=str(holder.pid)), home_lock(path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(60)
        with home_lock(path):
            pass


def test_a_place_that_takes_no_lock_is_said(tmp_path: Path) -> None:
    (tmp_path / "agent.lock").mkdir()
    with pytest.raises(HandrailError, match="cannot be opened"), home_lock(tmp_path / "agent.lock"):
        pass
