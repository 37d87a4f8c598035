"""Every error of the agent alone, and the exit codes that its commands end with.

HandrailError (protocol.errors)
├── NotEnrolled         this computer belongs to no organisation yet
├── AlreadyRunning      another daemon serves this home
├── NotRunning          no daemon answers on the local socket
├── LocalRefused        the daemon understood, and said no
└── Unavailable (protocol.errors)
    └── AuditUnavailable    the audit chain cannot be written: nothing may begin
        └── AuditDamaged    it is no database any more (a TrustError as well)
"""

from hostio.errors import RelayUnreachable, UnreadableFile
from hostio.exit_codes import ExitCode, first_fit
from protocol.errors import HandrailError, Refused, TrustError, Unavailable


class NotEnrolled(HandrailError):
    """There is no identity in this home; the text names the command that makes one."""


class AlreadyRunning(HandrailError):
    """Another daemon holds this home's lock. `who` names its process in brackets ("": not known)."""

    def __init__(self, text: str, who: str = "") -> None:
        super().__init__(text)
        self.who = who


class NotRunning(HandrailError):
    """Nobody listens on the local socket."""


class LocalRefused(HandrailError):
    """The daemon did not do what a local program asked; the text says why."""


class AuditUnavailable(Unavailable):
    """The audit chain cannot be written (disk full, read-only, damaged): what was to be recorded must not happen."""


class AuditDamaged(AuditUnavailable, TrustError):
    """The file of the audit chain is no database any more: nothing may be recorded, and somebody has been at it."""


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed; the text says why",
    ExitCode.USAGE: "the command line or a file is wrong",
    ExitCode.NOT_SET_UP: "this computer is not enrolled yet",
    ExitCode.RELAY: "the relay does not answer",
    ExitCode.REFUSED: "refused",
    ExitCode.NOT_FOUND: "the agent does not run, or there is no such thing",
    ExitCode.TRUST: "something did not verify; nothing of it was used",
    ExitCode.INTERRUPTED: "interrupted",
}


_OF_ERROR: tuple[tuple[type[HandrailError], ExitCode], ...] = (
    (NotEnrolled, ExitCode.NOT_SET_UP),
    (NotRunning, ExitCode.NOT_FOUND),
    (UnreadableFile, ExitCode.USAGE),
    (RelayUnreachable, ExitCode.RELAY),
    (LocalRefused, ExitCode.REFUSED),
    (Refused, ExitCode.REFUSED),
    (TrustError, ExitCode.TRUST),
)


def exit_code_of(error: HandrailError) -> ExitCode:
    """The exit code that tells a script what kind of error this was."""
    return first_fit(error, _OF_ERROR)
