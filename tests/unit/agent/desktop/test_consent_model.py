"""Which answers a question has, what each of them grants, and when an answer counts."""

import msgspec
import pytest

from agent.consent import wishes_for
from agent.desktop.consent_model import ARMING_SECONDS, Arming, Countdown, card_of
from agent.desktop.texts import Texts
from protocol.capabilities import Capability
from tests.kit.desk import asking

C = Capability  # short: many of them stand in a line


def names(*wanted: C) -> list[str]:
    return [choice.name for choice in card_of(asking(wishes=wishes_for(list(wanted))), Texts("en")).choices]


def test_a_technician_who_wants_to_connect_gets_three_answers(texts: Texts) -> None:
    card = card_of(asking(sas="482913"), texts)
    watch, control, no = card.choices
    assert (watch.name, control.name, no.name) == ("watch", "control", "no")
    assert watch.granted == {C.VIEW, C.CHAT, C.DIAGNOSTICS}
    assert control.granted == watch.granted | {C.CONTROL}
    assert no.granted == frozenset()
    assert "use your mouse" not in watch.text
    assert "use your mouse and keyboard" in control.text
    assert [single.capability for single in card.singles] == [C.VIEW, C.CHAT, C.DIAGNOSTICS, C.CONTROL, C.FIXES]
    assert not card.open_singles
    assert card.heading == "Ana Ruiz wants to connect to this computer"
    assert "Example Ltd" in card.who
    assert "second floor" in card.reason
    assert card.sas == "482913"


def test_nothing_is_offered_that_was_not_asked_for() -> None:
    assert names(C.VIEW, C.CHAT) == ["watch", "no"]
    assert names(C.CONTROL, C.CHAT) == ["no"]
    card = card_of(asking(wishes=wishes_for([C.CHAT, C.FIXES])), Texts("en"))
    assert card.open_singles
    assert [choice.name for choice in card.choices] == ["no"]


def test_watching_is_recorded_where_policy_demands_it() -> None:
    wishes = wishes_for([C.VIEW, C.CONTROL, C.RECORDING])
    watch, control, _ = card_of(asking(wishes=wishes, recorded=True), Texts("en")).choices
    assert watch.granted == {C.VIEW, C.RECORDING}
    assert control.granted == {C.VIEW, C.CONTROL, C.RECORDING}
    assert "record what they see of your screen" in watch.text
    assert C.RECORDING not in card_of(asking(wishes=wishes), Texts("en")).choices[0].granted


@pytest.mark.parametrize("capability", C)
def test_no_large_answer_grants_more_than_watching_and_control(capability: C) -> None:
    card = card_of(asking(wishes=wishes_for(list(C))), Texts("en"))
    granted = frozenset().union(*(choice.granted for choice in card.choices))
    assert (capability in granted) == (capability in {C.VIEW, C.CHAT, C.POINTER, C.DIAGNOSTICS, C.CONTROL, C.COLLEAGUES})


def test_a_later_request_is_about_that_one_alone(texts: Texts) -> None:
    card = card_of(asking(kind="capability", wishes=wishes_for([C.TERMINAL])), texts)
    assert [(choice.name, choice.granted) for choice in card.choices] == [("allow", {C.TERMINAL}), ("no", frozenset())]
    assert card.lines == ("Type commands as you",)
    assert card.singles == ()


def test_a_question_that_is_known_here_is_asked_in_this_language() -> None:
    question = asking(
        kind="confirm",
        wishes=[],
        title="Ben takes over?",
        text="Ana watches.",
        details=["x"],
        words="hand_over",
        values={"heir": "Ben\x1b", "holder": "Ana"},
    )
    card = card_of(question, Texts("de"))
    assert card.title == "Soll Ben\\x1b Maus und Tastatur von Ana übernehmen?"
    assert card.lines == ("Ana sieht weiter zu wie bisher.", "x")
    assert card.choices[0].title == "Ja, übergeben"
    unknown = card_of(msgspec.structs.replace(question, words="levitate"), Texts("de"))
    assert (unknown.title, unknown.lines[0]) == ("Ben takes over?", "Ana watches.")


def test_a_fix_is_yes_or_no(texts: Texts) -> None:
    card = card_of(
        asking(kind="confirm", wishes=[], title="Run this fix?", text="Deletes \x1b files", details=["days: 7"]), texts
    )
    assert [(choice.name, choice.yes, choice.granted) for choice in card.choices] == [
        ("yes", True, frozenset()),
        ("no", False, frozenset()),
    ]
    assert card.lines == ("Deletes \\x1b files", "days: 7")
    assert card.reason == ""


def test_what_comes_from_elsewhere_cannot_turn_the_text_round(texts: Texts) -> None:
    card = card_of(asking(name="Ana\u202eRuiz", reason="\u2066x"), texts)
    assert "\u202e" not in card.heading
    assert "\u2066" not in card.reason
    assert card_of(asking(reason=" "), texts).reason == "They gave no reason."


def test_nothing_counts_in_the_first_moment() -> None:
    arming = Arming(10.0)
    assert not looks(arming, 10.0, 10.0 + ARMING_SECONDS - 0.01)
    arming.struck(11.2)
    assert not looks(arming, 11.2, 11.2 + ARMING_SECONDS - 0.01)
    assert arming.armed(11.2 + ARMING_SECONDS + 0.01)
    arming.struck(13.0)
    assert arming.armed(13.0)


def looks(arming: Arming, since: float, until: float) -> bool:
    """Whether it is armed at the end of that time, having been looked at twenty times a second."""
    for step in range(1, int((until - since) * 20) + 1):
        arming.armed(since + step / 20)
    return arming.armed(until)


def test_a_time_in_which_nobody_was_heard_hardly_counts() -> None:
    """The computer stood still for a while: what was typed meanwhile is still to be read."""
    arming = Arming(10.0)
    assert not arming.armed(60.0)
    arming.struck(60.0)
    assert not looks(arming, 60.0, 60.0 + ARMING_SECONDS - 0.01)
    assert arming.armed(60.0 + ARMING_SECONDS + 0.01)


def test_the_countdown_is_a_sentence_and_a_share(texts: Texts) -> None:
    countdown = Countdown(280.0, 180.0)
    assert countdown.text(100.0, texts) == "Without an answer it is No in 3:00."
    assert countdown.share(190.0) == 0.5
    assert not countdown.urgent(190.0)
    assert countdown.urgent(260.0)
    countdown.extend(180.0, 260.0)
    assert countdown.left(260.0) == 180.0
    assert countdown.left(1000.0) == 0.0
