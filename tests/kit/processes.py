"""Real processes, their output kept, ended by process id and with everything they started."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.kit.waiting import PATIENCE, eventually

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]


LOWEST_PORT = 12_000
_given: set[int] = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free, given once by this process, and given to nobody by the system itself: who asks
    for any port, and each connection that goes out, gets one of the range that is left out here. Workers of one run have a part
    of it each, for a relay that is started anew must find its own port free; other processes begin at places of their own."""
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    size = (end - LOWEST_PORT) // workers
    first = LOWEST_PORT + size * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for step in range(size):
        port = first + (os.getpid() * 1009 + step) % size
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port from {first} to {first + size} is free that was not given before")


def command(name: str) -> str:
    """The path of one of our commands in the environment that runs the tests."""
    path = BIN / name
    assert path.exists(), f"{path} is missing: pip install -e ."
    return str(path)


class Process:
    """A child process in a session of its own, its output in `log`."""

    def __init__(
        self, argv: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str = ""
    ) -> None:
        self.argv = list(argv)
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._file = log.open("ab")
        self.popen = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=self._file,
            stderr=self._file,
            env={**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"},
            cwd=cwd or ROOT,
            start_new_session=True,
        )
        if stdin:
            assert self.popen.stdin is not None
            self.popen.stdin.write(stdin.encode())
            self.popen.stdin.close()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def output(self) -> str:
        """Everything it has printed so far, both streams."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str, *, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait until the output has a match; fails with the output when the process ends before that."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.output, re.MULTILINE)
            if found is None and self.popen.poll() is not None:
                found = re.search(pattern, self.output, re.MULTILINE)
                if found is None:
                    raise AssertionError(
                        f"{self.argv[0]} ended with {self.popen.returncode} before printing {pattern!r}:\n{self.output}"
                    )
            return found

        try:
            return eventually(look, f"{self.argv[0]} prints {pattern!r}", seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output[-4000:]}") from None

    def wait(self, *, seconds: float = PATIENCE) -> int:
        """Its exit status."""
        return self.popen.wait(seconds)

    def stop(self, *, seconds: float = 20.0) -> int:
        """SIGTERM, then SIGKILL to it and to everything in its session; its exit status."""
        if self.popen.poll() is None:
            self.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
        self.kill()
        return self.popen.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL to its whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._file.close()
        self.popen.wait(PATIENCE)


def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, seconds: float = 180.0, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; with `check` its output is in the failure."""
    result = subprocess.run(
        list(argv),
        env={**os.environ, **(env or {})},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(argv)} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result


def wait_for_port(port: int, *, seconds: float = PATIENCE) -> None:
    """Until something listens on 127.0.0.1."""

    def connects() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    eventually(connects, f"port {port} opens", seconds=seconds, every=0.05)


def descendants(pid: int) -> set[int]:
    """Process ids below `pid`, itself included, by /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text()
                children.setdefault(int(stat[stat.rindex(")") + 2 :].split()[1]), []).append(int(entry.name))
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += children.get(one, [])
    return found


def processes_with(mark: str) -> list[tuple[int, str]]:
    """Living processes in whose environment or command line `mark` stands: (pid, command line)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            argv = (entry / "cmdline").read_bytes()
            if mark.encode() in environment + argv:
                found.append((int(entry.name), argv.replace(b"\0", b" ").decode(errors="replace")))
    return found


def gone(pid: int, *, seconds: float = PATIENCE) -> None:
    """Until no process has this id."""
    end = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.02)
