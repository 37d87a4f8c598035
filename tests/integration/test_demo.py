"""`make demo` as a person runs it: the address it prints opens, the code it prints leads in, the terminal asks as the window
does, Ctrl-C leaves nothing behind."""

import json
import sys
from pathlib import Path

import pytest

from tests.kit.console_page import ConsolePage
from tests.kit.processes import ROOT, processes_with
from tests.kit.terminal import Terminal
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.display, pytest.mark.browser]


def test_a_person_at_the_demo_sees_asks_answers_and_ends_it() -> None:
    before = set((ROOT / "build" / "demo").glob("run-*"))
    terminal = Terminal([sys.executable, "-m", "tests.demo"], env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    try:
        address = terminal.expect(r"(file://\S+)", seconds=60).group(1)
        code = terminal.expect(r"to be read out to a technician:\s+(\d{3} \d{3} \d{3})", seconds=60).group(1)
        terminal.expect("Waiting for technicians who ask to help")
        (directory,) = set((ROOT / "build" / "demo").glob("run-*")) - before
        mark = _mark_of(directory)
        with ConsolePage(address) as console:
            console.ask("Reception PC", "Looking at your printer")
            terminal.expect(r"(?s)Their reason: \"Looking at your printer\".*Your answer \[w/c/y/N\]")
            terminal.type("\n")
            terminal.expect("Your answer: No")
            console.page.get_by_role("link", name="Back to the devices").click()
            console.join(code, "Once more")
            terminal.expect(r"Your answer \[w/c/y/N\]")
            terminal.type("w\n")
            console.wait_for_picture()
            terminal.expect("CONNECTED: Ana Ruiz of Example Ltd can see your screen")
        terminal.type("\x03")
        terminal.expect("Nothing is left behind")
        assert terminal.wait() == 0
        assert not directory.exists()
        eventually(lambda: not processes_with(mark), "no process of the demo is left")
    finally:
        terminal.stop()


def _mark_of(directory: Path) -> str:
    """The word in the environment of every process of this run."""
    home = str(directory / "world" / "technician")
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            parts = entry.read_bytes().split(b"\0")
            argv = (entry.parent / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if home in argv:
            found = [part for part in parts if part.startswith(b"HANDRAIL_WORLD=")]
            if found:
                return found[0].decode().partition("=")[2]
    raise AssertionError(f"no process of {home} is running: {json.dumps(str(directory))}")
