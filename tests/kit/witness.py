"""A desktop that notices everything: a full-screen window that writes down each key and click, a clipboard with something
precious, and snapshots of processes, files, screen, pointer and clipboard to compare before and after an attack."""

import contextlib
import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.kit.display import VirtualDisplay, wait_for
from tests.kit.processes import descendants

PRECIOUS = "precious clipboard"
WINDOW = """
import sys, tkinter
root = tkinter.Tk()
root.overrideredirect(True)
root.geometry(f"{root.winfo_screenwidth()}x{root.winfo_screenheight()}+0+0")
root.configure(background="#204060")
root.clipboard_clear()
root.clipboard_append(sys.argv[2])
log = open(sys.argv[1], "a", buffering=1)
for kind in ("<KeyPress>", "<KeyRelease>", "<ButtonPress>", "<ButtonRelease>"):
    root.bind(kind, lambda event: log.write(f"{event.type.name} {getattr(event, 'keysym', '')} {event.num}\\n"))
root.update()
root.focus_force()
log.write("ready\\n")
root.mainloop()
"""
CLIPBOARD = """
import tkinter
root = tkinter.Tk()
root.withdraw()
try:
    print(root.clipboard_get())
except tkinter.TclError as error:  # nothing there, or no text: an attack that succeeded may have left it so
    print(error)
"""
PYTHON = "/usr/bin/python3"
# Written for the record of what happened, also of what was refused, and (the last) with the time of the last look at the
# organisation's signed files, which themselves are compared: looked at by tests of their own.
# What the agent writes about itself, and the organisation's signed files, which it may fetch anew at any time.
RECORDS = ("audit.", "receipts", "agent.sock", "agent.lock", "verified.msgpack", "tuf")


@dataclass(frozen=True)
class Seen:
    """What there was at one moment."""

    processes: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    screen: str
    pointer: str
    clipboard: str
    events: tuple[str, ...]


class Witness:
    """On one display, beside one agent."""

    def __init__(self, display: VirtualDisplay, directory: Path) -> None:
        self.display = display
        self.log = directory / "events.log"
        self.home = directory / "home"
        self.home.mkdir()
        (self.home / "letter.txt").write_text("Dear Sir or Madam")
        self.log.touch()
        display.start(PYTHON, "-c", WINDOW, str(self.log), PRECIOUS)
        wait_for(lambda: "ready" in self.log.read_text(), "the witness's window")

    @property
    def events(self) -> tuple[str, ...]:
        """Keys and clicks that arrived, oldest first."""
        return tuple(self.log.read_text().splitlines()[1:])

    @property
    def pointer(self) -> str:
        """Where the pointer is."""
        return self.display.run("xdotool", "getmouselocation")

    def look(self, agent: int, *directories: Path) -> Seen:
        """A snapshot. `agent`: the agent's process id; `directories`: whose files to hash besides the user's home."""
        picture = subprocess.run(
            ["xwd", "-root", "-silent"], env=self.display.environment, capture_output=True, check=True
        ).stdout
        commands = []
        for pid in sorted(descendants(agent)):
            try:
                commands.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
            except FileNotFoundError:
                continue
        return Seen(
            processes=tuple(sorted(commands)),
            files=tuple(sorted(self._files(self.home, *directories))),
            screen=hashlib.sha256(picture).hexdigest(),
            pointer=self.pointer,
            clipboard=self.display.run(PYTHON, "-c", CLIPBOARD).strip(),
            events=self.events,
        )

    @staticmethod
    def _files(*directories: Path) -> list[tuple[str, str]]:
        found = []
        for directory in directories:
            for path in directory.rglob("*"):
                parts = path.relative_to(directory).parts
                if path.is_file() and not any(part.startswith(record) for part in parts for record in RECORDS):
                    with contextlib.suppress(FileNotFoundError):  # gone between the two looks
                        found.append((str(path), hashlib.sha256(path.read_bytes()).hexdigest()))
        return found
