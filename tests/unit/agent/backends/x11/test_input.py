"""Real keystrokes into a real terminal and a real toolkit window.

Without a window manager the keyboard belongs to the window under the pointer, so that nothing but the typing is timed here; one
test has a window manager, which must not mind.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.backends.base import LockState
from agent.backends.x11.connection import X11Connection
from agent.backends.x11.input import X11Input
from tests.kit.display import VirtualDisplay, virtual_display, wait_for

pytestmark = pytest.mark.display

TEXT = 'naïve façade é ß € Привет 日本 😀 "quotes" {}[]|~ ABC abc 123 ñ ş ελληνικά'

WINDOW = """
import os, sys, tkinter
out = sys.argv[1]
root = tkinter.Tk()
root.geometry("500x300+10+10")
text = tkinter.Text(root)
text.pack()
text.focus_force()
log = open(out + ".events", "w", buffering=1)
text.bind("<Key>", lambda e: log.write(f"key {e.keysym} {e.state & 13}\\n"), add=True)
text.bind("<KeyRelease>", lambda e: log.write(f"up {e.keysym}\\n"), add=True)
text.bind("<Button>", lambda e: log.write(f"button {e.num} {e.state & 1}\\n"), add=True)
text.bind("<ButtonRelease>", lambda e: log.write(f"released {e.num}\\n"), add=True)
def dump():
    with open(out + ".new", "w") as file:
        file.write(text.get("1.0", "end-1c"))
    os.replace(out + ".new", out)
    root.after(20, dump)
