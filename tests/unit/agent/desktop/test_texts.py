"""The tables are complete in every language, and everything the code says is in them."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent.desktop
from agent.desktop.texts import LANGUAGES, Texts, chosen_language, clock, grouped, language_of, read_said, read_table, spoken
from protocol.capabilities import RULES, Capability

SOURCE = Path(agent.desktop.__file__).parent
ROOT = SOURCE.parents[1]
TERMINAL = [ROOT / "agent" / f"{name}.py" for name in ("attending", "audit_cli", "cli", "guest_cli", "status_page")]
# What the commands end with: every error that is raised here, and what these say besides.
COMMANDS = (
    *(f"agent/{name}" for name in ("audit", "audit_cli", "audit_export", "enrolment", "home_lock", "local", "reaching")),
    *(f"agent/{name}" for name in ("settings", "terminal", "desktop/entry", "desktop/launch")),
    *(f"hostio/{name}" for name in ("enrolment", "named_files", "private_files", "relay_http", "relay_tls", "relay_websocket")),
    *(f"protocol/{name}" for name in ("enrolment", "seeds")),
)
OURS = {"RuntimeError", "AssertionError", "ValueError", "HTTPException", "PinMismatch"}
"""Errors that never reach a person: they are told otherwise, or are mistakes of ours."""
# What ends on the person's screen: the ends of sessions and codes, and what requests of the windows are refused with.
TOLD = {"end", "help_ended", "codes_used", "close"}
TELLERS = ("front_desk", "daemon", "session", "resuming", "features/chat")


def words_of(node: ast.AST) -> str | None:
    """A string in the code with {} for what is filled in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return None


def said_in(*trees: str) -> Iterator[str]:
    for tree in trees:
        for path in (ROOT / tree).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if words := words_of(node):
                    yield words


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
    for path in (*SOURCE.rglob("*.py"), *TERMINAL):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"[a-z]+\.[a-z_]*[a-z]", node.value)
            ):
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


def test_the_agent_still_says_what_is_told_again() -> None:
    sources = set(said_in("agent", "hostio", "protocol", "relay", "technician_client"))
    files = [(SOURCE / "words" / f"{name}.toml").read_text() for name in ("sentences", "command_sentences")]
    sentences = tomllib.loads("\n".join(files))
    unknown = {name for name, sentence in sentences.items() if re.sub(r"{\w+}", "{}", sentence) not in sources}
    assert not unknown
    assert {key for key in read_table("de") if key.startswith("said.")} == {f"said.{name}" for name in read_said()}


def test_what_the_agent_tells_the_person_is_told_again_in_german() -> None:
    german, left = Texts("de"), []
    for name in TELLERS:
        for node in ast.walk(ast.parse((ROOT / "agent" / f"{name}.py").read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in TOLD | {"LocalRefused", "SessionOver"}:
                continue
            for words in filter(None, map(words_of, node.args)):
                sentence = words.replace("{}", "7")
                if " " in sentence and german.retold(sentence) == sentence:
                    left.append(f"{name}: {sentence}")
    assert not left


def test_what_the_commands_end_with_is_told_again_in_german() -> None:
    german, left, seen = Texts("de"), [], 0
    for name in COMMANDS:
        for node in ast.walk(ast.parse((ROOT / f"{name}.py").read_text())):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call) or not node.exc.args:
                continue
            called = node.exc.func.attr if isinstance(node.exc.func, ast.Attribute) else getattr(node.exc.func, "id", "")
            words = words_of(node.exc.args[0])
            if words is None or not re.search("[a-z] ", words) or called in OURS:
                continue
            seen += 1
            if german.retold(words.replace("{}", "7")) == words.replace("{}", "7"):
                left.append(f"{name}: {words}")
    assert seen > 50
    assert not left


def test_a_terminal_in_english_has_what_was_written() -> None:
    sentence = "The relay is stopping; try again in a minute."
    assert (Texts("en").told(sentence), Texts("de").told(sentence)) == (sentence, Texts("de").retold(sentence))


def test_why_a_record_does_not_fit_is_told_again_in_german() -> None:
    german = Texts("de")
    told = "The audit chain is broken at record 7: it was deleted (record 9 came instead)."
    assert german.retold(told) == "Das Protokoll ist bei Eintrag 7 unterbrochen: Er wurde gelöscht (statt seiner kam Eintrag 9)."
    told = "The receipt a.txt was changed: line 3 says “x”, where it said “y”."
    assert german.retold(told) == "Der Beleg a.txt wurde verändert: Zeile 3 lautet „x“, wo „y“ stand."


def test_every_record_of_a_session_has_words() -> None:
    actions = set()
    for path in (ROOT / "agent").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("audit", "_audit") and node.args:
                actions.add(words_of(node.args[0]))
    missing = {one for one in actions if one and not Texts("de").has(f"did.{one.replace(' ', '_')}")}
    assert len(actions) > 15
    assert not missing


def test_a_sentence_is_told_again_with_what_is_quoted_in_it() -> None:
    german = Texts("de")
    told = german.retold("The relay gave no code: The relay is stopping; try again in a minute.")
    assert told == f"Es gab keinen Code: {german('said.relay_stopping')}"
    assert german.retold("something {new} of another version") == "something {new} of another version"
    assert Texts("en").retold("ended by the technician: technician") == "by the technician (they pressed End)"


def test_a_reason_of_policy_is_told_with_its_values() -> None:
    told = "policy: '{}' takes tier 3; this technician has tier 1. Hand over to a colleague of that tier."
    assert Texts("en").retold(told.format("files_out")) == (
        "your organisation's rules: to take files from this computer takes tier 3, and the technician has tier 1"
    )
    assert "Dateien von diesem Computer holen" in Texts("de").retold(told.format("files_out"))


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "de_AT.UTF-8", "LANG": "en_GB.UTF-8"}, "de"),
        ({}, "en"),
    ],
)
def test_a_terminal_speaks_its_locales_language(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language


@pytest.mark.parametrize(
    ("count", "words"),
    [(7, "7 bytes"), (999, "999 bytes"), (48213, "48 kB"), (1234, "1.2 kB"), (999_600, "1.0 MB"), (2_100_000_000, "2.1 GB")],
)
def test_sizes_are_in_units_that_one_would_name(count: int, words: str) -> None:
    assert Texts("en").size(count) == words
    assert Texts("de").size(count) == words.replace("bytes", "Byte").replace(".", ",")
