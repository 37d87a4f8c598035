"""Text that came from somewhere else, made fit to be shown: nothing in it can move a cursor, recolour a terminal or turn round
the direction of what follows."""

import unicodedata

NEWLINE_AND_TAB = frozenset("\n\t")

# Bidirectional overrides and isolates (UAX #9), the line and paragraph separators, and the byte order mark.
_HIDDEN = frozenset(chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF))


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def printable(text: str, *, keep: frozenset[str] = frozenset()) -> str:
    """`text` with every control, surrogate and direction-changing character written as a `\\x1b`-like escape.

    `keep` lists control characters that stay as they are (newline and tab for a script's output).
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(character)
        if character not in keep and (unicodedata.category(character) in ("Cc", "Cs") or character in _HIDDEN)
        else character
        for character in text
    )


def shortened(text: str, limit: int) -> str:
    """`text`, or its first `limit - 1` characters and an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"
