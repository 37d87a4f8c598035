"""Mouse and keyboard that only write down what they were told."""

from agent.backends.base import InputInjector


class FakeInput(InputInjector):
    """`done` lists what was injected, in order. `unknown` are key codes and texts it does not have."""

    name = "fake"
    reason = "an input that only takes notes"

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.unknown: set[str] = set()
        self.closed = False

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

    def release_all(self) -> None:
        """See the base class."""
        self.done.append(("release_all",))

    def close(self) -> None:
        """See the base class."""
        if not self.closed:
            self.closed = True
            self.done.append(("close",))
