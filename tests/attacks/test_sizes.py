"""Row 48: what sizes say about what is typed. Measured on the bytes of real sessions as a relay sees them."""

import random
import string

import pytest

from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.chat import ChatMessage
from protocol.messages.input import Key, PointerButton, PointerMove, PointerWheel, ReleaseAll, TypeText
from protocol.messages.screen import CursorMove, ScreenUpdate, Tile
from tests.kit.conversation import Conversation
from tests.kit.organisation import Organisation
from tests.kit.relay_tap import tls_records


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture
def talk(organisation: Organisation) -> Conversation:
    wanted = (Capability.VIEW, Capability.CONTROL, Capability.CHAT)
    return Conversation(organisation, wanted=wanted).open(*wanted)


def sizes(talk: Conversation, message: Message, *, by_agent: bool = False) -> tuple[int, ...]:
    """The TLS records that one message becomes."""
    side = talk.agent if by_agent else talk.technician
    side.send_message(message, talk.now)
    data = b""
    while piece := side.data_to_send():
        data += piece
    talk.run()
    return tuple(size for _, size in tls_records(data))


KEYS = [
    *((f"Key{letter.upper()}", letter) for letter in string.ascii_lowercase),
    *((f"Digit{digit}", digit) for digit in string.digits),
    ("Enter", "Enter"), ("Backspace", "Backspace"), ("Space", " "), ("Tab", "Tab"), ("ArrowLeft", "ArrowLeft"),
    ("ShiftLeft", "Shift"), ("ControlRight", "Control"), ("F12", "F12"), ("NumpadSubtract", "-"), ("KeyE", "é"),
    ("BracketLeft", "ü"), ("KeyL", "ł"), ("Quote", "日"), ("KeyO", "😀"), ("BrowserFavorites", "BrowserFavorites"),
]  # fmt: skip


@pytest.mark.attack(48, without=["padding"])
def test_every_key_has_the_same_size(talk: Conversation) -> None:
    """Down and up, physical and by text, letters, umlauts and Enter: nobody can tell a password's keys from each other."""
    seen = {
        sizes(talk, Key(code, key, pressed, mode))
        for code, key in KEYS
        for pressed in (True, False)
        for mode in ("physical", "text")
    }
    assert len(seen) == 1, seen


@pytest.mark.attack(48, without=["padding"])
def test_keys_and_clicks_and_moves_are_not_told_apart(talk: Conversation) -> None:
    messages = [
        Key("KeyA", "a", True),
        PointerMove(0, 0),
        PointerMove(3839, 2159),
        PointerButton(5, 7, 0, True),
        PointerWheel(100, 100, 0, -120),
        ReleaseAll(),
        TypeText("x"),
    ]
    assert len({sizes(talk, message) for message in messages}) == 1


@pytest.mark.attack(48, without=["padding"])
def test_short_texts_are_not_told_apart(talk: Conversation) -> None:
    """ "yes" and "no", a code of four and of eight digits."""
    texts = ["no", "yes", "1234", "12345678", "correct horse battery"]
    assert len({sizes(talk, ChatMessage(text)) for text in texts}) == 1
    assert len({sizes(talk, TypeText(text)) for text in texts}) == 1


@pytest.mark.attack(48, without=["padding"])
def test_the_echo_of_a_key_on_the_screen_has_few_sizes(talk: Conversation) -> None:
    """What a typed letter changes on the screen: a small tile, whose packed size depends on the letter's form."""
    draw = random.Random(48)
    seen = set()
    for sequence in range(300):
        tile = Tile(100, 200, 9, 18, "zstd-bgr", draw.randbytes(draw.randrange(20, 190)))
        seen.add(sizes(talk, ScreenUpdate(sequence, 1, 10**12 + sequence, [tile], True), by_agent=True))
    assert len(seen) <= 2, seen
    assert len({sizes(talk, CursorMove(x, y), by_agent=True) for x in (0, 99, 3000) for y in (0, 2000)}) == 1


@pytest.mark.attack(48, without=["padding"])
def test_a_word_typed_key_by_key_looks_like_any_other(organisation: Organisation) -> None:
    """Two whole recordings, cut into records: as many and as long as each other for words of one length."""
    recordings = []
    for word in ("hunter22", "MARIA-è9"):
        talk = Conversation(organisation).open(Capability.CONTROL)
        start = len(talk.recorded)
        for character in word:
            for pressed in (True, False):
                talk.technician.send_message(Key("", character, pressed), talk.now)
                talk.run()
        recordings.append([size for _, size in tls_records(talk.recorded[start:])])
    assert recordings[0] == recordings[1]
