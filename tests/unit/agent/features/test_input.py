import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from agent.backends.base import DisplayLost, InputInjector, LockState
from agent.backends.fake.input import FakeInput
from agent.features.base import Watched
from agent.features.input import MOST_NOTCHES, MOST_WAITING, InputFeature, KeyTranslator, WheelCounter, clamp
from agent.settings import AgentSettings, ScreenSettings
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Unavailable
from protocol.messages import Message
from protocol.messages.input import (
    Key,
    KeyboardState,
    LockKeys,
    PointerButton,
    PointerMove,
    PointerWheel,
    ReleaseAll,
    Typed,
    TypePiece,
    TypeText,
)
from tests.kit.waiting import eventually_async


def test_wheel_turns_add_up_to_notches() -> None:
    wheel = WheelCounter()
    assert [wheel.turn(0, 40) for _ in range(4)] == [(0, 0), (0, 0), (0, 1), (0, 0)]
    assert wheel.turn(-240, 80) == (-2, 1)


def test_turning_back_does_not_lag() -> None:
    wheel = WheelCounter()
    wheel.turn(0, 119)
    assert wheel.turn(0, -120) == (0, -1)


def test_a_wild_turn_is_bounded() -> None:
    assert WheelCounter().turn(12000, -12000) == (MOST_NOTCHES, -MOST_NOTCHES)


def test_places_are_moved_into_the_watched_area() -> None:
    watched = Watched(100, 50, 800, 600)
    assert clamp(watched, 5, 6) == (105, 56)
    assert clamp(watched, -5, -6) == (100, 50)
    assert clamp(watched, 5000, 5000) == (899, 649)


def strokes(*messages: Key) -> list[tuple[object, ...]]:
    keys, injector = KeyTranslator(), FakeInput()
    for message in messages:
        assert keys.press(message, injector)
    return injector.done


def test_physical_keys_go_down_and_up() -> None:
    assert strokes(Key("KeyA", "q", True, "physical"), Key("KeyA", "q", False, "physical")) == [
        ("key", "KeyA", True),
        ("key", "KeyA", False),
    ]


def test_a_character_is_a_whole_stroke_and_repeats_as_the_technicians_keyboard_does() -> None:
    down, up = Key("KeyA", "a", True), Key("KeyA", "a", False)
    assert [stroke for stroke in strokes(down, down, up) if stroke[0] == "character"] == [("character", "a", "KeyA", False)] * 2


def test_modifiers_are_held() -> None:
    assert strokes(Key("ControlLeft", "Control", True), Key("KeyC", "c", True), Key("ControlLeft", "Control", False)) == [
        ("key", "ControlLeft", True),
        ("character", "c", "KeyC", False),
        ("key", "ControlLeft", False),
    ]


@pytest.mark.parametrize("name", ["Dead", "AltGraph", "CapsLock", "Process"])
def test_keys_that_only_help_to_make_a_character_are_silent(name: str) -> None:
    assert strokes(Key("KeyX", name, True), Key("KeyX", name, False)) == []


def test_altgr_of_windows_makes_a_character_not_a_shortcut() -> None:
    done = strokes(
        Key("ControlLeft", "Control", True),
        Key("AltRight", "AltGraph", True),
        Key("KeyE", "€", True),
        Key("AltRight", "AltGraph", False),
    )
    assert done[-1] == ("character", "€", "KeyE", True)


def test_option_of_a_mac_makes_characters_beyond_ascii() -> None:
    option = Key("AltLeft", "Alt", True)
    assert strokes(option, Key("KeyU", "ü", True))[-1] == ("character", "ü", "KeyU", True)
    assert strokes(option, Key("KeyF", "f", True))[-1] == ("character", "f", "KeyF", False)
    assert strokes(option, Key("Tab", "Tab", True))[-1] == ("character", "Tab", "Tab", False)


def test_a_key_is_held_where_it_makes_the_same_there_and_typed_where_not() -> None:
    keys, injector = KeyTranslator(), FakeInput()
    injector.places = {"KeyA": "a", "KeyC": "c", "KeyE": "€"}
    for message in (
        Key("KeyA", "a", True, "auto"),
        Key("KeyA", "a", True, "auto"),
        Key("KeyA", "a", False, "auto"),
        Key("KeyY", "z", True, "auto"),
        Key("KeyY", "z", False, "auto"),
        Key("AltRight", "AltGraph", True, "auto"),
        Key("KeyE", "€", True, "auto"),
    ):
        assert keys.press(message, injector)
    assert injector.done == [
        ("hold", "KeyA", "a"),
        ("hold", "KeyA", "a"),
        ("key", "KeyA", False),
        ("character", "z", "KeyY", False),
        ("key", "KeyY", False),
        ("character", "€", "KeyE", True),
    ]


