"""Characters and named keys to keysyms, and back (X11 protocol, appendix A: keysym encoding).

A character's own keysym is its code point for Latin-1 and 0x01000000 + code point beyond. Keyboard layouts often carry the older
keysyms of a byte-encoded alphabet instead, so reading a layout must understand those too.
"""

UNICODE = 0x01000000
EURO = 0x20AC

ALPHABETS = {
    0x01: "iso8859-2",
    0x02: "iso8859-3",
    0x03: "iso8859-4",
    0x05: "iso8859-6",
    0x06: "koi8-r",
    0x0C: "iso8859-8",
    0x0D: "tis-620",
}
"""Second byte of an older keysym to the encoding whose bytes are its last byte. Letters only; Greek is close to none."""

GREEK_FIRST, GREEK_LAST = 0x7C1, 0x7F9

NAMED = {
    "Backspace": 0xFF08,
    "Tab": 0xFF09,
    "Clear": 0xFF0B,
    "Enter": 0xFF0D,
    "Pause": 0xFF13,
    "ScrollLock": 0xFF14,
    "Escape": 0xFF1B,
    "Delete": 0xFFFF,
    "Home": 0xFF50,
    "ArrowLeft": 0xFF51,
    "ArrowUp": 0xFF52,
    "ArrowRight": 0xFF53,
    "ArrowDown": 0xFF54,
    "PageUp": 0xFF55,
    "PageDown": 0xFF56,
    "End": 0xFF57,
    "Insert": 0xFF63,
    "PrintScreen": 0xFF61,
    "Undo": 0xFF65,
    "Redo": 0xFF66,
    "ContextMenu": 0xFF67,
    "Find": 0xFF68,
    "Cancel": 0xFF69,
    "Help": 0xFF6A,
    "NumLock": 0xFF7F,
    "CapsLock": 0xFFE5,
    "AudioVolumeDown": 0x1008FF11,
    "AudioVolumeMute": 0x1008FF12,
    "AudioVolumeUp": 0x1008FF13,
    "MediaPlayPause": 0x1008FF14,
    "MediaStop": 0x1008FF15,
    "MediaTrackPrevious": 0x1008FF16,
    "MediaTrackNext": 0x1008FF17,
    "BrowserBack": 0x1008FF26,
    "BrowserForward": 0x1008FF27,
    "BrowserRefresh": 0x1008FF29,
    **{f"F{number}": 0xFFBE + number - 1 for number in range(1, 25)},
}
"""UI Events `key` values of keys that make no character."""

KEYPAD = {
    0xFF80: " ",
    0xFF89: "Tab",
    0xFF8D: "Enter",
    0xFF95: "Home",
    0xFF96: "ArrowLeft",
    0xFF97: "ArrowUp",
    0xFF98: "ArrowRight",
    0xFF99: "ArrowDown",
    0xFF9A: "PageUp",
    0xFF9B: "PageDown",
    0xFF9C: "End",
    0xFF9D: "Clear",
    0xFF9E: "Insert",
    0xFF9F: "Delete",
    **{0xFFAA + place: character for place, character in enumerate("*+,-./0123456789")},
    0xFFBD: "=",
}
"""What the keysyms of the keypad make: characters and UI Events `key` values."""

COMPANIONS = (
    "äöüßéèêàçñëïîôûùâáíóúåøæ",
    "@€{}[]\\|~#§°²³µ",
    "оеаинтсрвлкмдпуяыьгзбчйх",
    "αοιετσνηυρπκμλωςάίόέήύγδ",
)
"""Characters of which one seldom comes alone: where a keyboard lacks one, the others will be wanted soon. The most frequent
ones, 24 at most of each kind."""

CONTROL_CHARACTERS = {"\n": "Enter", "\r": "Enter", "\t": "Tab", "\b": "Backspace", "\x1b": "Escape", "\x7f": "Delete"}
"""Characters of a text that stand for keys."""

FIRST_XF86, LAST_XF86 = 0x1008FE00, 0x1008FFFF


def keysym_of(character: str) -> int | None:
    """The keysym that types one character (or control character of `CONTROL_CHARACTERS`); None for other control characters."""
    if character in CONTROL_CHARACTERS:
        return NAMED[CONTROL_CHARACTERS[character]]
    point = ord(character)
    if point < 0x20 or 0x7F <= point < 0xA0 or 0xD800 <= point < 0xE000:
        return None
    return point if point < 0x100 else UNICODE | point


def character_of(keysym: int) -> str | None:
    """The character that a layout's keysym types, None when it types none."""
    if 0x20 <= keysym < 0x7F or 0xA0 <= keysym < 0x100:
        return chr(keysym)
    if keysym & 0xFF000000 == UNICODE and keysym & 0xFFFFFF < 0x110000:
        return chr(keysym & 0xFFFFFF)
    if keysym == EURO:
        return "€"
    if GREEK_FIRST <= keysym <= GREEK_LAST:
        return _decode(keysym & 0xFF, "iso8859-7")
    if keysym >> 8 == 0x06 and keysym & 0xFF < 0xA0:
        return None
    return _decode(keysym & 0xFF, ALPHABETS[keysym >> 8]) if keysym >> 8 in ALPHABETS else None


def _decode(byte: int, encoding: str) -> str | None:
    try:
        text = bytes((byte,)).decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and ord(text) >= 0x80 else None
