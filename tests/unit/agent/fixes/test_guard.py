"""The guard as the program that it is: what it starts, it outlives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.fixes import guard
from tests.kit.scripts import living, pids_in
from tests.kit.waiting import eventually

GUARD = [sys.executable, "-I", "-S", guard.__file__]

# Double fork and a session of its own: out of every process group, the way daemons go. It says who it is once it stands alone.
DAEMON = """
(setsid sh -c 'trap "" TERM HUP; echo $$ >> {pids}; exec sleep 300' </dev/null >/dev/null 2>&1 &) &
while [ ! -s {pids} ]; do sleep 0.02; done
"""


def start(argv: list[str], *, grace: float = 0.3, agent: int | None = None) -> subprocess.Popen[bytes]:
    command = [*GUARD, str(grace), str(os.getpid() if agent is None else agent), *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def test_exit_codes_come_through() -> None:
    for script, code in (("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 128 + 9)):
        with start(["/bin/sh", "-c", script]) as process:
            assert process.wait(60) == code


def test_a_program_that_does_not_start() -> None:
    with start(["/nowhere/program"]) as process:
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (guard.NOT_STARTED, b"")
    assert err == b"/nowhere/program cannot be started: No such file or directory\n"


def test_a_daemon_dies_with_its_script(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with start(["/bin/sh", "-c", DAEMON.format(pids=pids) + "exit 3"]) as process:
        assert process.wait(60) == 3
    (daemon,) = pids_in(pids)
    assert not living(daemon)


def test_the_grace_is_granted_before_the_kill(tmp_path: Path) -> None:
    script = f"trap 'echo tidy > {tmp_path}/tidy; exit 5' TERM; echo $$ > {tmp_path}/pids; while :; do sleep 0.05; done"
    with start(["/bin/sh", "-c", script], grace=5) as process:
        eventually(lambda: pids_in(tmp_path / "pids"), "the script's number")
        process.send_signal(signal.SIGTERM)
        assert process.wait(4) == 5
    assert (tmp_path / "tidy").exists()


def test_who_ignores_the_request_is_killed(tmp_path: Path) -> None:
    script = f"trap '' TERM INT HUP; echo $$ > {tmp_path}/pids; while :; do sleep 0.05; done"
    with start(["/bin/sh", "-c", script]) as process:
        (pid,) = eventually(lambda: pids_in(tmp_path / "pids"), "the script's number")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + 9
    assert not living(pid)


def test_everything_dies_when_the_agent_dies(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = [*GUARD, "0.2", "$$", "/bin/sh", "-c", f"'echo $$ > {pids}; exec sleep 300'"]
    with subprocess.Popen(["/bin/sh", "-c", f"{' '.join(command)} & wait"]) as agent:
        (script,) = eventually(lambda: pids_in(pids), "the script's number")
        agent.kill()
        agent.wait()
        eventually(lambda: not living(script), "the end of the script")


def test_a_guard_whose_agent_is_gone_starts_nothing(tmp_path: Path) -> None:
    with start(["/bin/sh", "-c", f"touch {tmp_path}/ran"], agent=1) as process:
        assert process.wait(60) == guard.NOT_STARTED
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("ignored", [(), (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)])
def test_signals_and_mask_are_the_usual_ones(ignored: tuple[signal.Signals, ...]) -> None:
    """Also where the agent was started by nohup or in the background of a script, which have some ignored."""
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in ignored]
    try:
        process = start(["/bin/sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"])
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    with process:
        out, _ = process.communicate(timeout=10)
    # 32 and 33 are the C library's own: nobody can change them, and a machine's init may hand them on ignored or blocked.
    own = 1 << 31 | 1 << 32
    assert {int(line.split()[1], 16) & ~own for line in out.decode().splitlines()} == {0}


def test_descendants_are_found_through_every_generation() -> None:
    assert guard.descendants(10, {11: 10, 12: 11, 13: 12, 20: 1, 21: 20}) == {11, 12, 13}
    assert os.getpid() in guard.parents()
