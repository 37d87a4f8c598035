"""How signed files prove that time has passed: what agents and technicians share of keeping a repository.

The timestamp of the repository says when the signer made it. The newest such time is the floor of the clock, for a computer whose
clock was set back; it rises by a day a step at most, for a signature from the future. A newer timestamp that is dated earlier
says that the signer's clock was ahead: the floor follows it, to a day below the highest that it ever was and no further, whatever
a thief of the signer dates. Times are seconds since 1970 (UTC). Pure.
"""

from collections.abc import Mapping
from typing import Final

from protocol.errors import TrustError

ISSUED_FIELD: Final = "x-handrail-issued"
STEP_SECONDS: Final = 86400.0
UNCHANGED_SECONDS: Final = 6 * 3600.0
"""For so long an unchanged timestamp is taken to say that nothing else has changed (a new root alone does not change it)."""


def next_floor(before: float, highest: float, issued: float, wall: float) -> float:
    """The clock floor after a newer timestamp: moved by signed times only. It rises a day a step at most, so that one signature
    from the future cannot lock anybody out, and falls to a day below `highest` at most, which is the highest it ever was."""
    if before <= 0:
        return min(issued, wall)
    return max(min(issued, before + STEP_SECONDS), highest - STEP_SECONDS)


def judged_at(wall: float, highest: float) -> float:
    """As of when files are judged that come newly: by the clock, but not more than a day before the highest floor. Files that a
    signer dates rightly again after its clock was ahead would else have expired by the floor that they are to put right."""
    return max(wall, highest - STEP_SECONDS)


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
