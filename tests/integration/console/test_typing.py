"""What a technician types on their layout arrives as meant, whatever the layout there: through Chromium, console, relay and agent
into a real text field of a real X display. Afterwards no key is held.
"""

import contextlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import xcffib
import xcffib.xproto
from playwright.sync_api import expect

from tests.kit.console_page import LOCKED_KEY, ConsolePage
from tests.kit.display import VirtualDisplay, virtual_display, wait_for
from tests.kit.waiting import PATIENCE
from tests.kit.world import World

pytestmark = [pytest.mark.display, pytest.mark.browser, pytest.mark.xdist_group("world-typing")]

OWN_LAYOUT = """() => {
    const keys = new Map([["KeyQ", "q"], ["KeyY", "y"], ["KeyA", "a"], ["Semicolon", ";"]]);
    navigator.keyboard.getLayoutMap = async () => keys;
}"""
"""The technician's own layout is American: what a browser says of it depends on the machine that the tests run on."""

LAYOUTS = ("us", "de", "fr", "ru", "jp")

Stroke = tuple[str, str]
"""KeyboardEvent.code and .key."""

QWERTZ = {
    "y": "KeyZ",
    "z": "KeyY",
    "ä": "Quote",
    "ö": "Semicolon",
    "ü": "BracketLeft",
    "ß": "Minus",
    "-": "Slash",
    "#": "Backslash",
}
AZERTY = {"a": "KeyQ", "q": "KeyA", "z": "KeyW", "w": "KeyZ", "m": "Semicolon", "é": "Digit2", "ç": "Digit9", "à": "Digit0"}
JCUKEN = dict(
    zip(
        "йцукенгшщзхъфывапролджэячсмитьбю",
        [f"Key{letter}" for letter in "QWERTYUIOP"]
        + ["BracketLeft", "BracketRight"]
        + [f"Key{letter}" for letter in "ASDFGHJKL"]
        + ["Semicolon", "Quote"]
        + [f"Key{letter}" for letter in "ZXCVBNM"]
        + ["Comma", "Period"],
        strict=True,
    )
)
US = {" ": "Space", ",": "Comma", ".": "Period", "\n": "Enter"}
US |= {letter: f"Key{letter.upper()}" for letter in "abcdefghijklmnopqrstuvwxyz"} | {
    digit: f"Digit{digit}" for digit in "0123456789"
}


