"""What the daemon and the user's own programs say to each other over the local socket: one JSON object a line.

A program sends requests (key "do") with an `id` of its choosing; each is answered once by an object with that id (key "say":
"done", "failed" or a reply of its own). Between them come events, which have no id. SPEC.md, "Local socket", is the reference.
"""

from typing import Annotated

import msgspec

from agent.allowed import AllowedHere
from agent.consent import ConsentQuestion
from agent.receipts import ReceiptEvent, ReceiptRow, ReceiptShown
from agent.status import AgentStatus, RelayStatus, SessionStatus
from protocol.articles import Article
from protocol.capabilities import Capability
from protocol.errors import RefusalReason

LINE_BYTES = 64 * 1024
Text = Annotated[str, msgspec.Meta(max_length=4000)]
SessionId = Annotated[str, msgspec.Meta(max_length=64)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class Request(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Base of what a program asks."""

    id: Number


class AskStatus(Request, frozen=True, tag="status"):
    """Answered by `StatusReply`."""


class Attach(Request, frozen=True, tag="attach"):
    """From now on this connection shows events and questions to a person. `kind`: what it is, for the log. `draws`: it can show
    the technician's arrow and drawings over the screen, and wants to be told of them."""

    kind: Annotated[str, msgspec.Meta(max_length=40)] = "terminal"
    draws: bool = False


class StillHere(Request, frozen=True, tag="alive"):
    """Answer to `AreYouThere`: this program runs and hears."""

    number: Number


class RequestHelp(Request, frozen=True, tag="help.request"):
    """Ask the relay for a code; `CodeShown` follows. It is withdrawn when the connection ends."""

    text: Annotated[str, msgspec.Meta(max_length=500)] = ""


class CancelHelp(Request, frozen=True, tag="help.cancel"):
    """The code is not needed any more."""


class AnswerConsent(Request, frozen=True, tag="consent.answer"):
    """A person's answer to question `question`: nothing granted and not `yes` is No. `after_restart`: they said yes to being let
    back in once after a restart."""

    question: Number
    granted: Annotated[list[Capability], msgspec.Meta(max_length=32)] = []
    yes: bool = False
    after_restart: bool = False


class MoreTime(Request, frozen=True, tag="consent.more_time"):
    """The person wants longer."""

    question: Number


class StopSession(Request, frozen=True, tag="session.stop"):
    """End a session; "" ends all."""

    session: SessionId = ""


class PauseSession(Request, frozen=True, tag="session.pause"):
    """Hold everything back, or let it go on; "" means all sessions."""

    paused: bool
    session: SessionId = ""


class RevokeCapability(Request, frozen=True, tag="session.revoke"):
    """Take one capability away."""

    session: SessionId
    capability: Capability


class SayChat(Request, frozen=True, tag="chat"):
    """One line of chat to the technician."""

    session: SessionId
    text: Text


class AskAllowed(Request, frozen=True, tag="allowed"):
    """Answered by `AllowedReply`."""


class FindArticles(Request, frozen=True, tag="articles"):
    """Answered by `ArticlesReply`. `text`: what is wrong, in the person's words."""

    text: Annotated[str, msgspec.Meta(max_length=500)]


class ListReceipts(Request, frozen=True, tag="receipts"):
    """Answered by `ReceiptsReply`."""


class ReadReceipt(Request, frozen=True, tag="receipt"):
    """Answered by `ReceiptReply`."""

    session: SessionId


class RateSession(Request, frozen=True, tag="receipt.rate"):
    """What the person thought of a session that is over; kept beside its receipt."""

    session: SessionId
    stars: Annotated[int, msgspec.Meta(ge=1, le=5)]
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""


AnyRequest = (
    AskStatus
    | Attach
    | StillHere
    | RequestHelp
    | CancelHelp
    | AnswerConsent
    | MoreTime
    | StopSession
    | PauseSession
    | RevokeCapability
    | SayChat
    | AskAllowed
    | FindArticles
    | ListReceipts
    | ReadReceipt
    | RateSession
)


class Said(msgspec.Struct, frozen=True, tag_field="say"):
    """Base of what the daemon says."""


class Done(Said, frozen=True, tag="done"):
    """The request was carried out."""

    id: Number
    text: str = ""


class Failed(Said, frozen=True, tag="failed"):
    """The request was not carried out; `text` says why and what to do."""

    id: Number
    reason: RefusalReason
    text: str


class AreYouThere(Said, frozen=True, tag="alive"):
    """To attached programs every few seconds: say `StillHere` with this number, or be cut off. Whoever is stopped or hangs shows
    nothing to anybody."""

    number: Number


class StatusReply(Said, frozen=True, tag="status"):
    """Answer to `AskStatus`."""

    id: Number
    status: AgentStatus


class AllowedReply(Said, frozen=True, tag="allowed"):
    """Answer to `AskAllowed`."""

    id: Number
    allowed: AllowedHere


class ArticlesReply(Said, frozen=True, tag="articles"):
    """Answer to `FindArticles`: the organisation's articles that fit, the best first."""

    id: Number
    articles: list[Article]


class ReceiptsReply(Said, frozen=True, tag="receipts"):
    """Answer to `ListReceipts`, newest first."""

    id: Number
    receipts: list[ReceiptRow]


class ReceiptReply(Said, frozen=True, tag="receipt"):
    """Answer to `ReadReceipt`."""

    id: Number
    receipt: ReceiptShown


class CodeShown(Said, frozen=True, tag="help.code"):
    """The code to read out, and how long it lives."""

    code: str
    seconds: float


class PlaceShown(Said, frozen=True, tag="help.place"):
    """Of the `waiting` computers of the organisation, `ahead` asked before. The relay says so: unverified."""

    ahead: int
    waiting: int


class HelpEnded(Said, frozen=True, tag="help.ended"):
    """The code is spent, withdrawn or has run out; `text` says which. `used`: a technician came with it."""

    text: str
    used: bool = False


class ConsentAsked(Said, frozen=True, tag="consent.asked"):
    """A person must decide. `seconds` are left before the answer is No."""

    question: int
    ask: ConsentQuestion
    seconds: float


class ConsentExtended(Said, frozen=True, tag="consent.extended"):
    """There are `seconds` again."""

    question: int
    seconds: float


class ConsentClosed(Said, frozen=True, tag="consent.closed"):
    """The question is no longer open."""

    question: int
    text: str


class RelayChanged(Said, frozen=True, tag="relay"):
    """The way to the relay changed."""

    relay: RelayStatus


class SessionChanged(Said, frozen=True, tag="session"):
    """A session opened or changed; show it for as long as it lasts."""

    session: SessionStatus


class Happened(Said, frozen=True, tag="session.event"):
    """What the technician has just done, as it stands in the record; after `Attach` also the last few of each open session."""

    session: str
    event: ReceiptEvent


class SessionOver(Said, frozen=True, tag="session.over"):
    """A session ended, or was not opened (`session` "" then). `receipt` is the path of the text that the user keeps, or ""."""

    session: str
    text: str
    receipt: str = ""


class ChatHeard(Said, frozen=True, tag="chat"):
    """One line of the technician's. `sent_at` is their clock, seconds since 1970."""

    session: str
    name: str
    text: str
    sent_at: float


class PointerMoved(Said, frozen=True, tag="pointer"):
    """The technician's arrow stands there now (display pixels); `shown` False: it is gone. Like the three below it goes only to
    programs that attached with `draws`; the session fills in `session` and the certified `name`."""

    x: int
    y: int
    shown: bool
    session: str = ""
    name: str = ""


class PointerClicked(Said, frozen=True, tag="pointer.click"):
    """They point out this place."""

    x: int
    y: int
    session: str = ""


class StrokeDrawn(Said, frozen=True, tag="pointer.stroke"):
    """The points of a stroke from number `start` on; the rest as in `protocol.messages.pointer.PointerStroke`."""

    stroke: int
    shape: str
    colour: int
    stays: bool
    start: int
    points: list[tuple[int, int]]
    session: str = ""


class DrawingCleared(Said, frozen=True, tag="pointer.clear"):
    """All their strokes go."""

    session: str = ""


Drawing = PointerMoved | PointerClicked | StrokeDrawn | DrawingCleared

AnySaid = (
    Done
    | Failed
    | AreYouThere
    | StatusReply
    | AllowedReply
    | ArticlesReply
    | ReceiptsReply
    | ReceiptReply
    | CodeShown
    | PlaceShown
    | HelpEnded
    | ConsentAsked
    | ConsentExtended
    | ConsentClosed
    | RelayChanged
    | SessionChanged
    | Happened
    | SessionOver
    | ChatHeard
    | PointerMoved
    | PointerClicked
    | StrokeDrawn
    | DrawingCleared
)
