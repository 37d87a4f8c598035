"""What a key makes just now, from its row of the core keyboard mapping and the core modifier state. Pure.

Rows are as GetKeyboardMapping gives them (X11 protocol section 5; XKB protocol section 17.1.3): two levels of the first group,
two of the second, then deeper levels, which need modifiers that differ between layouts: of those nothing is said.
"""

from collections.abc import Sequence
from typing import Final

from agent.backends.x11.keysyms import KEYPAD, NAMED, character_of

SHIFT_MASK: Final = 1
LOCK_MASK: Final = 2
DEEPER_MASK: Final = 0x20 | 0x80
"""Mod3 and Mod5: the third and the fifth level's modifiers."""
GROUP_SHIFT, GROUP_MASK = 13, 3
"""Where the core state keeps the active layout (XKB protocol section 17)."""
NAME_OF: Final = {keysym: name for name, keysym in NAMED.items()}


def letters(row: Sequence[int]) -> tuple[str | None, str | None]:
    """The characters of the first two levels of `row`; a letter alone stands for both cases (X11 protocol section 5)."""
    pair = [character_of(keysym) if keysym else None for keysym in (*row[:2], 0, 0)[:2]]
    lower, upper = pair
    if lower is not None and upper is None and lower.upper() != lower and len(lower.upper()) == 1:
        upper = lower.upper()
    return lower, upper


def is_cased(lower: str | None, upper: str | None) -> bool:
    """Whether Caps Lock changes what Shift means on a key with these two characters."""
    return lower is not None and upper is not None and lower != upper and lower.upper() == upper


def is_keypad(row: Sequence[int]) -> bool:
    """Whether Num Lock changes what the key makes (keysyms 0xFF80 to 0xFFBD)."""
    return any(0xFF80 <= keysym <= 0xFFBD for keysym in row)


def made_by(row: Sequence[int], state: int, num_lock: int) -> str | None:
    """The character or the UI Events `key` name that a press makes, None where that cannot be told.

    Args:
        row: keysyms of the key.
        state: the core modifier state, with the group in bits 13 and 14.
        num_lock: the modifier bit of Num Lock, 0 when there is none.
    """
    group = state >> GROUP_SHIFT & GROUP_MASK
    if group > 1 or state & DEEPER_MASK:
        return None
    second = row[2:4]
    pair = second if group and any(second) else row[:2]
    shift = bool(state & SHIFT_MASK)
    if is_keypad(row):
        level = shift != bool(state & num_lock)
        keysym = pair[level] if level < len(pair) and pair[level] else pair[0]
        return KEYPAD.get(keysym)
    if pair and pair[0] in NAME_OF:
        return NAME_OF[pair[0]]  # with Shift these have keysyms of their own (ISO_Left_Tab, Break, Sys_Req), and the same name
    lower, upper = letters(pair)
    if is_cased(lower, upper):
        shift = shift != bool(state & LOCK_MASK)
    elif state & LOCK_MASK and lower != " ":
        return None  # a layout may have put anything there: German ß becomes ẞ, which no row of the core mapping tells
    return upper if shift else lower
