"""Every error of the agent alone, and the exit codes its commands end with.

HandrailError (protocol.errors)
├── NotEnrolled         this computer belongs to no organisation yet
├── AlreadyRunning      another daemon serves this home
├── NotRunning          no daemon answers on the local socket
├── LocalRefused        the daemon understood, and said no
└── Unavailable (protocol.errors)
    └── AuditUnavailable    the audit chain cannot be written: nothing may begin
        └── AuditDamaged    it is no database any more (a TrustError as well)
"""

from enum import IntEnum

from hostio.errors import RelayUnreachable, UnreadableFile
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


class ExitCode(IntEnum):
    """How a command ended; the same numbers as the technician's commands."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_SET_UP = 3
    RELAY_UNREACHABLE = 4
    REFUSED = 5
    NOT_FOUND = 6
    TRUST = 7
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed; the text says why",
    ExitCode.USAGE: "the command line or a file is wrong",
    ExitCode.NOT_SET_UP: "this computer is not enrolled yet",
    ExitCode.RELAY_UNREACHABLE: "the relay does not answer",
    ExitCode.REFUSED: "refused",
    ExitCode.NOT_FOUND: "the agent does not run, or there is no such thing",
    ExitCode.TRUST: "something did not verify; nothing of it was used",
    ExitCode.INTERRUPTED: "interrupted",
}


def exit_code_table() -> str:
    """The table as it stands in the help."""
    return "\n".join(f"  {code.value:>3}  {text}" for code, text in MEANINGS.items())


def exit_code_of(error: HandrailError) -> ExitCode:
    """The exit code that tells a script what kind of error this was."""
    table: tuple[tuple[type[HandrailError], ExitCode], ...] = (
        (NotEnrolled, ExitCode.NOT_SET_UP),
        (NotRunning, ExitCode.NOT_FOUND),
        (UnreadableFile, ExitCode.USAGE),
        (RelayUnreachable, ExitCode.RELAY_UNREACHABLE),
        (LocalRefused, ExitCode.REFUSED),
        (Refused, ExitCode.REFUSED),
        (TrustError, ExitCode.TRUST),
    )
    for kind, code in table:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED
