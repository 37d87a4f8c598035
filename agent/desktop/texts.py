"""Every word of the desktop side and of the commands, by language. The tables are `words/LANGUAGE.toml` and
`words/LANGUAGE_commands.toml`; a key is `table.name`."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from agent.policy_words import SENTENCES
from protocol.codes import parse_code

LANGUAGES = ("en", "de")


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours when there are any."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def grouped(code: str) -> str:
    """A code in groups, as it is read out; also a plain number."""
    parsed = parse_code(code)
    if parsed is not None:
        return parsed.spoken
    return " ".join(code[at : at + 3] for at in range(0, len(code), 3))


def spoken(code: str) -> str:
    """A code digit by digit with a pause after each group, as a screen reader should say it."""
    return ", ".join(" ".join(group) for group in grouped(code).replace("-", " ").split())


def chosen_language(preferred: Iterable[str]) -> str:
    """The first of the user's languages (as in `de-AT` or `de_AT.UTF-8`) that is shipped, else English."""
    for name in preferred:
        language = name.replace("_", "-").partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def language_of(environ: Mapping[str, str]) -> str:
    """The terminal's language, as gettext finds it."""
    named = [environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    return chosen_language(next(([one] for one in named if one), []))


def read_table(language: str) -> dict[str, str]:
    """The table of one of `LANGUAGES`, flattened to `table.name`."""
    return {
        f"{table}.{name}": words
        for file in (language, f"{language}_commands")
        for table, names in _written(file).items()
        for name, words in names.items()
    }


def _written(file: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("words", f"{file}.toml").read_text(encoding="utf-8"))


def read_said() -> dict[str, re.Pattern[str]]:
    """The sentences of the agent that are told again in the person's language, by name; braces match anything. Those of policy
    are named `policy_CODE`."""
    found = {}
    policy = {f"policy_{code}": words for code, words in SENTENCES.items()}
    for name, sentence in {**policy, **_written("sentences"), **_written("command_sentences")}.items():
        parts = re.split(r"\{(\w+)\}", sentence)
        pattern = "".join(f"(?P<{part}>.*)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
        found[name] = re.compile(pattern, re.DOTALL)
    return found


class Texts:
    """One language's words; call it with a key and the values of its placeholders."""

    def __init__(self, language: str, table: Mapping[str, str] | None = None) -> None:
        self.language = language
        self._table = read_table(language) if table is None else table
        self._said = read_said()

    def __call__(self, key: str, **values: object) -> str:
        """The words of `key`; a value is never looked into for placeholders of its own."""
        return self._table[key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there are words for `key`."""
        return key in self._table

    def retold(self, sentence: str) -> str:
        """A sentence of the agent in this language, and what is quoted in it likewise; one that is not known stays as it is."""
        for name, pattern in self._said.items():
            if found := pattern.fullmatch(sentence.strip()):
                return self(f"said.{name}", **{key: self._value(key, value) for key, value in found.groupdict().items()})
        return sentence

    def told(self, sentence: str) -> str:
        """A sentence of the agent at a terminal: as it is written in English, `retold` in every other language."""
        return sentence if self.language == LANGUAGES[0] else self.retold(sentence)

    def _value(self, key: str, value: str) -> str:
        """What is quoted in a sentence: a capability in words, another sentence in this language, or as it is."""
        return self.may(value) if key == "capability" else self.retold(value)

    def listing(self, words: Sequence[str]) -> str:
        """Words joined as in a sentence."""
        return words[0] if len(words) == 1 else self("list.pair", first=", ".join(words[:-1]), last=words[-1]) if words else ""

    def may(self, capability: str) -> str:
        """What a capability allows, as in "they can …"; a name that is not known here stays as it is."""
        key = f"may.{capability}"
        return self(key) if self.has(key) else capability

    def size(self, count: int) -> str:
        """So many bytes, in the unit that a person would name."""
        if count < 1000:
            return self("size.bytes", count=count)
        scaled, unit = count / 1000, "kb"
        for larger in ("mb", "gb"):
            if scaled < 999.5:
                break
            scaled, unit = scaled / 1000, larger
        digits = f"{scaled:.1f}" if scaled < 10 else f"{scaled:.0f}"
        return self(f"size.{unit}", count=digits.replace(".", self("size.point")))

    def sentence(self, words: str) -> str:
        """`words` with a capital first letter."""
        return words[:1].upper() + words[1:]
