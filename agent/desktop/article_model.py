"""A help article's text as it is read: no Qt here."""

import re

from protocol.printable import NEWLINE_AND_TAB, printable

_BULLET = re.compile(r"^([ \t]*)[-*][ \t]+", re.MULTILINE)
_HEADING = re.compile(r"^#+[ \t]+", re.MULTILINE)


def shown_text(text: str) -> str:
    """Bullets and headings without their marks; nothing else is looked into."""
    return _HEADING.sub("", _BULLET.sub(r"\1• ", printable(text, keep=NEWLINE_AND_TAB)))