class Context:
    """The part of a session that this feature uses."""

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        self.watched = Watched(10, 20, 300, 200)
        self.refused: list[tuple[Message, RefusalReason, str]] = []
        self.sent: list[Message] = []
        self.loop = asyncio.get_running_loop()

    def call_from_thread(self, function: Callable[..., object], *args: Any) -> None:
        self.loop.call_soon_threadsafe(function, *args)

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def refuse(self, message: Message, reason: RefusalReason, text: str) -> None:
        self.refused.append((message, reason, text))


class Harness:
    """A feature whose injector takes notes."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.injector = FakeInput()
        self.opened: list[str] = []
        self.failure: Unavailable | None = None
        self.feature = InputFeature(context, self.open)  # type: ignore[arg-type]

    def open(self, display: str) -> InputInjector:
        self.opened.append(display)
        if self.failure is not None:
            raise self.failure
        return self.injector

    async def handle(self, *messages: Message) -> None:
        for message in messages:
            await self.feature.handle(message)

    async def done(self, *expected: tuple[object, ...]) -> None:
        await eventually_async(lambda: self.injector.done[-len(expected) :] == list(expected), f"{expected}")


@pytest.fixture
async def harness(tmp_path: Any) -> AsyncIterator[Harness]:
    made = Harness(Context(AgentSettings(home=tmp_path, screen=ScreenSettings(display=":9"))))
    yield made
    await made.feature.close()


async def test_pointing_is_relative_to_what_is_watched(harness: Harness) -> None:
    await harness.handle(PointerMove(5, 6), PointerButton(7, 8, 2, True), PointerWheel(9999, 0, 0, 120))
    await harness.done(("move", 15, 26), ("move", 17, 28), ("button", 2, True), ("move", 309, 20), ("scroll", 0, 1))
    assert harness.opened == [":9"]


async def test_without_a_picture_a_place_means_nothing(harness: Harness) -> None:
    harness.context.watched = Watched()
    await harness.handle(PointerMove(5, 6))
    assert [reason for _, reason, _ in harness.context.refused] == [RefusalReason.INVALID]
    assert harness.opened == []


async def test_when_a_key_or_a_button_was_pressed_last_is_known_to_the_picture(harness: Harness) -> None:
    watched = harness.context.watched
    for message in (PointerMove(5, 6), Key("KeyA", "a", False), PointerButton(7, 8, 1, False)):
        await harness.handle(message)
        assert watched.keyed_at == float("-inf"), message
    for message in (Key("KeyA", "a", True), PointerButton(7, 8, 1, True), TypeText("a")):
        before = time.monotonic()
        await harness.handle(message)
        assert before <= watched.keyed_at <= time.monotonic()


async def test_text_is_typed_character_by_character(harness: Harness) -> None:
    await harness.handle(TypeText("a\r\né"))
    await harness.done(*(("character", character, "", False) for character in "a\né"))


async def test_a_text_is_made_ready_piece_by_piece(harness: Harness) -> None:
    await harness.handle(TypeText("x" * 30 + "日"))
    await harness.done(("character", "日", "", False))
    assert harness.injector.prepared == ["x" * 24, "x" * 6 + "日"]


async def test_release_all_comes_after_what_was_sent_before_it(harness: Harness) -> None:
    await harness.handle(Key("ShiftLeft", "Shift", True), TypeText("ab"), ReleaseAll())
    await harness.done(("character", "b", "", False), ("release_all",))


async def test_losing_control_releases_at_once_and_drops_what_waits(harness: Harness) -> None:
    typing, go_on = threading.Event(), threading.Event()
    record = harness.injector.character

    def slow(text: str, code: str = "", *, lift: bool = False) -> bool:
        typing.set()
        go_on.wait(60)
        return record(text, code, lift=lift)

    harness.injector.character = slow  # type: ignore[method-assign]
    await harness.handle(Key("ShiftLeft", "Shift", True), TypeText("abcdef"), PointerMove(1, 1))
    await eventually_async(typing.is_set, "the typing")
    harness.feature.capability_lost(Capability.VIEW)
    harness.feature.capability_lost(Capability.CONTROL)
    go_on.set()
    await harness.done(("character", "a", "", False), ("release_all",))
    await harness.handle(PointerMove(2, 2))
    await harness.done(("release_all",), ("move", 12, 22))


async def test_a_pause_releases_and_its_end_does_nothing(harness: Harness) -> None:
    await harness.handle(Key("ShiftLeft", "Shift", True))
    await harness.done(("key", "ShiftLeft", True))
    harness.feature.paused(True)
    await harness.done(("key", "ShiftLeft", True), ("release_all",))
    harness.feature.paused(False)
    await harness.handle(PointerMove(0, 0))
    await harness.done(("release_all",), ("move", 10, 20))


async def test_closing_closes_the_injector(harness: Harness) -> None:
    await harness.handle(Key("ShiftLeft", "Shift", True))
    await harness.done(("key", "ShiftLeft", True))
    await harness.feature.close()
    assert harness.injector.closed
    await harness.feature.close()


async def test_no_display_is_refused_with_the_reason_and_not_tried_for_every_key(harness: Harness) -> None:
    harness.failure = Unavailable("there is none")
    await harness.handle(PointerMove(1, 1), PointerMove(2, 2), ReleaseAll())
    await eventually_async(lambda: len(harness.context.refused) == 2, "two refusals")
    assert [text for _, _, text in harness.context.refused] == ["there is none"] * 2
    assert len(harness.opened) == 1


async def test_a_lost_display_is_opened_anew(harness: Harness) -> None:
    await harness.handle(PointerMove(1, 1))
    await harness.done(("move", 11, 21))

    def lost(x: int, y: int) -> None:
        raise DisplayLost("gone")

    harness.injector.move = lost  # type: ignore[method-assign]
    await harness.handle(PointerMove(2, 2))
    await eventually_async(lambda: bool(harness.context.refused), "the refusal")
    assert harness.injector.closed
    harness.injector = FakeInput()
    await harness.handle(PointerMove(3, 3))
    await harness.done(("move", 13, 23))


async def test_a_key_that_cannot_be_made_is_told_once(harness: Harness) -> None:
    harness.injector.unknown = {"日"}
    await harness.handle(TypeText("日"), TypeText("日"), PointerMove(0, 0))
    await harness.done(("move", 10, 20))
    await eventually_async(lambda: bool(harness.context.refused), "the refusal")
    assert len(harness.context.refused) == 1


async def test_a_flood_waits_and_nothing_is_lost(harness: Harness) -> None:
    await harness.handle(*(PointerMove(step % 100, 0) for step in range(3 * MOST_WAITING)))
    await eventually_async(lambda: len(harness.injector.done) == 3 * MOST_WAITING, "every move")


async def test_what_is_typed_never_reaches_a_log(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    harness.injector.unknown = {"§"}
    await harness.handle(TypeText("hunter2§"), Key("KeyZ", "hunter3", True), Key("KeyZ", "z", True, "physical"))
    await harness.done(("key", "KeyZ", True))
    await harness.feature.close()
    assert "hunter" not in caplog.text
    assert "KeyZ" not in caplog.text
    assert all("§" not in text for _, _, text in harness.context.refused)


async def test_a_piece_of_a_long_text_is_answered_with_what_could_not_be_typed(harness: Harness) -> None:
    harness.injector.unknown = {"日"}
    await harness.handle(TypePiece(7, "a日b"), TypePiece(8, "c"))
    await eventually_async(lambda: len(harness.context.sent) == 3, "two answers")
    assert harness.context.sent == [KeyboardState("", False, False), Typed(7, 1), Typed(8, 0)]
    assert harness.context.refused == []


async def test_the_keyboard_is_told_once_and_when_it_changes_even_without_a_key(harness: Harness) -> None:
    layouts = "de"
    harness.injector.layouts = lambda: layouts  # type: ignore[method-assign]
    await harness.handle(PointerMove(1, 1), PointerMove(2, 2))
    await harness.done(("move", 11, 21), ("move", 12, 22))
    await eventually_async(lambda: bool(harness.context.sent), "the layouts")
    assert harness.context.sent == [KeyboardState("de", False, False)]
    layouts = "fr,us"
    await eventually_async(lambda: len(harness.context.sent) == 2, "the new layouts")
    harness.injector.locked = LockState(True, None)
    await eventually_async(lambda: len(harness.context.sent) == 3, "the lock")
    assert harness.context.sent[1:] == [KeyboardState("fr,us", False, False), KeyboardState("fr,us", True, None)]


async def test_without_control_nothing_is_told_of_the_keyboard(harness: Harness) -> None:
    await harness.handle(PointerMove(1, 1))
    await eventually_async(lambda: len(harness.context.sent) == 1, "the keyboard")
    harness.feature.capability_lost(Capability.CONTROL)
    await harness.done(("move", 11, 21), ("release_all",))
    harness.injector.locked = LockState(True, True)
    harness.feature._worker._look_at = 0.0
    harness.feature.capability_lost(Capability.CONTROL)
    await harness.done(("release_all",), ("release_all",))
    assert len(harness.context.sent) == 1


async def test_locks_are_set_and_told_at_once(harness: Harness) -> None:
    await harness.handle(LockKeys(True, None), LockKeys(None, True, True), ReleaseAll())
    await harness.done(("locks", True, None, False), ("locks", None, True, True), ("release_all",))
    await eventually_async(lambda: len(harness.context.sent) == 3, "the locks")
    assert harness.context.sent == [
        KeyboardState("", False, False),
        KeyboardState("", True, False),
        KeyboardState("", True, True),
    ]


async def test_what_outlives_the_agent_is_looked_after_while_there_is_control_even_without_a_key(harness: Harness) -> None:
    await harness.handle(PointerMove(1, 1))
    await eventually_async(lambda: harness.injector.tended >= 2, "it was looked after again")
