"""What a person reads out: the code of a session, in either of its two forms.

    482 913 507              an enrolled device: nine digits, which lead there and prove nothing
    482 913 507-ABCD EFGH    a guest: the same nine digits, then eight characters of base32 (RFC 4648, 40 random bits)

The digits come from the relay. The characters are made by the guest, are never sent to the relay, and are used up by one attempt.
The form that a technician types selects the mode of the session; nothing that the relay says does.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import LocalProtocolError

RENDEZVOUS_DIGITS: Final = 9
SECRET_CHARACTERS: Final = 8

_SECRET_BYTES: Final = 5
_SEPARATORS: Final = re.compile(r"[\s.\-]+")
_TYPED: Final = re.compile(r"([0-9]{9})([0-9A-Z]{8})?")
_CANONICAL: Final = re.compile(r"([0-9]{9})(?:-([A-Z2-7]{8}))?")
# Base32 has no 0, 1 and 8: whoever types one has misread a letter.
_MISREAD: Final = str.maketrans("018", "OIB")


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it was meant. `secret` is "" in that of an enrolled device."""

    rendezvous: str
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raises:
        LocalProtocolError: not of either form.
        """
        if _CANONICAL.fullmatch(self.text) is None:
            raise LocalProtocolError("A code is nine digits, or nine digits, a dash and eight characters of base32.")

    @property
    def guest(self) -> bool:
        """Whether it leads to a device that is not enrolled."""
        return bool(self.secret)

    @property
    def text(self) -> str:
        """The canonical form: "482913507" or "482913507-ABCDEFGH"."""
        return f"{self.rendezvous}-{self.secret}" if self.secret else self.rendezvous

    @property
    def spoken(self) -> str:
        """In groups, as it is shown and read out."""
        groups = " ".join(self.rendezvous[at : at + 3] for at in range(0, RENDEZVOUS_DIGITS, 3))
        return f"{groups}-{self.secret[:4]} {self.secret[4:]}" if self.secret else groups


def parse_code(words: str) -> Code | None:
    """Read what somebody typed, however it is grouped and whatever its capitals; None when it is no code."""
    compact = _SEPARATORS.sub("", words).upper() if words.isascii() else ""
    match = _TYPED.fullmatch(compact)
    if match is None:
        return None
    secret = (match.group(2) or "").translate(_MISREAD)
    return None if "9" in secret else Code(match.group(1), secret)


def make_secret(random_bytes: Callable[[int], bytes]) -> str:
    """The half that a guest makes itself."""
    return base64.b32encode(random_bytes(_SECRET_BYTES)).decode("ascii")
