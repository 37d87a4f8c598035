"""What the exit code of `handrail` and `handrail-agent` says. One table, also shown by `handrail --help`."""

from enum import IntEnum

from hostio.errors import RelayUnreachable, UnreadableFile
from protocol.errors import HandrailError, Refused, TrustError, Unavailable
from protocol.relay_address import RelayAddressError
from technician_client.errors import Ambiguous, DeviceOffline, NotFound, NotSetUp
from technician_client.operations import ParameterError
from technician_client.settings import SettingsError


class ExitCode(IntEnum):
    """The codes. `MEANINGS` says each in words."""

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


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed; the text says why",
    ExitCode.USAGE: "the command line is wrong, a file it names cannot be read, or a name answers to several devices",
    ExitCode.NOT_SET_UP: "no identity or organisation on this computer yet",
    ExitCode.RELAY: "the relay does not answer",
    ExitCode.REFUSED: "refused: by the person there, by policy, by tier",
    ExitCode.NOT_FOUND: "no such device, code, group or fix, or the device is offline",
    ExitCode.TRUST: "something did not verify; nothing of it was used",
    ExitCode.FINDING_REMAINS: "the fix ran but the finding is still there",
    ExitCode.INTERRUPTED: "interrupted",
}

# The first class that fits counts, so narrow classes stand before the wide ones they belong to.
_OF_ERROR: tuple[tuple[type[HandrailError], ExitCode], ...] = (
    (NotSetUp, ExitCode.NOT_SET_UP),
    (NotFound, ExitCode.NOT_FOUND),
    (DeviceOffline, ExitCode.NOT_FOUND),
    (Ambiguous, ExitCode.USAGE),
    (UnreadableFile, ExitCode.USAGE),
    (ParameterError, ExitCode.USAGE),
    (SettingsError, ExitCode.USAGE),
    (RelayAddressError, ExitCode.USAGE),
    (RelayUnreachable, ExitCode.RELAY),
    (TrustError, ExitCode.TRUST),
    (Refused, ExitCode.REFUSED),
    (Unavailable, ExitCode.FAILED),
)


def exit_code_of(error: HandrailError) -> ExitCode:
    """The code with which a command ends that met this error."""
    for kind, code in _OF_ERROR:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def exit_code_table() -> str:
    """The table as it stands in the help."""
    return "\n".join(f"  {code.value:>3}  {text}" for code, text in MEANINGS.items())
