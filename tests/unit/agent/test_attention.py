"""Whether a program still runs: asked, answered, lost."""

from agent.attention import MOST_SECONDS, Pulse


def test_who_answers_is_asked_again_and_never_lost() -> None:
    pulse = Pulse()
    numbers = []
    for now in range(0, 100, 2):
        assert not pulse.lost(float(now))
        number = pulse.beat(float(now))
        assert number is not None
        numbers.append(number)
        pulse.heard(number)
    assert len(set(numbers)) == len(numbers)


def test_who_does_not_answer_is_asked_once_and_lost_in_the_end() -> None:
    pulse = Pulse()
    assert pulse.beat(1.0) is not None
    assert pulse.beat(3.0) is None
    assert not pulse.lost(1.0 + MOST_SECONDS)
    assert pulse.lost(1.1 + MOST_SECONDS)


def test_an_answer_to_another_question_is_none() -> None:
    pulse = Pulse()
    first = pulse.beat(0.0)
    assert first is not None
    pulse.heard(first)
    second = pulse.beat(2.0)
    assert second is not None
    pulse.heard(first)
    assert pulse.lost(2.1 + MOST_SECONDS)
    pulse.heard(second)
    assert not pulse.lost(2.1 + MOST_SECONDS)
