"""How signed files prove that time has passed: what agents and technicians share of keeping a repository.

The timestamp of the repository says when the signer made it. The newest such time is the floor of the clock, for a computer whose
clock was set back; it rises by a day a step at most, for a signature from the future. Times are seconds since 1970 (UTC). Pure.
"""

from collections.abc import Mapping
from typing import Final

from protocol.errors import TrustError

ISSUED_FIELD: Final = "x-handrail-issued"
STEP_SECONDS: Final = 86400.0
UNCHANGED_SECONDS: Final = 6 * 3600.0
"""For so long an unchanged timestamp is taken to say that nothing else has changed (a new root alone does not change it)."""


def next_floor(before: float, issued: float, wall: float) -> float:
    """The clock floor after a newer timestamp: raised by signed times only, at most a day a step, so that one signature from the
    future cannot lock anybody out."""
    if before <= 0:
        return min(issued, wall)
    return max(before, min(issued, before + STEP_SECONDS))


def issued_at(fields: Mapping[str, object]) -> float:
    """When the signer made a timestamp: a signed field of ours among those that the format does not know.

    Raises:
        TrustError: the field is missing.
    """
    issued = fields.get(ISSUED_FIELD)
    if type(issued) is not int:
        raise TrustError("The repository's timestamp does not say when it was made: its signer is not one of Handrail.")
    return float(issued)


def unchanged(kept: bytes | None, served: bytes, looked: float, clock: float, expires: float) -> bool:
    """Whether a served timestamp says that nothing has to be fetched.

    Args:
        kept: the newest timestamp that was verified. looked: when everything was last fetched. expires: when `kept` does.
    """
    return kept is not None and served == kept and 0 <= clock - looked < UNCHANGED_SECONDS and clock < expires
