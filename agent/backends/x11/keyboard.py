"""The X keyboard as a typist sees it: which key makes which character in the present layout, and spare keys for all others.

A character that the layout lacks is put on a spare keycode (all its levels carry the keysym: no modifier changes it) and
typed there. Clients read a changed mapping when they next look, not when it changed; a keycode must therefore keep its
character until everybody had time to see the last stroke. Spare keycodes are reused in the order in which they were last
used, and never sooner than `REUSE_SECONDS`. A client that is just reading one change can miss the next (Xlib clears its
"changed" flag after the answer came), so a change keeps `SETTLE_SECONDS` from the stroke before and the stroke after it.
Every change makes every program read the keyboard anew, and a window manager grab its keys anew: dozens in a row keep it busy for
a second, in which no window gets the focus. So what a text needs is lent together, on neighbouring keycodes, in one change.
Everything is put back by `restore`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import xcffib.xproto

from agent.backends.x11.connection import X11Connection, lost_display
from agent.backends.x11.keysyms import FIRST_XF86, LAST_XF86, NAMED, keysym_of
from agent.backends.x11.levels import is_cased, is_keypad, letters, made_by
from agent.backends.x11.release_guard import LAST_STROKE_SECONDS, LEDGER_BYTES, Ledger, runs

REUSE_SECONDS = LAST_STROKE_SECONDS
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
        ledger: Ledger | None = None,
    ) -> None:
        """Read the mapping. `ledger`: where what is lent is noted, before it is (None: nobody reads that).

        Raises:
            DisplayLost: the connection broke.
        """
        self._connection = connection
        self._clock, self._sleep = clock, sleep
        self._ledger = Ledger(bytearray(LEDGER_BYTES)) if ledger is None else ledger
        self._originals: dict[int, list[int]] = {}
        self._pool: OrderedDict[int, tuple[int, float]] = OrderedDict()
        self._rows: dict[int, list[int]] = {}
        self._width = 0
        self.num_lock = 0
        """The modifier bit of Num Lock, 0 when the keyboard has none."""
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
        self.num_lock = modifier_of(NAMED["NumLock"], self._rows, list(modifiers.keycodes))
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

    def makes(self, keycode: int, state: int) -> str | None:
        """The character or key name that `keycode` itself makes in the core modifier state `state`; None: it cannot be told."""
        row = self._rows.get(keycode)
        return made_by(row, state, self.num_lock) if row else None

    def has_lent(self, keysym: int) -> bool:
        """Whether some keycode is lent to `keysym` at present."""
        return any(held == keysym for held, _ in self._pool.values())

    def lends(self, keycode: int, keysym: int) -> bool:
        """Whether `keycode` is lent to `keysym` at present."""
        return self._pool.get(keycode, (0, 0.0))[0] == keysym

    def reclaim(self, keycode: int) -> None:
        """Give a key that is lent its own meaning back, before it is pressed as itself; may sleep up to `REUSE_SECONDS`.

        Raises:
            DisplayLost: the connection broke.
        """
        original = self._originals.pop(keycode, None)
        if original is None:
            return
        _, used = self._pool.pop(keycode)
        self._wait_until(used + REUSE_SECONDS)
        self._write({keycode: original})
        self._pool[keycode] = (0, self._clock())
        self._pause(SETTLE_SECONDS)
        self._ledger.returned(keycode)

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
        self._wait_until(max(used + REUSE_SECONDS, self._lent_at + SETTLE_SECONDS))
        self._lend({code: keysym})
        return self._used(code, keysym)

    def lend_ahead(self, keysyms: Sequence[int], *, perhaps: bool = False) -> None:
        """Lend keys for the first of these keysyms, as many as can be, with as few changes as can be; `lend` then has them.
        `perhaps`: whether they are needed is not certain, so they take no key from any other.

        Raises:
            DisplayLost: the connection broke.
        """
        lent = {keysym for keysym, _ in self._pool.values()}
        missing = [keysym for keysym in dict.fromkeys(keysyms) if keysym not in lent]
        now = self._clock()
        codes = together([code for code, (keysym, used) in self._pool.items() if not keysym and used + REUSE_SECONDS <= now])
        if not perhaps:  # then those that others have had longest
            uses = [(code, use) for code, use in self._pool.items() if use[0] and use[0] not in keysyms]
            codes += [code for code, (_, used) in uses if used + REUSE_SECONDS <= now]
        codes = codes[: len(missing)]
        if len(codes) < 2:
            return  # one by one, then, with what waiting that takes
        self._wait_until(self._lent_at + SETTLE_SECONDS)
        fresh = dict(zip(codes, missing, strict=False))
        self._lend(fresh)
        for code, keysym in fresh.items():
            self._used(code, keysym)

    def _lend(self, keysyms: dict[int, int]) -> None:
        for code, keysym in keysyms.items():
            original = self._originals.setdefault(code, self._rows[code])
            self._ledger.lend(code, keysym, original)
        self._write({code: [keysym] * self._width for code, keysym in keysyms.items()})
        self._pause(SETTLE_SECONDS)

    def _wait_until(self, moment: float) -> None:
        wait = moment - self._clock()
        if wait > 0:
            self._pause(wait)

    def _pause(self, seconds: float) -> None:
        """What was asked of the server so far has gone there when the wait begins."""
        self._connection.flush()
        self._sleep(seconds)

    def _used(self, code: int, keysym: int) -> int:
        self._lent_at = self._clock()
        self._pool[code] = (keysym, self._lent_at)
        self._pool.move_to_end(code)
        return code

    def _write(self, rows: dict[int, list[int]]) -> None:
        """One change for each run of neighbouring keycodes whose rows are of one width."""
        with lost_display():
            for first, count, keysyms in runs(rows):
                self._connection.core.ChangeKeyboardMapping(count, first, len(keysyms) // count, keysyms)

    def restore(self) -> None:
        """Put every changed keycode back, as soon as everybody had time to see the last stroke.

        Raises:
            DisplayLost: the connection broke.
        """
        if self._originals:
            self._wait_until(self._lent_at + REUSE_SECONDS)
        self._write(self._originals)
        self._connection.settle()
        for code in self._originals:
            self._ledger.returned(code)
        self._originals.clear()


def _is_media(row: Sequence[int]) -> bool:
    return any(row) and all(FIRST_XF86 <= keysym <= LAST_XF86 for keysym in row if keysym)


def together(codes: Sequence[int]) -> list[int]:
    """The same keycodes, those first that have the most neighbours among them."""
    runs: list[list[int]] = []
    for code in sorted(codes):
        if runs and code == runs[-1][-1] + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return [code for run in sorted(runs, key=len, reverse=True) for code in run]


def modifier_of(keysym: int, rows: dict[int, list[int]], keycodes: Sequence[int]) -> int:
    """The modifier bits whose keys carry `keysym`; `keycodes`: the modifier mapping, as many for each of the eight."""
    each = len(keycodes) // 8
    bits = 0
    for place, code in enumerate(keycodes):
        if code and keysym in rows.get(code, ()):
            bits |= 1 << place // each
    return bits


def read_layout(rows: dict[int, list[int]], spare: set[int]) -> dict[str, Stroke]:
    """Characters of the first group's two levels. Deeper levels need modifiers that differ between layouts: spare keys do it."""
    found: dict[str, Stroke] = {}
    for level, shift in ((0, False), (1, True)):
        for code, row in rows.items():
            if code in spare or len(row) <= level or is_keypad(row):
                continue
            pair = letters(row)
            character = pair[level]
            if character is not None and character not in found:
                found[character] = Stroke(code, shift, is_cased(*pair))
    return found


def spare_keysym(character: str) -> int | None:
    """The keysym to lend for a character that the layout lacks, None for one that cannot be typed."""
    return keysym_of(character)
