"""Why policy says no is told in every language, from the sentence alone."""

import string

import pytest

from agent.desktop.texts import LANGUAGES, Texts
from agent.policy import CHECKS, SESSION_CHECKS, Decision
from agent.policy_words import SENTENCES
from protocol.errors import RefusalReason

VALUES = {
    "group": "front",
    "capability": "files_out",
    "needed": "3",
    "tier": "1",
    "hours": "24",
    "age": "30",
    "name": "Bo Lind",
    "version": "3.10.2",
    "signed": "2026-11-22T08:00:00Z",
    "clock": "2026-11-21T20:00:00Z",
}


def names(sentence: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(sentence) if name]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", SENTENCES)
def test_each_reason_is_told_in_the_persons_language(code: str, language: str) -> None:
    texts = Texts(language)
    decision = Decision(RefusalReason.POLICY, code, {name: VALUES[name] for name in names(SENTENCES[code])})
    told = texts.retold(f"policy: {decision.sentence}")
    values = {name: texts.may(value) if name == "capability" else value for name, value in decision.values.items()}
    assert told == texts("said.policy", why=texts(f"said.policy_{code}", **values))
    assert "`" not in told, "commands are for administrators"


def test_a_yes_has_nothing_to_say() -> None:
    assert Decision().sentence == ""
    assert len(SENTENCES) >= len(CHECKS) > len(SESSION_CHECKS)


def test_every_sentence_is_told_whole_in_a_receipt() -> None:
    longest = max(len(f"policy: {sentence.format_map(VALUES | {'group': 'x' * 64})}") for sentence in SENTENCES.values())
    assert longest <= 320
