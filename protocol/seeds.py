"""The seed file: what a computer that is not enrolled needs to know before it lets a technician of one organisation help.

It pins the organisation's root and its relay, and holds no secret: whoever has it can ask for help, and can check who comes.
Without one there are no guests.
"""

from typing import Final, Literal

import msgspec

from protocol.certificates import organisation_id, organisation_name
from protocol.documents import Der, Document, Name, RelayPin, RelayUrl, TufRoot
from protocol.errors import TrustError
from protocol.formats import check_format

SEED_SUFFIX: Final = ".seed"
MAX_SEED_BYTES: Final = 64 * 1024

_ASK: Final = "Ask the organisation that is to help you for its seed file (`handrail org seed`)."


class Seed(Document, frozen=True, kw_only=True):
    """`root` is the organisation's root certificate (DER), which also says its name; `tuf_root` the first trusted root of its
    signed repository (the list of its technicians, what is revoked, its policy); `relay_spki` the hex SHA-256 of the relay's
    TLS key ("": the relay's certificate is checked by the system's CAs)."""

    v: Literal[1] = 1
    kind: Literal["guest"] = "guest"
    organisation_name: Name
    root: Der
    tuf_root: TufRoot
    relay: RelayUrl
    relay_spki: RelayPin = ""

    @property
    def organisation(self) -> str:
        """The organisation's id."""
        return organisation_id(self.root)


def decode_seed(data: bytes) -> Seed:
    """Read a seed file.

    Raises:
        NeedsUpdate: a later version made it.
        TrustError: not a seed, or one whose name is not the one in its root; the text says to ask for a new one.
    """
    if len(data) > MAX_SEED_BYTES:
        raise TrustError(f"This file is too large to be a seed file. {_ASK}")
    check_format(data, "seed file")
    try:
        seed = msgspec.json.decode(data, type=Seed)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"This file is not a seed file ({error}). {_ASK}") from error
    if organisation_name(seed.root) != seed.organisation_name:
        raise TrustError(f"This seed file names another organisation than the one whose root it pins. {_ASK}")
    return seed
