"""The errors that what is shared adds to `protocol.errors`. Each text is a sentence that says what to do.

HandrailError
├── UnreadableFile         a file that was named on the command line cannot be read
├── Refused
│   └── TicketRefused      the relay did not take a ticket
└── Unavailable
    └── RelayUnreachable   the relay does not answer, is no relay, or does not take us now
"""

from protocol.errors import HandrailError, Refused, Unavailable


class UnreadableFile(HandrailError):
    """A file that was named on the command line cannot be read: it is not there, or not for this user."""


class RelayUnreachable(Unavailable):
    """No connection to the relay could be made, it ended and did not come back, or the relay lets nobody in just now."""


class TicketRefused(Refused):
    """The relay did not take a ticket: it was used, is too old, or the other end has left. A new one may do."""


def in_words(error: BaseException) -> str:
    """What kept a connection from coming about, in few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
