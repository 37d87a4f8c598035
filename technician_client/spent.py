"""Codes of guests that were tried here: one attempt uses a code up on this side too.

The relay forgets a code that it has led somewhere, but its word is not relied on: one that kept the code alive could have a
technician try it again, at a place of the relay's choosing, and learn something from each attempt. So a hash of each code is
kept for an hour, six times as long as a code lives, and a code that is found there is not tried.
"""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec

from hostio.private_files import read_private, write_private
from protocol.codes import Code
from protocol.errors import HandrailError, RefusalReason, Refused

KEPT_SECONDS: Final = 3600.0
_MOST_BYTES: Final = 1024 * 1024
_MOST_CODES: Final = 5000
_PREFIX: Final = b"handrail spent code v1\0"

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class SpentCodes:
    """The codes of the last hour, in a file that the commands of one technician share."""

    def __init__(self, path: Path, *, wall: Callable[[], float] = time.time) -> None:
        """Nothing is read yet."""
        self._path = path
        self._wall = wall

    def spend(self, code: Code) -> None:
        """Note that `code` is tried now.

        Raises:
            Refused: it was tried before. PrivateFileError: the file cannot be written, so nothing may be tried.
        """
        digest = hashlib.sha256(_PREFIX + code.text.encode("ascii")).hexdigest()
        now = self._wall()
        known = {found: at for found, at in self._read().items() if abs(now - at) < KEPT_SECONDS}
        if digest in known:
            raise Refused("This code was tried before and is void. Ask for a new one.", reason=RefusalReason.EXPIRED)
        known[digest] = now
        newest = sorted(known, key=lambda found: known[found])[-_MOST_CODES:]
        write_private(self._path, msgspec.json.encode({found: known[found] for found in newest}))

    def _read(self) -> dict[str, float]:
        try:
            return msgspec.json.decode(read_private(self._path, _MOST_BYTES), type=dict[Digest, float])
        except FileNotFoundError:
            return {}
        except (HandrailError, ValueError):
            # Damaged: what was tried is forgotten, and the codes of ten minutes ago are void by themselves.
            return {}
