"""Mouse and keyboard that only write down what they were told."""

from agent.backends.base import InputInjector, LockState


class FakeInput(InputInjector):
    """`done` lists what was injected, in order. `unknown` are key codes and texts it does not have, `places` what its keys make:
    a character or key name by key code."""

    name = "fake"
    reason = "an input that only takes notes"

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.unknown: set[str] = set()
        self.places: dict[str, str] = {}
        self.locked = LockState(False, False)
        self.prepared: list[str] = []
        self.closed = False
        self.tended = 0

    def move(self, x: int, y: int) -> None:
        """See the base class."""
        self.done.append(("move", x, y))

    def button(self, button: int, pressed: bool) -> None:
        """See the base class."""
        self.done.append(("button", button, pressed))

    def scroll(self, horizontal: int, vertical: int) -> None:
        """See the base class."""
        self.done.append(("scroll", horizontal, vertical))

    def key(self, code: str, pressed: bool) -> bool:
        """See the base class."""
        self.done.append(("key", code, pressed))
        return code not in self.unknown

    def character(self, text: str, code: str = "", *, lift: bool = False) -> bool:
        """See the base class."""
        self.done.append(("character", text, code, lift))
        return text not in self.unknown

    def hold(self, code: str, text: str) -> bool:
        """See the base class."""
        if self.places.get(code) != text:
            return False
        self.done.append(("hold", code, text))
        return True

    def tend(self) -> None:
        """See the base class."""
        self.tended += 1

    def prepare(self, text: str) -> None:
        """See the base class."""
        self.prepared.append(text)

    def locks(self) -> LockState:
        """See the base class."""
        return self.locked

    def set_locks(self, wanted: LockState, *, keep: bool = False) -> bool:
        """See the base class."""
        self.done.append(("locks", wanted.caps, wanted.num, keep))
        caps, num = wanted.caps, wanted.num
        self.locked = LockState(self.locked.caps if caps is None else caps, self.locked.num if num is None else num)
        return True

    def release_all(self) -> None:
        """See the base class."""
        self.done.append(("release_all",))

    def close(self) -> None:
        """See the base class."""
        if not self.closed:
            self.closed = True
            self.done.append(("close",))
