"""The assisted person's display: a virtual one with a window manager and a few programs, or the real one that was named."""

import os
import shutil
import subprocess
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.display import VirtualDisplay, wait_for
from tests.kit.processes import Process

WIDTH, HEIGHT = 1920, 1080

GREETING = """\
Handrail demo: this is the assisted person's desktop.

What you see in the browser went through a relay that could not read it.
Type into any window here; it arrives by the same way back.
"""


@dataclass
class Desktop:
    """A display and what runs on it. `name` is its DISPLAY; empty `processes` when it is a real one."""

    name: str
    processes: list[Process] = field(default_factory=list)

    def stop(self) -> None:
        """End what was started, last first."""
        for process in reversed(self.processes):
            process.stop(seconds=3)


def start_display(directory: Path) -> tuple[str, Process]:
    """An Xvfb on a free number; it tells which."""
    told = directory / "display-number"
    argv = ["sh", "-c", 'exec "$@" 3>"$0"', str(told), "Xvfb", "-displayfd", "3", "-screen", "0", f"{WIDTH}x{HEIGHT}x24"]
    server = Process([*argv, "-nolisten", "tcp", "-noreset", "-ac"], directory / "logs" / "xvfb.log")
    wait_for(lambda: told.exists() and told.read_text().strip() != "", "the virtual display")
    return f":{told.read_text().strip()}", server


def start_desktop(directory: Path, home: Path) -> Desktop:
    """A virtual desktop with a window manager, a terminal, a text editor and a few windows.

    `home` is the assisted person's home directory, so that nothing of yours is shown or touched.
    """
    name, server = start_display(directory)
    desktop = Desktop(name, [server])
    environment = {
        "DISPLAY": name,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
        "XDG_CONFIG_HOME": str(home / ".config"),
    }
    environment["GTK_A11Y"] = "none"
    environment["NO_AT_BRIDGE"] = "1"
    home.mkdir(parents=True, exist_ok=True)

    def client(log: str, *argv: str) -> None:
        desktop.processes.append(Process(argv, directory / "logs" / f"{log}.log", env=environment, cwd=home))

    client("openbox", "openbox", "--sm-disable")
    display = VirtualDisplay(name, subprocess.Popen(["true"]))
    display.server.wait()
    wait_for(lambda: "window id" in display.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK"), "the window manager")
    subprocess.run(["xsetroot", "-solid", "#35506b"], env={**os.environ, **environment}, check=True)
    letter = home / "letter.txt"
    letter.write_text(GREETING, encoding="utf-8")
    welcome = f"cat {letter}; exec {shutil.which('bash') or 'sh'} -i"
    look = ["-fa", "DejaVu Sans Mono", "-fs", "12", "-bg", "#101820", "-fg", "#e8e8e8"]
    client("xterm", "xterm", "-title", "Terminal", "-geometry", "96x22+90+120", *look, "-e", "sh", "-c", welcome)
    client("editor", "mousepad", "--disable-server", str(letter))
    client("clock", "xclock", "-geometry", "200x200-120+120", "-update", "60")
    client("processes", "xterm", "-title", "Processes", "-geometry", "84x18+90-60", *look, "-e", "top", "-d", "10")
    names = ("Terminal", "Processes", "xclock", "letter.txt")
    wait_for(lambda: all(part in display.run("xwininfo", "-root", "-tree") for part in names), "the demo's windows", 30)
    if shutil.which("xdotool"):
        subprocess.run(
            ["xdotool", "search", "--name", "letter.txt", "windowmove", "1060", "420", "windowsize", "720", "480"],
            env={**os.environ, **environment},
            check=False,
        )
    return desktop


def describe(desktop: Desktop) -> str:
    """One line for the person who started the demo."""
    kind = "a virtual one made for this" if desktop.processes else "a real one"
    return textwrap.shorten(f"display {desktop.name}, {kind}", 100)
