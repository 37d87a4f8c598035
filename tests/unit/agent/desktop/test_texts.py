"""The tables are complete in every language, and everything the code says is in them."""

import ast
import re
import string
from pathlib import Path

import pytest

import agent.desktop
from agent.desktop.texts import LANGUAGES, Texts, chosen_language, clock, grouped, read_table, spoken
from protocol.capabilities import RULES, Capability

SOURCE = Path(agent.desktop.__file__).parent


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    first, other = read_table(LANGUAGES[0]), read_table(language)
    assert other.keys() == first.keys()
    for key, words in other.items():
        assert words.strip() == words, key
        assert words, key
        assert placeholders(words) == placeholders(first[key]), key


def test_every_key_in_the_code_has_words_and_all_words_are_used() -> None:
    table = read_table("en")
    literals, patterns = set(), set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z]+\.[a-z_]+", node.value):
                literals.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(str(one.value)) if isinstance(one, ast.Constant) else "[a-z_]+" for one in node.values]
                if re.match(r"[a-z]+\\\.", parts[0]):
                    patterns.add("".join(parts))
    tables = {key.partition(".")[0] for key in table}
    missing = {key for key in literals if key.partition(".")[0] in tables and key not in table}
    assert not missing
    unused = {key for key in table if key not in literals and not any(re.fullmatch(one, key) for one in patterns)}
    assert not unused


@pytest.mark.parametrize("capability", Capability)
def test_every_capability_has_plain_words(capability: Capability) -> None:
    assert Texts("en").may(capability) == RULES[capability].plain_words
    assert Texts("de").may(capability) not in (capability, RULES[capability].plain_words)


def test_a_capability_of_another_version_keeps_its_name() -> None:
    assert Texts("en").may("levitate") == "levitate"


@pytest.mark.parametrize(
    ("preferred", "language"),
    [(["de-AT", "en"], "de"), (["de_DE.UTF-8"], "de"), (["fr", "de"], "de"), (["fr-CA"], "en"), ([], "en"), (["C"], "en")],
)
def test_the_first_language_that_is_shipped_is_taken(preferred: list[str], language: str) -> None:
    assert chosen_language(preferred) == language


def test_words_are_joined_as_in_a_sentence() -> None:
    texts = Texts("en")
    assert texts.listing([]) == ""
    assert texts.listing(["see"]) == "see"
    assert texts.listing(["see", "hear", "chat"]) == "see, hear and chat"
    assert Texts("de").listing(["a", "b"]) == "a und b"
    assert texts.sentence("see your screen") == "See your screen"


def test_a_value_is_not_looked_into() -> None:
    assert "{first}" in Texts("en")("consent.reason", reason="{first} %s")


def test_codes_and_times() -> None:
    assert grouped("482913507") == "482 913 507"
    assert spoken("482913") == "4 8 2, 9 1 3"
    assert [clock(-1), clock(59.9), clock(61), clock(3661)] == ["0:00", "0:59", "1:01", "1:01:01"]
