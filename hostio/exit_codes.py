"""How commands end: one list of numbers for `handrail` and `handrail-agent`. What each means there is said by each."""

from collections.abc import Mapping, Sequence
from enum import IntEnum

from protocol.errors import HandrailError


class ExitCode(IntEnum):
    """The codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_SET_UP = 3
    RELAY = 4
    REFUSED = 5
    NOT_FOUND = 6
    TRUST = 7
    FINDING_REMAINS = 8
    INTERRUPTED = 130


def first_fit(error: HandrailError, table: Sequence[tuple[type[HandrailError], ExitCode]]) -> ExitCode:
    """The code of the first class in `table` that the error is of (narrow ones stand before the wide ones they belong to)."""
    return next((code for kind, code in table if isinstance(error, kind)), ExitCode.FAILED)


def exit_code_table(meanings: Mapping[ExitCode, str]) -> str:
    """A program's codes as they stand in its help."""
    return "\n".join(f"  {code.value:>3}  {text}" for code, text in meanings.items())
