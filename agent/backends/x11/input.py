"""Mouse and keyboard of an X display by XTest. Keeps no text and logs no key.

Modifiers that the technician holds are real key presses here too, so that shortcuts and Shift+click work. A character is a full
stroke: where what is held would change it, those keys are let go for the time of the stroke and pressed again after it.

A key that is held because it makes the same on both sides does not repeat by itself: the technician's keyboard tells when, and
a release that the network holds up repeats nothing. A repeat is what X makes of one: a release and a press at the same moment.

Whatever is pressed, lent or changed is written into the ledger of a guard first (`agent.backends.x11.guarding`): a process that
puts it back should this one be killed.
"""

import contextlib
import unicodedata
from collections.abc import Iterator

import xcffib.xtest
from xcffib.xproto import KB, AutoRepeatMode

from agent.backends.base import DisplayLost, InputInjector, LockState
from agent.backends.x11.codes import COMMAND, SHIFT, keycode_of
from agent.backends.x11.connection import X11Connection, lost_display
from agent.backends.x11.guarding import ReleaseGuard
from agent.backends.x11.keyboard import Keyboard, Stroke, spare_keysym
from agent.backends.x11.keysyms import COMPANIONS, CONTROL_CHARACTERS, NAMED
from agent.backends.x11.levels import GROUP_MASK, GROUP_SHIFT, LOCK_MASK
from agent.backends.x11.locks import X11Locks

KEY_PRESS, KEY_RELEASE, BUTTON_PRESS, BUTTON_RELEASE, MOTION = 2, 3, 4, 5, 6
BUTTONS = {0: 1, 1: 2, 2: 3, 3: 8, 4: 9}
"""DOM buttons to X buttons; X 4 to 7 are the wheels."""
WHEEL_UP, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT = 4, 5, 6, 7
LOCK_KEYS = frozenset({"CapsLock", "NumLock"})
RULES_NAMES = "_XKB_RULES_NAMES"
MOST_LAYOUT_CHARACTERS = 100


