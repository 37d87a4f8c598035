"""The X keyboard as a typist sees it: which key makes which character in the present layout, and spare keys for all others.

A character that the layout lacks is put on a spare keycode (all its levels carry the keysym: no modifier changes it) and
typed there. Clients read a changed mapping when they next look, not when it changed; a keycode must therefore keep its
character until everybody had time to see the last stroke. Spare keycodes are reused in the order in which they were last
used, and never sooner than `REUSE_SECONDS`. A client that is just reading one change can miss the next (Xlib clears its
"changed" flag after the answer came), so a change keeps `SETTLE_SECONDS` from the stroke before and the stroke after it.
Everything is put back by `restore`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import xcffib.xproto

from agent.backends.x11.connection import X11Connection, lost_display
from agent.backends.x11.keysyms import FIRST_XF86, LAST_XF86, character_of, keysym_of

REUSE_SECONDS = 0.3
SETTLE_SECONDS = 0.012
LEAST_POOL = 48
"""With fewer unused keycodes than this, multimedia keys are borrowed too: enough for an alphabet in both cases."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """Press `keycode`; `shift`: with Shift (True), without (False), or as it is (None)."""

    keycode: int
    shift: bool | None
    cased: bool = False
    """Caps Lock changes what Shift means here."""


class Keyboard:
    """The server's keyboard mapping, kept up to date."""

    def __init__(
        self,
        connection: X11Connection,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read the mapping.

        Raises:
            DisplayLost: the connection broke.
        """
        self._connection = connection
        self._clock, self._sleep = clock, sleep
        self._originals: dict[int, list[int]] = {}
        self._pool: OrderedDict[int, tuple[int, float]] = OrderedDict()
        self._rows: dict[int, list[int]] = {}
        self._width = 0
        self._lent_at = float("-inf")
        self.refresh()

    def refresh(self) -> None:
        """Read the mapping anew; what was lent is kept where it still stands.

        Raises:
            DisplayLost: the connection broke.
        """
        setup = self._connection.setup
        first, last = setup.min_keycode, setup.max_keycode
        with lost_display():
            reply = self._connection.core.GetKeyboardMapping(first, last - first + 1).reply()
            modifiers = self._connection.core.GetModifierMapping().reply()
        width, keysyms = int(reply.keysyms_per_keycode), list(reply.keysyms)
        rows = {first + place: keysyms[place * width : (place + 1) * width] for place in range(last - first + 1)}
        lent = {code: use for code, use in self._pool.items() if use[0] and rows[code][0] == use[0]}
        # Whoever replaced a whole mapping has put back what was lent.
        self._originals = {code: row for code, row in self._originals.items() if code in lent}
        self._width, self._rows = width, {**rows, **self._originals}
        taken = set(modifiers.keycodes)
        unused = [code for code, row in self._rows.items() if not any(row) and code > first and code not in taken]
        media = [code for code, row in self._rows.items() if _is_media(row) and code not in taken]
        chosen = unused + media[: max(0, LEAST_POOL - len(unused))]
        self._pool = OrderedDict((code, (0, float("-inf"))) for code in chosen if code not in lent)
        self._pool.update(lent)
        self._layout = read_layout(self._rows, set(chosen))

    def follow(self, events: Sequence[Any]) -> None:
        """Look at events of this connection; a mapping that changed (by us or by somebody else) is read anew.

        Raises:
            DisplayLost: the connection broke.
        """
        if any(isinstance(event, xcffib.xproto.MappingNotifyEvent) for event in events):
            self.refresh()

    def stroke(self, character: str) -> Stroke | None:
        """The stroke of the present layout for one character, None when the layout lacks it."""
        return self._layout.get(character)

    def keycode_with(self, keysym: int) -> int | None:
        """The key whose first level is `keysym`, None when there is none."""
        return next((code for code, row in self._rows.items() if row and row[0] == keysym), None)

    def lend(self, keysym: int) -> int | None:
        """A keycode that types `keysym` whatever is held; may sleep up to `REUSE_SECONDS`. None when there is no spare key.

        Raises:
            DisplayLost: the connection broke.
        """
        for code, (held, _) in self._pool.items():
            if held == keysym:
                return self._used(code, keysym)
        if not self._pool:
            return None
        code, (_, used) = next(iter(self._pool.items()))
        wait = max(used + REUSE_SECONDS, self._lent_at + SETTLE_SECONDS) - self._clock()
        if wait > 0:
            self._connection.flush()
            self._sleep(wait)
        self._change(code, [keysym] * self._width)
        self._connection.flush()
        self._sleep(SETTLE_SECONDS)
        return self._used(code, keysym)

    def _used(self, code: int, keysym: int) -> int:
        self._lent_at = self._clock()
        self._pool[code] = (keysym, self._lent_at)
        self._pool.move_to_end(code)
        return code

    def _change(self, code: int, row: list[int]) -> None:
        self._originals.setdefault(code, self._rows[code])
        with lost_display():
            self._connection.core.ChangeKeyboardMapping(1, code, len(row), row)

    def restore(self) -> None:
        """Put every changed keycode back, as soon as everybody had time to see the last stroke.

        Raises:
            DisplayLost: the connection broke.
        """
        wait = self._lent_at + REUSE_SECONDS - self._clock()
        if self._originals and wait > 0:
            self._connection.flush()
            self._sleep(wait)
        for code, row in self._originals.items():
            with lost_display():
                self._connection.core.ChangeKeyboardMapping(1, code, len(row), row)
        self._originals.clear()
        self._connection.flush()


def _is_media(row: Sequence[int]) -> bool:
    return any(row) and all(FIRST_XF86 <= keysym <= LAST_XF86 for keysym in row if keysym)


def read_layout(rows: dict[int, list[int]], spare: set[int]) -> dict[str, Stroke]:
    """Characters of the first group's two levels. Deeper levels need modifiers that differ between layouts: spare keys do it."""
    found: dict[str, Stroke] = {}
    for level, shift in ((0, False), (1, True)):
        for code, row in rows.items():
            if code in spare or len(row) <= level:
                continue
            pair = [character_of(keysym) if keysym else None for keysym in row[:2]]
            lower, upper = pair[0], pair[1] if len(pair) > 1 else None
            character = pair[level]
            if lower is not None and upper is None and lower.upper() != lower and len(lower.upper()) == 1:
                upper = lower.upper()  # X11 protocol section 5: a letter alone stands for both cases
                character = character or (upper if level else lower)
            if character is None or _is_keypad(rows, code) or character in found:
                continue
            cased = lower is not None and upper is not None and lower != upper and lower.upper() == upper
            found[character] = Stroke(code, shift, cased)
    return found


def _is_keypad(rows: dict[int, list[int]], code: int) -> bool:
    """Keypad keys depend on Num Lock (keysyms 0xFF80 to 0xFFBD)."""
    return any(0xFF80 <= keysym <= 0xFFBD for keysym in rows[code])


def spare_keysym(character: str) -> int | None:
    """The keysym to lend for a character that the layout lacks, None for one that cannot be typed."""
    return keysym_of(character)