@dataclass
class Desk:
    """The assisted display with its text field, and the technician's page."""

    display: VirtualDisplay
    console: ConsolePage
    out: Path

    @property
    def text(self) -> str:
        return self.out.read_text(encoding="utf-8")

    def layout(self, name: str) -> None:
        self.display.run("setxkbmap", name)

    def person_presses(self, key: str) -> None:
        """The person there uses their own keyboard."""
        self.display.run("xdotool", "key", key)

    def locked(self) -> int:
        """The modifier bits of Caps Lock (2) and Num Lock (16) as programs see them."""
        connection = xcffib.connect(self.display.name)
        try:
            root = connection.get_setup().roots[0].root
            return int(connection.core.QueryPointer(root).reply().mask) & 18
        finally:
            connection.disconnect()

    def mode(self, name: str) -> None:
        """How keys go there, then the focus back into the picture."""
        self.console.page.get_by_role("radio", name=name, exact=True).click()
        self.take()

    def held(self) -> list[int]:
        """The keycodes that the X server believes to be down."""
        connection = xcffib.connect(self.display.name)
        try:
            keys = bytes(connection.core.QueryKeymap().reply().keys)
        finally:
            connection.disconnect()
        return [number for number in range(256) if keys[number // 8] >> number % 8 & 1]

    @property
    def clicks(self) -> int:
        """How often the field has been clicked."""
        count = self.out.with_suffix(".clicks")
        return int(count.read_text(encoding="utf-8") or 0) if count.exists() else 0

    def take(self) -> None:
        """Click into the field until it has seen that: the window manager holds a click back until it has given the window the
        keyboard, and keys overtake it meanwhile; and the frame of a window that was closed may still stand there."""
        before, end = self.clicks, time.monotonic() + PATIENCE
        place = 100 + 40 * (before % 5)
        while self.clicks == before:
            assert time.monotonic() < end, "the field sees no click"
            self.console.click(place, 200)
            place += 10  # two clicks at one place make a double click, which selects a word
            with contextlib.suppress(AssertionError):
                wait_for(lambda: self.clicks > before, "the click", 2)

    def has_keyboard(self, title: str) -> None:
        """Until keys go to a window with such a title: a window manager gives the keyboard away when it gets round to it."""

        def asked() -> bool:
            argv = ["xdotool", "getwindowfocus", "getwindowname"]
            told = subprocess.run(argv, env=self.display.environment, capture_output=True, text=True, check=False)
            return re.search(title, told.stdout) is not None

        wait_for(asked, f"{title!r} has the keyboard")

    def clear(self) -> None:
        """An empty field that has the keyboard."""
        self.take()
        self.console.press("Control+a")
        self.console.press("Delete")
        self.stands("", PATIENCE)

    def stands(self, wanted: str, seconds: float) -> None:
        """Until the field holds this text; a failure says what it holds then."""
        end = time.monotonic() + seconds
        while self.text != wanted:
            assert time.monotonic() < end, f"wanted {wanted!r}; there is {self.text!r}"
            time.sleep(0.02)

    def arrives(self, wanted: str) -> None:
        self.stands(wanted, 60)
        wait_for(lambda: self.held() == [], "no key is held")


class Hands:
    """Keys of one layout as Chromium reports them."""

    def __init__(self, console: ConsolePage, codes: dict[str, str]) -> None:
        self._tools = console.page.context.new_cdp_session(console.page)
        self._codes = codes

    def event(self, kind: str, code: str, key: str, modifiers: int = 0, at: float | None = None) -> None:
        event: dict[str, Any] = {"type": kind, "code": code, "key": key, "modifiers": modifiers}
        if at is not None:
            event["timestamp"] = at
        if kind == "keyDown" and len(key) == 1:
            event |= {"text": key, "unmodifiedText": key}
        self._tools.send("Input.dispatchKeyEvent", event)

    def stroke(self, code: str, key: str, modifiers: int = 0) -> None:
        self.event("keyDown", code, key, modifiers)
        self.event("keyUp", code, key, modifiers)

    def type(self, text: str) -> None:
        """As fast as the browser takes them; a capital with Shift held."""
        for character in text:
            code = self._codes.get(character.lower()) or US.get(character.lower(), "")
            if character != character.lower():
                self.event("keyDown", "ShiftLeft", "Shift", 8)
                self.stroke(code, character, 8)
                self.event("keyUp", "ShiftLeft", "Shift")
            else:
                self.stroke(code, "Enter" if character == "\n" else character)

    def alt_gr(self, code: str, character: str, *, windows: bool) -> None:
        """A character of the third level. On Windows a left Control that nobody pressed comes first."""
        now = time.time()
        if windows:
            self.event("keyDown", "ControlLeft", "Control", 2, now)
        self.event("keyDown", "AltRight", "AltGraph", 3 if windows else 0, now)
        self.stroke(code, character, 3 if windows else 0)
        self.event("keyUp", "AltRight", "AltGraph")
        if windows:
            self.event("keyUp", "ControlLeft", "Control")

    def dead(self, code: str, wanted: str) -> None:
        """A dead key, and what it makes with the next one."""
        self.event("rawKeyDown", code, "Dead")
        self.event("keyUp", code, "Dead")
        self.compose(wanted, "´")

    def compose(self, wanted: str, first: str) -> None:
        """An input method, or a dead key: something stands there for a while, then it is settled."""
        self._tools.send("Input.imeSetComposition", {"text": first, "selectionStart": len(first), "selectionEnd": len(first)})
        self._tools.send("Input.insertText", {"text": wanted})


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("typing")
    out = directory / "text"
    world = World(directory / "w")
    with virtual_display(800, 600) as display:
        display.start("openbox")
        display.start(sys.executable, "-m", "tests.kit.text_window", str(out))
        try:
            address = world.everything(display.name)
            person = world.user("attend")
            with ConsolePage(address, width=1280, height=720) as console:
                console.page.evaluate(OWN_LAYOUT)
                console.ask("Reception PC", "Typing")
                person.expect(r"Your answer \[.*\]")
                person.type("c\n")
                console.wait_for_picture()
                wait_for(out.exists, "the text field")
                yield Desk(display, console, out)
        finally:
            world.stop()


@pytest.mark.parametrize(("there", "mode"), [*((layout, "Auto") for layout in LAYOUTS), ("fr", "Text"), ("ru", "Text")])
def test_every_layout_here_arrives_on_every_layout_there(desk: Desk, there: str, mode: str) -> None:
    desk.layout(there)
    desk.mode(mode)
    desk.clear()
    english, german, french, russian, japanese = (Hands(desk.console, codes) for codes in ({}, QWERTZ, AZERTY, JCUKEN, {}))
    english.type("The quick brown Fox, 123.\n")
    german.type("Zwölf Boxkämpfer-Übung # ß\n")
    german.alt_gr("KeyQ", "@", windows=False)
    german.alt_gr("KeyE", "€", windows=True)
    german.alt_gr("Digit7", "{", windows=True)
    french.type("Voilà où: ça".replace("ù", "u").replace(":", ""))
    french.dead("BracketLeft", "ê")
    french.dead("BracketLeft", "ï")
    russian.type(" Съешь Ещё этих".replace("ё", "е"))
    japanese.compose("日本語", "にほんご")
    japanese.compose("🙂👩‍💻", ":")
    desk.arrives("The quick brown Fox, 123.\nZwölf Boxkämpfer-Übung # ß\n@€{Voilà ou çaêï Съешь Еще этих日本語🙂👩‍💻")


@pytest.mark.parametrize("there", ["de", "ru"])
def test_shortcuts_work_by_their_letter(desk: Desk, there: str) -> None:
    desk.layout(there)
    desk.clear()
    hands = Hands(desk.console, QWERTZ)
    hands.type("zebra")
    for letter, code in (("a", "KeyA"), ("x", "KeyX"), ("v", "KeyV"), ("v", "KeyV")):
        hands.event("keyDown", "ControlLeft", "Control", 2)
        hands.stroke(code, letter, 2)
        hands.event("keyUp", "ControlLeft", "Control")
    desk.arrives("zebrazebra")


def test_keys_mode_presses_the_same_places(desk: Desk) -> None:
    desk.layout("de")
    desk.mode("Auto")
    desk.clear()
    desk.mode("Keys")
    hands = Hands(desk.console, {})
    hands.type("yz")
    hands.event("keyDown", "AltRight", "AltGraph")
    hands.stroke("KeyQ", "q")
    hands.event("keyUp", "AltRight", "AltGraph")
    desk.arrives("zy@")
    desk.mode("Auto")


CAPS, NUM = "Caps_Lock", "Num_Lock"


@pytest.mark.parametrize("there", [(), (CAPS,), (NUM,), (CAPS, NUM)], ids=lambda keys: "+".join(keys) or "none")
@pytest.mark.parametrize("mode", ["Auto", "Text"])
def test_no_lock_of_either_side_changes_what_is_typed(desk: Desk, mode: str, there: tuple[str, ...]) -> None:
    desk.layout("de")
    desk.mode(mode)
    desk.clear()
    for key in there:
        desk.person_presses(key)
    before = desk.locked()
    try:
        page = desk.console.page
        for code, key, caps, num in (
            ("KeyA", "a", False, False),
            ("KeyA", "A", True, False),
            ("KeyY", "Z", True, False),
            ("Quote", "Ä", True, False),
            ("KeyF", "Ж", True, False),
            ("Numpad7", "7", False, True),
            ("NumpadAdd", "+", False, True),
            ("Numpad7", "Home", False, False),
            ("Numpad6", "ArrowRight", False, False),
            ("Numpad5", "5", True, True),
        ):
            page.evaluate(LOCKED_KEY, [code, key, caps, num])
        desk.arrives("a5AZÄЖ7+")
        assert desk.locked() == before
    finally:
        for key in there:
            desk.person_presses(key)
        desk.mode("Auto")


def test_keys_mode_has_the_technicians_locks_until_the_focus_goes(desk: Desk) -> None:
    desk.layout("us")
    desk.mode("Auto")
    desk.clear()
    desk.person_presses(NUM)
    try:
        desk.mode("Keys")
        page = desk.console.page
        page.evaluate(LOCKED_KEY, ["KeyA", "A", True, False])
        page.evaluate(LOCKED_KEY, ["Numpad7", "Home", True, False])
        page.evaluate(LOCKED_KEY, ["KeyB", "b", False, True])
        page.evaluate(LOCKED_KEY, ["Numpad7", "7", False, True])
        desk.arrives("b7A")
        page.evaluate(LOCKED_KEY, ["KeyA", "A", True, True])
        desk.arrives("b7AA")
        assert desk.locked() == 18
        page.locator("#tab-chat").focus()
        wait_for(lambda: desk.locked() == 16, "the locks as the person had them")
    finally:
        desk.person_presses(NUM)
        desk.mode("Auto")


def test_the_technician_sees_that_caps_lock_is_on_there_and_turns_it_off(desk: Desk) -> None:
    desk.layout("us")
    desk.clear()
    desk.person_presses(CAPS)
    page = desk.console.page
    note = page.get_by_text("Caps Lock is on there")
    expect(note).to_be_visible()  # nobody has to press a key for that
    page.get_by_role("button", name="Turn Caps Lock off there").click()
    expect(note).to_have_count(0)
    wait_for(lambda: desk.locked() == 0, "the lock is off there")
    Hands(desk.console, {}).type("ok")
    desk.arrives("ok")


@pytest.mark.parametrize("way", ["blur", "hidden", "pause"])
def test_a_key_whose_release_never_comes_is_let_go(desk: Desk, way: str) -> None:
    desk.layout("us")
    desk.clear()
    hands = Hands(desk.console, {})
    for code, key in (("ControlLeft", "Control"), ("AltLeft", "Alt"), ("ShiftLeft", "Shift")):
        hands.event("keyDown", code, key)
    wait_for(lambda: len(desk.held()) == 3, "three keys are down")
    page = desk.console.page
    if way == "blur":
        page.locator("#tab-chat").focus()
    elif way == "hidden":
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    else:
        page.get_by_role("radio", name="Watch").click()
    wait_for(lambda: desk.held() == [], f"no key is held; there are {desk.held()}")
    if way == "hidden":
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    elif way == "pause":
        page.get_by_role("radio", name="Control").click()
    for code, key in (("ControlLeft", "Control"), ("AltLeft", "Alt"), ("ShiftLeft", "Shift")):
        hands.event("keyUp", code, key)
    desk.take()
    hands.type("ok")
    desk.arrives("ok")


def test_a_terminal_takes_mixed_characters_at_full_speed(desk: Desk, tmp_path: Path) -> None:
    desk.layout("us")
    out = tmp_path / "typed"
    assert shutil.which("xterm")
    script = f"stty -echo; cat > {out}"
    xterm = desk.display.start("xterm", "-u8", "-geometry", "60x10+100+200", "-e", "sh", "-c", script)
    try:
        wait_for(out.exists, "the terminal")
        desk.console.click(250, 260)
        desk.has_keyboard("sh|xterm")
        hands = Hands(desk.console, JCUKEN)
        text = "абвгд abc еёжзи öäü ñ ç 日本語 ωψχ éèê " * 2
        hands.type(text + "\n")
        wait_for(
            lambda: out.read_text(encoding="utf-8", errors="replace") == text + "\n",
            f"all of it; {out.read_text(encoding='utf-8', errors='replace')!r}",
            90,
        )
        assert desk.held() == []
    finally:
        xterm.terminate()
        xterm.wait(5)


def test_a_long_text_is_typed_with_its_lines_and_can_be_stopped(desk: Desk) -> None:
    desk.layout("de")
    desk.clear()
    page = desk.console.page
    page.locator("[data-menu=special-keys] > button").click()
    page.get_by_role("button", name="Type this text").click()
    text = "server { listen 443; }\n# Übung äöü €\n日本 🙂\n\tend"
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Type it").click()
    expect(page.get_by_text("Typed: ")).to_be_visible()
    desk.arrives(text)
    page.get_by_label("Text", exact=True).fill("x" * 20_000)
    page.get_by_role("button", name="Type it").click()
    page.get_by_role("button", name="Stop typing").click()
    expect(page.get_by_text("Stopped: ")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    assert len(desk.text) < 10_000
    expect(page.get_by_text("Keyboard there: de")).to_be_visible()


def test_a_gtk_editor_takes_every_script_and_saves_it_by_a_shortcut(desk: Desk, tmp_path: Path) -> None:
    desk.layout("de")
    desk.mode("Auto")
    letter = tmp_path / "letter.txt"
    letter.write_text("", encoding="utf-8")
    home = (
        "env",
        f"HOME={tmp_path}",
        f"XDG_CONFIG_HOME={tmp_path}",
        f"XDG_DATA_HOME={tmp_path}",
        "NO_AT_BRIDGE=1",
        "GTK_A11Y=none",
    )
    editor = desk.display.start(*home, "mousepad", "--disable-server", str(letter))
    try:
        wait_for(lambda: "letter.txt" in desk.display.run("xwininfo", "-root", "-tree"), "the editor", 60)
        desk.display.run(
            "xdotool", "search", "--sync", "--onlyvisible", "--name", "letter.txt", "windowmove", "40", "40", "windowactivate"
        )
        desk.has_keyboard("letter.txt")
        desk.console.click(300, 260)
        Hands(desk.console, QWERTZ).type("Zwölf Boxkämpfer ß\n")
        Hands(desk.console, JCUKEN).type("Съешь ещё этих\n".replace("ё", "е"))
        Hands(desk.console, {}).compose("日本語 🙂👩‍💻", "にほんご")
        wanted = "Zwölf Boxkämpfer ß\nСъешь еще этих\n日本語 🙂👩‍💻"

        end = time.monotonic() + 60
        while (text := letter.read_text(encoding="utf-8").rstrip("\n")) != wanted:
            assert time.monotonic() < end, f"wanted {wanted!r}; there is {text!r}"
            desk.console.press("Control+s")
        wait_for(lambda: desk.held() == [], "no key is held")
    finally:
        editor.terminate()
        editor.wait(5)