class X11Input(InputInjector):
    """See the base class. Owns its connection."""

    name = "x11"

    def __init__(self, display: str) -> None:
        """Connect.

        Raises:
            Unavailable: no display, or one without XTest or XKB.
        """
        self._connection = X11Connection(display)
        with contextlib.ExitStack() as undo:
            undo.callback(self._connection.close)
            self._xtest = self._connection.extension(xcffib.xtest.key, "XTEST")
            self._guard = ReleaseGuard(display)
            undo.callback(self._guard.farewell)
            self._ledger = self._guard.ledger
            self._keyboard = Keyboard(self._connection, ledger=self._ledger)
            self._locks = X11Locks(display, lambda: self._keyboard.num_lock, self._ledger)
            undo.pop_all()
        self._keys: dict[str, int] = {}
        self._no_repeat: dict[str, int] = {}
        self._buttons: set[int] = set()
        self._closed = False
        self.reason = f"XTest of X display {display}"

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        if kind == KEY_PRESS:
            self._ledger.key(detail)
        elif kind == BUTTON_PRESS:
            self._ledger.button(detail)
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
            self._keyboard.follow(self._connection.events())
            self._keyboard.reclaim(keycode)
            self._keys[code] = keycode
            self._press(code, keycode, KEY_PRESS)
        elif not pressed and code in self._keys:
            del self._keys[code]
            self._press(code, keycode, KEY_RELEASE)
            self._repeats(code)
        self._connection.flush()
        return True

    def _press(self, code: str, keycode: int, kind: int) -> None:
        if code not in LOCK_KEYS:
            self._fake(kind, keycode)
            return
        with self._locks.following():
            self._fake(kind, keycode)
            self._connection.settle()

    def hold(self, code: str, text: str) -> bool:
        """See the base class."""
        keycode = keycode_of(code)
        if keycode is None:
            return False
        self._keyboard.follow(self._connection.events())
        made = self._keyboard.makes(keycode, self._mask())
        shortcut = any(held in COMMAND for held in self._keys)
        if made is None or not (made == text or (shortcut and made.casefold() == text.casefold())):
            self.key(code, False)
            return False
        if code in self._keys:
            self._fake(KEY_RELEASE, keycode)
        else:
            self._keyboard.reclaim(keycode)
            self._keys[code] = keycode
            self._repeats_not(code, keycode)
        self._fake(KEY_PRESS, keycode)
        self._connection.flush()
        return True

    def _repeats_not(self, code: str, keycode: int) -> None:
        """The X server shall not repeat this key by itself, until `_repeats`."""
        with lost_display():
            bits = bytes(self._connection.core.GetKeyboardControl().reply().auto_repeats)
            if bits[keycode // 8] >> keycode % 8 & 1:
                self._no_repeat[code] = keycode
                self._ledger.repeats_not(keycode)
                self._connection.core.ChangeKeyboardControl(KB.Key | KB.AutoRepeatMode, [keycode, AutoRepeatMode.Off])

    def _repeats(self, code: str) -> None:
        keycode = self._no_repeat.pop(code, None)
        if keycode is not None:
            with lost_display():
                self._connection.core.ChangeKeyboardControl(KB.Key | KB.AutoRepeatMode, [keycode, AutoRepeatMode.On])

    def character(self, text: str, code: str = "", *, lift: bool = False) -> bool:
        """See the base class."""
        self._keyboard.follow(self._connection.events())
        text = CONTROL_CHARACTERS.get(text, text)
        if text in NAMED:
            done = self._named(text, code)
        else:
            shortcut = any(held in COMMAND for held in self._keys) and not lift
            typed = [self._one(character, code, shortcut) for character in unicodedata.normalize("NFC", text)]
            done = bool(typed) and all(typed)
        self._connection.flush()
        return done

    def prepare(self, text: str) -> None:
        """See the base class."""
        self._keyboard.follow(self._connection.events())
        self._keyboard.lend_ahead(self._lacking(unicodedata.normalize("NFC", text)))

    def _lacking(self, text: str) -> list[int]:
        """The keysyms that must be lent to type this text."""
        second = self._mask() >> GROUP_SHIFT & GROUP_MASK
        lacking = [one for one in text if one not in CONTROL_CHARACTERS and (second or self._keyboard.stroke(one) is None)]
        return [keysym for one in lacking if (keysym := spare_keysym(one)) is not None]

    def _companions(self, character: str) -> None:
        """The first of its kind that is lacking brings the others along."""
        for kind in COMPANIONS:
            if character in kind:
                self._keyboard.lend_ahead(self._lacking(character + kind), perhaps=True)

    def _named(self, name: str, code: str) -> bool:
        keycode = self._keyboard.keycode_with(NAMED[name]) or keycode_of(code) or self._keyboard.lend(NAMED[name])
        if keycode is None:
            return False
        if not self._keyboard.lends(keycode, NAMED[name]):
            self._keyboard.reclaim(keycode)
        self._tap(keycode)
        return True

    def _one(self, character: str, code: str, shortcut: bool) -> bool:
        stroke = self._keyboard.stroke(character)
        mask = self._mask()
        group, locked = mask >> GROUP_SHIFT & GROUP_MASK, bool(mask & LOCK_MASK)
        if shortcut:
            return self._shortcut(stroke, character, code)
        if stroke is not None and group == 0:
            shift = stroke.shift if not (locked and stroke.cased) else not stroke.shift
            # What Caps Lock makes of other keys is the layout's own affair: German ß becomes ẞ.
            unlocked = self._unlocked(locked and not stroke.cased and not character.isspace())
            with self._without(COMMAND), self._shifted(bool(shift)), unlocked:
                self._tap(stroke.keycode)
            return True
        keysym = spare_keysym(character)
        if keysym is not None and not self._keyboard.has_lent(keysym):
            self._companions(character)
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
        if keycode in self._keys.values():
            self._fake(KEY_RELEASE, keycode)  # the server takes no press of a key that is down
        self._fake(KEY_PRESS, keycode)
        self._fake(KEY_RELEASE, keycode)

    def _mask(self) -> int:
        """The core modifier state, with the active layout group in bits 13 and 14."""
        with lost_display():
            return int(self._connection.core.QueryPointer(self._connection.root).reply().mask)

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
        if not locked:
            yield
            return
        with self._locks.lifted(LOCK_MASK, self._connection.settle):
            yield

    def locks(self) -> LockState:
        """See the base class."""
        return self._locks.state()

    def set_locks(self, wanted: LockState, *, keep: bool = False) -> bool:
        """See the base class."""
        self._connection.settle()
        return self._locks.set(wanted, keep=keep)

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
        for code in list(self._no_repeat):
            self._repeats(code)
        self._keys.clear()
        self._buttons.clear()
        self._connection.settle()
        self._ledger.all_up()
        self._locks.restore()

    def tend(self) -> None:
        """See the base class."""
        self._guard.tend()

    def close(self) -> None:
        """See the base class. On a display that is gone there is nothing left to release; the guard looks whether it is."""
        if self._closed:
            return
        self._closed = True
        try:
            self.release_all()
            self._keyboard.follow(self._connection.events())
            self._keyboard.restore()
            self._connection.settle()
        except DisplayLost:
            pass
        else:
            self._guard.farewell()
        finally:
            self._guard.abandon()  # does nothing after a farewell
            self._locks.close()
            self._connection.close()
