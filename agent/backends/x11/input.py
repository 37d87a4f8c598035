"""Mouse and keyboard of an X display by XTest. Keeps no text and logs no key.

Modifiers that the technician holds are real key presses here too, so that shortcuts and Shift+click work. A character is a full
stroke: where what is held would change it, those keys are let go for the time of the stroke and pressed again after it.
"""

import contextlib
import unicodedata
from collections.abc import Iterator

import xcffib.xtest

from agent.backends.base import DisplayLost, InputInjector
from agent.backends.x11.codes import COMMAND, SHIFT, keycode_of
from agent.backends.x11.connection import X11Connection, lost_display
from agent.backends.x11.keyboard import Keyboard, Stroke, spare_keysym
from agent.backends.x11.keysyms import NAMED

KEY_PRESS, KEY_RELEASE, BUTTON_PRESS, BUTTON_RELEASE, MOTION = 2, 3, 4, 5, 6
BUTTONS = {0: 1, 1: 2, 2: 3, 3: 8, 4: 9}
"""DOM buttons to X buttons; X 4 to 7 are the wheels."""
WHEEL_UP, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT = 4, 5, 6, 7
LOCK_MASK = 2
RULES_NAMES = "_XKB_RULES_NAMES"
MOST_LAYOUT_CHARACTERS = 100
GROUP_SHIFT, GROUP_MASK = 13, 3
"""Where the core state keeps the active layout (XKB protocol section 17). The extension itself is not used: a client that
initialises it gets no MappingNotify any more."""