dump()
root.mainloop()
"""


class Window:
    """A Tk text window: what stands in it, and what events it got."""

    def __init__(self, directory: Path) -> None:
        self.out = directory / "text"
        self.log = directory / "text.events"

    @property
    def text(self) -> str:
        return self.out.read_text(encoding="utf-8") if self.out.exists() else ""

    @property
    def events(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


@pytest.fixture(scope="module")
def desktop() -> Iterator[VirtualDisplay]:
    with virtual_display(1000, 700) as running:
        yield running


@pytest.fixture
def hands(desktop: VirtualDisplay) -> Iterator[X11Input]:
    injector = X11Input(desktop.name)
    yield injector
    injector.close()


@pytest.fixture
def window(desktop: VirtualDisplay, hands: X11Input, tmp_path: Path) -> Iterator[Window]:
    script = tmp_path / "window.py"
    script.write_text(WINDOW, encoding="utf-8")
    made = Window(tmp_path)
    process = desktop.start(sys.executable, str(script), str(made.out))
    wait_for(made.out.exists, "the window")
    hands.move(100, 100)
    wait_for(lambda: pressed(hands, made), "the window to have the keyboard")
    yield made
    process.terminate()
    process.wait(60)


def pressed(hands: X11Input, window: Window) -> bool:
    hands.character("Escape")
    return "key Escape 0" in window.events


def type_text(hands: X11Input, text: str) -> None:
    for character in text:
        assert hands.character(character)


def test_every_script_arrives_in_a_toolkit_window(hands: X11Input, window: Window) -> None:
    type_text(hands, TEXT)
    wait_for(lambda: len(window.text) >= len(TEXT), "the text")
    assert window.text == TEXT


def test_every_script_arrives_in_a_terminal(desktop: VirtualDisplay, hands: X11Input, tmp_path: Path) -> None:
    ready, typed = tmp_path / "ready", tmp_path / "typed"
    shell = f"stty -echo; : > {ready}; cat > {typed}"
    process = desktop.start("xterm", "-geometry", "80x24+10+10", "-e", "sh", "-c", shell)
    wait_for(ready.exists, "the terminal")
    hands.move(100, 100)
    wait_for(lambda: pointed_at(desktop) != 0, "the terminal's window")
    type_text(hands, TEXT + "\n")
    wait_for(lambda: typed.exists() and typed.read_text(encoding="utf-8").endswith("\n"), "the line")
    assert typed.read_text(encoding="utf-8") == TEXT + "\n"
    process.terminate()
    process.wait(60)


def pointed_at(desktop: VirtualDisplay) -> int:
    """The window under the pointer, 0 for the background."""
    connection = X11Connection(desktop.name)
    child = int(connection.core.QueryPointer(connection.root).reply().child)
    connection.close()
    return child


def clicked(hands: X11Input, window: Window) -> bool:
    """Click, and give the window manager (it may only just be placing the window) half a second to pass it on."""
    hands.button(0, True)
    hands.button(0, False)
    end = time.monotonic() + 0.5
    while not (found := any(event.startswith("button 1") for event in window.events)) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_a_window_manager_does_not_come_between(tmp_path: Path) -> None:
    script, window = tmp_path / "window.py", Window(tmp_path)
    script.write_text(WINDOW, encoding="utf-8")
    with virtual_display(1000, 700, window_manager=True) as display:
        injector = X11Input(display.name)
        display.start(sys.executable, str(script), str(window.out))
        wait_for(window.out.exists, "the window")
        injector.move(100, 100)
        wait_for(lambda: clicked(injector, window), "the click")
        wait_for(lambda: pressed(injector, window), "the window to have the keyboard")
        type_text(injector, TEXT)
        wait_for(lambda: len(window.text) >= len(TEXT), "the text")
        assert window.text == TEXT
        injector.close()


def test_a_text_is_made_ready_and_then_typed_as_it_is(hands: X11Input, window: Window) -> None:
    text = "аб\tвгд\nabc é日本 " * 3
    for start in range(0, len(text), 12):
        hands.prepare(text[start : start + 12])
        type_text(hands, text[start : start + 12])
    wait_for(lambda: len(window.text) >= len(text), "the text")
    assert window.text == text


def test_an_alphabet_is_lent_its_keys_together(desktop: VirtualDisplay, hands: X11Input, window: Window) -> None:
    """Every change makes every program read the keyboard anew, and a window manager grab its keys anew."""
    watcher = X11Connection(desktop.name)
    text = "съешь ещё этих мягких булок, façade naïve übel größer"
    type_text(hands, text)
    wait_for(lambda: len(window.text) >= len(text), "the text")
    assert window.text == text
    watcher.root_size()
    changes = sum(type(event).__name__ == "MappingNotifyEvent" for event in watcher.events())
    assert changes <= 20
    watcher.close()


def test_a_decomposed_character_is_composed(hands: X11Input, window: Window) -> None:
    assert hands.character("e\u0301")
    wait_for(lambda: bool(window.text), "the text")
    assert window.text == "é"


def test_held_shift_is_respected_and_survives(hands: X11Input, window: Window) -> None:
    hands.key("ShiftLeft", True)
    for character in "Aaé!":
        hands.character(character)
    hands.character("ArrowLeft", "ArrowLeft")
    hands.key("ShiftLeft", False)
    hands.character("b")
    wait_for(lambda: window.text == "Aaéb", "the selection made with Shift to be typed over")
    assert "key Left 1" in window.events


def test_control_makes_a_shortcut_of_the_key_that_carries_the_letter(hands: X11Input, window: Window) -> None:
    hands.key("ControlLeft", True)
    hands.character("c", "KeyC")
    hands.character("с", "KeyC")  # Cyrillic: this layout has no such key, so the place counts
    assert not hands.character("日", "")
    hands.key("ControlLeft", False)
    wait_for(lambda: window.events.count("key c 4") == 2, "two shortcuts")


def test_control_held_for_a_character_only_is_lifted(hands: X11Input, window: Window) -> None:
    hands.key("ControlLeft", True)
    hands.character("€", "KeyE", lift=True)
    hands.character("@", "KeyQ", lift=True)
    hands.key("ControlLeft", False)
    wait_for(lambda: window.text == "€@", "characters, not shortcuts")


def test_caps_lock_changes_nothing_in_a_text(desktop: VirtualDisplay, hands: X11Input, window: Window) -> None:
    for pressed in (True, False):
        hands.key("CapsLock", pressed)
    try:
        type_text(hands, "xYöЖ1 ")
        desktop.run("setxkbmap", "de")
        type_text(hands, "ßÄ?")
        for code, text in (("KeyA", "A"), ("Minus", "ß"), ("Digit1", "1")):
            if not hands.hold(code, text):
                hands.character(text)
            hands.key(code, False)
        wait_for(lambda: len(window.text) == 12, "the text")
        assert window.text == "xYöЖ1 ßÄ?Aß1"
    finally:
        desktop.run("setxkbmap", "us")
        for pressed in (True, False):
            hands.key("CapsLock", pressed)


def test_another_layout_still_types_every_text(desktop: VirtualDisplay, hands: X11Input, window: Window) -> None:
    desktop.run("setxkbmap", "ru,us")
    try:
        type_text(hands, "Привет hello ё 1;")
        wait_for(lambda: len(window.text) >= 17, "the text")
        assert window.text == "Привет hello ё 1;"
    finally:
        desktop.run("setxkbmap", "us")


def test_physical_keys_are_held_until_released(hands: X11Input, window: Window) -> None:
    assert hands.key("KeyQ", True)
    assert hands.key("KeyQ", True)
    wait_for(lambda: "key q 0" in window.events, "the press")
    assert "up q" not in window.events
    hands.key("KeyQ", False)
    wait_for(lambda: "up q" in window.events, "the release")
    assert not hands.key("KeyÄ", True)


def repeating(desktop: VirtualDisplay, keycode: int) -> bool:
    """Whether the X server repeats this key by itself."""
    connection = X11Connection(desktop.name)
    bits = bytes(connection.core.GetKeyboardControl().reply().auto_repeats)
    connection.close()
    return bool(bits[keycode // 8] >> keycode % 8 & 1)


def test_a_key_that_makes_the_same_is_held_and_repeats_when_it_is_told_to(
    desktop: VirtualDisplay, hands: X11Input, window: Window
) -> None:
    assert hands.hold("KeyQ", "q")
    wait_for(lambda: window.events.count("key q 0") == 1, "the press")
    assert not repeating(desktop, 24)
    assert hands.hold("KeyQ", "q")
    wait_for(lambda: window.events.count("key q 0") == 2, "the repeat")
    hands.key("KeyQ", False)
    wait_for(lambda: window.events[-1] == "up q", "the release")
    wait_for(lambda: repeating(desktop, 24), "the key repeats as it did")
    wait_for(lambda: window.text == "qq", "the text")
    hands.hold("KeyQ", "q")
    hands.release_all()
    wait_for(lambda: repeating(desktop, 24), "the key repeats as it did")


def test_a_held_key_repeats_nothing_while_its_release_is_on_the_way(hands: X11Input, window: Window) -> None:
    hands.key("KeyW", True)  # this one the X server does repeat, which shows how long to wait
    wait_for(lambda: window.text.startswith("www"), "repeats")
    hands.key("KeyW", False)
    hands.hold("KeyQ", "q")
    start = time.monotonic()
    wait_for(lambda: time.monotonic() - start > 1.0, "more time than it takes the X server to repeat a key")
    hands.key("KeyQ", False)
    hands.character("x")
    wait_for(lambda: window.text.endswith("x"), "the end")
    assert window.text.lstrip("w") == "qx"


def test_a_key_that_makes_something_else_is_not_held(desktop: VirtualDisplay, hands: X11Input, window: Window) -> None:
    for code, text in (("KeyZ", "y"), ("KeyQ", "Q"), ("Numpad7", "7"), ("KeyÄ", "ä"), ("Quote", "´")):
        assert not hands.hold(code, text), code
    assert hands.hold("Numpad7", "Home")
    hands.key("ShiftLeft", True)
    assert hands.hold("KeyQ", "Q")
    assert hands.hold("Tab", "Tab")
    hands.key("ShiftLeft", False)
    assert not hands.hold("KeyQ", "Q")
    hands.release_all()
    desktop.run("setxkbmap", "de")
    try:
        assert hands.hold("KeyY", "z")
        assert not hands.hold("KeyZ", "z")
        hands.release_all()
        hands.key("ControlLeft", True)
        assert hands.hold("KeyY", "Z")
    finally:
        hands.release_all()
        desktop.run("setxkbmap", "us")
    wait_for(lambda: "key z 4" in window.events, "Control+Z at its place")


def test_a_key_that_is_lent_is_pressed_as_itself(hands: X11Input, window: Window) -> None:
    """Multimedia keys are lent where an alphabet needs them: afterwards they must not type its letters."""
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 60)))
    type_text(hands, letters)
    wait_for(lambda: len(window.text) >= len(letters), "the letters")
    for code in ("AudioVolumeUp", "AudioVolumeMute", "F13", "Lang1"):
        hands.key(code, True)
        hands.key(code, False)
    assert hands.character("AudioVolumeUp", "AudioVolumeUp")
    hands.character("x")
    wait_for(lambda: window.text.endswith("x"), "the end")
    assert window.text == letters + "x"
    assert window.events.count("key XF86AudioRaiseVolume 0") == 2


def test_a_key_that_is_held_can_be_typed_as_well(hands: X11Input, window: Window) -> None:
    hands.hold("KeyQ", "q")
    type_text(hands, "aqa")
    hands.key("KeyQ", False)
    wait_for(lambda: len(window.text) >= 4, "the text")
    assert window.text == "qaqa"


def test_locks_are_set_and_put_back_with_all_else(desktop: VirtualDisplay, hands: X11Input, window: Window) -> None:
    assert hands.locks() == LockState(False, False)
    assert hands.set_locks(LockState(True, True))
    for code in ("KeyA", "Digit1", "Numpad7"):
        hands.key(code, True)
        hands.key(code, False)
    type_text(hands, "bÖж")  # a text arrives as it is, locks or not
    wait_for(lambda: len(window.text) >= 6, "the keys")
    assert window.text == "A17bÖж"
    hands.release_all()
    assert hands.locks() == LockState(False, False)
    for pressed in (True, False):
        hands.key("CapsLock", pressed)
    assert hands.locks() == LockState(True, False)
    other = X11Input(desktop.name)
    assert other.set_locks(LockState(None, True), keep=True)
    other.close()
    assert hands.locks() == LockState(True, True)
    hands.set_locks(LockState(None, False), keep=True)
    hands.release_all()
    assert hands.locks() == LockState(False, False)


def test_named_keys_and_wheels(hands: X11Input, window: Window) -> None:
    for name in ("a", "Enter", "b", "Backspace", "c"):
        assert hands.character(name)
    wait_for(lambda: window.text == "a\nc", "the keys")
    hands.scroll(0, 2)
    hands.scroll(0, -1)
    hands.scroll(1, 0)
    hands.scroll(-1, 0)
    wait_for(lambda: len(wheel_turns(window)) == 5, "the wheels")
    # Tk shows the sideways wheels (X buttons 6 and 7) as the others with Shift.
    assert wheel_turns(window) == ["5 0", "5 0", "4 0", "5 1", "4 1"]


def wheel_turns(window: Window) -> list[str]:
    return [event.removeprefix("button ") for event in window.events if event.startswith(("button 4", "button 5"))]


def pointer(watcher: X11Connection) -> tuple[int, int, int]:
    reply = watcher.core.QueryPointer(watcher.root).reply()
    return reply.root_x, reply.root_y, reply.mask


def test_everything_held_is_released_and_the_keyboard_put_back(desktop: VirtualDisplay) -> None:
    watcher = X11Connection(desktop.name)
    before = list(watcher.core.GetKeyboardMapping(8, 248).reply().keysyms)
    injector = X11Input(desktop.name)
    injector.character("日")
    injector.move(10, 20)
    injector.key("ShiftLeft", True)
    injector.button(0, True)
    wait_for(lambda: pointer(watcher) == (10, 20, 0x101), "Shift and the left button")
    injector.release_all()
    wait_for(lambda: pointer(watcher) == (10, 20, 0), "their release")
    injector.key("ControlLeft", True)
    injector.close()
    injector.close()
    assert pointer(watcher) == (10, 20, 0)
    assert list(watcher.core.GetKeyboardMapping(8, 248).reply().keysyms) == before
    watcher.close()


def test_closing_on_a_display_that_is_gone_is_quiet() -> None:
    with virtual_display(320, 200) as display:
        injector = X11Input(display.name)
        injector.key("ShiftLeft", True)
        display.stop()
        injector.close()
