"""What waits for the end of a pause."""

from agent.held_back import EACH_BYTES, MOST, TELLS, HeldBack
from protocol.capabilities import Capability
from protocol.messages import REGISTRY, Lane, Message, Sender
from protocol.messages.files import FilePiece, FileResult

PIECE = FilePiece(1, 0, b"secret")
RESULT = FileResult(2, "stopped", b"x")
# What a session says although much is held, and what only says how something ended or stands.
SAYS_NOTHING_OF_THE_COMPUTER = {
    "colleagues.control_asked",
    "colleagues.notes",
    "colleagues.people",
    "colleagues.state",
    "files.ready",
    "files.result",
    "files.stored",
    "fixes.catalogue",
    "fixes.result",
    "fixes.stage",
    "forward.closed",
    "forward.credit",
    "forward.end",
    "forward.opened",
    "forward.rules",
    "clipboard.set",
    "clipboard.stored",
    "input.keyboard",
    "input.typed",
    "logs.ended",
    "pointer.state",
    "power.state",
    "recording.state",
    "screen.report",
    "screen.state",
    "terminal.ended",
    "terminal.listing",
    "terminal.opened",
    "terminal.taken",
}


def everything(held: HeldBack) -> list[Message]:
    found = []
    while (message := held.take()) is not None:
        found.append(message)
    return found


def test_it_keeps_the_order_and_counts_by_lane() -> None:
    held = HeldBack()
    for message in (PIECE, RESULT, PIECE):
        assert held.add(message)
    assert (held.pending(Lane.BULK), held.pending(Lane.CONTROL), held.pending(Lane.INPUT)) == (2 * EACH_BYTES, EACH_BYTES, 0)
    assert everything(held) == [PIECE, RESULT, PIECE]
    assert (len(held), held.pending(Lane.BULK), held.pending(Lane.CONTROL)) == (0, 0, 0)


def test_there_is_an_end_to_it() -> None:
    held = HeldBack()
    assert all(held.add(RESULT) for _ in range(MOST))
    assert not held.add(RESULT)
    assert len(held) == MOST


def test_what_was_read_by_leave_goes_with_it_and_how_it_ended_is_said() -> None:
    held = HeldBack()
    for message in (PIECE, RESULT, PIECE):
        held.add(message)
    held.lost(Capability.FILES_IN)
    assert len(held) == 3
    held.lost(Capability.FILES_OUT)
    assert (held.pending(Lane.BULK), held.pending(Lane.CONTROL)) == (0, EACH_BYTES)
    assert everything(held) == [RESULT]


def test_of_every_message_it_is_known_whether_it_tells_anything() -> None:
    """A new one must be decided on: in `TELLS`, or among those that say nothing of the computer."""
    open_ones = {
        tag
        for tag, rule in REGISTRY.items()
        if rule.sender is not Sender.TECHNICIAN and rule.lane is not Lane.SCREEN and not tag.startswith(("session.", "chat."))
    }
    tell = {kind.__struct_config__.tag for kind in TELLS}
    assert tell | SAYS_NOTHING_OF_THE_COMPUTER == open_ones
    assert not tell & SAYS_NOTHING_OF_THE_COMPUTER