class X11Input(InputInjector):
    """See the base class. Owns its connection."""

    name = "x11"

    def __init__(self, display: str) -> None:
        """Connect.

        Raises:
            Unavailable: no display, or one without XTest.
        """
        self._connection = X11Connection(display)
        with contextlib.ExitStack() as undo:
            undo.callback(self._connection.close)
            self._xtest = self._connection.extension(xcffib.xtest.key, "XTEST")
            self._keyboard = Keyboard(self._connection)
            undo.pop_all()
        self._keys: dict[str, int] = {}
        self._buttons: set[int] = set()
        self._closed = False
        self.reason = f"XTest of X display {display}"

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        root = self._connection.root if kind == MOTION else 0
        with lost_display():
            self._xtest.FakeInput(kind, detail, 0, root, x, y, 0)

    def move(self, x: int, y: int) -> None:
        """See the base class."""
        self._fake(MOTION, 0, x, y)
        self._connection.flush()

    def button(self, button: int, pressed: bool) -> None:
        """See the base class."""
        number = BUTTONS[button]
        (self._buttons.add if pressed else self._buttons.discard)(number)
        self._fake(BUTTON_PRESS if pressed else BUTTON_RELEASE, number)
        self._connection.flush()

    def scroll(self, horizontal: int, vertical: int) -> None:
        """See the base class."""
        turns = (
            (WHEEL_RIGHT if horizontal > 0 else WHEEL_LEFT, abs(horizontal)),
            (WHEEL_DOWN if vertical > 0 else WHEEL_UP, abs(vertical)),
        )
        for number, notches in turns:
            for _ in range(notches):
                self._fake(BUTTON_PRESS, number)
                self._fake(BUTTON_RELEASE, number)
        self._connection.flush()

    def key(self, code: str, pressed: bool) -> bool:
        """See the base class. A key that is held already is not pressed again: the X server repeats it by itself."""
        keycode = keycode_of(code)
        if keycode is None:
            return False
        if pressed and code not in self._keys:
            self._keys[code] = keycode
            self._fake(KEY_PRESS, keycode)
        elif not pressed and code in self._keys:
            del self._keys[code]
            self._fake(KEY_RELEASE, keycode)
        self._connection.flush()
        return True

    def character(self, text: str, code: str = "", *, lift: bool = False) -> bool:
        """See the base class."""
        self._keyboard.follow(self._connection.events())
        if text in NAMED:
            done = self._named(text, code)
        else:
            shortcut = any(held in COMMAND for held in self._keys) and not lift
            typed = [self._one(character, code, shortcut) for character in unicodedata.normalize("NFC", text)]
            done = bool(typed) and all(typed)
        self._connection.flush()
        return done

    def _named(self, name: str, code: str) -> bool:
        keycode = self._keyboard.keycode_with(NAMED[name]) or keycode_of(code) or self._keyboard.lend(NAMED[name])
        if keycode is None:
            return False
        self._tap(keycode)
        return True

    def _one(self, character: str, code: str, shortcut: bool) -> bool:
        stroke = self._keyboard.stroke(character)
        group, locked = self._state()
        if shortcut:
            return self._shortcut(stroke, character, code)
        if stroke is not None and group == 0:
            shift = stroke.shift if not (locked and stroke.cased) else not stroke.shift
            with self._without(COMMAND), self._shifted(bool(shift)):
                self._tap(stroke.keycode)
            return True
        keysym = spare_keysym(character)
        keycode = None if keysym is None else self._keyboard.lend(keysym)
        if keycode is None:
            return False
        with self._without(COMMAND), self._unlocked(locked and character.upper() != character.lower()):
            self._tap(keycode)
        return True

    def _shortcut(self, stroke: Stroke | None, character: str, code: str) -> bool:
        """With Control, Alt or Meta held: the key that carries the character here, else a lent one for a Latin letter (programs
        know no Ctrl+Ф where the layout has no Latin letters at all), else the key at the same place."""
        if stroke is None:
            stroke = self._keyboard.stroke(character.lower())
        keycode = stroke.keycode if stroke is not None else keycode_of(code)
        if stroke is None and character.isascii() and character.isalpha():
            keycode = self._keyboard.lend(ord(character.lower())) or keycode
        if keycode is None:
            return False
        self._tap(keycode)
        return True

    def _tap(self, keycode: int) -> None:
        self._fake(KEY_PRESS, keycode)
        self._fake(KEY_RELEASE, keycode)

    def _state(self) -> tuple[int, bool]:
        """(active layout group, Caps Lock is on)."""
        with lost_display():
            mask = int(self._connection.core.QueryPointer(self._connection.root).reply().mask)
        return mask >> GROUP_SHIFT & GROUP_MASK, bool(mask & LOCK_MASK)

    @contextlib.contextmanager
    def _without(self, codes: frozenset[str]) -> Iterator[None]:
        """Let go of held keys for the time of a stroke."""
        held = [self._keys[code] for code in self._keys if code in codes]
        for keycode in held:
            self._fake(KEY_RELEASE, keycode)
        yield
        for keycode in held:
            self._fake(KEY_PRESS, keycode)

    @contextlib.contextmanager
    def _shifted(self, wanted: bool) -> Iterator[None]:
        """Shift as the stroke needs it."""
        holds = any(code in SHIFT for code in self._keys)
        if holds and not wanted:
            with self._without(SHIFT):
                yield
        elif wanted and not holds:
            keycode = keycode_of("ShiftLeft")
            assert keycode is not None
            self._fake(KEY_PRESS, keycode)
            yield
            self._fake(KEY_RELEASE, keycode)
        else:
            yield

    @contextlib.contextmanager
    def _unlocked(self, locked: bool) -> Iterator[None]:
        """Caps Lock off for the time of a stroke: it would change the case of a lent key too."""
        keycode = self._keyboard.keycode_with(NAMED["CapsLock"]) if locked else None
        if keycode is not None:
            self._tap(keycode)
        yield
        if keycode is not None:
            self._tap(keycode)

    def layouts(self) -> str:
        """See the base class: the third word of the root window's _XKB_RULES_NAMES (set by setxkbmap and every desktop)."""
        core = self._connection.core
        with lost_display():
            atom = core.InternAtom(True, len(RULES_NAMES), RULES_NAMES).reply().atom
            if not atom:
                return ""
            value = core.GetProperty(False, self._connection.root, atom, 0, 0, 256).reply().value
        words = bytes(value.buf()).split(b"\0")
        return words[2].decode("ascii", "replace")[:MOST_LAYOUT_CHARACTERS] if len(words) > 2 else ""

    def release_all(self) -> None:
        """See the base class."""
        for keycode in self._keys.values():
            self._fake(KEY_RELEASE, keycode)
        for number in self._buttons:
            self._fake(BUTTON_RELEASE, number)
        self._keys.clear()
        self._buttons.clear()
        self._connection.flush()

    def close(self) -> None:
        """See the base class. On a display that is gone there is nothing left to release."""
        if self._closed:
            return
        self._closed = True
        try:
            self.release_all()
            self._keyboard.restore()
            self._connection.root_size()  # a round trip: the server has seen everything before we go
        except DisplayLost:
            pass
        finally:
            self._connection.close()
