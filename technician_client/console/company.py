"""Who else helps on a device, as the agent last said it: kept for a tab that is opened or reloaded."""

from typing import Any

from protocol.messages import Message
from protocol.messages.colleagues import ColleaguesState, ControlAsked, InviteNotes, People


class Company:
    """What one session was told of other technicians. None of it is this console's to judge: the agent decides."""

    def __init__(self) -> None:
        self._people: People | None = None
        self._notes: InviteNotes | None = None
        self._asking: dict[int, str] = {}
        self._called_until: float | None = None
        self._stage = ""
        self._invited = ""

    def invited(self, peer: str) -> None:
        """The technician asks for this colleague to be called ("": for whoever has the tier)."""
        self._invited = peer

    def hear(self, message: Message, now: float) -> None:
        """Take in one message of the agent; `now` is monotonic seconds."""
        match message:
            case People():
                self._people = message
                here = {one.number for one in message.people}
                self._asking = {number: name for number, name in self._asking.items() if number in here}
            case InviteNotes():
                self._notes = message
            case ControlAsked(number=number, name=name, open=True):
                self._asking[number] = name
            case ControlAsked(number=number):
                self._asking.pop(number, None)
            case ColleaguesState(state="called", seconds=seconds):
                self._called_until, self._stage = now + seconds, ""
            case ColleaguesState(state="told" | "joining" as stage, seconds=seconds):
                self._stage = stage
                if seconds:
                    self._called_until = now + seconds
            case ColleaguesState(state="came" | "ended" | "declined" | "no_answer"):
                self._called_until, self._stage = None, ""
            case ColleaguesState(state="handed_over"):
                self._asking.clear()
            case _:
                pass

    def kept(self, number: int) -> None:
        """The technician said no to one who asked."""
        self._asking.pop(number, None)

    def lost(self) -> None:
        """The connection is gone: who is there is told anew when it is back."""
        self._people = None
        self._asking.clear()

    def state(self, now: float) -> dict[str, Any]:
        """Everything, for the page; times are seconds from `now`."""
        people, notes = self._people, self._notes
        return {
            "people": []
            if people is None
            else [
                {
                    "number": one.number,
                    "name": one.name,
                    "tier": one.tier,
                    "granted": sorted(one.granted),
                    "you": one.you,
                    "lost_at": one.lost_at,
                }
                for one in people.people
            ],
            "called": 0 if people is None else people.called,
            "called_peer": self._invited if people is not None and people.called else "",
            "called_stage": self._stage if people is not None and people.called else "",
            "called_for": None if self._called_until is None else max(0.0, self._called_until - now),
            "asking": [{"number": number, "name": name} for number, name in self._asking.items()],
            "notes": None
            if notes is None
            else {
                "name": notes.name,
                "tier": notes.tier,
                "note": notes.note,
                "called_at": notes.called_at,
                "enough": notes.enough,
            },
        }
