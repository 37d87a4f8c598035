"""Text that came from somewhere else, made fit to be shown: one rule for windows, terminals, records and names of files.

Nothing in it can move a cursor, recolour a terminal, turn round the direction of what follows, begin a line of its own or stand
there unseen. What could is written out, so that its reader sees that it was there. Pure.
"""

import unicodedata
from typing import Final

NEWLINE_AND_TAB: Final = frozenset("\n\t")
JOINERS: Final = frozenset("\u200c\u200d")
"""Unseen, but needed inside the words of some scripts and inside emoji; they only ever join or part their two neighbours."""
_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Controls (C0, DEL, C1), format characters (direction: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069; of no width:
# U+00AD, U+200B, U+2060, U+FEFF; tags), surrogates, and the separators of lines and paragraphs (Unicode 15, table 4-4).


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def printable(text: str, *, keep: frozenset[str] = frozenset()) -> str:
    """`text` with every character that is not shown as itself written as a `\\x1b`-like escape; made so once, it stays so.

    `keep` lists control characters that stay as they are (newline and tab for a script's output).
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(character)
        if unicodedata.category(character) in _CATEGORIES and character not in keep and character not in JOINERS
        else character
        for character in text
    )


def shortened(text: str, limit: int) -> str:
    """`text`, or its first `limit - 1` characters and an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"
