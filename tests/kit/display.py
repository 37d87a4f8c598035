"""A virtual X display of our own on a free number, with or without a window manager, ended by process id."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.kit.waiting import PATIENCE


@dataclass
class VirtualDisplay:
    """A running Xvfb. `name` is its DISPLAY; `start` runs a client on it, which ends with the display."""

    name: str
    server: subprocess.Popen[bytes]
    clients: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment a client of this display needs."""
        return {**os.environ, "DISPLAY": self.name, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Run a client on this display."""
        client = subprocess.Popen(argv, env=self.environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.clients.append(client)
        return client

    def run(self, *argv: str) -> str:
        """Run a client to its end and return what it printed."""
        return subprocess.run(argv, env=self.environment, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def stop(self) -> None:
        """End the clients, then the server."""
        for child in (*self.clients, self.server):
            if child.poll() is None:
                child.terminate()
        for child in (*self.clients, self.server):
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(PATIENCE)


@contextlib.contextmanager
def virtual_display(
    width: int = 1280, height: int = 720, *, window_manager: bool = False, extra: tuple[str, ...] = ()
) -> Iterator[VirtualDisplay]:
    """An Xvfb of `width` x `height` at 24 bits on a number that was free."""
    read, write = os.pipe()
    argv = [
        "Xvfb",
        "-displayfd",
        str(write),
        "-screen",
        "0",
        f"{width}x{height}x24",
        "-nolisten",
        "tcp",
        "-noreset",
        "-ac",
        *extra,
    ]
    server = subprocess.Popen([*argv, *extra], pass_fds=(write,), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        number = answer.readline().strip().decode()
    assert number, "Xvfb did not start"
    display = VirtualDisplay(f":{number}", server)
    try:
        if window_manager:
            display.start("openbox", "--sm-disable")
            wait_for(lambda: "window id" in display.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK"), "openbox")
        yield display
    finally:
        display.stop()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Poll until `condition` holds; fails by name when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.01)
