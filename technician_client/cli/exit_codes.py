"""What the exit code of `handrail` says, as it also stands in `handrail --help`."""

from hostio.errors import RelayUnreachable, UnreadableFile
from hostio.exit_codes import ExitCode, first_fit
from protocol.errors import HandrailError, Refused, TrustError, Unavailable
from protocol.relay_address import RelayAddressError
from technician_client.errors import Ambiguous, DeviceOffline, NotFound, NotSetUp
from technician_client.operations import ParameterError
from technician_client.settings import SettingsError

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
    return first_fit(error, _OF_ERROR)
