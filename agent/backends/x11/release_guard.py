"""What is left to do on a display when the agent is killed: let go of its keys and buttons, put the keyboard back.

Run as a program of its own: `python -I -S release_guard.py DISPLAY MEMORY PATH...`. Standard input is a pipe that the agent alone
holds open: one byte says farewell (the agent has put everything back itself), its end without that says that the agent died.
MEMORY is the descriptor of the `Ledger`, shared with the agent, which writes there before it asks the X server for anything: so a
stroke costs no system call and wakes nobody. PATH is where the agent finds its libraries; what speaks to X is imported only when
it is needed, and until then this waits with an interpreter and little else (no dataclasses, no typing: they would double it).

What the ledger says may be more than is true (a key that has come up in between): each thing is looked at before it is put back.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KEY_RELEASE, BUTTON_RELEASE = 3, 5
LAST_STROKE_SECONDS = 0.3
"""A program reads a lent key's mapping when it next looks: so long after the last stroke it may still have to."""
MOST_LEVELS = 64
"""Keysyms of one row that are kept. No keyboard has more than four groups of eight levels."""
REPEATS_AT, BUTTONS_AT, LOCKS_AT, ROWS_AT = 32, 64, 66, 72
LOCKS = struct.Struct("3B3B")
"""Twice: a modifier bit (0: none), whether it was locked before, whether we have locked it."""
ROW = struct.Struct("IB3x")
"""The lent keysym and the number of keysyms that follow (0: this key is not lent)."""
ROW_BYTES = ROW.size + 4 * MOST_LEVELS
LEDGER_BYTES = ROWS_AT + 256 * ROW_BYTES
NOTHING = bytes(ROWS_AT)
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Who stops the agent may stop its whole group: this one ends when the agent has ended, and not before."""


class Ledger:
    """What may be down or changed on the display by our doing. One writer, who writes before it acts; readable at any moment."""

    def __init__(self, memory: bytearray | mmap.mmap) -> None:
        """Args: memory: `LEDGER_BYTES`, zero at first."""
        self._memory = memory

    def key(self, keycode: int) -> None:
        """This key is about to be pressed."""
        self._memory[keycode >> 3] |= 1 << (keycode & 7)

    def button(self, number: int) -> None:
        """This button (1 to 15) is about to be pressed."""
        self._memory[BUTTONS_AT + (number >> 3)] |= 1 << (number & 7)

    def repeats_not(self, keycode: int) -> None:
        """This key is about to lose its automatic repetition."""
        self._memory[REPEATS_AT + (keycode >> 3)] |= 1 << (keycode & 7)

    def all_up(self) -> None:
        """The server has let go of every key and button of ours, and they all repeat again."""
        self._memory[:LOCKS_AT] = NOTHING[:LOCKS_AT]

    def borrow(self, locks: dict[int, tuple[bool, bool]]) -> None:
        """By modifier bit: how it was, and how we make it. In place of what was noted before; at most two."""
        noted = [(mask, before, ours) for mask, (before, ours) in locks.items()][:2] + [(0, False, False)] * 2
        LOCKS.pack_into(self._memory, LOCKS_AT, *noted[0], *noted[1])

    def lend(self, keycode: int, keysym: int, row: list[int]) -> None:
        """This key is about to carry `keysym` instead of `row`."""
        place, kept = ROWS_AT + keycode * ROW_BYTES, row[:MOST_LEVELS]
        ROW.pack_into(self._memory, place, keysym, 0)
        struct.pack_into(f"{len(kept)}I", self._memory, place + ROW.size, *kept)
        ROW.pack_into(self._memory, place, keysym, len(kept))

    def returned(self, keycode: int) -> None:
        """This key has its own meaning again."""
        ROW.pack_into(self._memory, ROWS_AT + keycode * ROW_BYTES, 0, 0)

    @property
    def keys(self) -> list[int]:
        """Keycodes that may be down."""
        return self._bits(0, 256)

    @property
    def buttons(self) -> list[int]:
        """Buttons that may be down."""
        return self._bits(BUTTONS_AT, 16)

    @property
    def repeating_not(self) -> list[int]:
        """Keycodes that may have lost their automatic repetition."""
        return self._bits(REPEATS_AT, 256)

    @property
    def borrowed(self) -> dict[int, tuple[bool, bool]]:
        """As given to `borrow`."""
        first, second = (LOCKS.unpack_from(self._memory, LOCKS_AT)[place : place + 3] for place in (0, 3))
        return {mask: (bool(before), bool(ours)) for mask, before, ours in (first, second) if mask}

    @property
    def lent(self) -> dict[int, tuple[int, list[int]]]:
        """By keycode: the keysym it may carry, and the row it had."""
        found = {}
        for keycode in range(256):
            place = ROWS_AT + keycode * ROW_BYTES
            keysym, levels = ROW.unpack_from(self._memory, place)
            if levels:
                found[keycode] = (keysym, list(struct.unpack_from(f"{levels}I", self._memory, place + ROW.size)))
        return found

    def _bits(self, at: int, count: int) -> list[int]:
        return [number for number in range(count) if self._memory[at + (number >> 3)] >> (number & 7) & 1]


def runs(rows: dict[int, list[int]]) -> list[tuple[int, int, list[int]]]:
    """Rows of the keyboard mapping as few changes: first keycode, how many, and their keysyms. Every change makes every program
    read the keyboard anew."""
    found: list[tuple[int, int, list[int]]] = []
    for code in sorted(rows):
        first, count, keysyms = found[-1] if found else (0, 0, [])
        if count and code == first + count and len(keysyms) == count * len(rows[code]):
            found[-1] = (first, count + 1, keysyms + rows[code])
        else:
            found.append((code, 1, list(rows[code])))
    return found


def put_back(display: str, ledger: Ledger) -> str:
    """Let go of what the ledger names and put back what it lent, where that still stands; what was done, in words.

    Raises:
        xcffib.ConnectionException, xcffib.XcffibException: the display is gone, and with it everything that was held.
    """
    import xcffib
    import xcffib.xproto  # says how to connect

    connect: Any = xcffib.connect  # the binding is not typed
    connection = connect(display)
    try:
        let_go = _let_go(connection, ledger)
        locks = _put_locks_back(display, ledger.borrowed)
        keys = _put_keys_back(connection, ledger.lent)
    finally:
        connection.disconnect()
    return f"{let_go} let go, {locks} locks and {keys} lent keys put back"


def _let_go(connection: Any, ledger: Ledger) -> str:
    import xcffib.xproto
    import xcffib.xtest

    core, xtest = connection.core, connection(xcffib.xtest.key)
    down = bytes(core.QueryKeymap().reply().keys)
    keys = [code for code in ledger.keys if down[code >> 3] >> (code & 7) & 1]
    for code in keys:
        xtest.FakeInput(KEY_RELEASE, code, 0, 0, 0, 0, 0)
    # Which of the further buttons are down no request tells; the server ignores the release of one that is up.
    for number in ledger.buttons:
        xtest.FakeInput(BUTTON_RELEASE, number, 0, 0, 0, 0, 0)
    for code in ledger.repeating_not:
        mask = xcffib.xproto.KB.Key | xcffib.xproto.KB.AutoRepeatMode
        core.ChangeKeyboardControl(mask, [code, xcffib.xproto.AutoRepeatMode.On])
    core.GetInputFocus().reply()
    return f"{len(keys)} keys and {len(ledger.buttons)} buttons"


def _put_locks_back(display: str, borrowed: dict[int, tuple[bool, bool]]) -> int:
    """On a connection of its own: one that has initialised XKB sees another keyboard mapping."""
    if not borrowed:
        return 0
    import xcffib
    import xcffib.xkb

    connect: Any = xcffib.connect
    connection, core_keyboard, done = connect(display), 0x100, 0
    try:
        xkb = connection(xcffib.xkb.key)
        xkb.UseExtension(1, 0).reply()
        for mask, (before, ours) in borrowed.items():
            if bool(xkb.GetState(core_keyboard).reply().lockedMods & mask) == ours != before:
                xkb.LatchLockState(core_keyboard, mask, mask if before else 0, False, 0, 0, False, 0)
                done += 1
        xkb.GetState(core_keyboard).reply()
    finally:
        connection.disconnect()
    return done


def _put_keys_back(connection: Any, lent: dict[int, tuple[int, list[int]]]) -> int:
    if not lent:
        return 0
    import time

    core, setup = connection.core, connection.get_setup()
    time.sleep(LAST_STROKE_SECONDS)  # the programs there must still see the last stroke as it was meant
    first = setup.min_keycode
    reply = core.GetKeyboardMapping(first, setup.max_keycode - first + 1).reply()
    width, keysyms = reply.keysyms_per_keycode, reply.keysyms
    changed = {code: row for code, (keysym, row) in lent.items() if keysyms[(code - first) * width] == keysym}
    for code, count, row in runs(changed):
        core.ChangeKeyboardMapping(count, code, len(row) // count, row)
    core.GetInputFocus().reply()
    return len(changed)


def main(arguments: list[str]) -> int:
    """See the module's docstring."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    display, memory, path = arguments[0], int(arguments[1]), arguments[2:]
    ledger = Ledger(mmap.mmap(memory, LEDGER_BYTES))
    if os.read(0, 1):
        return 0
    sys.path[:] = path
    import xcffib

    try:
        done = put_back(display, ledger)
    except (xcffib.ConnectionException, xcffib.XcffibException):
        return 1  # the display has gone too: nothing is held there any more
    try:
        os.write(2, f"handrail-agent was killed: {done} on display {display}\n".encode())
    except OSError:
        return 0  # nobody reads what the agent wrote either
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
