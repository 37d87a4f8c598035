"""End one process of this user, by number *and* name, through a pidfd: the number cannot be given to another process in between.

Exit codes: detect 0 = it runs, 1 = it does not; run and verify 0 = it has ended; anything else = failed.
"""

import os
import select
import signal
import sys
from pathlib import Path

PATIENCE_SECONDS = 5.0
COMM_CHARS = 15  # TASK_COMM_LEN - 1, see prctl(2)


def runs(pid: int, name: str) -> bool:
    """Whether this number is a live process of this user with this name (the kernel keeps the first 15 bytes of a name)."""
    try:
        comm = Path(f"/proc/{pid}/comm").read_bytes().removesuffix(b"\n")
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
        owner = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return False
    return comm == name.encode()[:COMM_CHARS] and owner == os.getuid() and fields[0] not in (b"Z", b"X")


def end(pid: int, name: str) -> int:
    """Ask, wait, end."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        sys.stdout.write("It has ended already.\n")
        return 0
    try:
        if not runs(pid, name):
            sys.stderr.write(f"Process {pid} is not {name} of this user; nothing was ended.\n")
            return 2
        for wanted, words in ((signal.SIGTERM, "asked to end"), (signal.SIGKILL, "ended")):
            try:
                signal.pidfd_send_signal(handle, wanted)
            except ProcessLookupError:
                break
            sys.stdout.write(f"{name} ({pid}) was {words}.\n")
            sys.stdout.flush()
            if select.select([handle], [], [], PATIENCE_SECONDS)[0]:
                break
        return 0
    finally:
        os.close(handle)


def main(arguments: list[str]) -> int:
    """detect | run | verify PID NAME."""
    action, number, name = arguments
    pid = int(number)
    if pid in (os.getpid(), os.getppid()):
        sys.stderr.write("This is the fix itself.\n")
        return 2
    if action == "run":
        return end(pid, name)
    alive = runs(pid, name)
    if action == "detect":
        return 0 if alive else 1
    return 2 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
