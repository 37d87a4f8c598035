"""What a technician has just done, in a line each for the banner and the terminal: no Qt here.

The lines are made of the same records as the receipt. What is done again and again soon after (forty files into one folder) is
one line that counts, and only the newest lines are kept: nobody can fill the screen, or what a screen reader says, with them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from agent.desktop.texts import Texts
from agent.receipts import ReceiptEvent
from protocol.printable import printable, shortened

MOST_KEPT = 12
SAME_SECONDS = 120.0
NAME_CHARACTERS = 60
VALUE_CHARACTERS = 80
UNTOLD = frozenset({"session_asked", "session_opened", "session_ended", "session_refused", "forward_ended"})
"""What the banner shows by being there, or by going."""
COUNTED = {
    "file_received": "folder",
    "file_sent": "",
    "folder_made": "",
    "clipboard_read": "",
    "clipboard_written": "",
    "live_readings_watched": "",
    "diagnostics_collected": "",
    "log_followed": "source",
}
"""What becomes one line that counts, and the detail that must be the same for that ("": none)."""


@dataclass(slots=True)
class Happening:
    """One line. `at` is seconds since 1970, of the newest of `count`; `detail` is the newest's too."""

    action: str
    detail: Mapping[str, str]
    at: float
    count: int = 1


class Happenings:
    """The newest of one session, the newest last. `heard` counts all that there were."""

    def __init__(self) -> None:
        self.kept: list[Happening] = []
        self.heard = 0

    def hear(self, event: ReceiptEvent) -> Happening | None:
        """Take in one record: the line that says it, a new one or one that counts now; None for what is not told."""
        action = event.action.replace(" ", "_")
        if action in UNTOLD:
            return None
        self.heard += 1
        detail = _detail(event.detail)
        if action == "file_sent":
            self._taken(detail)
        last = self.kept[-1] if self.kept else None
        if last is not None and _same(last, action, detail) and event.at - last.at <= SAME_SECONDS:
            last.detail, last.at, last.count = detail, event.at, last.count + 1
            return last
        self.kept.append(Happening(action, detail, event.at))
        del self.kept[:-MOST_KEPT]
        return self.kept[-1]

    def _taken(self, detail: Mapping[str, str]) -> None:
        """A file has been taken whole: that it was asked for need not be said any more."""
        for one in reversed(self.kept):
            if one.action == "file_asked_for" and one.detail.get("path") == detail.get("path"):
                self.kept.remove(one)
                return


def _same(last: Happening, action: str, detail: Mapping[str, str]) -> bool:
    return last.action == action and action in COUNTED and last.detail.get(COUNTED[action]) == detail.get(COUNTED[action])


def _detail(found: Mapping[str, str | int | bool]) -> dict[str, str]:
    detail = {name: str(value) for name, value in found.items()}
    if "path" in detail:
        detail["folder"], _, detail["file"] = detail["path"].rpartition("/")
    return detail


def words_of(happening: Happening, name: str, texts: Texts) -> str:
    """The line without its time; `name` is the technician's. What this version has no words for is told as it was written."""
    key = f"now.{happening.action}"
    many = f"{key}_many"
    values = {one: _value(one, value, texts) for one, value in happening.detail.items()}
    if happening.count > 1 and texts.has(many):
        key, values["count"] = many, str(happening.count)
    shown = shortened(printable(name), NAME_CHARACTERS)
    if texts.has(key):
        try:
            return texts(key, **{**values, "name": shown})
        except KeyError:
            pass  # recorded by another version, with other details
    return texts("now.other", name=shown, what=shortened(printable(happening.action.replace("_", " ")), VALUE_CHARACTERS))


def line_of(happening: Happening, name: str, texts: Texts) -> str:
    """The line with its time, by this computer's clock."""
    return f"{time.strftime('%H:%M', time.localtime(happening.at))}  {words_of(happening, name, texts)}"


def _value(name: str, value: str, texts: Texts) -> str:
    if name == "folder" and not value:
        return texts("now.home")
    if name == "capability":
        return texts.may(printable(value))
    if name == "outcome" and texts.has(f"outcome.{value}"):
        return texts(f"outcome.{value}")
    return shortened(printable(value), VALUE_CHARACTERS)
