"""A guard for real: the injector's process is killed on a real display, and so is the guard."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.backends.x11.connection import X11Connection
from agent.backends.x11.guarding import FIRST_PAUSE, LONGEST_PAUSE, ReleaseGuard
from agent.backends.x11.levels import LOCK_MASK
from tests.kit.display import VirtualDisplay
from tests.kit.processes import gone
from tests.kit.waiting import eventually

pytestmark = pytest.mark.display

HOLDS = """
import sys
from agent.backends.base import LockState
from agent.backends.x11.input import X11Input
hands = X11Input(sys.argv[1])
hands.move(20, 30)
hands.key("ShiftLeft", True)
assert hands.hold("KeyA", "A")
for button in (0, 2, 3):
    hands.button(button, True)
hands.set_locks(LockState(caps=True))
hands.character("日")
hands.prepare("ελλην")
hands.release_all() if "released" in sys.argv else hands._connection.settle()
print(hands._guard.pid, flush=True)
sys.stdin.read()
hands.close()
print("closed", flush=True)
"""
HELD = 0x100 | 0x400 | 1 | LOCK_MASK


class Time:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watcher(display: VirtualDisplay) -> Iterator[X11Connection]:
    opened = X11Connection(display.name)
    yield opened
    opened.close()


def seen(watcher: X11Connection) -> tuple[int, list[int], list[int], bytes]:
    """Modifiers and buttons, keys that are down, the whole mapping, and which keys repeat."""
    core = watcher.core
    keys = bytes(core.QueryKeymap().reply().keys)
    return (
        int(core.QueryPointer(watcher.root).reply().mask),
        [code for code in range(256) if keys[code >> 3] >> (code & 7) & 1],
        list(core.GetKeyboardMapping(8, 248).reply().keysyms),
        bytes(core.GetKeyboardControl().reply().auto_repeats),
    )


def holding(display: VirtualDisplay, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    """A process that holds keys and buttons, and its guard's id."""
    argv = [sys.executable, "-c", HOLDS, display.name, *arguments]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_what_a_killed_process_held_is_let_go_and_the_keyboard_put_back(display: VirtualDisplay, watcher: X11Connection) -> None:
    before = seen(watcher)
    process, guard = holding(display)
    mask, keys, mapping, repeats = seen(watcher)
    assert mask == HELD and len(keys) == 2
    assert mapping != before[2] and repeats != before[3]
    process.kill()
    eventually(lambda: seen(watcher) == before, "everything is as it was")
    gone(guard)
    said = process.communicate()[1]
    assert "2 keys and 3 buttons let go, 1 locks and" in said and "日" not in said


def test_a_process_that_holds_nothing_any_more_leaves_its_lent_keys_to_the_guard(
    display: VirtualDisplay, watcher: X11Connection
) -> None:
    before = seen(watcher)
    process, guard = holding(display, "released")
    assert seen(watcher)[:2] == before[:2] and seen(watcher)[2] != before[2]
    process.kill()
    eventually(lambda: seen(watcher) == before, "the mapping is as it was")
    gone(guard)
    assert "0 keys and 0 buttons let go, 0 locks and" in process.communicate()[1]


def test_a_process_that_ends_takes_its_guard_along(display: VirtualDisplay, watcher: X11Connection) -> None:
    before = seen(watcher)
    process, guard = holding(display)
    out, err = process.communicate("", timeout=60)
    assert (out, err) == ("closed\n", "")
    assert not Path(f"/proc/{guard}").exists()
    assert seen(watcher) == before


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def guard(display: VirtualDisplay, time: Time) -> Iterator[ReleaseGuard]:
    made = ReleaseGuard(display.name, clock=time)
    yield made
    made.farewell()


def test_it_waits_with_an_interpreter_and_little_else(guard: ReleaseGuard) -> None:
    eventually(lambda: "memfd:handrail-held" in Path(f"/proc/{guard.pid}/maps").read_text(), "it has its ledger")
    maps = Path(f"/proc/{guard.pid}/maps").read_text()
    assert "xcffib" not in maps and "libxcb" not in maps
    anonymous = next(line for line in Path(f"/proc/{guard.pid}/status").read_text().splitlines() if line.startswith("RssAnon"))
    assert int(anonymous.split()[1]) < 8 * 1024, anonymous  # kB


def test_who_ends_the_agents_group_does_not_end_it(guard: ReleaseGuard) -> None:
    pid = guard.pid
    assert pid is not None and os.getpgid(pid) == pid != os.getpgrp()
    eventually(lambda: "memfd:handrail-held" in Path(f"/proc/{pid}/maps").read_text(), "it has its ledger")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(pid, number)
    guard.tend()
    assert guard.pid == pid
    ignored = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
    assert int(ignored.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def end(guard: ReleaseGuard) -> int:
    """Kill the guard and wait until that is so."""
    pid = guard.pid
    assert pid is not None and guard._process is not None
    os.kill(pid, signal.SIGKILL)
    guard._process.wait(30)
    return pid


def test_another_is_started_when_it_was_killed_and_knows_what_was_held(
    guard: ReleaseGuard, time: Time, watcher: X11Connection, caplog: pytest.LogCaptureFixture
) -> None:
    before = seen(watcher)
    import xcffib.xtest

    guard.ledger.key(38)
    watcher.extension(xcffib.xtest.key, "XTEST").FakeInput(2, 38, 0, 0, 0, 0, 0)
    watcher.settle()
    first = end(guard)
    time.now += FIRST_PAUSE
    guard.tend()
    assert guard.pid not in (None, first)
    assert "has ended (code -9)" in caplog.text
    guard.abandon()
    eventually(lambda: seen(watcher) == before, "the second one lets go")


def test_it_is_started_ever_more_rarely(guard: ReleaseGuard, time: Time) -> None:
    end(guard)
    guard.tend()
    assert guard.pid is None  # within a second of the first
    time.now += FIRST_PAUSE
    guard.tend()
    end(guard)
    time.now += FIRST_PAUSE
    guard.tend()
    assert guard.pid is None
    time.now += FIRST_PAUSE
    guard.tend()
    assert guard.pid is not None
    time.now += LONGEST_PAUSE + 1.0
    end(guard)
    guard.tend()
    assert guard.pid is not None  # it had lived long: the next comes at once


def test_without_a_guard_everything_works_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        guard = ReleaseGuard(":0", command=lambda _display, _memory: ["/nonexistent/program"])
    assert "nobody will let go of held keys" in caplog.text and "No such file" in caplog.text
    guard.ledger.key(38)
    guard.tend()
    assert guard.pid is None
    guard.farewell()
    guard.ledger.all_up()
    guard.farewell()


def test_one_that_does_not_end_is_killed(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.backends.x11.guarding.END_SECONDS", 0.1)
    deaf = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
    guard = ReleaseGuard(":0", command=lambda _display, _memory: deaf)
    pid = guard.pid
    guard.farewell()
    assert pid is not None and not Path(f"/proc/{pid}").exists()
    assert "does not end" in caplog.text
