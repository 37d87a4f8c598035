"""The device's own log, live: the system journal, or files below /var/log that policy allows."""

from typing import Annotated, ClassVar, Final

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import LongText, Message, RequestId, Sender, ShortText

JOURNAL: Final = "journal"
MOST_SOURCES: Final = 100
MOST_LINES: Final = 200
LINE_CHARS: Final = 2000


Plain = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\0]*\Z")]


class LogSource(msgspec.Struct, frozen=True):
    """Something that can be followed: `JOURNAL`, or a file by its path. `why_not`: it is there but cannot be read."""

    name: ShortText
    why_not: ShortText = ""


class LogLine(msgspec.Struct, frozen=True):
    """One line. `at` is seconds since 1970 (0: not known), `priority` 0 (worst) to 7 by syslog (RFC 5424), -1 when not known."""

    at: float
    priority: Annotated[int, msgspec.Meta(ge=-1, le=7)]
    unit: ShortText
    text: Annotated[str, msgspec.Meta(max_length=LINE_CHARS)]


class LogSources(Message, frozen=True, tag="logs.sources"):
    """T->A: what can be followed."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.DIAGNOSTICS
    request: RequestId


class LogListing(Message, frozen=True, tag="logs.listing"):
    """A->T: answer to `LogSources`; the first that can be read is the one to begin with."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    sources: Annotated[list[LogSource], msgspec.Meta(max_length=MOST_SOURCES)]


class LogFollow(Message, frozen=True, tag="logs.follow"):
    """T->A: the last `lines` lines that fit, and (`follow`) each that comes. `source` "" takes the journal, or the first file
    where there is none. Filters are applied on the device: `unit` a unit or program, `priority` the least urgent one wanted (7:
    all), `text` a piece of the line, whatever its case."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.DIAGNOSTICS
    request: RequestId
    source: Plain = ""
    unit: Plain = ""
    priority: Annotated[int, msgspec.Meta(ge=0, le=7)] = 7
    text: ShortText = ""
    lines: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 100
    follow: bool = True


class LogLines(Message, frozen=True, tag="logs.lines"):
    """A->T: lines, oldest first. `left_out`: so many before them were not sent, because more came than may be sent."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    lines: Annotated[list[LogLine], msgspec.Meta(max_length=MOST_LINES)]
    left_out: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0


class LogStop(Message, frozen=True, tag="logs.stop"):
    """T->A: no more lines."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.DIAGNOSTICS
    request: RequestId


class LogEnded(Message, frozen=True, tag="logs.ended"):
    """A->T: nothing more comes for this request. `text` says why ("": it was complete, or stopped)."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    text: LongText = ""
