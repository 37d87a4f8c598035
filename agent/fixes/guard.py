"""The guard: a small process between agent and script, so that nothing a script starts outlives it.

Run as a program of its own: `python -I -S guard.py GRACE_SECONDS AGENT_PID [--terminal TTY USER] PROGRAM ARGUMENT...`. It imports
the standard library only. `--terminal` starts a technician's program: TTY 1 makes standard input its controlling terminal, USER
is the account that it runs as ("": that of the agent), and it is asked to stop by SIGHUP instead of SIGTERM.

A script may fork daemons: children in sessions of their own, whose parents have gone. They escape a process group, not a
*subreaper* (prctl(2), PR_SET_CHILD_SUBREAPER): whoever loses its parent below the guard becomes the guard's child. When the
program ends, when
the guard is told to stop (SIGTERM), or when the agent dies (PR_SET_PDEATHSIG), every descendant is asked to stop, and killed
after the grace. The guard itself leaves last, with the program's exit code (128 + signal when a signal ended it, 127 when it
could not be started).
"""

import ctypes
import fcntl
import os
import pwd
import signal
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOT_STARTED = 127
GIVE_UP_SECONDS = 5.0
LEFTOVER_GRACE_SECONDS = 0.3
POLL_SECONDS = 0.02
WATCHED = frozenset((signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


@dataclass(frozen=True)
class Manner:
    """How the program is started and asked to stop; the defaults are those of a fix. `user` "": the account of the guard."""

    terminal: bool = False
    tty: bool = False
    user: str = ""

    @property
    def words(self) -> tuple[signal.Signals, ...]:
        """How to ask. What is stopped hears SIGHUP only once it goes on."""
        return (signal.SIGHUP, signal.SIGCONT) if self.terminal else (signal.SIGTERM,)


def set_process_control(option: int, value: int) -> bool:
    """prctl(2); False where there is no such call or it refuses."""
    call = getattr(ctypes.CDLL(None), "prctl", None)
    return call is not None and call(option, ctypes.c_ulong(value), 0, 0, 0) == 0


def parents() -> dict[int, int]:
    """The parent of every process that can be seen, from /proc/*/stat (proc(5)); the name in it may hold spaces and brackets."""
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if len(fields) > 1 and fields[0] not in (b"Z", b"X"):
            found[int(entry.name)] = int(fields[1])
    return found


def descendants(root: int, parent_of: dict[int, int]) -> set[int]:
    """Everything below `root`, without `root`."""
    below: set[int] = set()
    grown = True
    while grown:
        more = {pid for pid, parent in parent_of.items() if (parent == root or parent in below) and pid not in below}
        below |= more
        grown = bool(more)
    return below


def send(pids: set[int], number: signal.Signals) -> None:
    """Send a signal to each; those that are gone or belong to others are passed over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def reap(wanted: int) -> tuple[int | None, bool]:
    """Collect every child that has ended.

    Returns:
        The exit code of `wanted` when it was among them, and whether any child is left.
    """
    code: int | None = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code, False
        if pid == 0:
            return code, True
        if pid == wanted:
            ended = os.waitstatus_to_exitcode(status)
            code = ended if ended >= 0 else 128 - ended


class Guard:
    """Starts the program and stays until nothing of it is left. `grace` in seconds."""

    def __init__(self, grace: float, manner: Manner = Manner()) -> None:
        self._grace = grace
        self._manner = manner

    def run(self, argv: list[str]) -> int:
        """Until the program and all its descendants have ended; the program's exit code."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        for number in WATCHED:  # an agent started by nohup hands on that they are ignored: nobody could wait for them then
            signal.signal(number, signal.SIG_DFL)
        set_process_control(PR_SET_CHILD_SUBREAPER, 1)
        program = start(argv, self._manner)
        if self._manner.terminal:
            let_go()  # its end must be heard by whoever reads from it
        code: int | None = None
        stopping, any_left = False, True
        while code is None and any_left and not stopping:
            stopping = signal.sigwait(WATCHED) != signal.SIGCHLD
            code, any_left = reap(program)
        if any_left:
            last = self._end_all(program, LEFTOVER_GRACE_SECONDS if code is not None else self._grace)
            code = last if code is None else code
        return code if code is not None else 128 + signal.SIGKILL

    def _end_all(self, program: int, grace: float) -> int | None:
        """Ask, wait, kill; returns the program's exit code when it ended here."""
        code: int | None = None
        started = time.monotonic()
        asked: set[int] = set()
        while True:
            below = descendants(os.getpid(), parents())
            elapsed = time.monotonic() - started
            if elapsed < grace:
                # Newcomers are asked too: a script may start something while it tidies up.
                for number in self._manner.words:
                    send(below - asked, number)
                asked |= below
            else:
                send(below, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, POLL_SECONDS)
            now, any_left = reap(program)
            code = now if now is not None else code
            if not any_left or elapsed > grace + GIVE_UP_SECONDS:
                return code


def let_go() -> None:
    """Hold the standard streams no longer."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def become(user: str) -> None:
    """Take on an account, for good.

    Raises:
        OSError: this process may not. KeyError: there is no such account.
    """
    entry = pwd.getpwnam(user)
    if entry.pw_uid != os.geteuid() or os.geteuid() == 0:
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def start(argv: list[str], manner: Manner = Manner()) -> int:
    """Fork and execute in a session of its own; the child dies with the guard."""
    guard = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in signal.valid_signals():
            # Python ignores two, nohup and shells with background jobs some more, and what is ignored stays so in programs.
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if manner.tty:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if manner.user:
            become(manner.user)
        set_process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == guard:
            os.execv(argv[0], argv)  # noqa: S606 - an argv list, no shell in between
    except (OSError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no such account"
        os.write(2, f"{argv[0]} cannot be started: {why}\n".encode())
    finally:
        os._exit(NOT_STARTED)


def main(arguments: list[str]) -> int:
    """See the module's docstring."""
    grace, agent, argv = float(arguments[0]), int(arguments[1]), arguments[2:]
    set_process_control(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != agent:
        return NOT_STARTED  # the agent died before it could be watched
    manner = Manner()
    if argv[0] == "--terminal":
        manner, argv = Manner(terminal=True, tty=argv[1] == "1", user=argv[2]), argv[3:]
    return Guard(grace, manner).run(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
