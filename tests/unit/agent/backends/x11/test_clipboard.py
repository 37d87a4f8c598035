"""Two programs on one real display exchange what is on the clipboard."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.backends.clipboard import Offer
from agent.backends.x11.clipboard import HINT, PIECE, X11Clipboard
from agent.backends.x11.connection import X11Connection
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages.clipboard import TEXT_BYTES
from tests.kit.display import VirtualDisplay

PNG = b"\x89PNG\r\n\x1a\n"


class PasswordManager(X11Clipboard):
    """A program that marks what it owns as a secret."""

    def _forms(self) -> list[int]:
        return [*super()._forms(), self._atoms[HINT]]


class Two:
    """The session's clipboard and another program's; `changes` counts what the session was told."""

    def __init__(self, display: str, other: Callable[[str, Callable[[], None]], X11Clipboard]) -> None:
        self.changed = threading.Event()
        self.ours = X11Clipboard(display, self.changed.set)
        self.theirs = other(display, lambda: None)

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def two(display: VirtualDisplay) -> Iterator[Two]:
    made = Two(display.name, X11Clipboard)
    yield made
    made.close()


def test_nothing_is_there_at_first(two: Two) -> None:
    assert two.ours.offer() == Offer()
    with pytest.raises(Refused) as refused:
        two.theirs.read("text")
    assert refused.value.reason is RefusalReason.NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("text", "Grüße 你好 🙂\n".encode()),
        ("text", b"x" * (PIECE - 1)),
        ("text", b"0123456789abcdef" * (TEXT_BYTES // 16)),
        ("image", PNG + bytes(range(256)) * 20_000),
    ],
    ids=["short", "just whole", "in pieces", "an image in pieces"],
)
def test_contents_go_both_ways(two: Two, kind: str, data: bytes) -> None:
    for owner, reader in ((two.theirs, two.ours), (two.ours, two.theirs)):
        owner.write(kind, data)  # type: ignore[arg-type]  # a kind
        assert reader.offer() == Offer((kind,))  # type: ignore[arg-type]  # a kind
        assert owner.offer() == Offer((kind,), ours=True)  # type: ignore[arg-type]  # a kind
        assert reader.read(kind) == data  # type: ignore[arg-type]  # a kind


def test_a_change_is_told_and_what_was_ours_is_not_any_more(two: Two) -> None:
    two.ours.write("text", b"ours")
    assert two.changed.wait(60)
    two.changed.clear()
    two.theirs.write("text", b"theirs")
    assert two.changed.wait(60)
    assert two.ours.offer() == Offer(("text",))
    assert two.ours.read("text") == b"theirs"
    with pytest.raises(Refused, match="no image"):
        two.ours.read("image")


def test_what_is_too_large_is_refused_before_it_is_read(two: Two) -> None:
    two.theirs.write("text", bytes(TEXT_BYTES + 1))
    with pytest.raises(Refused) as refused:
        two.ours.read("text")
    assert refused.value.reason is RefusalReason.LIMIT
    two.theirs.write("text", b"small")
    assert two.ours.read("text") == b"small"


def test_a_secret_is_named_and_not_read(display: VirtualDisplay) -> None:
    two = Two(display.name, PasswordManager)
    two.theirs.write("text", b"hunter2")
    assert two.ours.offer() == Offer(("text",), concealed=True)
    with pytest.raises(Refused) as refused:
        two.ours.read("text")
    assert refused.value.reason is RefusalReason.LOCKED
    two.close()


def test_without_a_display_there_is_none() -> None:
    with pytest.raises(Unavailable):
        X11Clipboard(":987", lambda: None)


def test_after_its_end_it_says_so(display: VirtualDisplay) -> None:
    clipboard = X11Clipboard(display.name, lambda: None)
    clipboard.close()
    with pytest.raises(Unavailable):
        clipboard.offer()


def test_one_that_cannot_begin_leaves_nothing_open(display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: X11Connection, key: object, name: str) -> None:
        raise Unavailable(f"The X server has no {name} extension.")

    monkeypatch.setattr(X11Connection, "extension", refuse)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    with pytest.raises(Unavailable, match="XFIXES"):
        X11Clipboard(display.name, lambda: None)
    assert len(list(descriptors.iterdir())) <= before
